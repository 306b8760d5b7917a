"""The desk around the voices: telephone line, headset and room. Arrays in, arrays out.

No filter here delays its signal, so the truth that was measured on the dry voices stays true.
"""

from __future__ import annotations

import numpy as np
import scipy.signal as ss
from numpy.typing import NDArray
from scipy import ndimage

Signal = NDArray[np.float64]

RATE_HZ = 16_000
LINE_RATE_HZ = 8_000
LINE_BAND_HZ = (300.0, 3_400.0)
BAND_TAPS = 255
MU = 255.0  # G.711 mu-law
PACKET_MS = 20
CONCEAL_PACKETS = 3  # a lost packet is the last one again, fading; after 60 ms it is silent
CONCEAL_GAIN = 0.6
BURST_STAY = 0.3  # chance that the packet after a lost one is lost too
LINE_NOISE_DBFS = -68.0  # of a quiet line
HUM_HZ = 50.0
HUM_SHARE = 0.5  # of the noise power on a bad line
BLEED_LOWPASS_HZ = 2_500.0
SIDETONE_LOWPASS_HZ = 3_400.0
LIMIT_DBFS = -3.0  # one voice never peaks higher
LIMIT_HOLD_MS = 8.0
KEY_DBFS = -44.0  # peak of a keystroke in the microphone


def db(value_db: float) -> float:
    """Amplitude factor of a level in dB."""
    return float(10.0 ** (value_db / 20.0))


def rms(audio: Signal) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(audio**2)))


def limited(audio: Signal) -> Signal:
    """Turn peaks down smoothly, as the limiter of a headset amplifier does."""
    ceiling = db(LIMIT_DBFS)
    hold = int(RATE_HZ * LIMIT_HOLD_MS / 1_000.0) | 1
    needed = ceiling / np.maximum(np.abs(audio), ceiling)
    lowest = ndimage.minimum_filter1d(needed, 2 * hold - 1, mode="nearest")
    window = ss.windows.hann(hold)
    return np.asarray(audio * ndimage.convolve1d(lowest, window / window.sum(), mode="nearest"))


def line_band(audio: Signal) -> Signal:
    """The telephone band: a linear-phase band-pass with its delay taken out."""
    taps = ss.firwin(BAND_TAPS, LINE_BAND_HZ, pass_zero=False, fs=RATE_HZ)
    return np.asarray(ss.fftconvolve(audio, taps, "same"))


def _lowpass(audio: Signal, edge_hz: float) -> Signal:
    """First-order low-pass run both ways: colour without delay."""
    sos = ss.butter(1, edge_hz, "low", fs=RATE_HZ, output="sos")
    return np.asarray(ss.sosfiltfilt(sos, audio))


def mu_law(audio: Signal) -> Signal:
    """Code and decode with eight bits, as G.711 does."""
    clipped = np.clip(audio, -1.0, 1.0)
    coded = np.sign(clipped) * np.log1p(MU * np.abs(clipped)) / np.log1p(MU)
    steps = np.round(coded * 127.0) / 127.0
    return np.asarray(np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(MU)) / MU)


def drop_packets(audio: Signal, loss_pct: float, rng: np.random.Generator) -> tuple[Signal, float]:
    """Lose packets in small bursts and conceal them; returns the audio and the share lost in %."""
    if loss_pct <= 0.0:
        return audio, 0.0
    size = LINE_RATE_HZ * PACKET_MS // 1_000
    enter = loss_pct / 100.0 * (1.0 - BURST_STAY) / (1.0 - loss_pct / 100.0)
    heard = audio.copy()
    lost, run = 0, 0
    count = len(audio) // size
    for index in range(1, count):
        run = run + 1 if rng.random() < (BURST_STAY if run else enter) else 0
        if run == 0:
            continue
        lost += 1
        packet = slice(index * size, (index + 1) * size)
        last = heard[(index - 1) * size : index * size]
        fade = np.linspace(1.0, CONCEAL_GAIN, size) if run <= CONCEAL_PACKETS else 0.0
        heard[packet] = last * fade
    return heard, 100.0 * lost / count


