"""Calls without a desk: each channel holds its own party alone."""

from __future__ import annotations

from pathlib import Path
from statistics import mean

from bench import calls, scenes, scores
from bench.peers import heard
from bench.table import Row, progress


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """AUC of each detector: the real call, the conversations, all."""
    found: dict[str, dict[str, list[float]]] = {}
    for call, pcm in calls.clean(data, extra, quick):
        progress(f"  clean: {call.name}")
        where = call.name if call.name == scenes.REAL else "held-out speakers"
        for who, score in heard(pcm).items():
            auc = [scores.auc(score[:, k], call.truth[:, k]) for k in (0, 1)]
            found.setdefault(who, {}).setdefault(where, []).append(mean(auc))
    rows: list[Row] = []
    for who, by in found.items():
        every = [auc for aucs in by.values() for auc in aucs]
        row: Row = {"who": who, "AUC": mean(every)}
        row |= {f"AUC {where}": mean(aucs) for where, aucs in by.items()}
        rows.append(row | {"AUC worst": min(every)})
    return rows
