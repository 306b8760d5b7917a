"""Who really speaks: found in each party's own dry channel, before anything is mixed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from bench.labels import HOP, Labels, bridged, runs

Sound = npt.NDArray[np.float64]

BELOW_PEAK_DB = 38.0
"""Speech is within this of the loudest 50 ms of the utterance or call..."""
ABOVE_NOISE_DB = 10.0
"""...and this far above the recording's own noise..."""
QUIETEST = 0.03
"""...which is what so much of it lies below..."""
VOICE_DB = 20.0
"""...and never hides what is within this of the loudest 50 ms."""
SILENCE_MS = 120
"""A recording knows its noise from a silence as long on end..."""
SILENCE_DB = 5.0
"""...within this of the quietest; what was cut close to its words holds none."""
RUMBLE_HZ = 70.0
"""What lies lower is a room, a hand on the microphone or a recording's own offset, and no voice."""
ABOVE_RUMBLE = butter(4, RUMBLE_HZ, "highpass", fs=16_000, output="sos")
LEAST_SPREAD_DB = 3.0
"""A voice's levels spread wider than this (standard deviation); noise has 0.3."""
BURST_MS = 80
BRIDGE_MS = 150
TURN_BRIDGE_MS = 250
"""Gaps that the design's turns bridge; a second column of the tables is scored with them."""


def level_db(dry: Sound) -> Sound:
    """Level above RUMBLE_HZ of each 10 ms, smoothed over 50 ms."""
    heard = sosfilt(ABOVE_RUMBLE, dry)
    frames = heard[: len(dry) // HOP * HOP].reshape(-1, HOP)
    power = np.convolve((frames**2).mean(1), np.ones(5) / 5, "same")
    return 10 * np.log10(power + 1e-12)


def holds_a_voice(dry: Sound) -> bool:
    """Whether a recording is more than steady noise: prompts of silence come among others."""
    return float(level_db(dry).std()) >= LEAST_SPREAD_DB


def holds_a_silence(db: Sound) -> bool:
    """Whether the quietest of these levels is one stretch: a pause, and not how words fade."""
    quiet = runs(db < np.quantile(db, QUIETEST) + SILENCE_DB)
    return any((end - start) * 10 >= SILENCE_MS for start, end in quiet)


def above_noise_db(db: Sound) -> float:
    """What is louder is no noise of the recording's own, if it holds a silence."""
    return min(float(np.quantile(db, QUIETEST)) + ABOVE_NOISE_DB, float(db.max()) - VOICE_DB)


def speech(dry: Sound, bridge_ms: int = BRIDGE_MS) -> Labels:
    """Frames of 10 ms in which the voice of a dry utterance, or of one party of a call, is heard.

    A recording that was cut close to its words has no silence to know its noise from, and would
    lose the ends of its words. `phones.py` holds the rule against phones labelled by hand.
    """
    db = level_db(dry)
    least = float(db.max()) - BELOW_PEAK_DB
    if holds_a_silence(db):
        least = max(least, above_noise_db(db))
    return bridged(db > least, bridge_ms, BURST_MS)
