from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlight.config import CueSettings
from turnlight.cues import PRIORITY, SHOWN_MS, STATES, Cue, Cues, CueShown, Situation
from turnlight.doubt import EXACT
from turnlight.turns import Event

DOCUMENT = Path(__file__).parent.parent / "docs" / "cues.md"

LISTENING = Situation(in_call=True)
TALKATIVE = Situation(in_call=True, agent_ms=30_000, customer_ms=10_000)


class Desk:
    """Cues with a clock: looks ten times a second."""

    def __init__(self, **settings: Any) -> None:
        self.cues = Cues(CueSettings(**settings))
        self.now_ms = 0
        self.shown: list[CueShown] = []
        assert self.see(Situation()) == ["idle"]

    def see(self, situation: Situation, seconds: float = 0.1, *events: Event) -> list[Cue]:
        """The lamp's changes while this situation lasts."""
        found: list[Cue] = []
        for i in range(round(seconds * 10)):
            self.now_ms += 100
            shown = self.cues.look(self.now_ms, situation, list(events) if i == 0 else [])
            if shown:
                self.shown.append(shown)
                found.append(shown.cue)
        return found

    def hear(self, event: Event) -> list[Cue]:
        return self.see(LISTENING, 0.1, event)

    @property
    def reason(self) -> str:
        return self.shown[-1].reason


def interruption(by: str = "agent", taken: bool = False) -> Event:
    return Event("interruption", by, 0, 1000, taken)  # type: ignore[arg-type]


def turn(seconds: float) -> Situation:
    return Situation(in_call=True, agent_turn_ms=round(seconds * 1000))


def silence(seconds: float) -> Situation:
    ms = round(seconds * 1000)
    return Situation(in_call=True, silence_ms=ms, quiet_ms=ms)


def strained(value: float = 72, high: bool = True) -> Situation:
    return Situation(in_call=True, strain=value, strain_high=high)


CALMED = Situation(in_call=True, strain=20, strain_turned=True)


def test_dark_without_a_call_and_green_in_one() -> None:
    desk = Desk()
    assert desk.see(Situation(), 5) == []
    assert desk.see(LISTENING, 5) == ["listening"]
    assert desk.see(Situation(), 5) == ["idle"]


def test_the_listening_light_may_be_off() -> None:
    desk = Desk(listening_light=False)
    assert desk.see(LISTENING, 5) == []
    assert desk.see(TALKATIVE, 20) == ["share_floor", "idle"]


def test_share_the_floor() -> None:
    desk = Desk()
    assert desk.see(TALKATIVE) == ["share_floor"]
    assert desk.reason == "You have talked 75 % of the last minute."


@pytest.mark.parametrize(
    ("agent_ms", "customer_ms"), [(29_900, 0), (26_000, 14_000), (20_000, 30_000)]
)
def test_no_share_cue_below_30_s_of_speech_or_up_to_65_percent(
    agent_ms: int, customer_ms: int
) -> None:
    desk = Desk()
    situation = Situation(in_call=True, agent_ms=agent_ms, customer_ms=customer_ms)
    assert desk.see(situation, 60) == ["listening"]


def test_the_share_cue_comes_again_only_after_the_share_has_clearly_fallen() -> None:
    desk = Desk()
    near = Situation(in_call=True, agent_ms=24_000, customer_ms=16_000)
    fallen = Situation(in_call=True, agent_ms=21_000, customer_ms=19_000)
    assert desk.see(TALKATIVE, 60) == ["share_floor", "listening"]
    desk.see(near, 30)
    assert desk.see(TALKATIVE, 60) == []
    desk.see(fallen, 1)
    assert desk.see(TALKATIVE, 60) == ["share_floor", "listening"]


def test_long_turn_once_a_turn() -> None:
    desk = Desk()
    assert desk.see(turn(60), 30) == ["listening"]
    assert desk.see(turn(60.1), 60) == ["long_turn", "listening"]
    assert desk.shown[-2].reason == "You have held the floor for 60 seconds."
    desk.see(LISTENING)
    assert desk.see(turn(61), 1) == ["long_turn"]


def test_let_them_finish_when_the_floor_was_taken() -> None:
    desk = Desk()
    assert desk.hear(interruption(taken=True)) == ["let_finish"]
    assert desk.reason == "You took the floor from the customer while they were speaking."
    assert desk.see(LISTENING, 10) == ["listening"]


def test_let_them_finish_at_the_second_interruption_in_30_s() -> None:
    desk = Desk()
    assert desk.hear(interruption()) == ["listening"]
    desk.see(LISTENING, 29)
    assert desk.hear(interruption()) == ["let_finish"]
    assert desk.reason == "You interrupted the customer 2 times in 30 seconds."


