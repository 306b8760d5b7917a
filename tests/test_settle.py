from __future__ import annotations

import pytest
from hypothesis import given

from settled import frames, runs, settled, spans
from turnlight.settle import HOLD_SETTLE_MS, SETTLE_MS, HoldSettler


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
