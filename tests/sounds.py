"""Sounds of tests. All but `harmonics` are made of integers alone: every machine makes the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE_HZ = 16_000
Pcm = npt.NDArray[np.int16]


def noise(n: int, seed: int, shift: int) -> npt.NDArray[np.int64]:
    """White noise from a linear congruential generator; RMS is about 2^(31 - shift) / 1.7."""
    state, out = seed, np.empty(n, np.int64)
    for i in range(n):
        state = (state * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
        out[i] = (state - 0x4000_0000) >> shift
    return out


def voice(n: int, period: int, seed: int) -> npt.NDArray[np.int64]:
    """A buzz through two integer resonators, with syllables of 200 ms: speech-like, not speech."""
    out = np.zeros(n, np.int64)
    y = [0, 0, 0, 0]
    aspiration = noise(n, seed, 24)
    for i in range(n):
        x = (3000 if i % period == 0 else 0) + int(aspiration[i])
        x = x * min(i % 3200, 1600) // 1600 if i % 3200 < 2600 else 0
        first = x + (y[0] * 1830 >> 10) - (y[1] * 960 >> 10)
        second = x + (y[2] * 1390 >> 10) - (y[3] * 940 >> 10)
        y = [first, y[0], second, y[2]]
        out[i] = first + second
    return np.clip(out, -20000, 20000)


def conversation() -> Pcm:
    """Six seconds: agent, both, customer, with bleed, sidetone and noise; (96000, 2)."""
    n = 6 * RATE_HZ
    agent, customer = np.zeros(n, np.int64), np.zeros(n, np.int64)
    agent[8000:48000] = voice(40000, 130, 7)
    customer[40000:88000] = voice(48000, 75, 8) // 2
    microphone = agent + noise(n, 3, 25)
    microphone[40:] += customer[:-40] // 6
    earpiece = customer + noise(n, 4, 26)
    earpiece[20:] += agent[:-20] // 10
    return np.clip(np.stack([microphone, earpiece], 1), -32768, 32767).astype(np.int16)


def tone(hz: float, seconds: float, amplitude: float, rate_hz: int = RATE_HZ) -> Pcm:
    """The same sine in both channels."""
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz)
    return np.repeat(np.round(wave)[:, None], 2, axis=1).astype(np.int16)


def desk_call() -> Pcm:
    """Fourteen seconds: it rings, both talk in turn and at once, hold music; noise, bleed,
    sidetone. (224000, 2)."""
    n = 14 * RATE_HZ
    agent, customer = np.zeros(n, np.int64), np.zeros(n, np.int64)
    customer[: 2 * RATE_HZ] = (tone(440, 2, 2000) + tone(480, 2, 2000))[:, 0]
    agent[32000:96000] = voice(64000, 130, 7)
    customer[80000:160000] = voice(80000, 75, 8) // 2
    agent[144000:192000] = voice(48000, 118, 9)
    for i, chord in enumerate(((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))):
        for hz in chord:
            customer[192000 + 8000 * i : 200000 + 8000 * i] += tone(hz, 0.5, 1500)[:, 0]
    microphone = agent + noise(n, 3, 25)
    microphone[40:] += customer[:-40] // 6
    earpiece = customer + noise(n, 4, 26)
    earpiece[20:] += agent[:-20] // 10
    return np.clip(np.stack([microphone, earpiece], 1), -32768, 32767).astype(np.int16)


def turned_up() -> Pcm:
    """Nine seconds: noise, the agent talks, the microphone is ten times as loud from 5 s on."""
    n = 9 * RATE_HZ
    microphone, earpiece = noise(n, 3, 26), noise(n, 4, 26)
    microphone[32000:64000] += voice(32000, 130, 7) // 4
    microphone[88000:128000] += voice(40000, 130, 8) // 4
    microphone[80000:] *= 10
    return np.clip(np.stack([microphone, earpiece], 1), -32768, 32767).astype(np.int16)


def extremes() -> Pcm:
    """Seven seconds: a clipped call, full-scale squares, all of -32768, one impulse, full-scale
    noise, noise through every level, silence."""
    clipped = np.clip(desk_call()[80000:96000].astype(np.int64) * 12, -32768, 32767)
    high = np.stack([np.arange(RATE_HZ) % period < period // 2 for period in (100, 7)], 1)
    square = np.where(high, 32767, -32768)
    lowest = np.full((RATE_HZ, 2), -32768)
    impulse = np.zeros((RATE_HZ, 2), np.int64)
    impulse[7777] = -32768, 32767
    loud = noise(2 * RATE_HZ, 6, 15).reshape(-1, 2)
    swell = loud >> (15 - np.arange(RATE_HZ) // (RATE_HZ // 16))[:, None]
    silence = np.zeros((RATE_HZ, 2), np.int64)
    return np.concatenate([clipped, square, lowest, impulse, loud, swell, silence]).astype(np.int16)


def at_48_khz(pcm: Pcm) -> Pcm:
    """Three samples for one, straight lines between them, and noise that 16 kHz cannot hold."""
    now, then = pcm[:-1].astype(np.int64), pcm[1:].astype(np.int64)
    out = np.stack([now, (2 * now + then) // 3, (now + 2 * then) // 3], 1).reshape(-1, 2)
    out += noise(out.size, 5, 24).reshape(-1, 2)
    return np.clip(out, -32768, 32767).astype(np.int16)


def harmonics(
    hz: float | npt.NDArray[np.float64], rng: np.random.Generator, seconds: float = 0.6
) -> npt.NDArray[np.float64]:
    """A vowel of so many Hz, steady or by time, through the telephone band."""
    t = np.arange(round(seconds * 16000)) / 16000
    mean = float(np.mean(hz))
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, t.shape)) / 16000
    wave = sum(
        np.sin(k * phase + k) * 10 ** (-((k * mean - 600) ** 2) / 500_000)
        for k in range(1, 12)
        if k * mean > 300
    )
    return wave / np.abs(wave).max() * 8000 + rng.normal(0, 5, len(t))
