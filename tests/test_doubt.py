"""What the lamp believes: an overlap, and a silence."""

from __future__ import annotations

from math import log

import pytest

from turnlight.doubt import EXACT, USUAL, Doubt, Margins, witnesses
from turnlight.dsp import CONFIRM
from turnlight.turns import Event

SURE, UNSURE, NO = 31_000, 16_384, 300


def doubt(
    agent: list[tuple[int, int]],
    customer: int | list[tuple[int, int]] = SURE,
    margins: Margins = USUAL,
) -> Doubt:
    """After frames of the probabilities, so many of each; they are confirmed as they were first."""
    made = Doubt(margins)
    ours = [q15 for q15, count in agent for _ in range(count)]
    if isinstance(customer, int):
        customer = [(customer, len(ours))]
    theirs = [q15 for q15, count in customer for _ in range(count)]
    hear(made, ours, theirs)
    return made


def hear(made: Doubt, agent: list[int], customer: list[int], line_ms: int = 0) -> None:
    """Both parties' probabilities as the core gives them, frame by frame."""
    late = [NO] * CONFIRM
    frames = zip(agent, late + agent, late + customer, customer, strict=False)
    for i, (first, ours, theirs, now) in enumerate(frames):
        made.push((i + 1) * 10 - line_ms, max(first, now), first, ours, theirs)


def interruption(start_ms: int, end_ms: int, taken: bool = True) -> Event:
    return Event("interruption", "agent", start_ms, end_ms, taken)


def test_an_overlap_is_believed_where_both_surely_spoke() -> None:
    assert doubt([(NO, 300), (SURE, 200)]).believes(interruption(3_000, 3_800))
    assert not doubt([(NO, 300), (20_000, 200)]).believes(interruption(3_000, 3_800))
    assert not doubt([(NO, 300), (SURE, 200)], customer=NO).believes(interruption(3_000, 3_800))


def test_it_is_judged_by_the_time_in_which_it_was() -> None:
    made = doubt([(NO, 300), (SURE, 130), (NO, 370)])
    assert made.believes(interruption(3_000, 4_000))
    assert not made.believes(interruption(5_000, 6_000))


def test_how_undecided_the_core_is_looks_back_for_thirty_seconds() -> None:
    assert doubt([(UNSURE, 3_000)]).undecided > 0.99
    assert doubt([(UNSURE, 3_000), (SURE, 3_100)]).undecided < 0.25
    assert doubt([(UNSURE, 3_000), (NO, 3_100)]).undecided < 0.05


@pytest.mark.parametrize(("length_ms", "believed"), [(1_050, False), (1_150, True)])
def test_a_vain_interruption_is_clearly_longer_than_a_backchannel(
    length_ms: int, believed: bool
) -> None:
    made = doubt([(NO, 300), (SURE, 200)])
    assert made.believes(interruption(3_000, 3_000 + length_ms, taken=False)) == believed


def test_what_lies_further_back_than_is_remembered_is_not_believed() -> None:
    assert not doubt([(SURE, 200), (NO, 4_000)]).believes(interruption(0, 2_000))


@pytest.mark.parametrize(("length_ms", "believed"), [(560, False), (680, True)])
def test_by_its_probabilities_too_an_overlap_is_longer_than_at_any_change_of_turns(
    length_ms: int, believed: bool
) -> None:
    """Two who are heard at once for 560 ms with 90 % have most likely been so for less."""
    made = doubt([(NO, 300), (29_500, 200)])
    assert made.believes(interruption(3_000, 3_000 + length_ms)) == believed


@pytest.mark.parametrize("length_ms", [800, 1_500])
@pytest.mark.parametrize(("spoke_ms", "believed"), [(350, False), (450, True)])
def test_whoever_is_interrupted_was_speaking(spoke_ms: int, believed: bool, length_ms: int) -> None:
    """Two who begin nearly at once do not; and over another voice the agent is heard late."""
    frames = spoke_ms // 10
    made = doubt([(NO, 300), (SURE, 200)], [(NO, 300 - frames), (SURE, 200 + frames)])
    assert made.believes(interruption(3_000, 3_000 + length_ms)) == believed


@pytest.mark.parametrize(("goes_on_ms", "believed"), [(50, False), (200, True)])
def test_whoever_takes_the_floor_goes_on(goes_on_ms: int, believed: bool) -> None:
    """Of an agent who ends with the customer it is not sure that the floor was taken."""
    made = doubt([(NO, 300), (29_500, 80), (SURE, goes_on_ms // 10), (NO, 100)])
    assert made.believes(interruption(3_000, 3_800)) == believed


def test_that_the_agent_goes_on_is_known_before_it_is_confirmed() -> None:
    """The lamp waits for nothing: 250 ms after the overlap it knows of it, and of those 250 ms."""
    assert doubt([(NO, 300), (SURE, 80 + 25)]).believes(interruption(3_000, 3_800))


@pytest.mark.parametrize(("both", "after", "believed"), [(0.95, 0.5, True), (0.75, 0.5, False)])
@pytest.mark.parametrize("length_s", [0.75, 1.3])
def test_one_witness_makes_up_for_another(
    both: float, after: float, believed: bool, length_s: float
) -> None:
    """Log-odds add up: what the end leaves open the overlap itself may tell."""
    told = witnesses([round(both * 32_768)] * round(length_s * 100), [round(after * 32_768)] * 25)
    assert (told >= USUAL.sure) == believed


def test_the_witnesses_are_weighed_as_the_documentation_says() -> None:
    """Odds of 9 to 1 in the overlap, 4 to 1 after it; 0.9 s of it, of which 0.7 tell most."""
    told = witnesses([round(0.9 * 32_768)] * 100, [round(0.8 * 32_768)] * 25)
    assert told == pytest.approx(log(9) + 0.5 * log(4) + 6.0 * 0.7 + 1.0 * 0.2, abs=0.01)
    assert witnesses([0], [0]) == pytest.approx(-4 - 0.5 * 4, abs=0.01)
    assert witnesses([0], []) == -4


def test_on_a_slow_line_both_are_taken_of_the_moment_in_which_they_spoke() -> None:
    """The agent's voice comes at once, what the customer said then comes 400 ms later."""
    made = Doubt(USUAL, line_ms=400)
    agent = [SURE if 300 <= i < 430 else NO for i in range(600)]
    customer = [SURE if 290 <= i < 440 else NO for i in range(600)]
    hear(made, agent, customer, line_ms=400)
    # the customer's 2.90 to 4.40 s were spoken at 2.50 to 4.00 s
    assert made.believes(interruption(3_000, 4_000))
    assert not made.believes(interruption(3_400, 4_400))


def test_whoever_is_told_the_truth_believes_everything() -> None:
    assert doubt([(NO, 300)], margins=EXACT).believes(interruption(1_000, 1_600, taken=False))


def test_no_cue_goes_by_strain_where_it_was_often_unclear_who_spoke() -> None:
    assert doubt([(UNSURE, 1_000), (NO, 2_000)]).unclear
    assert not doubt([(UNSURE, 300), (NO, 2_700)]).unclear
    assert not doubt([(UNSURE, 3_000)], margins=EXACT).unclear


def test_a_silence_begins_anew_where_somebody_may_have_spoken() -> None:
    made = Doubt(USUAL)
    for i, q15 in enumerate([SURE] * 100 + [NO] * 200 + [12_000] + [NO] * 100):
        made.push((i + 1) * 10, q15, q15, q15, 0)
    assert made.heard_ms == 3_010
