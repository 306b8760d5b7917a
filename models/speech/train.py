"""Trains the core's speech network and writes firmware/src/weights.c and weights.h.

    python models/speech/train.py --data DATA --extra EXTRA --hours 5 --epochs 14
    python models/speech/train.py --data DATA --hours 0.3 --epochs 1 --out /tmp/try   # a quick try

The features come from the core itself (firmware/tools/dump_evidence.c is compiled on the fly), so
what trains is what runs. The forward pass uses the int8 weights from the first step on
(straight-through gradients), so nothing is lost by quantising afterwards. NumPy only.
"""

from __future__ import annotations

import argparse
import ctypes
import multiprocessing
import subprocess
import sys
import tempfile
import textwrap
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent))
import itertools

from desks import Labels, converse, draw_desk, line_sounds, put_on
from voices import gather

ROOT = Path(__file__).resolve().parents[2]
FEATURES = 60
LOOKS = (0, 1, 2, 3, 4, 6, 9, 13, 19)
AHEAD = 3
FIRST, SECOND = 48, 24
WEIGHT_SCALE = 64.0
FEATURE_SCALE, HIDDEN_SCALE = 32.0, 16.0
CORE_BYTES = 40_960
Matrix = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.int8]


@lru_cache(maxsize=1)
def feature_library() -> ctypes.CDLL:
    folder = Path(tempfile.mkdtemp())
    sources = [p for p in sorted((ROOT / "firmware/src").glob("*.c")) if p.name != "core.c"]
    target = folder / "features.so"
    subprocess.run(
        [
            "gcc",
            "-O3",
            "-std=c11",
            "-fPIC",
            "-shared",
            f"-I{ROOT}/firmware/include",
            f"-I{ROOT}/firmware/src",
            str(ROOT / "firmware/tools/dump_evidence.c"),
            *map(str, sources),
            "-o",
            str(target),
        ],
        check=True,
    )
    return ctypes.CDLL(str(target))


