"""Teaches the confirmed outputs to say as soon as TL_NET_CONFIRM what they said some frames later.

    python models/speech/sooner.py --keep SET.npz --frames 20 --start LATER --out SOONER

SET.npz is what `train.py --keep` drew. The memory stays as it is: only what the two outputs take of
it is fitted, by Newton's method, to the odds that they had when they knew --frames frames more than
the frame that they decide (as a student learns from a teacher: Hinton, Vinyals and Dean 2015). Odds
say more of a frame than its label, so a few hours are enough, and no voice is learned by heart.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from conversations import Labels
from doors import ROOT
from gru import Matrix, Weights, forward, logistic
from train import CONFIRM, EVIDENCE, OUTPUTS, SEEN, Bytes, seen
from weights import WEIGHT_MOST, read, write

CALLS = 40
"""Heard side by side."""
FIRST = OUTPUTS - 2
"""Of the confirmed outputs."""
STEPS = 4
"""Of Newton's method; the loss no longer moves after three."""
BOTH = np.float32(1.5)
"""Weight of a frame while the other party talks, as the last trainings had it."""


@dataclass
class Lesson:
    """Some of the frames, one behind the other, and H units."""

    known: Matrix
    """(frames, H + 1): what is remembered CONFIRM frames later, and a 1."""
    odds: Matrix
    """(frames, 2), to be said of them."""
    weight: Matrix
    """(frames, 2)"""


def lessons(w: Weights, evidence: Bytes, truth: Labels, frames: int) -> Iterator[Lesson]:
    """Of calls (calls, frames, 92) and who speaks in them (calls, frames, 2), a few at a time."""
    later = max(frames, CONFIRM)
    for start in range(0, len(evidence), CALLS):
        some = evidence[start : start + CALLS]
        odds, _, past = forward(w, seen(some), np.zeros((len(some), len(w.kept)), np.float32))
        count = len(odds) - later
        memory = past.memory[1 + CONFIRM :][:count].reshape(-1, len(w.kept))
        speaks = truth[start : start + CALLS, :count].transpose(1, 0, 2).reshape(-1, 2)
        yield Lesson(
            np.append(memory, np.ones((len(memory), 1), np.float32), 1),
            odds[frames:, :, FIRST:][:count].reshape(-1, 2),
            np.where(speaks[:, ::-1], BOTH, np.float32(1)),
        )


def step(taken: Matrix, given: Iterator[Lesson]) -> tuple[float, Matrix]:
    """Mean loss of what the outputs take, (H + 1, 2), and what to take next."""
    loss, weight = 0.0, 0.0
    slopes, bends = np.zeros(taken.shape), np.zeros((2, len(taken), len(taken)))
    for some in given:
        p, target = logistic(some.known @ taken), logistic(some.odds)
        found = target * np.log(p + 1e-7) + (1 - target) * np.log(1 - p + 1e-7)
        loss, weight = loss - float((some.weight * found).sum()), weight + float(some.weight.sum())
        slopes += some.known.T @ (some.weight * (p - target))
        for output, bend in enumerate((some.weight * p * (1 - p)).T):
            bends[output] += (some.known * bend[:, None]).T @ some.known
    # units that never move would leave it without a solution
    least = 1e-6 * np.trace(bends, axis1=1, axis2=2) / len(taken)
    bends += least[:, None, None] * np.eye(len(taken))
    moved = [np.linalg.solve(bend, slope) for bend, slope in zip(bends, slopes.T, strict=True)]
    return loss / weight, (taken - np.stack(moved, 1)).astype(np.float32)


def sooner(w: Weights, evidence: Bytes, truth: Labels, frames: int) -> Weights:
    """The same network, whose confirmed outputs are CONFIRM frames late and no longer `frames`."""
    taken = np.append(w.out[:, FIRST:], w.out_bias[None, FIRST:], 0)
    for number in range(STEPS):
        # heard anew each time: the memories of twenty hours would be 4.6 GB
        loss, taken = step(taken, lessons(w, evidence, truth, frames))
        print(f"step {number + 1}: loss {loss:.5f} before it", flush=True)
    taught = Weights(*(matrix.copy() for matrix in w.all()))
    taught.out[:, FIRST:] = np.clip(taken[:-1], -WEIGHT_MOST, WEIGHT_MOST)
    taught.out_bias[FIRST:] = taken[-1]
    return taught


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--keep", type=Path, required=True, help="as train.py wrote it")
    parser.add_argument("--start", type=Path, required=True, help="folder with weights.c")
    parser.add_argument(
        "--frames", type=int, required=True, help="that the confirmed outputs of --start are late"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "firmware/src")
    options = parser.parse_args()
    kept = np.load(options.keep)
    w = read(options.start, EVIDENCE)
    write(sooner(w, kept["evidence"], kept["truth"], options.frames), SEEN, options.out)


if __name__ == "__main__":
    main()
