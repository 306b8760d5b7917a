"""Trains the core's speech network and writes firmware/src/weights.c and weights.h.

    python models/speech/train.py --data DATA --extra EXTRA --keep SET.npz   # drawn sound is kept
    python models/speech/train.py --data DATA --hours 0.5 --epochs 1 --out /tmp/try   # a quick try

The evidence comes from the core itself (firmware/tools/dump_evidence.c is compiled on the fly), so
what trains is what runs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from dataclasses import dataclass
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent))

from conversations import Labels, converse
from desks import draw_desk, line_sounds, put_on
from doors import ROOT, constant, dump
from gru import Adam, Matrix, Weights, backward, drawn, forward, grown, logistic
from voices import Side, gather
from weights import WEIGHT_MOST, read, write

EVIDENCE = 92
SEEN = 96
"""The same, padded: the core sums by 32 products, so UNITS is a multiple of 32 too."""
UNITS = 160
OUTPUTS = 4
BEHIND = constant("TL_LOOKAHEAD")
"""Frames between the frame decided and the newest one heard..."""
CONFIRM = constant("TL_NET_CONFIRM", "src/net.h")
"""...and from that frame to the one that is decided for a second time, for the books."""
LOSSES = np.array([0.5, 0.5, 1, 1], np.float32)
"""Weight of each output: agent and customer at once, agent and customer confirmed."""
CALL_S = 90.0
EVIDENCE_SCALE = np.float32(1 / 32)
OFF, ROUGH, MISSING = np.float32(0.1), np.float32(0.05), 0.05
"""How evidence is blurred in training: the spread of what it is off by for STEPS frames and from
frame to frame (1.6 and 0.8 dB, where it is a level), and the share that is missing for as long."""
STEPS, BATCH = 300, 32
"""Frames that a gradient looks back, and calls side by side."""
Bytes = npt.NDArray[np.int8]


def evidence_of(pcm: npt.NDArray[np.int16]) -> Bytes:
    """What the network is given with each hop: shape (hops, 92)."""
    out = np.zeros((len(pcm) // 160, EVIDENCE), np.int8)
    dump("dump_evidence", pcm, out)
    return out


def one_call(job: tuple[Path, Path | None, Side, int, int]) -> tuple[Bytes, Labels]:
    """Evidence of one drawn call, and the truth that the network should tell with each row."""
    data, extra, side, seed, number = job
    material = gather(data, extra, side)
    rng = np.random.default_rng((seed, number))
    if rng.random() < 0.3:
        pcm, speech = line_sounds(material, rng, CALL_S)
    else:
        call = converse(material, rng, CALL_S, solo=bool(rng.random() < 0.12))
        pcm, speech = put_on(draw_desk(rng), call, material, rng), call.speech
    return evidence_of(pcm), np.pad(speech, ((BEHIND, 0), (0, 0)))[: len(speech)]


def make_set(
    data: Path, extra: Path | None, side: Side, hours: float, seed: int, processes: int
) -> tuple[Bytes, Labels]:
    """Evidence (calls, frames, 92) and truth (calls, frames, 2)."""
    calls = max(4, int(hours * 3600 / CALL_S))
    jobs = [(data, extra, side, seed, i) for i in range(calls)]
    evidence = np.empty((calls, int(CALL_S * 100), EVIDENCE), np.int8)
    truth = np.empty((*evidence.shape[:2], 2), np.bool_)
    with multiprocessing.Pool(processes) as pool:
        for i, (one, labels) in enumerate(pool.imap(one_call, jobs)):
            evidence[i], truth[i] = one, labels
            if i % 20 == 0:
                print(f"  sound: call {i + 1} of {calls}", file=sys.stderr, flush=True)
    return evidence, truth


def seen(evidence: Bytes) -> Matrix:
    """(calls, frames, K) to what the first product takes: (frames, calls, K)."""
    return np.ascontiguousarray(evidence.transpose(1, 0, 2), np.float32) * EVIDENCE_SCALE


def auc(score: Matrix, truth: Labels) -> float:
    ranks = np.empty(len(score))
    ranks[np.argsort(score, kind="stable")] = np.arange(len(score))
    ones = int(truth.sum())
    return float((ranks[truth].sum() - ones * (ones - 1) / 2) / (ones * (len(truth) - ones)))


def told(truth: Labels, start: int, end: int) -> Labels:
    """What the outputs should tell with rows `start` to `end`: (calls, rows, 4).

    `truth` is that of the frame decided at once; before the sound began, nobody spoke.
    """
    before = np.zeros((len(truth), CONFIRM, 2), np.bool_)
    confirmed = np.concatenate([before, truth[:, : end - CONFIRM]], 1)[:, start:end]
    return np.concatenate([truth[:, start:end], confirmed], 2)


def check(w: Weights, evidence: Bytes, truth: Labels) -> list[float]:
    """AUC per 10 ms of each output."""
    memory = np.zeros((len(evidence), len(w.kept)), np.float32)
    odds, _, _ = forward(w, seen(evidence), memory)
    odds, target = odds.transpose(1, 0, 2), told(truth, 0, truth.shape[1])
    return [auc(odds[..., k].ravel(), target[..., k].ravel()) for k in range(OUTPUTS)]


@dataclass
class Part:
    """One process's calls of a batch, at one moment of them."""

    calls: npt.NDArray[np.int64]
    at: int
    memory: Matrix
    w: Weights
    both: float
    """Weight of a frame while the other party talks: a mistake there makes or hides an overlap."""
    seed: int


