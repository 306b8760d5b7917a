"""Float references of the core's stages, straight from their definitions. NumPy and SciPy."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
from scipy import signal

Floats = npt.NDArray[np.float64]
FULL_SCALE = 32768.0
RATE_HZ = 16_000


def level_dbfs(hop: npt.NDArray[np.int16]) -> float:
    """RMS against a full-scale square wave, in dB."""
    return float(10 * np.log10(np.mean((hop / FULL_SCALE) ** 2)))


def power_spectrum(samples: Floats) -> Floats:
    """|X|^2 of bins 0..256 of 512 real values."""
    return np.abs(np.fft.rfft(samples, 512)) ** 2


def band_levels_dbfs(samples: npt.NDArray[np.int16], edges: npt.NDArray[np.int64]) -> Floats:
    """Energy of each band of 400 samples under a periodic Hann window, one-sided, in dBFS."""
    window = signal.windows.hann(400, sym=False)
    power = power_spectrum(samples / FULL_SCALE * window) * 2 / (512 * (window**2).sum())
    bands = [power[a:b].sum() for a, b in itertools.pairwise(edges)]
    return 10 * np.log10(np.maximum(bands, 1e-10))


def decimated(samples: Floats, taps: Floats) -> Floats:
    """Low-pass at 48 kHz and every third sample; the first output when three have come in."""
    return np.convolve(samples, taps)[2 : len(samples) : 3]


def best_correlation(past: Floats, lag_min: int, lag_max: int, window: int) -> tuple[float, int]:
    """Best normalised cross-correlation over the lags, windows centred on the same moment."""
    best, at = 0.0, 0
    for lag in range(lag_min, lag_max + 1):
        start = (len(past) - window - lag) // 2
        a, b = past[start : start + window], past[start + lag : start + lag + window]
        value = float(a @ b / np.sqrt((a @ a) * (b @ b) + 1e-9))
        if value > best:
            best, at = value, lag
    return best, at


def network(looks: npt.NDArray[np.int8], weights: list[Floats], biases: list[Floats]) -> Floats:
    """Log-odds of the int8 network in real numbers: features / 32, hidden steps of 1/16."""
    values = looks.reshape(-1) / 32.0
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        values = w @ values + b
        if layer < 2:
            values = np.clip(np.floor(values * 16 + 0.5), 0, 127) / 16
    return values
