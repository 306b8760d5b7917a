"""Two parties' dry voices, and who speaks when.

Speech is where a dry voice's level above 70 Hz is within 38 dB of the utterance's loudest 50 ms and
10 dB above the recording's own noise, where it holds a silence to know that from; pauses up to
150 ms belong to it, since nobody takes the floor within one, and what is then shorter than 80 ms is
none.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from acoustics import HOP, Rng, at_speed, decibels, rms
from voices import RATE_HZ, Material, Sound, load, shortest

BRIDGE = 15
"""Frames of a pause that still belongs to the speech around it."""
BURST = 8
"""Frames that a word has at least."""
ABOVE_RUMBLE = butter(4, 70, "highpass", fs=RATE_HZ, output="sos")
"""Some recordings begin with an offset that dies away, 300 ms that nobody speaks."""
SILENCE = 12
"""Frames on end that a recording's silence has at least."""
Labels = npt.NDArray[np.bool_]


def runs(active: Labels) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[0, active.astype(np.int8), 0]))
    return list(zip(edges[::2], edges[1::2], strict=True))


def settle(active: Labels) -> Labels:
    """Bridges short pauses, then drops what is shorter than a word."""
    out = active.copy()
    for (_, b), (c, _) in itertools.pairwise(runs(active)):
        if c - b <= BRIDGE:
            out[b:c] = True
    for a, b in runs(out):
        if b - a < BURST:
            out[a:b] = False
    return out


def speech_frames(dry: Sound) -> Labels:
    heard = sosfilt(ABOVE_RUMBLE, dry)
    frames = heard[: len(dry) // HOP * HOP].reshape(-1, HOP)
    power = np.convolve((frames**2).mean(1), np.ones(5) / 5, "same")
    db = 10 * np.log10(power + 1e-12)
    least = max(db.max() - 38, -75)
    quietest = float(np.quantile(db, 0.03))
    # a recording's own noise is no speech: stay 10 dB above it, as far as the voice allows; what
    # was cut close to its words holds none, its quietest is how a word fades
    if any(b - a >= SILENCE for a, b in runs(db < quietest + 5)):
        least = max(least, min(quietest + 10, db.max() - 20))
    return settle(db > least)


@dataclass
class Call:
    """Dry voices at -20 dBFS, and who speaks in each 10 ms."""

    voices: Sound
    """Shape (n, 2), agent first."""
    speech: Labels
    """Shape (n // 160, 2)."""


def level_to(x: Sound, speech: Labels, dbfs: float) -> Sound:
    active = np.repeat(speech, HOP)
    active = np.pad(active, (0, len(x) - len(active)))
    return x if not active.any() else x / rms(x[active]) * decibels(dbfs)


def until_pause(dry: Sound, seconds: float) -> Sound:
    """An utterance, or its beginning, which ends where the voice is faintest: words end by
    themselves."""
    n = int(seconds * RATE_HZ)
    if len(dry) <= n:
        return dry
    frames = dry[n // 2 // HOP * HOP : n // HOP * HOP].reshape(-1, HOP)
    power = np.convolve((frames**2).mean(1), np.ones(5) / 5, "same")
    end = n // 2 + (int(power.argmin()) + 1) * HOP
    return dry[:end]


def converse(material: Material, rng: Rng, seconds: float, solo: bool = False) -> Call:
    """Turns of one to three utterances, with gaps, overlaps, backchannels and long pauses.

    With `solo`, one party (drawn) speaks alone with pauses, the other channel stays silent.
    """
    names = sorted(material.speakers)
    pair = [material.speakers[names[i]] for i in rng.choice(len(names), 2, replace=False)]
    short = [shortest(paths) for paths in pair]
    # other lengths of the throat and other pitches than the recordings have
    speed = rng.uniform(0.85, 1.2, 2)
    total = int(seconds * RATE_HZ)
    voices = np.zeros((total, 2))
    speech = np.zeros((total // HOP, 2), bool)

    def place(at_s: float, party: int, word: bool = False) -> float:
        files = short[party] if word else pair[party]
        dry = until_pause(load(files[rng.integers(len(files))]), float(rng.uniform(0.5, 8.0)))
        dry = at_speed(dry, speed[party])
        dry = dry / rms(dry) * 0.1 * decibels(rng.normal(0, 3.0))
        start = int(at_s * 100) * HOP
        dry = dry[: max(0, total - start)]
        if len(dry) < 5 * HOP:
            return seconds
        voices[start : start + len(dry), party] += dry
        found = speech_frames(dry)
        speech[start // HOP : start // HOP + len(found), party] |= found
        return at_s + len(dry) / RATE_HZ

    now, party = float(rng.uniform(0.2, 3.0)), int(rng.integers(2))
    while now < seconds - 1:
        # most turns are short; now and then somebody tells a story
        for _ in range(rng.integers(6, 15) if rng.random() < 0.1 else rng.integers(1, 4)):
            started = now
            now = place(now, party) + float(rng.uniform(0.0, 0.6))
            if not solo and rng.random() < 0.2 and now - started > 1.5:
                at = float(rng.uniform(started + 0.3, now - 0.3))
                place(at, 1 - party, word=bool(rng.random() < 0.7))
        gap = float(
            rng.choice(
                [rng.uniform(-1.2, 0), rng.uniform(-4, -1), rng.uniform(0, 1), rng.uniform(0.5, 6)],
                p=[0.22, 0.06, 0.52, 0.2],
            )
        )
        if solo:
            now += abs(gap)
        else:
            party = 1 - party
            now = max(now + gap, 0.2)
    speech = np.stack([settle(speech[:, k]) for k in (0, 1)], 1)
    return Call(voices, speech)
