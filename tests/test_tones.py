"""What the tones of the line say, first from flags made by hand, then from sound."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import turnlight
from sounds import RATE_HZ, Pcm, noise
from turnlight.agent import Heard, Listener
from turnlight.call import CallRecord
from turnlight.config import Config
from turnlight.dsp import FLAG_TONE, Core
from turnlight.recording import open_recording
from turnlight.settle import HOLD_SETTLE_MS, SETTLE_MS, Settler
from turnlight.tones import LineTones

CALLS = Path(turnlight.__file__).with_name("calls")
QUIET_Q8, TONE_Q8 = -70 * 256, -25 * 256

Cadence = list[tuple[float, float]]
"""On and off, in seconds."""


def line(
    sounding: Cadence,
    before_s: float = 2,
    after_s: float = 20,
    agent: tuple[float, float] = (0, 0),
    customer: tuple[float, float] = (0, 0),
) -> list[tuple[str, float]]:
    """The line as it is settled: what, and from when on, in seconds."""
    tones = [False] * round(before_s * 100)
    for on_s, off_s in sounding:
        tones += [True] * round(on_s * 100) + [False] * round(off_s * 100)
    tones += [False] * round(after_s * 100)
    settlers, found, states = (Settler(), Settler()), LineTones(), []
    for i in range(len(tones) + HOLD_SETTLE_MS // 10):
        tone = i < len(tones) and tones[i]
        # the core goes on flagging a tone for 250 ms after it
        flag = any(tones[max(0, i - 25) : i + 1])
        talk = [
            settler.push(start <= i / 100 < end)
            for settler, (start, end) in zip(settlers, (agent, customer), strict=True)
        ]
        states.append(found.push(flag, TONE_Q8 if tone else QUIET_Q8, *talk))
    edges: list[tuple[str, float]] = []
    at = -HOLD_SETTLE_MS
    for state, run in itertools.groupby(states):
        if (at >= 0 and state != "open") or edges:
            edges.append((str(state), at / 1000))
        at += 10 * len(list(run))
    return edges


RINGS: dict[str, Cadence] = {
    "America": [(2, 4)] * 3,
    "Europe": [(1, 4)] * 3,
    "France": [(1.5, 3.5)] * 3,
    "Britain": [(0.4, 0.2), (0.4, 2)] * 4,
    "Japan": [(1, 2)] * 4,
}
BUSY: dict[str, Cadence] = {
    "America": [(0.5, 0.5)] * 8,
    "America, fast": [(0.25, 0.25)] * 12,
    "Britain": [(0.37, 0.38)] * 8,
    "Italy, congestion": [(0.2, 0.2)] * 12,
}


def ends_s(cadence: Cadence) -> float:
    """When the last tone ends."""
    return round(2 + sum(on + off for on, off in cadence) - cadence[-1][1], 3)


@pytest.mark.parametrize("country", RINGS)
def test_while_it_rings_nobody_is_there(country: str) -> None:
    assert line(RINGS[country]) == [("held", 2), ("open", ends_s(RINGS[country]))]


def test_a_ring_with_a_long_gap_is_known_from_the_second_on() -> None:
    *edges, (_, open_s) = line([(1, 5)] * 4)
    assert edges == [("held", 2), ("open", 3), ("held", 8)]
    # 5 s before it was known that the fifth ring would not come
    assert open_s == pytest.approx(21 + 5 * 1.15 - 5, abs=0.05)


def test_a_ring_that_is_answered_ends_with_the_first_word() -> None:
    answered = line([(2, 4), (2, 30)], customer=(12, 14))
    assert answered == [("held", 2), ("open", 12)]


def test_what_the_agent_says_between_two_rings_is_said_to_nobody() -> None:
    assert line([(2, 4)] * 3, agent=(5, 7)) == [("held", 2), ("open", 16)]


def test_what_the_agent_says_after_the_last_ring_counts() -> None:
    assert line([(2, 4), (2, 30)], agent=(10.5, 14)) == [("held", 2), ("open", 10.5)]


@pytest.mark.parametrize("country", BUSY)
def test_a_busy_tone_means_that_the_other_end_is_gone_since_it_began(country: str) -> None:
    hung_up, *rest = line(BUSY[country])
    assert hung_up == ("hung_up", 2)
    assert rest == [("held", 2.01), ("open", ends_s(BUSY[country]))]


def test_a_dial_tone_means_the_same() -> None:
    assert line([(8, 1)]) == [("hung_up", 2), ("held", 2.01), ("open", 10)]


def test_a_long_busy_tone_is_told_once() -> None:
    assert [state for state, _ in line([(0.5, 0.5)] * 60)].count("hung_up") == 1


def test_a_line_that_is_busy_for_a_night_takes_no_memory() -> None:
    found = LineTones()

    def busy(seconds: int) -> None:
        for i in range(seconds * 100):
            found.push(i % 100 < 75, TONE_Q8 if i % 100 < 50 else QUIET_Q8, False, False)

    busy(60)
    tracemalloc.start()
    try:
        busy(3_600)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 20_000


@pytest.mark.parametrize(
    "pressed",
    [
        [(0.1, 0.1)] * 11,
        [(0.21, 0.3), (0.15, 0.22), (0.25, 0.4), (0.18, 0.31), (0.2, 0.26)],
        [(0.5, 0.5)] * 3,
    ],
    ids=["a machine dials", "a finger presses keys", "three beeps"],
)
def test_other_tones_are_no_busy_tone(pressed: Cadence) -> None:
    assert line(pressed) == []


def test_beeps_that_repeat_in_silence_are_a_held_line() -> None:
    found = line([(0.2, 0.2), (0.2, 9.4)] * 4)
    # known with the second pair, and 5 s back is as far as it can be told then
    assert found[0][0] == "held"
    assert 12 - 5 <= found[0][1] <= 12
    # when the fifth pair did not come
    state, open_s = found[1]
    assert state == "open"
    assert open_s == pytest.approx(32.6 + 9.4 * 1.15 - 5, abs=0.05)


@pytest.mark.parametrize("who", ["agent", "customer"])
def test_whoever_speaks_first_ends_a_hold_of_beeps(who: str) -> None:
    agent, customer = ((19, 22) if who == party else (0, 0) for party in ("agent", "customer"))
    assert line([(0.3, 4.7)] * 4, agent=agent, customer=customer)[-1] == ("open", 19)


def test_beeps_of_a_recorder_do_not_hold_people_who_talk() -> None:
    assert line([(0.25, 14.75)] * 3, agent=(5, 8), customer=(20, 26)) == []


def test_a_lone_long_beep_takes_no_word_away() -> None:
    assert line([(1, 30)], agent=(3.4, 9)) == [("held", 2), ("open", 3.4)]


# ---- from sound

PITCHES: dict[str, tuple[int, ...]] = {
    "America": (440, 480),
    "Europe": (425,),
    "Britain": (400, 450),
}


def sounding(pitches: tuple[int, ...], cadence: Cadence, amplitude: int = 1500) -> Pcm:
    """Tones in the earpiece, and a little noise on both sides."""
    parts = []
    for on_s, off_s in cadence:
        t = np.arange(round(on_s * RATE_HZ)) / RATE_HZ
        parts.append(sum(amplitude * np.sin(2 * np.pi * hz * t) for hz in pitches))
        parts.append(np.zeros(round(off_s * RATE_HZ)))
    earpiece = np.concatenate(parts)
    microphone = noise(len(earpiece), 3, 25)
    both = np.stack([microphone, earpiece + noise(len(earpiece), 4, 26)], 1)
    return np.round(both).astype(np.int16)


def spoken() -> Pcm:
    return np.concatenate(list(open_recording(CALLS / "short.opus").blocks()))


def in_the_room(sound: Pcm, call: Pcm) -> Pcm:
    """The same, but the microphone hears what it does before the call's first word: who answers
    sits where it rang."""
    out = sound.copy()
    out[:, 0] = np.resize(call[: RATE_HZ // 2, 0], len(sound))
    return out


def heard(*sound: Pcm) -> tuple[list[CallRecord], Heard]:
    core, listener, whole = Core(), Listener(Config(), keep=True), Heard()
    pcm = np.concatenate(sound)
    for part in (listener.hear(core.process(pcm)), listener.hear(core.flush()), listener.finish()):
        whole.calls += part.calls
        whole.cues += part.cues
    return whole.calls, whole


def test_the_core_flags_the_tones_that_are_meant_here() -> None:
    for pitches in PITCHES.values():
        rows = Core().process(sounding(pitches, [(1, 1)]))
        flagged = np.count_nonzero(rows["customer_flags"] & FLAG_TONE)
        assert 90 <= flagged <= 130


@pytest.mark.parametrize("country", PITCHES)
def test_a_call_begins_after_the_ringing_and_ends_with_the_busy_tone(country: str) -> None:
    call = spoken()
    ringing = in_the_room(sounding(PITCHES[country], RINGS[country]), call)
    busy = in_the_room(sounding(PITCHES[country], [(0.5, 0.5)] * 7), call)
    (alone,), _ = heard(call)
    (found,), whole = heard(ringing, call, busy)
    offset_ms = len(ringing) // 16
    assert found.start_ms == pytest.approx(alone.start_ms + offset_ms, abs=150)
    assert found.end_ms == pytest.approx(alone.end_ms + offset_ms, abs=150)
    for name in ("talk_sum_ms", "duration_ms"):
        assert found.metrics[name] == pytest.approx(alone.metrics[name], rel=0.02)
    # not 20 s after the last word
    assert found.ended_ms - found.end_ms < (len(call) // 16 - alone.end_ms) + 1_500
    idle = [cue.at_ms for cue in whole.cues if cue.cue == "idle"]
    assert idle[-1] < (len(ringing) + len(call)) // 16 + 3_500 + SETTLE_MS + 500


@pytest.mark.parametrize("country", RINGS)
def test_ringing_and_a_busy_tone_alone_are_no_call(country: str) -> None:
    pitches = PITCHES.get(country, (425,))
    busy = BUSY.get(country, [(0.5, 0.5)] * 8)
    assert heard(sounding(pitches, RINGS[country] + busy))[0] == []


def test_a_colleague_who_is_called_during_the_call_is_a_hold() -> None:
    call, ringing = spoken(), sounding((425,), [(1, 4)] * 3)
    (found,), _ = heard(call, ringing, call)
    ((start_ms, end_ms),) = found.holds
    assert start_ms == pytest.approx(len(call) // 16, abs=150)
    assert end_ms == pytest.approx((len(call) + len(ringing)) // 16 - 4_000, abs=150)
    assert found.metrics["hold_ms"] == end_ms - start_ms
