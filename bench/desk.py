"""Calls on desks: does the detector know who is talking when both channels hear both?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench import scenes, scores
from bench.scenes import Call, Desk
from bench.scores import Score
from bench.systems import OURS, PEERS, ours, ours_score, ours_talk, settled
from bench.table import Row, progress
from bench.truth import Labels
from turnlight.dsp import Pcm

REAL_DESKS, DESKS_OF_SPEAKER = 12, 10
SECONDS = 80.0


def calls(data: Path, extra: Path | None, quick: bool) -> Iterator[tuple[Call, Desk, Pcm]]:
    """The issue's desk on the real call, then the grid: the real call, held-out speakers."""
    material = scenes.held_out(data, extra)
    real = scenes.real_call(data)
    desks = [scenes.ISSUE_DESK, *scenes.grid(2 if quick else REAL_DESKS, 0, real=True)]
    jobs = [(real, desk) for desk in desks]
    names = scenes.speakers(material)
    each = 2 if quick else DESKS_OF_SPEAKER
    # everyone is the agent half of the time, against each of the others in turn
    pairs = [
        (names[i], names[(i + 1 + turn % (len(names) - 1)) % len(names)])
        for turn in range(each // 2)
        for i in range(len(names))
    ]
    for number, (pair, desk) in enumerate(zip(pairs, scenes.grid(len(pairs), 1), strict=True)):
        rng = np.random.default_rng((scenes.SEED, 2, number))
        jobs.append((scenes.converse(material, pair, 30.0 if quick else SECONDS, rng), desk))
    for number, (call, desk) in enumerate(jobs):
        progress(f"  desk {number + 1}/{len(jobs)}: {call.name}; {desk}")
        rng = np.random.default_rng((scenes.SEED, 3, number))
        yield call, desk, scenes.pcm(scenes.put_on(desk, call, material, rng))


def decided(score: Score, truth: Labels) -> Labels:
    """A peer's best case: the threshold that hits 95 % on this very channel."""
    return np.stack([score[:, k] >= scores.threshold(score[:, k], truth[:, k]) for k in (0, 1)], 1)


def figures(score: Score, talk: Labels, truth: Labels) -> Row:
    """Every figure of one call; channels are averaged."""
    aucs = [scores.auc(score[:, k], truth[:, k]) for k in (0, 1)]
    at_hits = decided(score, truth)
    matched, called, true = scores.overlap_matches(talk, truth)
    return {
        "AUC": float(np.mean(aucs)),
        "AUC agent": aucs[0],
        "AUC customer": aucs[1],
        "false alarms at 95 % hits": np.mean(
            [scores.false_alarms(at_hits[:, k], truth[:, k]) for k in (0, 1)]
        ).item()
        * 100,
        "hits": np.mean([scores.hits(talk[:, k], truth[:, k]) for k in (0, 1)]).item() * 100,
        "false alarms": np.mean(
            [scores.false_alarms(talk[:, k], truth[:, k]) for k in (0, 1)]
        ).item()
        * 100,
        "share error": scores.share_error(talk, truth),
        "overlap wrong": scores.overlap_wrong(talk, truth) * 100,
        "matched": matched,
        "called": called,
        "true": true,
    }


def summed(where: str, who: str, rows: list[Row]) -> Row:
    """Means over calls, the worst AUC, and F1 over all runs together."""

    def column(name: str) -> list[float]:
        return [float(row[name]) for row in rows]

    total = [int(sum(column(name))) for name in ("matched", "called", "true")]
    out: Row = {"where": where, "who": who, "calls": len(rows), "AUC": np.mean(column("AUC")).item()}
    out["worst AUC"] = min(column("AUC"))
    for name in rows[0]:
        if name not in ("AUC", "matched", "called", "true"):
            out[name] = np.mean(column(name)).item()
    out["overlap F1"] = scores.f1(*total)
    out["overlap runs"] = total[2]
    return out


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """One row a detector and a group of calls."""
    found: dict[tuple[str, str], list[Row]] = {}
    for number, (call, _, pcm) in enumerate(calls(data, extra, quick)):
        where = "the issue's desk" if not number else "grid"
        groups = [where] if not number else [where, f"grid, {_kind(call)}"]
        rows = ours(pcm)
        talk = ours_talk(rows)
        results = {
            OURS: figures(ours_score(rows), talk, call.truth),
            f"{OURS}, settled": figures(ours_score(rows), settled(talk), call.turns),
        }
        for name, peer in PEERS.items():
            score = peer(pcm)
            results[name] = figures(score, decided(score, call.truth), call.truth)
        for group in groups:
            for name, row in results.items():
                found.setdefault((group, name), []).append(row)
    return [summed(where, who, rows) for (where, who), rows in found.items()]


def _kind(call: Call) -> str:
    return call.name if call.name == "real call" else "held-out speakers"