def test_two_interruptions_further_apart_are_forgiven() -> None:
    desk = Desk()
    desk.hear(interruption())
    desk.see(LISTENING, 31)
    assert desk.hear(interruption()) == []


def test_what_is_not_the_agents_interruption_is_never_cued() -> None:
    desk = Desk()
    desk.see(LISTENING)
    for event in (
        interruption(by="customer", taken=True),
        Event("early_start", "agent", 0, 400, True),
        Event("backchannel", "agent", 0, 400),
    ):
        for _ in range(3):
            assert desk.hear(event) == []


def test_an_interruption_is_shown_at_once_or_never() -> None:
    desk = Desk()
    desk.see(TALKATIVE, 1)
    desk.see(LISTENING, 1, interruption(taken=True))
    assert "let_finish" not in desk.see(LISTENING, 60)


def test_slow_down_while_the_customers_strain_is_high() -> None:
    desk = Desk()
    assert desk.see(strained()) == ["slow_down"]
    assert desk.reason == "The customer's voice is strained: 72 of 100 for 5 seconds of speech."
    assert desk.see(strained(), 60) == ["listening"]
    assert desk.see(strained(40, high=False), 5) == []
    assert desk.see(strained()) == ["slow_down"]


def test_turnaround_once_when_the_strain_is_back() -> None:
    desk = Desk()
    desk.see(strained(), 30)
    assert desk.see(CALMED, 60) == ["turnaround", "listening"]
    assert desk.shown[-2].reason == "The customer's voice is calm again: 20 of 100."


def test_long_silence_ends_when_somebody_speaks() -> None:
    desk = Desk()
    assert desk.see(silence(5)) == ["listening"]
    assert desk.see(silence(5.1), 5) == ["long_silence"]
    assert desk.see(LISTENING) == ["listening"]


def test_nothing_is_said_on_hold() -> None:
    desk = Desk()
    held = Situation(
        in_call=True, on_hold=True, silence_ms=9000, agent_ms=50_000, strain=80, strain_high=True
    )
    assert desk.see(held, 60) == ["listening"]


def test_breathe_after_a_hard_call_for_90_s() -> None:
    desk = Desk()
    desk.see(strained(), 20)
    assert desk.see(Situation(), 89.9) == ["breathe"]
    assert desk.reason == "That was a hard call. Take a breath before the next one."
    assert desk.see(Situation(), 60) == ["idle"]


def test_the_next_call_ends_the_breathing() -> None:
    desk = Desk()
    desk.see(strained(), 20)
    desk.see(Situation(), 10)
    assert desk.see(LISTENING, 5) == ["listening"]
    assert desk.see(Situation(), 60) == ["idle"]


def test_a_fault_wins_at_once_and_goes_at_once() -> None:
    desk = Desk()
    desk.see(TALKATIVE, 1)
    broken = Situation(in_call=True, fault="No sound arrives: check the headset's plug.")
    assert desk.see(broken, 60) == ["fault"]
    assert desk.reason == broken.fault
    assert desk.see(LISTENING) == ["listening"]


def test_the_most_pressing_cue_comes_first_and_the_others_wait_their_turn() -> None:
    desk = Desk()
    everything = Situation(
        in_call=True,
        agent_ms=40_000,
        agent_turn_ms=70_000,
        silence_ms=6_000,
        quiet_ms=6_000,
        strain=80,
        strain_high=True,
    )
    found = desk.see(everything, 0.1, interruption(taken=True)) + desk.see(everything, 120)
    assert [cue for cue in found if cue not in STATES] == [
        "let_finish",
        "slow_down",
        "long_turn",
        "share_floor",
        "long_silence",
    ]


def withheld(desk: Desk) -> list[tuple[Cue, str]]:
    """What was due and not shown, and why, since the last time."""
    return [(held.cue, held.because) for held in desk.cues.take_withheld()]


def test_what_could_not_be_said_in_time_is_told_with_its_reason_and_what_stood_against_it() -> None:
    desk = Desk(spacing_s=20)
    desk.see(TALKATIVE, 13)
    due_ms = desk.now_ms + 100
    desk.see(LISTENING, 10, interruption(taken=True))
    [held] = desk.cues.take_withheld()
    assert (held.at_ms, held.cue) == (due_ms, "let_finish")
    assert held.reason == "You took the floor from the customer while they were speaking."
    assert held.because == "The last cue began 13 s before; 20 s lie between two."


def test_a_cue_that_waited_and_was_shown_is_not_withheld() -> None:
    desk = Desk()
    desk.see(turn(61), 5)
    assert desk.see(strained(), 20) == ["listening", "slow_down"]
    assert withheld(desk) == []


