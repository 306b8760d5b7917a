from __future__ import annotations

import numpy as np
import pytest

from frames import rows, voice
from turnlight.config import CueSettings
from turnlight.dsp import FLAG_NUCLEUS, Frames
from turnlight.strain import BLOCK, Course, Strain, StrainMeter
from turnlight.strain_model import StrainModel

CALM_S = 12.0


def call(f0_hz: float = 120.0, tilt_db: float = -12.0, level_db: int = -25) -> Frames:
    """Twelve seconds of one voice, then twelve of it changed."""
    made = rows([], [(0, 2 * CALM_S)])
    voice(made, 0, CALM_S)
    voice(made, CALM_S, 2 * CALM_S, f0_hz, tilt_db)
    late(made)["customer_bands_db_q8"] += (level_db + 25) * 256
    late(made)["customer_level_db_q8"] = level_db * 256
    return made


def values(made: Frames, counts: bool = True) -> list[Strain | None]:
    meter, found = StrainMeter(StrainModel()), []
    for start in range(0, len(made), BLOCK):
        meter.push(made[start : start + BLOCK], counts)
        found.append(meter.value)
    return found


def last(made: Frames) -> float:
    value = values(made)[-1]
    assert value is not None
    return value.value


def late(made: Frames) -> Frames:
    """What comes after the calm part."""
    return made[round(CALM_S * 100) :]


def test_there_is_no_value_before_the_baseline() -> None:
    found = values(call())
    assert found[:20] == [None] * 20
    assert found[20] is not None


def test_a_voice_as_in_the_baseline_is_calm() -> None:
    # the model's steps are 0.05 of log-odds: 0.5 here
    assert last(call()) == pytest.approx(12, abs=0.5)


@pytest.mark.parametrize("change", [{"f0_hz": 160}, {"tilt_db": -8}], ids=["higher", "brighter"])
def test_a_changed_voice_is_more_strained(change: dict[str, float]) -> None:
    half, whole = last(call(**change)), last(call(f0_hz=160, tilt_db=-8))
    assert last(call()) + 5 < half < whole


def test_faster_speech_is_more_strained() -> None:
    made = call()
    made["customer_flags"][::25] = FLAG_NUCLEUS
    slow = last(made)
    late(made)["customer_flags"][::16] = FLAG_NUCLEUS
    assert last(made) > slow + 3


def test_a_voice_that_moves_more_is_more_strained() -> None:
    made = call()
    moving = late(made)
    moving["customer_f0_hz_q4"][::2] = 123 * 16
    glides = last(made)
    moving["customer_bands_db_q8"][::2] += 2 * 256
    assert 13 < glides < last(made)


def test_strain_is_high_only_when_several_measures_say_so() -> None:
    assert last(call(f0_hz=400)) < CueSettings().strain_high
    assert last(call(tilt_db=12)) < CueSettings().strain_high
    assert last(call(f0_hz=200, tilt_db=-1)) > CueSettings().strain_high


def test_a_few_wrong_octaves_are_no_higher_voice() -> None:
    made = call()
    late(made)["customer_f0_hz_q4"][::5] = 240 * 16
    assert last(made) == pytest.approx(last(call()), abs=0.5)


@pytest.mark.parametrize("level_db", [-45, -12])
def test_level_alone_is_not_strain(level_db: int) -> None:
    assert last(call(level_db=level_db)) == last(call())
    assert last(call(f0_hz=150, tilt_db=-8, level_db=level_db)) == last(call(150, -8))


def test_a_gain_that_is_turned_in_the_middle_is_not_strain() -> None:
    made = call()
    for part in np.array_split(late(made), 6)[::2]:
        part["customer_bands_db_q8"] += 12 * 256
        part["customer_level_db_q8"] += 12 * 256
    found = [value.value for value in values(made) if value]
    assert max(found) < 20


def test_a_calm_voice_moves_the_baseline_slowly_and_an_upset_one_does_not() -> None:
    higher = call(f0_hz=150)
    long = np.concatenate([higher, *[late(higher)] * 10])
    assert last(long) < last(higher) - 5
    upset = call(f0_hz=200, tilt_db=-1)
    assert last(np.concatenate([upset, *[late(upset)] * 10])) >= last(upset)


