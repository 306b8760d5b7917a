from __future__ import annotations

import pytest
from hypothesis import given

from settled import frames, runs, settled, spans
from turnlight.settle import HOLD_SETTLE_MS, SETTLE_MS, HoldSettler, PairSettler, PromptSettler


def settled_at_leisure(raw: list[bool]) -> list[tuple[int, int]]:
    """The rule as it reads, with the whole sound at hand."""
    kept = [(a, b) for a, b in spans(raw) if b - a >= 12]
    joined: list[tuple[int, int]] = []
    for a, b in kept:
        if joined and a - joined[-1][1] <= 25:
            joined[-1] = joined[-1][0], b
        else:
            joined.append((a, b))
    return joined


@given(runs)
def test_settling_live_equals_the_rule_applied_to_the_whole(lengths: list[int]) -> None:
    raw = frames(lengths)
    assert spans(settled(raw)) == settled_at_leisure(raw)


def test_settling_takes_no_longer_than_370_ms() -> None:
    assert SETTLE_MS <= 370


def settled_hold(flags: list[bool], levels_db: list[int]) -> list[bool]:
    finder, delay = HoldSettler(), HOLD_SETTLE_MS // 10
    padded = [*zip(flags, levels_db, strict=True), *[(False, -70)] * delay]
    return [finder.push(flag, level * 256) for flag, level in padded][delay:]


@pytest.mark.parametrize("late", [0, 100, 300, 350])
def test_a_hold_begins_with_its_music_however_late_that_is_recognised(late: int) -> None:
    levels = [-70] * 600 + [-30] * 2000 + [-70] * 600
    flags = [600 + late <= i < 2600 for i in range(3200)]
    assert settled_hold(flags, levels) == [600 <= i < 2600 for i in range(3200)]


@pytest.mark.parametrize("lingering", [0, 100, 240])
def test_a_hold_ends_with_its_music_however_long_that_is_recognised(lingering: int) -> None:
    levels = [-70] * 600 + [-30] * 2000 + [-70] * 600
    flags = [900 <= i < 2600 + lingering for i in range(3200)]
    assert settled_hold(flags, levels) == [600 <= i < 2600 for i in range(3200)]


def test_words_right_after_the_music_are_not_held() -> None:
    levels = [-70] * 600 + [-30] * 2000 + [-70] * 40 + [-30] * 200 + [-70] * 360
    flags = [900 <= i < 2790 for i in range(3200)]
    assert settled_hold(flags, levels) == [600 <= i < 2600 for i in range(3200)]


def test_flickering_music_is_one_hold() -> None:
    levels = [-70] * 600 + [-30] * 2000 + [-70] * 600
    flags = [700 <= i < 2600 and i % 300 > 150 for i in range(3200)]
    held = settled_hold(flags, levels)
    assert held[700:2500] == [True] * 1800


def test_a_moment_of_music_is_no_hold() -> None:
    assert not any(settled_hold([300 <= i < 340 for i in range(1000)], [-30] * 1000))


@given(runs)
def test_what_is_known_at_once_is_what_is_known_later(lengths: list[int]) -> None:
    raw, prompt = frames(lengths), PromptSettler()
    known: list[bool] = []
    for i, talk in enumerate(raw + [False] * 37):
        known += prompt.push(talk)
        assert i + 1 - len(known) <= SETTLE_MS // 10
    assert known[: len(raw)] == settled(raw)


def test_speech_that_goes_on_and_a_long_silence_are_known_at_once() -> None:
    prompt = PromptSettler()
    given = [len(prompt.push(talk)) for talk in [True] * 50 + [False] * 50]
    assert given == [0] * 11 + [12] + [1] * 38 + [0] * 25 + [26] + [1] * 24


def test_a_pair_is_given_once_both_of_it_are_known() -> None:
    pairs = PairSettler()
    # both talk from the first frame; the customer pauses for 250 ms and goes on
    talk = [(True, i < 20 or i >= 45) for i in range(80)]
    given = [pairs.push(agent, customer) for agent, customer in talk]
    assert [pair for known in given for pair in known] == [(True, True)] * 80
    assert [i for i, known in enumerate(given) if not known] == [*range(11), *range(20, 56)]


def test_the_agent_of_a_slow_line_is_held_back() -> None:
    pairs = PairSettler(agent_late_ms=20)
    assert [pair for _ in range(12) for pair in pairs.push(True, True)] == [
        (False, True),
        (False, True),
        *[(True, True)] * 10,
    ]
