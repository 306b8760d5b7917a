"""Cues of the lamp over four hours of ordinary conversation on desks: which of them are wrong.

The same conversation goes through the same code twice: once as the core hears it, with the margins
that the lamp asks for, once with who really speaks in place of the core's decisions and with the
bare conditions. A cue is wrong where the truth does not give it: its condition holds at no time
near it. The lamp's margins were chosen on other conversations: README.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from bench import scenes
from bench.labels import Labels
from bench.scenes import Call, Material
from bench.systems import ours
from bench.table import Row, progress
from turnlight.agent import LOOK_MS, Listener
from turnlight.config import Config
from turnlight.cues import FRESH_MS, PRIORITY, Cue, Cues
from turnlight.doubt import EXACT, USUAL, Margins
from turnlight.dsp import CONFIRM, HOP_MS, Frames, Pcm
from turnlight.turns import Event

CALLS, SECONDS, QUICK_CALLS = 48, 300.0, 2
JUDGED = ("emodb-15", "asterisk-ru", "emodb-16")
"""Who speaks; bench/README.md says who spoke where the margins were chosen."""
DRAW = 306
"""What is drawn for them. Margins are judged on it, and so chosen on any other."""
NEAR_MS = 15_000
"""As far as two cues lie from each other: so much may one wait for the other."""
NEAR_EVENT_MS = 5_000
"""Of an event: who sees the light thinks of the last few seconds."""

CUES: tuple[Cue, ...] = (*PRIORITY, "breathe")
EVENTS: tuple[Cue, ...] = ("let_finish",)


class Span(msgspec.Struct, frozen=True):
    """A cue is right from one time to another."""

    cue: Cue
    start_ms: int
    end_ms: int

    def near(self, cue: Cue, at_ms: int) -> bool:
        """Whether a cue of then is this one."""
        near_ms = NEAR_EVENT_MS if cue in EVENTS else NEAR_MS
        return cue == self.cue and self.start_ms - near_ms <= at_ms <= self.end_ms + near_ms


class Said(msgspec.Struct):
    """What the lamp says over a call; no faults."""

    shown: list[tuple[int, Cue]] = msgspec.field(default_factory=list)
    spans: list[Span] = msgspec.field(default_factory=list)
    """When each cue would be right, whatever stands against it and whatever was said before."""


def told(rows: Frames, truth: Labels) -> Frames:
    """The core's rows with who really speaks for its decisions."""
    out = rows.copy()
    for k, party in enumerate(("agent", "customer")):
        out[f"{party}_talk"] = truth[: len(rows), k]
        out[f"{party}_confirmed"][CONFIRM:] = truth[: len(rows) - CONFIRM, k]
    return out


def lamp(rows: Frames, margins: Margins) -> Said:
    """What the lamp shows over a call, and when its cues would be right."""
    listener, cues, said = (
        Listener(Config(), True, 0, margins),
        Cues(Config().cues, margins),
        Said(),
    )
    calls, look = [], LOOK_MS // HOP_MS
    since: dict[Cue, int] = {}
    hard = False
    for start in range(0, len(rows), look):
        calls += listener.hear(rows[start : start + look]).calls
        now_ms, situation = start * HOP_MS + LOOK_MS, listener.situation
        hard |= situation.strain_high
        for cue in PRIORITY:
            if cues.reason(cue, now_ms, situation):
                since.setdefault(cue, now_ms)
            elif cue in since:
                said.spans.append(Span(cue, since.pop(cue), now_ms))
    said.spans += [Span(cue, start_ms, len(rows) * HOP_MS) for cue, start_ms in since.items()]
    if hard:
        said.spans.append(Span("breathe", len(rows) * HOP_MS, len(rows) * HOP_MS))
    calls += listener.finish().calls
    for call in calls:
        said.shown += [(cue.at_ms, cue.cue) for cue in call.cues if cue.cue != "fault"]
        # an interruption is right for a moment
        said.spans += [Span(cue.cue, cue.at_ms, cue.at_ms + FRESH_MS) for cue in call.cues]
        said.spans += [Span(held.cue, held.at_ms, held.at_ms + FRESH_MS) for held in call.withheld]
        said.spans += interrupted(call.events)
    return said


def interrupted(events: list[Event]) -> list[Span]:
    """When the agent had taken the floor, or interrupted twice, whether or not it was said."""
    within_ms = round(Config().cues.interruptions_in_s * 1000)
    found = [e for e in events if e.kind == "interruption" and e.by == "agent"]
    found.sort(key=lambda event: event.decided_ms)
    return [
        Span("let_finish", event.decided_ms, event.decided_ms + FRESH_MS)
        for i, event in enumerate(found)
        if event.floor_taken or (i and event.decided_ms - found[i - 1].decided_ms <= within_ms)
    ]


def compare(heard: Said, true: Said) -> dict[str, list[Cue]]:
    """The cues of one call, by what they are."""
    late = [
        cue
        for at_ms, cue in heard.shown
        if not any(cue == other and abs(at_ms - then) <= NEAR_MS for then, other in true.shown)
    ]
    wrong = [
        cue for at_ms, cue in heard.shown if not any(span.near(cue, at_ms) for span in true.spans)
    ]
    given = []
    for at_ms, cue in true.shown:
        spans = [span for span in true.spans if span.near(cue, at_ms)]
        if any(
            span.near(cue, ours_ms)
            for span in spans
            for ours_ms, other in heard.shown
            if other == cue
        ):
            given.append(cue)
    return {
        "shown": [cue for _, cue in heard.shown],
        "wrong": wrong,
        "apart": late,
        "true": [cue for _, cue in true.shown],
        "given": given,
    }


def conversations(
    material: Material, names: list[str], count: int, draw: int
) -> Iterator[tuple[Call, Pcm]]:
    """Calls of these speakers on desks of the grid; another draw gives others."""
    for number, desk in enumerate(scenes.grid(count, draw)):
        pair = (names[number % len(names)], names[(number + 1 + number // len(names)) % len(names)])
        if pair[0] == pair[1]:
            pair = (pair[0], names[(number + 1) % len(names)])
        rng = np.random.default_rng((scenes.SEED, draw, number))
        call = scenes.converse(material, pair, SECONDS, rng)
        yield call, scenes.pcm(scenes.put_on(desk, call, material, rng))


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """A row for each cue, and one for all."""
    count = QUICK_CALLS if quick else CALLS
    material = scenes.held_out(data, extra)
    names = [name for name in JUDGED if name in material.speakers]
    found: dict[str, list[Cue]] = {}
    for number, (call, pcm) in enumerate(conversations(material, names, count, DRAW)):
        progress(f"  call {number + 1}/{count}")
        rows = ours(pcm)
        of_call = compare(lamp(rows, USUAL), lamp(told(rows, call.truth), EXACT))
        for kind, cues in of_call.items():
            found.setdefault(kind, []).extend(cues)
    return table(found, count * SECONDS / 3600)


def table(found: dict[str, list[Cue]], hours: float) -> list[Row]:
    """Counts by cue, and over all of them."""
    rows: list[Row] = []
    for cue in CUES:
        counts = {kind: said.count(cue) for kind, said in found.items()}
        rows.append({"cue": cue.replace("_", " "), **counts, "given, %": _share(counts)})
    counts = {kind: len(said) for kind, said in found.items()}
    all_: Row = {"cue": "all", **counts, "given, %": _share(counts)}
    return [*rows, all_ | {"wrong, per hour": counts["wrong"] / hours}]


def _share(counts: dict[str, int]) -> float | str:
    return 100 * counts["given"] / counts["true"] if counts["true"] else ""
