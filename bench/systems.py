"""The core, as the bench hears it: stereo int16 in, a score and a decision per 10 ms out."""

from __future__ import annotations

import numpy as np

from bench.scores import Score
from bench.truth import HOP, Labels
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
    return np.stack([rows["agent_speech_q15"], rows["customer_speech_q15"]], 1).astype(float)


def ours_talk(rows: Frames) -> Labels:
    """The plain talk decision of both channels, shape (n, 2)."""
    return np.stack([rows["agent_talk"], rows["customer_talk"]], 1) > 0


def confirmed_score(rows: Frames) -> Score:
    """Speech probability as it was known TL_CONFIRM frames later; the last rows have only one."""
    late = np.stack([rows["agent_confirmed_q15"], rows["customer_confirmed_q15"]], 1)
    return np.concatenate([late[CONFIRM:].astype(float), ours_score(rows)[-CONFIRM:]])


def confirmed_talk(rows: Frames) -> Labels:
    """The decision as it was confirmed, of the frames in order."""
    late = np.stack([rows["agent_confirmed"], rows["customer_confirmed"]], 1) > 0
    return np.concatenate([late[CONFIRM:], ours_talk(rows)[-CONFIRM:]])


def settled(talk: Labels) -> Labels:
    """The decision as the device counts it: 120 ms and more, gaps up to 250 ms bridged."""
    delay = SETTLE_MS // 10
    out = np.zeros_like(talk)
    for k in (0, 1):
        settler = Settler()
        heard = [settler.push(bool(x)) for x in np.r_[talk[:, k], np.zeros(delay, bool)]]
        out[:, k] = heard[delay:]
    return out
