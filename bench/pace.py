"""Syllable nuclei against syllables that were counted by hand: how many, and how fast.

Rates are those of the product: nuclei in settled speech, over its time. A true rate is the counted
syllables over the time in which the dry voice speaks.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile

from bench.labels import Labels
from bench.systems import confirmed_talk, ours, settled
from bench.table import Row, progress
from bench.truth import Sound, speech
from bench.turns import CALLS, recorded
from turnlight.dsp import FLAG_NUCLEUS, RATE_HZ, Frames, Pcm
from turnlight.turns import PARTIES

COUNTED = Path(__file__).with_name("syllables.toml")
AROUND_S = 1.0
"""Silence before and after a sentence."""
CUSTOMER_DBFS = -72.0
"""Faint hiss on the other channel."""
QUICK_SENTENCES = 60


class Sentence(msgspec.Struct, frozen=True):
    """One sentence: what was counted by hand, and what the core hears."""

    syllables: int
    true_s: float
    nuclei: int
    heard_s: float


def nuclei(rows: Frames, talk: Labels, party: int, start: int, end: int) -> tuple[int, float]:
    """Nuclei in a party's speech of these frames, and its time in seconds."""
    name = PARTIES[party]
    own = talk[start:end, party]
    marked = (rows[f"{name}_flags"][start:end] & FLAG_NUCLEUS) != 0
    return int((marked & own).sum()), float(own.sum()) / 100


def emodb(data: Path, quick: bool) -> list[Sentence]:
    """Ten sentences by ten actors in seven moods, each alone on the agent's channel."""
    counted = tomllib.loads(COUNTED.read_text())["emodb"]
    found = []
    paths = sorted((data / "emodb" / "wav").glob("*.flac"))
    for path in paths[:: len(paths) // QUICK_SENTENCES] if quick else paths:
        sound, rate = soundfile.read(path)
        assert rate == RATE_HZ, path
        rows = ours(on_a_desk(sound))
        heard, heard_s = nuclei(rows, settled(confirmed_talk(rows)), 0, 0, len(rows))
        true_s = float(speech(sound).sum()) / 100
        found.append(Sentence(counted[path.name[2:5]], true_s, heard, heard_s))
    return found


def on_a_desk(sound: Sound) -> Pcm:
    """The agent alone, in a quiet room."""
    around = int(AROUND_S * RATE_HZ)
    both = np.random.default_rng(1).normal(
        0, 10 ** (CUSTOMER_DBFS / 20), (len(sound) + 2 * around, 2)
    )
    both[around : around + len(sound), 0] += sound
    return np.clip(np.round(both * 32_767), -32_768, 32_767).astype(np.int16)


def demo_calls() -> list[Sentence]:
    """Lines of the demo calls, where they stand: with bleed, sidetone, room and telephone."""
    found = []
    for name, counted in tomllib.loads(COUNTED.read_text())["calls"].items():
        segments = json.loads((CALLS / f"{name}.json").read_text())["segments"]
        rows = ours(recorded(name))
        talk = settled(confirmed_talk(rows))
        for party, lines in counted.items():
            own = [segment for segment in segments if segment["party"] == party]
            for at_s, syllables in lines:
                spans = line(own, at_s)
                heard = [
                    nuclei(
                        rows, talk, PARTIES.index(party), round(a * 100) - 10, round(b * 100) + 10
                    )
                    for a, b in spans
                ]
                true_s = sum(b - a for a, b in spans)
                found.append(
                    Sentence(syllables, true_s, sum(n for n, _ in heard), sum(s for _, s in heard))
                )
    return found


def frames_of(span: tuple[float, float]) -> tuple[int, int]:
    """First frame, and first frame after, with 100 ms on both sides."""
    return round(span[0] * 100) - 10, round(span[1] * 100) + 10


def line(own: list[dict[str, Any]], at_s: float) -> list[tuple[float, float]]:
    """The stretches of speech of the line that starts here: only its first one has words."""
    first = min(range(len(own)), key=lambda i: abs(own[i]["start_s"] - at_s))
    last = first + 1
    while last < len(own) and not own[last]["text"]:
        last += 1
    return [(part["start_s"], part["end_s"]) for part in own[first:last]]


def row(what: str, sentences: list[Sentence]) -> Row:
    """How the heard follow the counted."""
    counted, true_s, heard, heard_s = (
        np.array([getattr(one, name) for one in sentences], float)
        for name in ("syllables", "true_s", "nuclei", "heard_s")
    )
    rated = heard_s > 0
    return {
        "what": what,
        "sentences": len(sentences),
        "count r": float(np.corrcoef(counted, heard)[0, 1]),
        "rate r": float(np.corrcoef((counted / true_s)[rated], (heard / heard_s)[rated])[0, 1]),
        "nuclei per syllable": float(heard.sum() / counted.sum()),
    }


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """Correlations (r) over EmoDB, over the demo calls, and over both."""
    del extra
    progress("  EmoDB")
    acted = emodb(data, quick)
    progress("  the demo calls")
    made = demo_calls()
    return [row("EmoDB", acted), row("synthetic", made), row("both", acted + made)]
