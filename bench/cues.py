"""Cues of the lamp over two hours of ordinary conversation on desks: which of them are wrong.

The same conversation goes through the same code twice: once as the core hears it, once with who
really speaks in place of the core's decisions. A cue is wrong where the truth gives none of its
kind near it, shown or due; it is missed the other way round.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench import scenes
from bench.systems import ours
from bench.table import Row, progress
from bench.truth import Labels
from turnlight.agent import Listener
from turnlight.config import Config
from turnlight.cues import PRIORITY, Cue
from turnlight.dsp import CONFIRM, Frames

CALLS, SECONDS, QUICK_CALLS = 24, 300.0, 2
NEAR_MS = 15_000
"""As far as two cues lie from each other: so much may one wait for the other."""

Said = list[tuple[int, Cue]]
"""When, and what."""


def told(rows: Frames, truth: Labels) -> Frames:
    """The core's rows with who really speaks for its decisions."""
    out = rows.copy()
    for k, party in enumerate(("agent", "customer")):
        out[f"{party}_talk"] = truth[: len(rows), k]
        out[f"{party}_confirmed"][CONFIRM:] = truth[: len(rows) - CONFIRM, k]
    return out


def lamp(rows: Frames) -> tuple[Said, Said]:
    """What the lamp shows over a call, and what it shows or has due; no faults."""
    listener = Listener(Config(), keep=True)
    calls = [*listener.hear(rows).calls, *listener.finish().calls]
    shown: Said = [
        (cue.at_ms, cue.cue) for call in calls for cue in call.cues if cue.cue != "fault"
    ]
    due: Said = [(held.at_ms, held.cue) for call in calls for held in call.withheld]
    return shown, shown + due


def without(said: Said, among: Said) -> list[Cue]:
    """What has none of its kind near it among the others."""
    return [
        cue
        for at_ms, cue in said
        if not any(cue == other and abs(at_ms - then_ms) <= NEAR_MS for then_ms, other in among)
    ]


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """A row for each cue, and one for all."""
    material = scenes.held_out(data, extra)
    names = scenes.speakers(material)
    count = QUICK_CALLS if quick else CALLS
    found: dict[str, list[Cue]] = {"shown": [], "wrong": [], "true": [], "missed": []}
    for number, desk in enumerate(scenes.grid(count, 9)):
        progress(f"  call {number + 1}/{count}")
        pair = (names[number % len(names)], names[(number + 1 + number // len(names)) % len(names)])
        if pair[0] == pair[1]:
            pair = (pair[0], names[(number + 1) % len(names)])
        rng = np.random.default_rng((scenes.SEED, 9, number))
        call = scenes.converse(material, pair, SECONDS, rng)
        rows = ours(scenes.pcm(scenes.put_on(desk, call, material, rng)))
        shown, seen = lamp(rows)
        true, due = lamp(told(rows, call.truth))
        found["shown"] += [cue for _, cue in shown]
        found["wrong"] += without(shown, due)
        found["true"] += [cue for _, cue in true]
        found["missed"] += without(true, seen)
    hours = count * SECONDS / 3600
    table: list[Row] = [
        {"cue": cue.replace("_", " "), **{kind: said.count(cue) for kind, said in found.items()}}
        for cue in (*PRIORITY, "breathe")
    ]
    all_: Row = {"cue": "all", **{kind: len(said) for kind, said in found.items()}}
    return [*table, all_ | {"wrong, per hour": len(found["wrong"]) / hours}]
