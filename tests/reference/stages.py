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


def q8(db: float) -> float:
    """A step as the core knows it: whole 1/256 dB."""
    return round(db * 256) / 256


def noise_floor(levels_db: Floats) -> Floats:
    """Floor after each frame: down by a twelfth of the distance, up by 0.025 dB in Q8."""
    floor, up, out = -60.0, q8(0.025), []
    for level in np.maximum(levels_db, -90.0):
        floor += min(up, level - floor) if level > floor else (level - floor) / 12
        out.append(floor)
    return np.array(out)


def talk(odds: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Smoothed log-odds, and talk: on above 0, off below -1."""
    smooth, on, smoothed, talks = -4.0, False, [], []
    for x in odds:
        smooth += (x - smooth) / 2
        on = smooth > 0 or (on and smooth >= -1)
        smoothed.append(smooth)
        talks.append(on)
    return np.array(smoothed), np.array(talks)


def loudness_trackers(loudness_db: Floats, voicing: Floats) -> tuple[Floats, Floats]:
    """Usual level of the voice, and of the background, after each frame."""
    voice, background, voices, backgrounds = -45.0, -65.0, [], []
    for level, v in zip(loudness_db, voicing, strict=True):
        background += q8(0.03) if level > background else -q8(0.07)
        if level > voice:
            voice += (level - voice) / 16
        elif level > -75:
            voice -= q8(0.02 if v > 0.8 else 0.004)
        voices.append(voice)
        backgrounds.append(background)
    return np.array(voices), np.array(backgrounds)
