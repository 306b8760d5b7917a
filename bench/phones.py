"""How near the truth of this bench comes to phones that people labelled by hand.

    ./run bench --data DATA --only phones

All ten actors of EmoDB, whose labels say where each phone begins. Nothing of Turnlight hears them:
it is the rule of truth.py that is measured, beside simpler ones. `cut` is what prompts are like:
the same phrases, at most their last 1.5 s, from 10 to 50 ms before to 20 to 70 ms after their
phones, faded over 10 ms.

    wrong                  % of the frames that the rule calls otherwise than the phones
    begins, ends           median of its first frame, or last, against that of the phones, ms
    begins half, ends half  range of the middle half of them, ms
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from bench import truth
from bench.labels import HOP, Labels, bridged, runs
from bench.table import Row
from bench.truth import Sound

LABEL = re.compile(r"\s*(\d+\.\d+)\s+-?\d+\s+(\S+)")
LONGEST = 150
"""Frames of a cut phrase."""

Phrase = tuple[Sound, Labels]


def measure(data: Path, _extra: Path | None, quick: bool) -> list[Row]:
    """Rows of the table; `data` holds emodb/wav and emodb/lablaut."""
    paths = sorted((data / "emodb" / "wav").glob("*.flac"))[:: 8 if quick else 1]
    rng = np.random.default_rng(20261)
    whole = [found for path in paths if (found := labelled(path)) is not None]
    phrases = [cut for both in whole for cut in cut_close(*both, rng)]
    return [
        {"recordings": f"{len(items)} {name}", "rule": rule, **figures(items, spoken)}
        for name, items in (("whole", whole), ("cut", phrases))
        for rule, spoken in RULES.items()
    ]


def labelled(path: Path) -> Phrase | None:
    """Sound of a file, and the frames in which a phone is; None for a file without labels."""
    names = (f"{path.stem}xx.lablaut", f"{path.stem}.lablaut")
    labels = [path.parents[1] / "lablaut" / name for name in names]
    label = next((each for each in labels if each.exists()), None)
    if label is None:
        return None
    dry, _ = soundfile.read(path)
    starts = [LABEL.match(line) for line in label.read_text("latin-1").splitlines()]
    times = [(float(found[1]), found[2]) for found in starts if found]
    spoken = np.zeros(len(dry) // HOP, bool)
    for (start_s, phone), (end_s, _) in itertools.pairwise(times):
        # brackets open a pause, a dot ends the last word
        if phone[0] not in "(.":
            spoken[round(100 * start_s) : round(100 * end_s)] = True
    return (dry, bridged(spoken, truth.BRIDGE_MS, truth.BURST_MS)) if spoken.any() else None


def cut_close(dry: Sound, spoken: Labels, rng: np.random.Generator) -> list[Phrase]:
    """The ends of a recording's phrases, as prompts are cut."""
    out = []
    for start, end in runs(spoken):
        before, after = int(rng.integers(1, 6)), int(rng.integers(2, 8))
        first, last = max(0, start - before, end - LONGEST), min(len(spoken), end + after)
        sound = dry[first * HOP : last * HOP].copy()
        fade = np.linspace(0, 1, HOP)
        sound[:HOP] *= fade
        sound[-HOP:] *= fade[::-1]
        said = np.zeros(last - first, bool)
        said[max(start, first) - first : end - first] = True
        out.append((sound, said))
    return out


def figures(items: list[Phrase], spoken: Callable[[Sound], Labels]) -> Row:
    """A rule against the phones."""
    wrong, begins, ends = [], [], []
    for sound, said in items:
        called = spoken(sound)[: len(said)]
        wrong.append(called != said[: len(called)])
        a, b = np.flatnonzero(called), np.flatnonzero(said)
        begins.append(10 * (a[0] - b[0]))
        ends.append(10 * (a[-1] - b[-1]))
    begins_ms, ends_ms = np.percentile(begins, (25, 50, 75)), np.percentile(ends, (25, 50, 75))
    return {
        "wrong": float(100 * np.concatenate(wrong).mean()),
        "begins": float(begins_ms[1]),
        "begins half": float(begins_ms[2] - begins_ms[0]),
        "ends": float(ends_ms[1]),
        "ends half": float(ends_ms[2] - ends_ms[0]),
    }


def _below_peak(dry: Sound) -> Labels:
    db = truth.level_db(dry)
    return _bridged(db > db.max() - truth.BELOW_PEAK_DB)


def _above_noise(dry: Sound) -> Labels:
    """As if every recording held a silence."""
    db = truth.level_db(dry)
    return _bridged(db > max(db.max() - truth.BELOW_PEAK_DB, truth.above_noise_db(db)))


def _with_rumble(dry: Sound) -> Labels:
    """The rule of this bench until 2026-11-24."""
    frames = dry[: len(dry) // HOP * HOP].reshape(-1, HOP)
    db = 10 * np.log10(np.convolve((frames**2).mean(1), np.ones(5) / 5, "same") + 1e-12)
    return _bridged(db > max(db.max() - truth.BELOW_PEAK_DB, truth.above_noise_db(db)))


def _bridged(active: Labels) -> Labels:
    return bridged(active, truth.BRIDGE_MS, truth.BURST_MS)


RULES: dict[str, Callable[[Sound], Labels]] = {
    "truth": truth.speech,
    "38 dB below the loudest": _below_peak,
    "above the noise, silence or not": _above_noise,
    "the same with rumble, the truth until 2026-11-24": _with_rumble,
}
