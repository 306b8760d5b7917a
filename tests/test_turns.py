from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settled import frames, runs, settled
from turnlight.turns import TICK_MS, Event, Floor, Segment


class Heard:
    """What the floor said of a timeline in settled seconds."""

    def __init__(
        self,
        agent: list[tuple[float, float]],
        customer: list[tuple[float, float]],
        until_s: float = 0.0,
        line_ms: int = 0,
    ) -> None:
        floor = Floor(line_ms)
        last_s = max([until_s, *(end for _, end in agent + customer)])
        ends = [[(round(a * 100), round(b * 100)) for a, b in side] for side in (agent, customer)]
        for i in range(round(last_s * 100)):
            floor.tick(i * 10, *(any(a <= i < b for a, b in side) for side in ends))
        floor.close(round(last_s * 1000))
        self.events, self.segments = floor.take()

    def of(self, kind: str) -> list[tuple[str | None, int, int, bool]]:
        return [(e.by, e.start_ms, e.end_ms, e.floor_taken) for e in self.events if e.kind == kind]

    def decided(self, kind: str) -> list[int]:
        return [e.decided_ms for e in self.events if e.kind == kind]

    @property
    def offsets(self) -> list[int | None]:
        return [e.offset_ms for e in self.events if e.kind == "floor_change"]


def test_segments_are_who_talked_when() -> None:
    heard = Heard([(0, 1)], [(0.5, 2)])
    assert heard.segments == [Segment("agent", 0, 1000), Segment("customer", 500, 2000)]


def test_an_interruption_is_known_when_the_holder_has_stopped() -> None:
    heard = Heard(agent=[(4, 20)], customer=[(0, 5.5)])
    assert heard.of("interruption") == [("agent", 4000, 5500, True)]
    assert heard.decided("interruption") == [5500]


def test_an_interruption_with_a_short_overlap_is_known_when_it_is_no_backchannel() -> None:
    heard = Heard(agent=[(4, 20)], customer=[(0, 4.6)])
    assert heard.of("interruption") == [("agent", 4000, 4600, True)]
    assert heard.decided("interruption") == [5000]


def test_an_interruption_that_fails_is_known_when_it_ends() -> None:
    heard = Heard(agent=[(4, 6)], customer=[(0, 9)])
    assert heard.of("interruption") == [("agent", 4000, 6000, False)]
    assert heard.decided("interruption") == [6000]
    assert heard.offsets == []


def test_the_floor_may_pass_in_the_holders_pause() -> None:
    heard = Heard(agent=[(3, 6)], customer=[(0, 2)])
    assert heard.offsets == [1000]
    assert heard.decided("floor_change") == [4000]


def test_a_short_word_at_the_end_of_a_turn_is_credited_when_nobody_goes_on() -> None:
    heard = Heard(agent=[(1.9, 2.4)], customer=[(0, 2)], until_s=8)
    assert heard.of("backchannel") == [("agent", 1900, 2400, False)]
    assert heard.of("turn") == [("customer", 0, 2000, False)]


@pytest.mark.parametrize(
    ("before_ms", "after_ms", "turns"), [(200, 200, 2), (190, 200, 0), (200, 190, 0), (500, 700, 2)]
)
def test_a_short_piece_is_a_turn_with_200_ms_of_silence_on_both_sides(
    before_ms: int, after_ms: int, turns: int
) -> None:
    start, end = 2 + before_ms / 1000, 2.4 + before_ms / 1000
    heard = Heard(agent=[(0, 2), (end + after_ms / 1000, 8)], customer=[(start, end)])
    assert len(heard.of("floor_change")) == turns
    assert len(heard.of("backchannel")) == (0 if turns else 1)


def test_a_backchannel_over_which_the_holder_comes_back() -> None:
    heard = Heard(agent=[(0, 2), (2.7, 5)], customer=[(2.3, 2.9)])
    assert heard.of("backchannel") == [("customer", 2300, 2900, False)]
    assert heard.offsets == []


def test_coming_back_over_an_answer_at_once_leaves_the_floor_with_the_holder() -> None:
    heard = Heard(agent=[(0, 2), (2.65, 9)], customer=[(2.5, 4)])
    assert heard.of("interruption") == [("customer", 2500, 4000, False)]
    assert heard.offsets == []


def test_coming_back_over_an_answer_late_is_the_holders_interruption() -> None:
    heard = Heard(agent=[(0, 2), (3.0, 3.9)], customer=[(2.5, 9)])
    assert heard.offsets == [500]
    assert heard.of("backchannel") == [("agent", 3000, 3900, False)]
    heard = Heard(agent=[(0, 2), (3.0, 4.2)], customer=[(2.5, 9)])
    assert heard.of("interruption") == [("agent", 3000, 4200, False)]


def test_starting_at_once_interrupts_nobody() -> None:
    heard = Heard(agent=[(0, 4)], customer=[(0.15, 2)])
    assert heard.of("interruption") == heard.of("backchannel") == []
    assert heard.of("turn") == [("agent", 0, 4000, False)]


def test_the_second_to_start_interrupts_once_the_first_can_be_heard() -> None:
    assert Heard(agent=[(0, 4)], customer=[(0.2, 2)]).of("interruption") == [
        ("customer", 200, 2000, False)
    ]


