"""A gated recurrent unit with a few outputs, its gradients and Adam.

NumPy does what can be done for all steps at once; gru.c, compiled on the fly, does them in turn.

As in Cho et al. (2014), with the reset gate after the product (as most libraries do), so that the
core needs each product once. Gates stand in the order reset, update, candidate.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
MEAN_STEPS = 2000
_SOURCE = Path(__file__).with_name("gru.c")


def logistic(x: Matrix) -> Matrix:
    return np.float32(0.5) * np.tanh(np.float32(0.5) * x) + np.float32(0.5)


@dataclass
class Weights:
    """K inputs, H units, O outputs."""

    seen: Matrix
    """(K, 3 H)"""
    kept: Matrix
    """(H, 3 H), from the units' own memory"""
    bias: Matrix
    """(3 H,)"""
    kept_bias: Matrix
    """(H,), inside the reset gate's reach"""
    out: Matrix
    """(H, O)"""
    out_bias: Matrix
    """(O,)"""

    def all(self) -> list[Matrix]:
        return [getattr(self, f.name) for f in fields(self)]


def drawn(inputs: int, units: int, outputs: int, rng: np.random.Generator) -> Weights:
    bound = 1 / np.sqrt(units)

    def uniform(*shape: int) -> Matrix:
        return rng.uniform(-bound, bound, shape).astype(np.float32)

    return Weights(
        seen=uniform(inputs, 3 * units),
        kept=uniform(units, 3 * units),
        bias=uniform(3 * units),
        kept_bias=uniform(units),
        out=uniform(units, outputs),
        out_bias=np.zeros(outputs, np.float32),
    )


def grown(w: Weights, units: int, rng: np.random.Generator) -> Weights:
    """The same network with more units: the new ones hear everything, and nobody hears them yet."""
    more = drawn(len(w.seen), units, w.out.shape[1], rng)
    old = len(w.kept)

    def gates(matrix: Matrix) -> Matrix:
        """Its three gates side by side, each of a network's units."""
        return matrix.reshape(*matrix.shape[:-1], 3, -1)

    for new, known in ((more.seen, w.seen), (more.bias, w.bias)):
        gates(new)[..., :old] = gates(known)
    gates(more.kept)[old:, :, :old] = 0
    gates(more.kept)[:old, :, :old] = gates(w.kept)
    more.kept_bias[:old] = w.kept_bias
    more.out[:] = 0
    more.out[:old] = w.out
    more.out_bias[:] = w.out_bias
    return more


@dataclass
class _Past:
    """What the way back needs of the way forward; T steps, B sequences."""

    x: Matrix
    memory: Matrix
    """(T + 1, B, H): before each step, and after the last."""
    reset: Matrix
    update: Matrix
    candidate: Matrix
    kept: Matrix
    """(T, B, H): the candidate's product with the memory, before the reset gate."""


def _steps(name: str, sizes: tuple[int, ...], arrays: list[Matrix]) -> None:
    """A function of gru.c, with (T, B, H) and the matrices that it takes."""
    if sizes[2] % 32:
        raise ValueError(f"{sizes[2]} units: gru.c takes multiples of 32")
    if any(a.dtype != np.float32 or not a.flags.c_contiguous for a in arrays):
        raise ValueError("gru.c takes float32, row by row")
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in arrays]
    getattr(_library(), name)(*map(ctypes.c_long, sizes), *pointers)


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    target = Path(tempfile.mkdtemp()) / "gru.so"
    fast = ("gcc", "-O3", "-march=native", "-ffast-math", "-std=c11", "-fPIC", "-shared")
    subprocess.run([*fast, str(_SOURCE), "-lm", "-o", str(target)], check=True)
    return ctypes.CDLL(str(target))


def forward(w: Weights, x: Matrix, memory: Matrix) -> tuple[Matrix, Matrix, _Past]:
    """Log-odds (T, B, O) and the last memory, from x (T, B, K) and a memory (B, H)."""
    steps, batch, _ = x.shape
    units = memory.shape[1]
    seen = x @ w.seen + w.bias
    past = _Past(
        x,
        np.empty((steps + 1, batch, units), np.float32),
        *(np.empty((steps, batch, units), np.float32) for _ in range(4)),
    )
    past.memory[0] = memory
    found = [past.memory, past.reset, past.update, past.candidate, past.kept]
    _steps("tl_gru_forward", past.update.shape, [seen, w.kept, w.kept_bias, *found])
    return past.memory[1:] @ w.out + w.out_bias, past.memory[-1].copy(), past


def backward(w: Weights, past: _Past, d_odds: Matrix) -> list[Matrix]:
    """Gradients in the order of Weights.all(), from the loss's gradient at the log-odds."""
    units = past.update.shape[2]
    d_seen = np.empty((*past.update.shape[:2], 3 * units), np.float32)
    d_own = np.empty_like(d_seen)
    heard = [past.memory, past.reset, past.update, past.candidate, past.kept]
    back = np.ascontiguousarray(w.kept.T)
    slopes = d_odds @ w.out.T
    _steps("tl_gru_backward", past.update.shape, [back, slopes, *heard, d_seen, d_own])
    flat_seen, flat_own = d_seen.reshape(-1, 3 * units), d_own.reshape(-1, 3 * units)
    return [
        past.x.reshape(len(flat_seen), -1).T @ flat_seen,
        past.memory[:-1].reshape(len(flat_own), -1).T @ flat_own,
        flat_seen.sum(0),
        flat_own[:, 2 * units :].sum(0),
        past.memory[1:].reshape(len(flat_seen), -1).T @ d_odds.reshape(-1, d_odds.shape[-1]),
        d_odds.sum((0, 1)),
    ]


class Adam:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), gradients clipped.

    `mean` follows the weights, and hears better than they do while the steps are large (Polyak and
    Juditsky 1992).
    """

    def __init__(self, weights: Weights, decay: float = 1e-3) -> None:
        self.mean = Weights(*(p.copy() for p in weights.all()))
        self._weights = weights.all()
        self._moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self._weights]
        self._decay = decay
        self._steps = 0

    def step(self, gradients: list[Matrix], rate: float) -> None:
        norm = float(np.sqrt(sum(float((g**2).sum()) for g in gradients)))
        share = min(1.0, 1.0 / (norm + 1e-6))
        self._steps += 1
        for p, g, (m, v) in zip(self._weights, gradients, self._moments, strict=True):
            m += 0.1 * (g * share - m)
            v += 0.001 * ((g * share) ** 2 - v)
            corrected = np.sqrt(v / (1 - 0.999**self._steps)) + 1e-8
            p -= rate * (self._decay * p + m / (1 - 0.9**self._steps) / corrected)

    def average(self) -> None:
        """Let `mean` follow: over the last MEAN_STEPS steps, or over all where they are fewer."""
        share = np.float32(max(1 / self._steps, 1 / MEAN_STEPS))
        for mean, p in zip(self.mean.all(), self._weights, strict=True):
            mean += share * (p - mean)
