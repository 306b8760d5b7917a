"""The core, as the bench hears it: stereo int16 in, a score and a decision per 10 ms out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.labels import HOP, Labels
from bench.scores import Score
from turnlight.dsp import CONFIRM, Core, Frames, Pcm
from turnlight.settle import SETTLE_MS, Settler

OURS = "turnlight"
CONFIRMED = f"{OURS}, confirmed"
SETTLED = f"{OURS}, settled"


def ours(pcm: Pcm) -> Frames:
    """The rows of the core for a whole recording, one per 10 ms."""
    core = Core()
    return np.concatenate([core.process(pcm), core.flush()])[: len(pcm) // HOP]


def ours_score(rows: Frames) -> Score:
    """Speech probability of both channels, shape (n, 2)."""
    return _both(rows, "speech_q15").astype(float)


def ours_talk(rows: Frames) -> Labels:
    """The plain talk decision of both channels, shape (n, 2)."""
    return _both(rows, "talk") > 0


def confirmed_score(rows: Frames) -> Score:
    """Speech probability as it was known TL_CONFIRM frames later."""
    return _as_confirmed(rows, "confirmed_q15", "speech_q15").astype(float)


def confirmed_talk(rows: Frames) -> Labels:
    """The talk decision as it was confirmed."""
    return _as_confirmed(rows, "confirmed", "talk") > 0


def _both(rows: Frames, field: str) -> NDArray[np.integer]:
    return np.stack([rows[f"agent_{field}"], rows[f"customer_{field}"]], 1)


def _as_confirmed(rows: Frames, field: str, first: str) -> NDArray[np.integer]:
    """What later rows tell of each frame; of the last frames, what was told first."""
    return np.concatenate([_both(rows, field)[CONFIRM:], _both(rows, first)[-CONFIRM:]])


def settled(talk: Labels) -> Labels:
    """The decision as the device counts it: 120 ms and more, gaps up to 250 ms bridged."""
    delay = SETTLE_MS // 10
    out = np.zeros_like(talk)
    for k in (0, 1):
        settler = Settler()
        heard = [settler.push(bool(x)) for x in np.r_[talk[:, k], np.zeros(delay, bool)]]
        out[:, k] = heard[delay:]
    return out
