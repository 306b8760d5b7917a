"""How good a score or a decision is, against the truth. Pure; one value per 10 ms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.labels import Labels, runs

Score = npt.NDArray[np.float64]

HITS = 0.95
OVERLAP_MS = 500


def auc(score: Score, truth: Labels) -> float:
    """Chance that a frame of speech scores above one without; equal scores count half."""
    # Not at the head: the floor is measured where no scipy is.
    from scipy.stats import rankdata

    ones = int(truth.sum())
    zeros = len(truth) - ones
    ranks = rankdata(score)
    return float((ranks[truth].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def threshold(score: Score, truth: Labels, hits: float = HITS) -> float:
    """The highest threshold at which at least this share of the speech is hit (score >= it)."""
    of_speech = np.sort(score[truth])
    return float(of_speech[int(np.floor((1 - hits) * len(of_speech) + 1e-9))])


def hits(talk: Labels, truth: Labels) -> float:
    """Share of the speech that was called speech."""
    return float(talk[truth].mean())


def false_alarms(talk: Labels, truth: Labels) -> float:
    """Share of the other frames that were called speech."""
    return float(talk[~truth].mean())


def share_error(talk: Labels, truth: Labels) -> float:
    """Points by which the agent's share of all talk is wrong. Shape (n, 2), agent first."""

    def agent_share(who: Labels) -> float:
        return float(who[:, 0].sum() / max(1, who.sum()))

    return abs(agent_share(talk) - agent_share(truth)) * 100


def overlap_wrong(talk: Labels, truth: Labels) -> float:
    """Share of the call that is wrongly overlapped, or overlapped and missed. Shape (n, 2)."""
    return float((talk.all(1) != truth.all(1)).mean())


def overlap_matches(talk: Labels, truth: Labels) -> tuple[int, int, int]:
    """Overlap runs of 0.5 s and more: matched, called, true. Shape (n, 2).

    Two runs match when they share at least half of the shorter one; each matches once.
    """

    def long_runs(who: Labels) -> list[tuple[int, int]]:
        return [(a, b) for a, b in runs(who[:, 0] & who[:, 1]) if (b - a) * 10 >= OVERLAP_MS]

    called, true = long_runs(talk), long_runs(truth)
    free = list(called)
    matched = 0
    for a, b in true:
        for c, d in free:
            if 2 * (min(b, d) - max(a, c)) >= min(b - a, d - c):
                free.remove((c, d))
                matched += 1
                break
    return matched, len(called), len(true)


def f1(matched: int, called: int, true: int) -> float:
    """F1 of matches that may have been added up over many calls; 1 where there was nothing."""
    return 2 * matched / (called + true) if called + true else 1.0
