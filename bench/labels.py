"""Yes or no for each 10 ms."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

HOP = 160
"""Samples of a frame, at 16 kHz."""
Labels = npt.NDArray[np.bool_]


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