def test_who_is_not_counted_gets_no_value() -> None:
    assert values(call(), counts=False) == [None] * 48


def test_the_agents_speech_is_not_the_customers() -> None:
    made = call(f0_hz=200, tilt_db=-1)
    late(made)["agent_talk"] = 1
    assert last(made) < 15


def test_another_customer_needs_another_baseline() -> None:
    meter = StrainMeter(StrainModel())
    made = call()
    for start in range(0, len(made), BLOCK):
        meter.push(made[start : start + BLOCK], True)
    meter.reset()
    assert meter.value is None


def test_any_split_of_a_block_gives_the_same() -> None:
    made = call(f0_hz=170)
    meter = StrainMeter(StrainModel())
    while len(made):
        size = min(7, meter.missing)
        meter.push(made[:size], True)
        made = made[size:]
    assert meter.value == values(call(f0_hz=170))[-1]


def test_confidence_grows_with_how_much_was_voiced() -> None:
    thin = call()
    thin["customer_voicing_q15"][np.arange(len(thin)) % 5 != 0] = 0
    sparse, full = values(np.concatenate([thin] * 5))[-1], values(call())[-1]
    assert sparse is not None
    assert full is not None
    assert sparse.confidence < full.confidence <= 1


def course(*values: int) -> Course:
    made = Course(CueSettings())
    for i, value in enumerate(values):
        made.push(i * 500, Strain(value, 0.5))
    return made


def test_high_means_five_seconds_of_speech_over_the_threshold() -> None:
    assert not course(*[70] * 9).high
    assert course(*[70] * 10).high
    assert not course(*[70] * 9, 50, *[70] * 9).high


def test_it_stays_high_until_it_was_calm_for_as_long() -> None:
    assert course(*[70] * 10, *[50] * 100).high
    assert course(*[70] * 10, *[30] * 9).high
    calmed = course(*[70] * 10, *[30] * 10)
    assert not calmed.high
    assert calmed.turned


def test_a_call_that_was_never_high_did_not_turn() -> None:
    assert not course(*[30] * 100).turned


def test_high_again_is_no_turnaround() -> None:
    assert not course(*[70] * 10, *[30] * 10, *[70] * 10).turned


def test_the_arc_is_the_mean_by_quarter() -> None:
    assert course(*[10] * 10, *[20] * 10, *[30] * 10, *[40] * 10).arc(20_000) == [10, 20, 30, 40]
    assert course(*[10] * 10).arc(20_000) == [10, None, None, None]


def test_the_arc_of_a_long_call_is_kept_in_bounded_memory() -> None:
    long = Course(CueSettings())
    for i in range(4 * 3600 * 2):
        long.push(i * 500, Strain(10 * (i * 4 // 28_800), 0.5))
    assert len(long._bins) <= Course.BINS
    assert long.arc(4 * 3600 * 1000) == pytest.approx([0, 10, 20, 30], abs=0.7)


def test_the_summary() -> None:
    summary = course(*[70] * 10, *[30] * 10).summary()
    assert summary is not None
    assert (summary.mean, summary.highest, summary.confidence) == (50.0, 70.0, 0.5)
    assert summary.turnaround
    assert course().summary() is None


def test_a_longer_course_asks_for_half_a_second_more_of_it() -> None:
    bare, careful = Course(CueSettings()), Course(CueSettings(), longer=1)
    for _ in range(10):
        for course in (bare, careful):
            course.push(0, Strain(80.0, 1.0))
    assert (bare.high, careful.high) == (True, False)
    careful.push(500, Strain(80.0, 1.0))
    assert careful.high
    for blocks, turned in ((10, False), (1, True)):
        for _ in range(blocks):
            careful.push(1_000, Strain(10.0, 1.0))
        assert careful.turned == turned


def test_a_margin_asks_for_more_than_the_limits() -> None:
    bare, careful = Course(CueSettings()), Course(CueSettings(), margin=3)
    for i, value in enumerate([62.0] * 10 + [64.0] * 10 + [34.0] * 10 + [31.0] * 10):
        for course in (bare, careful):
            course.push(500 * i, Strain(value, 1.0))
        if i == 9:
            assert (bare.high, careful.high) == (True, False)
        elif i == 29:
            assert (bare.turned, careful.turned) == (True, False)
    assert careful.turned
