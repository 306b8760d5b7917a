"""What the lamp believes: an overlap, and a silence."""

from __future__ import annotations

import pytest

from turnlight.doubt import EXACT, USUAL, Doubt, Margins
from turnlight.turns import Event

SURE, UNSURE, NO = 31_000, 16_384, 300


def doubt(
    agent: list[tuple[int, int]],
    customer: int = SURE,
    margins: Margins = USUAL,
    line_ms: int = 0,
) -> Doubt:
    """After frames of the agent's probability, so many of each; the customer's never changes."""
    made = Doubt(margins, line_ms)
    # the first of them is about the frame 200 ms before the sound
    frames = [NO] * 20 + [q15 for q15, count in agent for _ in range(count)]
    for i, q15 in enumerate(frames):
        made.push((i + 1) * 10, max(q15, customer), q15, customer)
    return made


def interruption(start_ms: int, end_ms: int, taken: bool = True) -> Event:
    return Event("interruption", "agent", start_ms, end_ms, taken)


def test_an_overlap_is_believed_where_both_surely_spoke() -> None:
    assert doubt([(NO, 300), (SURE, 200)]).believes(interruption(3_000, 3_800))
    assert not doubt([(NO, 300), (20_000, 200)]).believes(interruption(3_000, 3_800))
    assert not doubt([(NO, 300), (SURE, 200)], customer=NO).believes(interruption(3_000, 3_800))


def test_it_is_judged_by_the_time_in_which_it_was() -> None:
    made = doubt([(NO, 300), (SURE, 100), (NO, 400)])
    assert made.believes(interruption(3_000, 4_000))
    assert not made.believes(interruption(5_000, 6_000))


def test_a_desk_of_which_the_core_is_never_sure_must_be_surer() -> None:
    overlap = interruption(20_000, 21_000)
    assert doubt([(NO, 2_000), (27_000, 200)]).believes(overlap)
    assert not doubt([(UNSURE, 2_000), (27_000, 200)]).believes(overlap)


@pytest.mark.parametrize(("length_ms", "believed"), [(1_050, False), (1_150, True)])
def test_a_vain_interruption_is_clearly_longer_than_a_backchannel(
    length_ms: int, believed: bool
) -> None:
    made = doubt([(NO, 300), (SURE, 200)])
    assert made.believes(interruption(3_000, 3_000 + length_ms, taken=False)) == believed


def test_what_lies_further_back_than_is_remembered_is_not_believed() -> None:
    assert not doubt([(SURE, 200), (NO, 4_000)]).believes(interruption(0, 2_000))


def test_on_a_slow_line_both_are_taken_of_the_moment_in_which_they_spoke() -> None:
    """The agent's voice comes at once, what the customer said then comes 400 ms later."""
    made = Doubt(USUAL, line_ms=400)
    for i in range(600):
        agent, customer = SURE if 320 <= i < 420 else NO, SURE if 360 <= i < 460 else NO
        made.push((i + 1) * 10, max(agent, customer), agent, customer)
    assert made.believes(interruption(3_000, 4_000))


def test_whoever_is_told_the_truth_believes_everything() -> None:
    assert doubt([(NO, 300)], margins=EXACT).believes(interruption(1_000, 1_600, taken=False))


def test_a_silence_begins_anew_where_somebody_may_have_spoken() -> None:
    made = Doubt(USUAL)
    for i, q15 in enumerate([SURE] * 100 + [NO] * 200 + [12_000] + [NO] * 100):
        made.push((i + 1) * 10, q15, q15, 0)
    assert made.heard_ms == 3_010