def line_noise(count: int, level_dbfs: float, hum: bool, rng: np.random.Generator) -> Signal:
    """Hiss of a line at 16 kHz, on a bad line half of it hum with its harmonics.

    Hum is picked up behind the line, by the desk's own wiring: the telephone band does not cut it.
    """
    hiss = line_band(rng.standard_normal(count))
    hiss /= rms(hiss)
    if not hum:
        return np.asarray(hiss * db(level_dbfs))
    time_s = np.arange(count) / RATE_HZ
    tones = sum(
        (1.0 / order) * np.sin(2.0 * np.pi * HUM_HZ * order * time_s + rng.uniform(0, 2 * np.pi))
        for order in (1, 2, 3, 4, 6, 8, 10, 14)
    )
    hum_signal = np.asarray(tones)
    hum_signal /= rms(hum_signal)
    mixed = np.sqrt(HUM_SHARE) * hum_signal + np.sqrt(1.0 - HUM_SHARE) * hiss
    return np.asarray(mixed * db(level_dbfs))


def telephone(audio: Signal, loss_pct: float, rng: np.random.Generator) -> tuple[Signal, float]:
    """What arrives at the desk of a far voice: narrow band, eight bits, maybe packets missing."""
    narrow = line_band(audio)
    coded = mu_law(np.asarray(ss.resample_poly(narrow, LINE_RATE_HZ, RATE_HZ)))
    heard, lost_pct = drop_packets(coded, loss_pct, rng)
    wide = np.asarray(ss.resample_poly(heard, RATE_HZ, LINE_RATE_HZ))[: len(audio)]
    return wide, lost_pct


def room_tone(count: int, level_dbfs: float, rng: np.random.Generator) -> Signal:
    """Air conditioning and microphone noise: white and low-passed noise together."""
    white = rng.standard_normal(count)
    rumble = _lowpass(rng.standard_normal(count), 300.0)
    mixed = 0.4 * white + rumble / rms(rumble)
    return np.asarray(mixed * (db(level_dbfs) / rms(mixed)))


def typing(count: int, spans: list[tuple[int, int]], rng: np.random.Generator) -> Signal:
    """Soft keystrokes in the given spans of samples."""
    keys = np.zeros(count)
    stroke_count = RATE_HZ * 12 // 1_000
    decay = np.exp(-np.arange(stroke_count) / (RATE_HZ * 0.003))
    for start, stop in spans:
        at = start + int(0.4 * RATE_HZ)
        while at < stop - RATE_HZ // 2:
            stroke = rng.standard_normal(stroke_count) * decay
            level = db(KEY_DBFS) * rng.uniform(0.5, 1.0)
            keys[at : at + stroke_count] += stroke / np.abs(stroke).max() * level
            # now and then the typist looks up
            at += int(RATE_HZ * (rng.uniform(0.11, 0.28) if rng.random() < 0.9 else 0.7))
    return keys


def babble(voices: list[Signal], count: int, rng: np.random.Generator) -> Signal:
    """Colleagues talking at once, each looped with pauses from an own start; RMS 1."""
    room = np.zeros(count)
    for voice in voices:
        pause = np.zeros(int(RATE_HZ * rng.uniform(0.3, 0.9)))
        loop = np.concatenate([voice / rms(voice), pause])
        loop = np.roll(loop, -int(rng.integers(len(loop))))
        room += np.resize(loop, count) * db(float(rng.uniform(-3.0, 0.0)))
    far = _lowpass(room, 3_000.0)
    return np.asarray(far / rms(far))


def bleed(earpiece: Signal, level_db: float, delay_ms: float) -> Signal:
    """The earpiece as the microphone hears it, exactly ``level_db`` below (or above) it in RMS."""
    shift = round(RATE_HZ * delay_ms / 1_000.0)
    coloured = _lowpass(earpiece, BLEED_LOWPASS_HZ)
    coloured *= db(level_db) * rms(earpiece) / rms(coloured)
    return np.concatenate([np.zeros(shift), coloured[: len(coloured) - shift]])


def sidetone(microphone: Signal, level_db: float) -> Signal:
    """The microphone as the headset plays it back into the ear, ``level_db`` relative to it."""
    coloured = _lowpass(microphone, SIDETONE_LOWPASS_HZ)
    return np.asarray(coloured * (db(level_db) * rms(microphone) / rms(coloured)))
