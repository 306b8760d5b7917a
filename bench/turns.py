"""Interruptions, backchannels and early starts of the demo calls, against labels made by hand.

The sound of each call goes through the core and the device's own code, as it was recorded and on
other desks: softer, and in a room that hisses.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import numpy as np
import soundfile

import turnlight
from bench.systems import ours
from bench.table import Row
from turnlight.agent import Listener
from turnlight.config import Config
from turnlight.dsp import RATE_HZ, Pcm

LABELS = Path(__file__).resolve().parents[1] / "tests" / "labels.toml"
CALLS = Path(turnlight.__file__).with_name("calls")
KINDS = ("interruption", "backchannel", "early_start")
NEAR_S = 0.3
"""An event is the labelled one if it starts so near to it."""
ROOM_DBFS = -50.0
QUICK_DESK = "as recorded"

Change = Callable[[Pcm], Pcm]


class Label(msgspec.Struct, frozen=True):
    """One thing that happened, in a call."""

    call: str
    kind: str
    by: str
    at_s: float


def softer(pcm: Pcm, by_db: float) -> Pcm:
    """The same call on a desk whose gain is lower."""
    return np.round(pcm * 10 ** (-by_db / 20)).astype(np.int16)


def in_a_room(pcm: Pcm) -> Pcm:
    """The same call with a hiss in both channels."""
    noise = np.random.default_rng(7).normal(0, 32_768 * 10 ** (ROOM_DBFS / 20), pcm.shape)
    return np.clip(np.round(pcm + noise), -32_768, 32_767).astype(np.int16)


DESKS: dict[str, Change] = {
    "as recorded": lambda pcm: pcm,
    "10 dB softer": lambda pcm: softer(pcm, 10),
    "20 dB softer": lambda pcm: softer(pcm, 20),
    "a hissing room": in_a_room,
}


def recorded(name: str) -> Pcm:
    """The sound of a demo call."""
    pcm, rate = soundfile.read(CALLS / f"{name}.opus", dtype="int16")
    assert rate == RATE_HZ, name
    return np.asarray(pcm)


def labels() -> list[Label]:
    """All labels, those of nothing too."""
    return [
        Label(call, event["kind"], event["by"], event["at"])
        for call, found in tomllib.loads(LABELS.read_text()).items()
        for event in found["events"]
    ]


def heard(desk: Change) -> list[Label]:
    """What the device finds in the demo calls."""
    found: list[Label] = []
    for path in sorted(CALLS.glob("*.opus")):
        rows = ours(desk(recorded(path.stem)))
        listener = Listener(Config(), keep=True)
        found += [
            Label(path.stem, event.kind, event.by or "", event.start_ms / 1000)
            for call in [*listener.hear(rows).calls, *listener.finish().calls]
            for event in call.events
            if event.kind in KINDS
        ]
    return found


def matched(found: list[Label], true: list[Label]) -> int:
    """How many of those found are labelled so; each label is used once."""
    left = list(true)
    for one in found:
        for label in left:
            same = (one.call, one.kind, one.by) == (label.call, label.kind, label.by)
            if same and abs(one.at_s - label.at_s) <= NEAR_S:
                left.remove(label)
                break
    return len(true) - len(left)


def row(desk: str, kind: str, found: list[Label], true: list[Label], hits: int) -> Row:
    """Precision, recall and F1 of one kind."""
    return {
        "desk": desk,
        "kind": kind.replace("_", " "),
        "labelled": len(true),
        "found": len(found),
        "right": hits,
        "precision": hits / len(found) if found else 0.0,
        "recall": hits / len(true),
        "F1": 2 * hits / (len(found) + len(true)),
    }


def rows(desks: Mapping[str, Change]) -> list[Row]:
    """A row for each kind, on each of these desks and on all of them."""
    table: list[Row] = []
    true = {kind: [label for label in labels() if label.kind == kind] for kind in KINDS}
    all_found: dict[str, list[Label]] = {kind: [] for kind in KINDS}
    all_hits = dict.fromkeys(KINDS, 0)
    for name, desk in desks.items():
        on_desk = heard(desk)
        for kind in KINDS:
            found = [one for one in on_desk if one.kind == kind]
            hits = matched(found, true[kind])
            table.append(row(name, kind, found, true[kind], hits))
            all_found[kind] += found
            all_hits[kind] += hits
    return table + [
        row("all", kind, all_found[kind], true[kind] * len(desks), all_hits[kind]) for kind in KINDS
    ]


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """Nothing but the demo calls is needed."""
    del data, extra
    return rows({QUICK_DESK: DESKS[QUICK_DESK]} if quick else DESKS)