_heard: tuple[Bytes, Labels]
"""The whole set, which every process of the pool inherits."""


def blurred(x: Matrix, rng: np.random.Generator) -> Matrix:
    """Evidence (T, B, K) as another voice and another room might have given it.

    There are fewer voices than a network of this size can learn by heart.
    """
    off = rng.standard_normal((1, *x.shape[1:]), np.float32)
    rough = rng.standard_normal(x.shape, np.float32)
    there = rng.random((1, *x.shape[1:])) >= MISSING
    return (x + OFF * off + ROUGH * rough) * there


def slope(part: Part) -> tuple[float, Matrix, list[Matrix]]:
    """Mean loss of STEPS frames, the memory after them, the gradients."""
    chunk = np.s_[part.calls, part.at : part.at + STEPS]
    x = blurred(seen(_heard[0][chunk]), np.random.default_rng(part.seed))
    odds, memory, past = forward(part.w, x, part.memory)
    spoken = told(_heard[1][part.calls], part.at, part.at + STEPS).transpose(1, 0, 2)
    # a truth of 0.99 keeps single wrong labels from ruling
    target = spoken * np.float32(0.98) + np.float32(0.01)
    p = logistic(odds)
    weight = LOSSES * np.where(spoken[..., [1, 0, 3, 2]], np.float32(part.both), np.float32(1))
    weight /= weight.sum()
    loss = -np.sum(weight * (target * np.log(p + 1e-7) + (1 - target) * np.log(1 - p + 1e-7)))
    return float(loss), memory, backward(part.w, past, (p - target) * weight)


def learn(
    pool: Pool,
    w: Weights,
    adam: Adam,
    shares: list[npt.NDArray[np.int64]],
    both: float,
    rate: float,
    rng: np.random.Generator,
) -> float:
    """One pass over some calls side by side, a share for each process; the loss.

    Their memory is carried from chunk to chunk.
    """
    memories = [np.zeros((len(share), len(w.kept)), np.float32) for share in shares]
    losses = []
    for at in range(0, _heard[0].shape[1] - STEPS + 1, STEPS):
        seeds = rng.integers(2**32, size=len(shares))
        parts = [
            Part(share, at, memory, w, both, int(seed))
            for share, memory, seed in zip(shares, memories, seeds, strict=True)
        ]
        found, memories, gradients = zip(*pool.map(slope, parts), strict=True)
        losses.append(np.mean(found))
        adam.step([np.mean(g, axis=0) for g in zip(*gradients, strict=True)], rate)
        for matrix in (w.seen, w.kept, w.out):
            np.clip(matrix, -WEIGHT_MOST, WEIGHT_MOST, out=matrix)
        adam.average()
    return float(np.mean(losses))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="see voices.py")
    parser.add_argument("--extra", type=Path, help="further speech, music and keys, see voices.py")
    parser.add_argument("--hours", type=float, default=48.0, help="of two-channel sound")
    parser.add_argument("--epochs", type=int, default=11)
    parser.add_argument("--keep", type=Path, help="evidence is written here, or read when there")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--start",
        type=Path,
        help="go on from the weights in this folder, of as many units or fewer",
    )
    parser.add_argument("--rate", type=float, default=3e-3, help="greatest step of Adam")
    parser.add_argument(
        "--both", type=float, default=2.0, help="weight of frames while the other party talks"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "firmware/src")
    options = parser.parse_args()

    if options.keep and options.keep.exists():
        kept = np.load(options.keep)
        evidence, truth = kept["evidence"], kept["truth"]
        choosing = kept["choosing"], kept["choosing_truth"]
    else:
        material = options.data, options.extra
        evidence, truth = make_set(
            *material, "train", options.hours, options.seed, options.processes
        )
        choosing = make_set(*material, "choose", 1.0, 99, options.processes)
        if options.keep:
            np.savez(
                options.keep,
                evidence=evidence,
                truth=truth,
                choosing=choosing[0],
                choosing_truth=choosing[1],
            )
    global _heard
    _heard = evidence, truth
    rng = np.random.default_rng(options.seed)
    if options.start:
        w = grown(read(options.start, EVIDENCE), UNITS, rng)
    else:
        w = drawn(EVIDENCE, UNITS, OUTPUTS, rng)
    adam = Adam(w)
    groups = max(1, len(evidence) // BATCH)
    started = time.monotonic()
    with multiprocessing.get_context("fork").Pool(options.processes) as pool:
        for epoch in range(options.epochs):
            losses = []
            for i, group in enumerate(np.array_split(rng.permutation(len(evidence)), groups)):
                done = (epoch + i / groups) / options.epochs
                # up within a tenth, then down as a cosine
                height = min(done / 0.1 + 0.02, 0.5 + 0.5 * np.cos(np.pi * done) + 1e-3)
                shares = np.array_split(group, options.processes)
                rate = options.rate * height
                losses.append(learn(pool, w, adam, shares, options.both, rate, rng))
            agent, customer, *confirmed = check(adam.mean, *choosing)
            print(
                f"epoch {epoch + 1}: loss {np.mean(losses):.4f}  AUC agent {agent:.4f} "
                f"customer {customer:.4f}, confirmed {confirmed[0]:.4f} {confirmed[1]:.4f}  "
                f"({time.monotonic() - started:.0f} s)",
                flush=True,
            )
            write(adam.mean, SEEN, options.out)


if __name__ == "__main__":
    main()
