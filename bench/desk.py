"""Calls on desks: does the detector know who is talking when both channels hear both?"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import calls, scenes, scores
from bench.labels import Labels
from bench.peers import PEERS
from bench.scenes import Call
from bench.scores import Score
from bench.systems import (
    CONFIRMED,
    OURS,
    SETTLED,
    confirmed_score,
    confirmed_talk,
    ours,
    ours_score,
    ours_talk,
    settled,
)
from bench.table import Row


def decided(score: Score, truth: Labels) -> Labels:
    """A peer's best case: the threshold that hits 95 % on this very channel."""
    return np.stack([score[:, k] >= scores.threshold(score[:, k], truth[:, k]) for k in (0, 1)], 1)


def figures(score: Score, talk: Labels, truth: Labels) -> Row:
    """Every figure of one call; channels are averaged."""
    at_hits = decided(score, truth)

    def each(measure: Callable[..., float], heard: NDArray[Any]) -> list[float]:
        return [measure(heard[:, k], truth[:, k]) for k in (0, 1)]

    aucs = each(scores.auc, score)
    matched, called, true = scores.overlap_matches(talk, truth)
    return {
        "AUC": mean(aucs),
        "AUC agent": aucs[0],
        "AUC customer": aucs[1],
        "false alarms at 95 % hits": 100 * mean(each(scores.false_alarms, at_hits)),
        "hits": 100 * mean(each(scores.hits, talk)),
        "false alarms": 100 * mean(each(scores.false_alarms, talk)),
        "share error": scores.share_error(talk, truth),
        "overlap wrong": 100 * scores.overlap_wrong(talk, truth),
        "matched": matched,
        "called": called,
        "true": true,
    }


def summed(where: str, who: str, rows: list[Row]) -> Row:
    """Means over calls, the worst AUC, and F1 over all runs together."""

    def column(name: str) -> list[float]:
        return [float(row[name]) for row in rows]

    means = {
        name: mean(column(name)) for name in rows[0] if name not in ("matched", "called", "true")
    }
    matched, called, true = (int(sum(column(name))) for name in ("matched", "called", "true"))
    return {
        "where": where,
        "who": who,
        "calls": len(rows),
        "AUC": means.pop("AUC"),
        "AUC worst": min(column("AUC")),
        **means,
        "overlap F1": scores.f1(matched, called, true),
        "overlap runs": true,
    }


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """One row a detector and a group of calls."""
    found: dict[tuple[str, str], list[Row]] = {}
    grid = (
        (["grid", f"grid, {_kind(call)}"] if number else ["the issue's desk"], call, pcm)
        for number, (call, _, pcm) in enumerate(calls.on_desks(data, extra, quick))
    )
    beside = (([name], call, pcm) for name, call, pcm in calls.beside_the_grid(data, extra, quick))
    for groups, call, pcm in chain(grid, beside):
        rows = ours(pcm)
        score, talk = confirmed_score(rows), confirmed_talk(rows)
        results = {
            OURS: figures(ours_score(rows), ours_talk(rows), call.truth),
            CONFIRMED: figures(score, talk, call.truth),
            SETTLED: figures(score, settled(talk), call.turns),
        }
        for name, peer in PEERS.items():
            score = peer(pcm)
            results[name] = figures(score, decided(score, call.truth), call.truth)
        for group in groups:
            for name, row in results.items():
                found.setdefault((group, name), []).append(row)
    return [summed(where, who, rows) for (where, who), rows in found.items()]


def _kind(call: Call) -> str:
    return call.name if call.name == scenes.REAL else "held-out speakers"
