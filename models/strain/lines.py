"""Voices on a telephone line, heard by the core: sound in, the customer's rows out.

What happens to them is that of models/speech: acoustics.py and voices.py.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "speech"))
from acoustics import HOP, Rng, babble, decibels, leak, lose_packets, noise, rms, telephone
from turnlight.dsp import Core, Frames, Pcm
from voices import RATE_HZ, Material, Sound

GAP_S = 0.6
"""Silence between two utterances."""
LEAD_S = 2.0
"""Silence before the first one: the core learns the room."""


@dataclass(frozen=True)
class Line:
    """How the customer arrives. dB; None leaves a part out."""

    low_hz: tuple[float, float] = (300, 300)
    high_hz: tuple[float, float] = (3400, 3400)
    talkers_db: float | None = None
    """Six talkers around the customer, against the voice."""
    noise_db: float | None = None
    """A recorded or synthetic noise around the customer, against the voice."""
    lost: float = 0.0
    """Share of 20 ms packets that are lost."""
    agent_db: float | None = None
    """The agent's breath and room arrive as sidetone, against the voice."""


LINES = {
    "telephone": Line(),
    "other bands": Line(low_hz=(80, 350), high_hz=(3000, 3700)),
    "lost packets": Line(lost=0.03),
    "8 talkers, 15 dB": Line(talkers_db=15),
    "noise, 15 dB": Line(noise_db=15),
    "sidetone": Line(agent_db=20),
}


def sound_of(
    utterances: list[Sound], line: Line, material: Material, rng: Rng, spread_db: float = 6.0
) -> tuple[Pcm, list[tuple[int, int]]]:
    """All utterances one after the other on one line.

    Args:
        utterances: dry voices, 16 kHz; their own levels are not used.
        line: what happens to them.
        material: where talkers and noises come from.
        rng: draws levels, bands and losses.
        spread_db: each utterance is louder or softer than the line by up to so much.

    Returns:
        Both channels, and where each utterance starts and ends, in frames.
    """
    gap = np.zeros(int(GAP_S * RATE_HZ) // HOP * HOP)
    pieces, spans, at = [np.zeros(int(LEAD_S * RATE_HZ))], [], int(LEAD_S * RATE_HZ)
    for dry in utterances:
        whole = np.pad(dry, (0, -len(dry) % HOP))
        pieces += [whole / rms(whole) * decibels(rng.uniform(-spread_db, spread_db)), gap]
        spans.append((at // HOP, (at + len(whole)) // HOP))
        at += len(whole) + len(gap)
    voice = np.concatenate(pieces)
    n = len(voice)
    if line.talkers_db is not None:
        voice = voice + babble(material, n, rng, 6) * decibels(-line.talkers_db)
    if line.noise_db is not None:
        voice = voice + noise(material, n, rng) * decibels(-line.noise_db)
    voice = voice * decibels(rng.uniform(-34, -20))
    band = float(rng.uniform(*line.low_hz)), float(rng.uniform(*line.high_hz))
    earpiece = lose_packets(telephone(voice, *band), line.lost, rng)
    earpiece = earpiece + rng.normal(0, decibels(-70), n)
    microphone = rng.normal(0, decibels(-62), n)
    if line.agent_db is not None:
        microphone = microphone + noise(material, n, rng) * decibels(-34)
        earpiece = earpiece + leak(microphone, -line.agent_db, rng)
    microphone = microphone + leak(earpiece, -22, rng)
    pcm = np.clip(np.round(np.stack([microphone, earpiece], 1) * 32767), -32768, 32767)
    return pcm.astype(np.int16), spans


def rows_of(pcm: Pcm) -> Frames:
    """What the core hears of it."""
    core = Core()
    return np.concatenate([core.process(pcm), core.flush()])