def test_a_floor_that_was_free_passes_with_the_gap_as_offset() -> None:
    heard = Heard(agent=[(0, 2)], customer=[(7, 9)])
    assert heard.offsets == [5000]
    assert heard.of("turn") == [("agent", 0, 2000, False), ("customer", 7000, 9000, False)]


def test_the_same_speaker_after_a_long_pause_begins_a_new_turn_without_a_floor_change() -> None:
    heard = Heard(agent=[(0, 2), (5.1, 6)], customer=[])
    assert [e[1:3] for e in heard.of("turn")] == [(0, 2000), (5100, 6000)]
    assert heard.offsets == []


def test_overlaps_are_runs_in_which_both_talk() -> None:
    heard = Heard(agent=[(0, 2), (4, 4.3)], customer=[(1.6, 5)])
    assert heard.of("overlap") == [("customer", 1600, 2000, False), ("agent", 4000, 4300, False)]
    assert heard.of("overtalk") == []


SIDES = ("agent", "customer"), ("customer", "agent")


@pytest.mark.parametrize(("holder", "other"), SIDES)
@pytest.mark.parametrize("start", [2.7, 2.99])
def test_who_starts_before_the_other_can_be_heard_interrupts_nobody(
    holder: str, other: str, start: float
) -> None:
    """Both start within 300 ms of each other, whoever is the first."""
    for back in (start - 0.29, start + 0.29):
        timeline = {holder: [(0.0, 2.0), (back, 6.0)], other: [(start, 4.2)]}
        assert len(Heard(**timeline).of("interruption")) == 1
        assert Heard(**timeline, line_ms=300).of("interruption") == []


@pytest.mark.parametrize(("holder", "other"), SIDES)
def test_who_could_hear_the_other_interrupts_on_a_slow_line_too(holder: str, other: str) -> None:
    timeline = {holder: [(0.0, 2.0), (2.7, 6.0)], other: [(3.0, 4.2)]}
    assert len(Heard(**timeline, line_ms=300).of("interruption")) == 1
    # the holder's later pieces of speech change nothing about that
    timeline = {holder: [(0.0, 3.55), (3.85, 9.0)], other: [(3.0, 4.5)]}
    assert len(Heard(**timeline, line_ms=300).of("interruption")) == 1


def test_hearing_and_reacting_take_the_line_longer() -> None:
    answer = {"agent": [(0.0, 2.0), (3.4, 6.0)], "customer": [(2.5, 2.9)]}
    assert Heard(**answer, line_ms=300).offsets == [200, 200]
    assert Heard(**answer, line_ms=310).of("backchannel") == [("customer", 2500, 2900, False)]


def test_what_is_open_at_the_end_is_decided() -> None:
    assert Heard(agent=[(0, 5)], customer=[(3, 5)]).of("interruption") == [
        ("customer", 3000, 5000, False)
    ]
    assert Heard(agent=[(0, 2)], customer=[(2.3, 2.8)]).offsets == [300]
    assert Heard(agent=[(0, 2)], customer=[(2.1, 2.8)]).of("backchannel") == [
        ("customer", 2100, 2800, False)
    ]
    assert Heard(agent=[(0, 0.15)], customer=[]).of("turn") == [("agent", 0, 150, False)]


def events_of(agent: list[bool], customer: list[bool], line_ms: int = 0) -> list[Event]:
    floor = Floor(line_ms)
    events: list[Event] = []
    length = max(len(agent), len(customer))
    for i in range(length):
        now_ms = i * TICK_MS
        floor.tick(now_ms, i < len(agent) and agent[i], i < len(customer) and customer[i])
        if floor.news:
            found, _ = floor.take()
            # a live listener may use what is decided: it must be over and known now
            assert all(e.decided_ms == now_ms for e in found)
            assert all(e.end_ms <= now_ms + TICK_MS for e in found)
            events += found
    floor.close(length * TICK_MS)
    return events + floor.take()[0]


def canonical(events: list[Event], swap: bool) -> list[str]:
    other = {"agent": "customer", "customer": "agent", None: None}
    return sorted(
        json.dumps([e.kind, other[e.by] if swap else e.by, e.start_ms, e.end_ms, e.floor_taken])
        for e in events
    )


@given(runs, runs, st.sampled_from([0, 100, 700]))
def test_the_rules_are_the_same_for_both_parties(a: list[int], b: list[int], line_ms: int) -> None:
    straight = events_of(settled(frames(a)), settled(frames(b)), line_ms)
    swapped = events_of(settled(frames(b)), settled(frames(a)), line_ms)
    assert canonical(straight, swap=False) == canonical(swapped, swap=True)


@given(runs, runs)
def test_each_piece_of_speech_is_at_most_one_thing(a: list[int], b: list[int]) -> None:
    events = events_of(settled(frames(a)), settled(frames(b)))
    kinds = ("interruption", "early_start", "backchannel")
    starts = [(e.by, e.start_ms) for e in events if e.kind in kinds]
    assert len(starts) == len(set(starts))
    turns = sorted(
        (e.start_ms, e.end_ms, e.by) for e in events if e.kind == "turn" and e.end_ms > e.start_ms
    )
    for (_, _, by), (_, _, next_by) in itertools.pairwise(turns):
        assert by is not None
        assert next_by is not None