@pytest.mark.parametrize(
    ("before", "while_due", "because"),
    [
        (strained(), {}, "The lamp was saying: slow down."),
        (LISTENING, {"on_hold": True}, "The call was on hold."),
        (LISTENING, {"fault": "No sound arrives."}, "The lamp showed a fault."),
    ],
)
def test_what_stands_against_a_cue(
    before: Situation, while_due: dict[str, Any], because: str
) -> None:
    desk = Desk()
    desk.see(before)
    desk.see(msgspec.structs.replace(turn(61), **while_due), 5)
    assert withheld(desk) == []  # it is still due
    desk.see(LISTENING)
    assert withheld(desk) == [("long_turn", because)]


def test_the_end_of_the_call_is_the_end_of_what_was_due() -> None:
    desk = Desk()
    desk.see(strained())
    desk.see(turn(61))
    desk.see(Situation())
    assert withheld(desk) == [("long_turn", "The lamp was saying: slow down.")]


def test_no_more_cues_in_24_hours_than_the_budget_but_faults() -> None:
    desk = Desk(daily_budget=2)
    for _ in range(2):
        assert desk.see(turn(61), 60) == ["long_turn", "listening"]
        desk.see(LISTENING, 60)
    assert desk.see(turn(61), 60) == []
    assert desk.see(Situation(in_call=True, fault="No sound arrives."), 60) == ["fault"]
    desk.see(LISTENING)
    assert withheld(desk) == [("long_turn", "The budget of cues for 24 hours (2) is used up.")]
    desk.now_ms += 24 * 3_600_000
    assert desk.see(turn(61)) == ["long_turn"]


situations = st.builds(
    Situation,
    in_call=st.sampled_from([True, True, True, False]),
    on_hold=st.sampled_from([False, False, True]),
    agent_ms=st.sampled_from([0, 20_000, 60_000]),
    customer_ms=st.sampled_from([0, 20_000]),
    agent_turn_ms=st.sampled_from([0, 61_000]),
    silence_ms=st.sampled_from([0, 6_000]),
    strain=st.just(50.0),
    strain_high=st.booleans(),
    strain_turned=st.booleans(),
)


@given(st.lists(st.tuples(situations, st.integers(1, 300), st.booleans()), max_size=20))
def test_cues_are_never_nearer_than_15_s(
    script: list[tuple[Situation, int, bool]],
) -> None:
    desk = Desk()
    for situation, tenths, interrupted in script:
        events = [interruption(taken=True)] if interrupted else []
        desk.see(situation, tenths / 10, *events)
    spoken = [s.at_ms for s in desk.shown if s.cue not in STATES]
    assert all(b - a >= 15_000 for a, b in itertools.pairwise(spoken))
    assert all(bool(s.reason) == (s.cue not in STATES) for s in desk.shown)
    assert all(held.reason and held.because for held in desk.cues.take_withheld())


def test_every_cue_has_its_place_and_its_time() -> None:
    assert {*PRIORITY, *STATES, "breathe", "fault"} == set(get_args(Cue))
    assert set(SHOWN_MS) == set(PRIORITY)


def test_every_cue_and_setting_is_documented() -> None:
    text = DOCUMENT.read_text()
    names = [*get_args(Cue), *CueSettings.__struct_fields__]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_a_share_at_its_limit_is_not_said_unless_it_is_measured_exactly() -> None:
    at_its_limit = Situation(in_call=True, agent_ms=26_200, customer_ms=13_800)
    assert "share_floor" not in Desk().see(at_its_limit, 60)
    exact = Cues(CueSettings(), EXACT)
    assert exact.reason("share_floor", 0, at_its_limit).startswith("You have talked 66 %")


def test_a_share_is_further_over_its_limit_where_the_core_is_often_undecided() -> None:
    over = Situation(in_call=True, agent_ms=26_400, customer_ms=13_600, undecided=0.2)
    assert "share_floor" in Desk().see(over, 1)
    assert "share_floor" not in Desk().see(msgspec.structs.replace(over, undecided=0.4), 60)


def test_slow_down_is_not_said_after_the_voice_has_calmed_though_it_had_to_wait() -> None:
    desk = Desk()
    desk.see(LISTENING, 0.1, interruption(taken=True))
    desk.see(strained(72), 10)
    assert "slow_down" not in desk.see(strained(23), 30)
    assert [held.cue for held in desk.cues.take_withheld()] == ["slow_down"]


def test_an_interruption_in_doubt_is_kept_to_itself_and_told() -> None:
    desk = Desk()
    assert desk.cues.look(200, LISTENING, [], [interruption(taken=True)]) is not None
    assert desk.see(LISTENING, 5) == []
    assert withheld(desk) == [
        ("let_finish", "It was not clear enough that you spoke over the customer.")
    ]
