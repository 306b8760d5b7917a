"""Speech by chance: runs of frames, settled as the desk settles them."""

from __future__ import annotations

import itertools

from hypothesis import strategies as st

from turnlight.settle import SETTLE_MS, Settler
from turnlight.turns import TICK_MS

DELAY = SETTLE_MS // TICK_MS

runs = st.lists(st.integers(1, 60), max_size=16)
"""Lengths of runs in frames, silent and talking by turns."""


def frames(lengths: list[int]) -> list[bool]:
    return [on for i, n in enumerate(lengths) for on in [i % 2 == 1] * n]


def settled(raw: list[bool]) -> list[bool]:
    settler = Settler()
    return [settler.push(talk) for talk in raw + [False] * DELAY][DELAY:]


def spans(on: list[bool]) -> list[tuple[int, int]]:
    edges = [i for i, (a, b) in enumerate(itertools.pairwise([False, *on, False])) if a != b]
    return list(zip(edges[::2], edges[1::2], strict=True))
