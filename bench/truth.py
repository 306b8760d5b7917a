"""Who really speaks: found in each party's own dry channel, before anything is mixed."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

HOP = 160
Sound = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]

BELOW_PEAK_DB = 38.0
"""Speech is within this of the loudest 50 ms of the utterance or call..."""
ABOVE_NOISE_DB = 10.0
"""...and this far above the recording's own noise..."""
QUIETEST = 0.03
"""...which is what so much of it lies below..."""
VOICE_DB = 20.0
"""...and never hides what is within this of the loudest 50 ms..."""
CUT_DB = 34.0
"""...or within this, where the recording holds no silence:"""
SILENCE_MS = 120
"""as long on end..."""
SILENCE_DB = 5.0
"""...within this of the quietest."""
LEAST_SPREAD_DB = 3.0
"""A voice's levels spread wider than this (standard deviation); noise has 0.3."""
BURST_MS = 80
BRIDGE_MS = 150
TURN_BRIDGE_MS = 250
"""Gaps that the design's turns bridge; a second column of the tables is scored with them."""


def runs(active: Labels) -> list[tuple[int, int]]:
    """First frame, and first frame after, of each run."""
    edges = np.flatnonzero(np.diff(np.r_[0, active.astype(np.int8), 0]))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def bridged(active: Labels, bridge_ms: int, burst_ms: int = 0) -> Labels:
    """Bridges gaps up to `bridge_ms`, then drops bursts under `burst_ms`."""
    out = active.copy()
    found = runs(active)
    for (_, end), (start, _) in itertools.pairwise(found):
        if (start - end) * 10 <= bridge_ms:
            out[end:start] = True
    for start, end in runs(out):
        if (end - start) * 10 < burst_ms:
            out[start:end] = False
    return out


def level_db(dry: Sound) -> Sound:
    """Level of each 10 ms, smoothed over 50 ms."""
    frames = dry[: len(dry) // HOP * HOP].reshape(-1, HOP)
    power = np.convolve((frames**2).mean(1), np.ones(5) / 5, "same")
    return 10 * np.log10(power + 1e-12)


def holds_a_voice(dry: Sound) -> bool:
    """Whether a recording is more than steady noise: prompts of silence come among others."""
    return float(level_db(dry).std()) >= LEAST_SPREAD_DB


def holds_a_silence(db: Sound) -> bool:
    """Whether the quietest of these levels is one stretch: a pause, and not how words fade."""
    quiet = runs(db < np.quantile(db, QUIETEST) + SILENCE_DB)
    return any((end - start) * 10 >= SILENCE_MS for start, end in quiet)


def least_db(db: Sound, voice_db: float) -> float:
    """What is louder is speech; what is within `voice_db` of the loudest always is."""
    noise, peak = float(np.quantile(db, QUIETEST)), float(db.max())
    return max(peak - BELOW_PEAK_DB, min(noise + ABOVE_NOISE_DB, peak - voice_db))


def speech(dry: Sound, bridge_ms: int = BRIDGE_MS) -> Labels:
    """Frames of 10 ms in which the voice of a dry utterance, or of one party of a call, is heard.

    A recording that was cut close to its words has no silence to know its noise from, and would
    lose the ends of its words. `phones.py` holds the rule against phones labelled by hand.
    """
    db = level_db(dry)
    least = least_db(db, VOICE_DB if holds_a_silence(db) else CUT_DB)
    return bridged(db > least, bridge_ms, BURST_MS)
