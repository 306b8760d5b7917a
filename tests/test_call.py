from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from frames import rows
from turnlight.agent import Listener
from turnlight.call import CallRecord
from turnlight.config import CallSettings, Config
from turnlight.dsp import FLAG_TONE, Frames

CONFIG = Config(call=CallSettings(end_after_silence_s=20))


def calls(made: Frames, config: Config = CONFIG) -> list[CallRecord]:
    listener = Listener(config, keep=True)
    return [*listener.hear(made).calls, *listener.finish().calls]


def times(found: list[CallRecord]) -> list[tuple[int, int]]:
    return [(call.start_ms, call.end_ms) for call in found]


def test_a_call_runs_from_first_to_last_speech() -> None:
    assert times(calls(rows([(3, 5)], [(6, 9)], length_s=15))) == [(3000, 9000)]


def test_silence_is_no_call() -> None:
    assert calls(rows([], [], length_s=60)) == []


def test_a_blip_is_no_call() -> None:
    assert calls(rows([(5, 5.11)], [], length_s=60)) == []


def test_both_silent_for_so_long_ends_the_call() -> None:
    made = rows([(1, 3), (24, 26)], [(3.5, 4)])
    assert times(calls(made)) == [(1000, 4000), (24_000, 26_000)]
    assert times(calls(rows([(1, 3), (23.99, 26)], [(3.5, 4)]))) == [(1000, 26_000)]


def test_it_is_known_when_the_call_ended() -> None:
    (call,) = calls(rows([(1, 3)], [], length_s=60))
    assert call.ended_ms == 23_000


def test_two_calls_share_nothing() -> None:
    first = rows([(0, 2)], [(1.9, 8)])
    second = rows([(30, 35)], [])
    both = rows([(0, 2), (30, 35)], [(1.9, 8)])
    one, two = calls(both)
    assert one.metrics == calls(first)[0].metrics
    assert two.metrics == calls(second)[0].metrics
    assert two.metrics["floor_transfer_offsets"] == {"agent": {}, "customer": {}}


def test_music_on_hold_is_not_silence_and_not_speech() -> None:
    (call,) = calls(rows([(0, 3), (100, 103)], [(3.5, 5)], hold=[(6, 99)]))
    assert call.holds == [(6000, 99_000)]
    assert call.metrics["hold_ms"] == 93_000
    assert [s.start_ms for s in call.segments if s.party == "customer"] == [3500]


def test_the_agent_may_talk_up_to_the_hold_and_from_its_end() -> None:
    (call,) = calls(rows([(0, 3), (9.5, 10), (40, 44)], [(4, 9)], hold=[(10, 40)]))
    assert call.holds == [(10_000, 40_000)]
    assert call.metrics["talk_sum_ms"] == 3000 + 500 + 4000 + 5000


def test_what_is_said_to_a_held_line_is_not_counted() -> None:
    (call,) = calls(rows([(0, 3), (20, 25), (41, 43)], [], hold=[(10, 40)]))
    assert call.metrics["talk_sum_ms"] == 5000


def test_a_hold_just_after_the_customers_words_begins_after_them() -> None:
    (call,) = calls(rows([(0, 3)], [(3.5, 6)], hold=[(6.4, 30)]))
    assert call.holds == [(6400, 30_000)]
    assert [(s.start_ms, s.end_ms) for s in call.segments if s.party == "customer"] == [
        (3500, 6000)
    ]


def test_music_before_the_first_word_is_no_call() -> None:
    (call,) = calls(rows([(31, 33)], [], hold=[(5, 30)]))
    assert (call.start_ms, call.holds) == (31_000, [])


def test_a_call_may_end_on_hold() -> None:
    (call,) = calls(rows([(0, 3)], [], hold=[(4, 40)], length_s=41))
    assert call.holds == [(4000, 40_000)]
    assert call.metrics["duration_ms"] == 4000


def told(made: Frames, signals: Mapping[int, str | list[str]], seed: int = 0) -> list[CallRecord]:
    """Calls of a desk to which a telephone system says this, by ms; the rows come in pieces."""
    listener, found, at_ms = Listener(CONFIG, keep=True), [], 0
    chance, last_ms = random.Random(seed), len(made) * 10
    while at_ms < last_ms:
        said = signals.get(at_ms, [])
        for signal in [said] if isinstance(said, str) else said:
            listener.signal(signal)  # type: ignore[arg-type]
        next_ms = min(
            [t for t in signals if t > at_ms] + [last_ms, at_ms + chance.randint(1, 900) * 10]
        )
        found += listener.hear(made[at_ms // 10 : next_ms // 10]).calls
        at_ms = next_ms
    return [*found, *listener.finish().calls]


@pytest.mark.parametrize("seed", range(3))
def test_signals_of_the_telephone_system_win_over_sound(seed: int) -> None:
    made = rows([(2, 5), (31, 34), (50, 53)], [(6, 9)], hold=[(36, 44)], length_s=60)
    signals = {1_000: "start", 10_000: "hold", 30_000: "resume", 40_000: "end"}
    (call,) = told(made, signals, seed)
    assert call.holds == [(10_000, 30_000)]
    assert (call.start_ms, call.ended_ms) == (1_000, 40_000)
    # the music from 36 s on is recognised late and no telephone system called it a hold
    assert call.metrics["talk_sum_ms"] == 9_000 + 3_000
    assert call.metrics["hold_ms"] == 20_000


def test_a_start_that_is_said_twice_is_one_call() -> None:
    made = rows([(2, 5)], [(6, 9)], length_s=20)
    assert len(told(made, {1_000: "start", 3_000: "start", 12_000: "end"})) == 1


def test_a_start_ends_the_call_whose_end_was_lost() -> None:
    made = rows([(2, 5), (42, 45)], [(6, 9)], length_s=60)
    found = told(made, {1_000: "start", 40_000: "start", 50_000: "end"})
    assert times(found) == [(1_000, 9_000), (40_000, 45_000)]


def test_a_call_whose_start_was_lost_begins_when_it_is_resumed() -> None:
    made = rows([(12, 15)], [], length_s=30)
    assert times(told(made, {5_000: "hold", 10_000: "resume", 20_000: "end"})) == [(10_000, 15_000)]


def test_an_end_and_a_start_at_once_are_two_calls() -> None:
    made = rows([(2, 5), (12, 15)], [], length_s=30)
    found = told(made, {1_000: "start", 10_000: ["end", "start"], 20_000: "end"})
    assert times(found) == [(1_000, 5_000), (10_000, 15_000)]


def test_once_the_telephone_system_is_gone_the_sound_decides_again() -> None:
    made = rows([(2, 5), (60, 65)], [], hold=[(70, 80)], length_s=120)
    found = told(made, {1_000: "start", 3_000: "hold", 10_000: "gone"})
    assert found[0].holds == [(3_000, 10_000)]
    # nobody said `end`, but both were silent for 20 s
    assert found[0].ended_ms == 30_000
    assert found[1].start_ms == 60_000
    assert found[1].holds == [(70_000, 80_000)]


def test_a_telephone_system_wins_over_the_tones_of_the_line() -> None:
    made = rows([(2, 5), (16, 20)], [], length_s=30)
    for i in range(8):
        made["customer_flags"][600 + 100 * i : 650 + 100 * i] |= FLAG_TONE
        made["customer_level_db_q8"][600 + 100 * i : 650 + 100 * i] = -20 * 256
    by_sound = calls(made)
    assert len(by_sound) == 2
    assert by_sound[0].ended_ms == 6_000
    (call,) = told(made, {1_000: "start", 25_000: "end"})
    assert (call.end_ms, call.holds) == (20_000, [])