def features_of(library: ctypes.CDLL, pcm: npt.NDArray[np.int16]) -> Bytes:
    """One row per hop. Row h was complete when hop h had been heard, and is about hop h - 1."""
    core = np.zeros(CORE_BYTES // 8, np.int64)
    library.tl_init(ctypes.c_void_p(core.ctypes.data), 16_000)
    out = np.zeros((len(pcm) // 160, FEATURES), np.int8)
    pcm = np.ascontiguousarray(pcm)
    library.tl_dump_evidence(
        ctypes.c_void_p(core.ctypes.data),
        ctypes.c_void_p(pcm.ctypes.data),
        len(pcm),
        ctypes.c_void_p(out.ctypes.data),
    )
    return out


def one_minute(job: tuple[Path, Path | None, bool, int, int]) -> tuple[Bytes, Labels]:
    """Features and aligned labels of one drawn minute."""
    data, extra, held_out, seed, number = job
    material, library = gather(data, extra, held_out), feature_library()
    rng = np.random.default_rng((seed, number))
    if rng.random() < 0.12:
        pcm, speech = line_sounds(material, rng, 60.0)
    else:
        call = converse(material, rng, 60.0, solo=bool(rng.random() < 0.12))
        pcm, speech = put_on(draw_desk(rng), call, material, rng), call.speech
    features = features_of(library, pcm)
    # the row that completes hop h decides hop h - 1 - AHEAD
    return features, np.pad(speech, ((1 + AHEAD, 0), (0, 0)))[: len(features)]


def make_set(
    data: Path, extra: Path | None, held_out: bool, hours: float, seed: int, processes: int
) -> tuple[Bytes, Labels, npt.NDArray[np.int64]]:
    """Features, labels, and the rows that may be trained on (those with enough past)."""
    minutes = max(4, int(hours * 60))
    jobs = [(data, extra, held_out, seed, i) for i in range(minutes)]
    features: list[Bytes] = []
    truth: list[Labels] = []
    with multiprocessing.Pool(processes) as pool:
        for i, (one, labels) in enumerate(pool.imap(one_minute, jobs)):
            features.append(one)
            truth.append(labels)
            if i % 20 == 0:
                print(f"  sound {i + 1}/{minutes} min", file=sys.stderr, flush=True)
    starts = np.cumsum([0, *(len(one) for one in features)])
    rows = [np.arange(a + max(LOOKS), b) for a, b in itertools.pairwise(starts)]
    return np.concatenate(features), np.concatenate(truth), np.concatenate(rows)


class Net:
    """The float master of the int8 network, its gradients and its Adam state."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        sizes = (len(LOOKS) * FEATURES, FIRST, SECOND, 2)
        self.weights = [
            rng.normal(0, np.sqrt(1.0 / a), (a, b)).astype(np.float32)
            for a, b in itertools.pairwise(sizes)
        ]
        self.biases = [np.zeros(b, np.float32) for b in sizes[1:]]
        self._moments = [np.zeros_like(p) for p in (*self.weights, *self.biases) for _ in "mv"]
        self._steps = 0

    def quantised(self) -> list[Matrix]:
        return [np.clip(np.round(w * WEIGHT_SCALE), -127, 127) / WEIGHT_SCALE for w in self.weights]

    def forward(self, x: Matrix, weights: list[Matrix]) -> list[Matrix]:
        values = [x]
        for layer, (w, b) in enumerate(zip(weights, self.biases, strict=True)):
            z = values[-1] @ w + b
            if layer < 2:
                z = np.clip(np.floor(z * HIDDEN_SCALE + 0.5), 0, 127) / HIDDEN_SCALE
            values.append(z)
        return values

    def step(self, x: Matrix, y: Matrix, weight: Matrix, rate: float) -> float:
        weights = self.quantised()
        values = self.forward(x, weights)
        p = 1 / (1 + np.exp(-np.clip(values[-1], -30, 30)))
        loss = -float(np.mean(weight * (y * np.log(p + 1e-7) + (1 - y) * np.log(1 - p + 1e-7))))
        delta = (p - y) * weight / len(x)
        gradients: list[Matrix] = []
        bias_gradients: list[Matrix] = []
        for layer in (2, 1, 0):
            gradients.insert(0, values[layer].T @ delta)
            bias_gradients.insert(0, delta.sum(0))
            if layer:
                hidden = values[layer]
                delta = (delta @ weights[layer].T) * ((hidden > 0) & (hidden < 7.9))
        self._adam((*gradients, *bias_gradients), rate)
        for w in self.weights:
            np.clip(w, -1.98, 1.98, out=w)
        return loss

    def _adam(self, gradients: tuple[Matrix, ...], rate: float) -> None:
        self._steps += 1
        for i, (p, g) in enumerate(zip((*self.weights, *self.biases), gradients, strict=True)):
            m, v = self._moments[2 * i], self._moments[2 * i + 1]
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= (
                rate * (m / (1 - 0.9**self._steps)) / (np.sqrt(v / (1 - 0.999**self._steps)) + 1e-8)
            )


def batch(features: Bytes, rows: npt.NDArray[np.int64]) -> Matrix:
    """What the first layer sees for each row: the frames of LOOKS, newest first."""
    stacked = features[rows[:, None] - np.array(LOOKS)[None, :]]
    return stacked.reshape(len(rows), -1).astype(np.float32) / FEATURE_SCALE


def auc(score: npt.NDArray[np.float32], truth: Labels) -> float:
    ranks = np.empty(len(score))
    ranks[np.argsort(score, kind="stable")] = np.arange(len(score))
    ones = int(truth.sum())
    return float((ranks[truth].sum() - ones * (ones - 1) / 2) / (ones * (len(truth) - ones)))


def emphasis(truth: Labels) -> Matrix:
    """Weight of each frame: within 50 ms of a change of the truth nobody can be sure."""
    weight = np.ones(truth.shape, np.float32)
    for k in (0, 1):
        for edge in np.flatnonzero(np.diff(truth[:, k].astype(np.int8))):
            weight[max(0, edge - 4) : edge + 5, k] = 0.4
    return weight


def wrapped(numbers: str) -> str:
    return textwrap.fill(numbers, 98, initial_indent="    ", subsequent_indent="     ")


def write_weights(net: Net, folder: Path) -> None:
    note = "/* Generated by models/speech/train.py; do not edit. */\n"
    (folder / "weights.h").write_text(
        note
        + f"""#ifndef TL_WEIGHTS_H
#define TL_WEIGHTS_H

#include <stdint.h>

#define TL_NET_LOOKS {len(LOOKS)}
#define TL_NET_FIRST {FIRST}
#define TL_NET_SECOND {SECOND}

extern const int8_t tl_net_weight1[TL_NET_FIRST][TL_NET_LOOKS * {FEATURES}];
extern const int32_t tl_net_bias1[TL_NET_FIRST];
extern const int8_t tl_net_weight2[TL_NET_SECOND][TL_NET_FIRST];
extern const int32_t tl_net_bias2[TL_NET_SECOND];
extern const int8_t tl_net_weight3[2][TL_NET_SECOND];
extern const int32_t tl_net_bias3[2];

#endif
"""
    )
    scales = (
        FEATURE_SCALE * WEIGHT_SCALE,
        HIDDEN_SCALE * WEIGHT_SCALE,
        HIDDEN_SCALE * WEIGHT_SCALE,
    )
    names = ("TL_NET_FIRST", "TL_NET_SECOND", "2")
    widths = (f"TL_NET_LOOKS * {FEATURES}", "TL_NET_FIRST", "TL_NET_SECOND")
    text = [note + '#include "weights.h"\n']
    for i, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        values = np.clip(np.round(w.T * WEIGHT_SCALE), -127, 127).astype(int)
        rows = ",\n".join(wrapped("{" + ", ".join(map(str, row)) + "}") for row in values)
        text.append(
            f"const int8_t tl_net_weight{i + 1}[{names[i]}][{widths[i]}] = {{\n{rows},\n}};\n"
        )
        bias = wrapped(", ".join(str(round(float(v) * scales[i])) for v in b))
        text.append(f"const int32_t tl_net_bias{i + 1}[{names[i]}] = {{\n{bias}}};\n")
    (folder / "weights.c").write_text("\n".join(text))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="see voices.py")
    parser.add_argument("--extra", type=Path, help="further speech, music and keys, see voices.py")
    parser.add_argument("--hours", type=float, default=5.0, help="of two-channel sound")
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "firmware/src")
    options = parser.parse_args()

    features, truth, rows = make_set(
        options.data, options.extra, False, options.hours, options.seed, options.processes
    )
    check_features, check_truth, check_rows = make_set(
        options.data, options.extra, True, 0.4, 99, options.processes
    )
    weight = emphasis(truth)
    targets = truth.astype(np.float32) * 0.98 + 0.01
    net = Net(options.seed)
    rng = np.random.default_rng(options.seed)
    size = 2048
    started = time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    for epoch in range(options.epochs):
        rate = 2e-3 * 0.5 * (1 + np.cos(np.pi * epoch / options.epochs)) + 2e-5
        order = rng.permutation(rows)
        losses = [
            net.step(batch(features, part), targets[part], weight[part], rate)
            for part in np.array_split(order, max(1, len(order) // size))
        ]
        odds = net.forward(batch(check_features, check_rows), net.quantised())[-1]
        aucs = [auc(odds[:, k], check_truth[check_rows, k]) for k in (0, 1)]
        print(
            f"epoch {epoch + 1}: loss {np.mean(losses):.4f}  held out AUC agent {aucs[0]:.4f} "
            f"customer {aucs[1]:.4f}  ({time.monotonic() - started:.0f} s)",
            flush=True,
        )
        write_weights(net, options.out)


if __name__ == "__main__":
    main()
