"""How long after a voice begins or ends the core's row has been given that says so."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench import calls
from bench.labels import Labels, runs
from bench.scenes import Call
from bench.systems import ours, ours_talk
from bench.table import Row
from turnlight.dsp import LOOKAHEAD, Pcm

ALONE = 30
"""Frames of silence that an onset needs before it, and an end after it."""
EARLY = 10
"""A decision may come this many frames before the truth; earlier ones are about something else."""
LATE = 100


def delays(talk: Labels, truth: Labels) -> tuple[list[float], list[float], int]:
    """Milliseconds of each onset and each end of one party, and how many onsets were missed.

    An end counts only where the voice was heard in its last 100 ms.
    """
    onsets: list[float] = []
    ends: list[float] = []
    missed = 0
    found = [(-ALONE, 0), *runs(truth), (len(truth), len(truth) + ALONE)]
    for (_, before), (start, end), (after, _) in zip(found, found[1:], found[2:], strict=False):
        if start - before >= ALONE and not talk[max(0, start - EARLY)]:
            on = np.flatnonzero(talk[max(0, start - EARLY) : min(end, start + LATE)])
            if len(on):
                onsets.append((on[0] + max(0, start - EARLY) - start + LOOKAHEAD + 1) * 10.0)
            else:
                missed += 1
        if after - end >= ALONE and talk[end - EARLY : end].any():
            last = end - 1 - int(np.argmax(talk[end - EARLY : end][::-1]))
            off = np.flatnonzero(~talk[last : min(after, end + LATE)])
            if len(off):
                ends.append((int(off[0]) + last - end + LOOKAHEAD + 1) * 10.0)
    return onsets, ends, missed


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """Median and 90 % of both delays, on desks and on clean calls."""
    heard_on: dict[str, Iterator[tuple[Call, Pcm]]] = {
        "desks": ((call, pcm) for call, _, pcm in calls.on_desks(data, extra, quick)),
        "clean": calls.clean(data, extra, quick),
    }
    rows: list[Row] = []
    for where, heard in heard_on.items():
        found = []
        for call, pcm in heard:
            talk = ours_talk(ours(pcm))
            found += [delays(talk[:, k], call.truth[:, k]) for k in (0, 1)]
        onsets = list(itertools.chain.from_iterable(one[0] for one in found))
        ends = list(itertools.chain.from_iterable(one[1] for one in found))
        missed = sum(one[2] for one in found)
        rows.append(
            {
                "where": where,
                "onset, median": float(np.median(onsets)),
                "onset, 90 %": float(np.quantile(onsets, 0.9)),
                "onsets missed, %": 100 * missed / max(1, missed + len(onsets)),
                "end, median": float(np.median(ends)),
                "end, 90 %": float(np.quantile(ends, 0.9)),
                "onsets": len(onsets),
                "ends": len(ends),
            }
        )
    return rows
