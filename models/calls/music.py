"""Hold music, composed and played here, so that no recording and no licence is involved."""

from __future__ import annotations

import numpy as np

from desk import RATE_HZ, Signal, rms

BEATS_PER_MINUTE = 92.0
BEATS_PER_BAR = 4
# One chord a bar, MIDI notes, lowest first: D major, eight bars, then again.
CHORDS = (
    (62, 69, 74, 78), (59, 66, 71, 74), (67, 71, 74, 79), (69, 73, 76, 81),
    (62, 69, 74, 78), (66, 69, 73, 78), (67, 71, 74, 79), (69, 73, 76, 79),
)  # fmt: skip
PICKING = (0, 1, 2, 3, 2, 1, 2, 3)  # which chord note sounds on each eighth of a bar
# (beat, MIDI note an octave below, length in beats), over the eight bars.
MELODY = (
    (0.0, 74, 1.5), (1.5, 73, 0.5), (2.0, 69, 2.0), (4.0, 66, 1.0), (5.0, 69, 1.0),
    (6.0, 71, 2.0), (8.0, 71, 1.0), (9.0, 69, 1.0), (10.0, 67, 1.0), (11.0, 66, 1.0),
    (12.0, 64, 3.0), (16.0, 74, 1.0), (17.0, 76, 1.0), (18.0, 78, 2.0), (20.0, 76, 1.5),
    (21.5, 73, 0.5), (22.0, 69, 2.0), (24.0, 71, 1.0), (25.0, 74, 1.0), (26.0, 73, 1.0),
    (27.0, 71, 1.0), (28.0, 69, 3.5),
)  # fmt: skip
FADE_S = 0.4


def _hz(note: int) -> float:
    return float(440.0 * 2.0 ** ((note - 69) / 12.0))


def _note(note: int, length_s: float, decay_s: float, bright: float) -> Signal:
    """A soft electric piano: a few harmonics that fade, the higher ones sooner."""
    time_s = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    tone = sum(
        bright ** (order - 1)
        * np.sin(2.0 * np.pi * _hz(note) * order * time_s)
        * np.exp(-time_s * order / decay_s)
        for order in range(1, 6)
    )
    attack = np.minimum(1.0, time_s / 0.008)
    release = np.minimum(1.0, (length_s - time_s) / 0.03)
    return np.asarray(tone * attack * release)


def _drum(kind: str, rng: np.random.Generator) -> Signal:
    """A brushed snare or a closed hi-hat."""
    length_s, decay_s = (0.18, 0.05) if kind == "snare" else (0.05, 0.012)
    time_s = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    noise = rng.standard_normal(len(time_s))
    if kind == "hat":
        noise = np.diff(noise, prepend=0.0)
    return np.asarray(noise * np.exp(-time_s / decay_s))


def hold_music(length_s: float, rng: np.random.Generator) -> Signal:
    """Music of a length at RMS 1, faded in and out."""
    count = int(length_s * RATE_HZ)
    beat_s = 60.0 / BEATS_PER_MINUTE
    beats = int(length_s / beat_s) + 1
    song = np.zeros(count + 4 * RATE_HZ)
    cycle = len(CHORDS) * BEATS_PER_BAR

    def put(sound: Signal, beat: float, gain: float) -> None:
        at = round(beat * beat_s * RATE_HZ)
        if at < count:
            song[at : at + len(sound)] += gain * sound

    for bar in range(beats // BEATS_PER_BAR + 1):
        chord = CHORDS[bar % len(CHORDS)]
        for step, voice in enumerate(PICKING):
            beat = bar * BEATS_PER_BAR + step * 0.5
            put(_note(chord[voice], 1.6 * beat_s, 1.2, 0.35), beat, 0.45)
    for turn in range(beats // cycle + 1):
        for beat, tone, length in MELODY:
            put(_note(tone + 12, length * beat_s, 1.6, 0.45), turn * cycle + beat, 0.6)
    for beat in range(beats):
        put(_drum("hat", rng), beat, 0.2)
        put(_drum("hat", rng), beat + 0.5, 0.12)
        if beat % 2 == 1:
            put(_drum("snare", rng), beat, 0.25)

    song = song[:count]
    ramp = np.minimum(
        1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / (FADE_S * RATE_HZ)
    )
    song = song * ramp
    return np.asarray(song / rms(song))
