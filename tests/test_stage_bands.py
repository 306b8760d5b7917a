"""Decimator, transform, log bands and their peaks, each within a stated bound of the float one."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

import sounds
from reference import stages as reference
from stages import BANDS_INT16, pointer, table


def edges(core):
    return np.array(table(core, "tl_band_edge", ctypes.c_uint16, 21), np.int64)


def power_of(core, samples):
    """|X|^2 of bins 1..255 of 512 real values, as the core's block floating point has them."""
    z = np.concatenate([samples[::2], samples[1::2]]).astype(np.int16)
    power = np.zeros(256, np.int32)
    exponent = core.tl_fft_power(pointer(z), pointer(power))
    return power[1:] * 4.0**exponent


@pytest.mark.parametrize("peak", [4096, 1000])
def test_rounding_in_the_power_spectrum_of_noise_lies_60_dB_below_it(core, rng, peak):
    samples = np.round(rng.uniform(-peak, peak, 512))
    wanted = reference.power_spectrum(samples)[1:256]
    error = np.sqrt(power_of(core, samples)) - np.sqrt(wanted)
    assert np.mean(error**2) < 1e-6 * wanted.mean()


@pytest.mark.parametrize("cycles", [1, 20.5, 128, 255])
def test_rounding_in_the_power_spectrum_of_a_tone_lies_70_dB_below_it(core, cycles):
    samples = np.round(4096 * np.cos(2 * np.pi * cycles * np.arange(512) / 512 + 1))
    wanted = reference.power_spectrum(samples)[1:256]
    error = np.sqrt(power_of(core, samples)) - np.sqrt(wanted)
    assert np.max(error**2) < 1e-7 * wanted.max()


@pytest.mark.parametrize("kind", ["same", "alternating", "quarters", "square", "impulse", "random"])
def test_no_16_bit_sum_of_the_transform_overflows_at_its_limit(core, rng, kind):
    """The library is the checked build: it traps."""
    n = np.arange(512)
    samples = 4096 * {
        "same": np.ones(512),
        "alternating": (-1) ** n,
        "quarters": (-1) ** (n // 2),
        "square": (-1) ** (n // 37),
        "impulse": n == 77,
        "random": rng.choice([-1, 1], 512),
    }[kind].astype(float)
    wanted = reference.power_spectrum(samples)[1:256]
    assert power_of(core, samples).sum() == pytest.approx(wanted.sum(), rel=1e-3, abs=4096)


@pytest.mark.parametrize("dbfs", [-3, -30, -60])
def test_log_bands_of_noise_are_within_a_twentieth_of_a_decibel(core, rng, dbfs):
    samples = np.round(rng.normal(0, 9000 * 10 ** (dbfs / 20), 400)).astype(np.int16)
    out = np.zeros(BANDS_INT16, np.int16)
    core.tl_bands_of(pointer(samples), pointer(out))
    wanted = reference.band_levels_dbfs(samples, edges(core))
    assert np.max(np.abs(out[:20] / 256 - wanted)) < 0.05


@pytest.mark.parametrize(
    ("below", "mean", "most"), [(30, 0.02, 0.15), (40, 0.05, 0.4), (50, 0.15, 1.2), (55, 0.25, 1.8)]
)
def test_log_bands_far_below_a_loud_voice_keep_their_level(core, rng, below, mean, most):
    """Harmonics of 140 Hz below 800 Hz, and noise whose bands lie about `below` dB under them."""
    t, errors = np.arange(400) / 16000, []
    for _ in range(100):
        voice = sum(np.sin(2 * np.pi * 140 * k * t + rng.uniform(0, 6)) / k for k in range(1, 6))
        samples = voice * 8000 + rng.normal(0, 25_000 * 10 ** (-below / 20), 400)
        samples = np.clip(np.round(samples), -32768, 32767).astype(np.int16)
        out = np.zeros(BANDS_INT16, np.int16)
        core.tl_bands_of(pointer(samples), pointer(out))
        wanted = reference.band_levels_dbfs(samples, edges(core))
        there = np.abs(wanted.max() - below - wanted) < 5
        errors.append(np.abs(out[:20] / 256 - wanted)[there])
    errors = np.concatenate(errors)
    assert len(errors) > 500
    assert np.mean(errors) < mean
    assert np.max(errors) < most


def peaks_of(core, samples):
    """Share, centre (bins) and bins of the two strongest peaks."""
    out = np.zeros(BANDS_INT16, np.int16)
    core.tl_bands_of(pointer(samples), pointer(out))
    return out[20] / 32768, out[21] / 16, out[22:23].view(np.uint8).tolist()


def test_a_pure_tone_has_all_its_energy_in_the_peaks_and_noise_has_not(core, rng):
    share, centre, bins = peaks_of(core, np.ascontiguousarray(sounds.tone(440, 0.025, 8000)[:, 0]))
    assert share > 0.97
    assert centre == pytest.approx(440 / 31.25, abs=0.1)
    assert bins[0] == 14
    assert peaks_of(core, rng.normal(0, 3000, 400).astype(np.int16))[0] < 0.3


def test_two_tones_are_two_peaks_and_a_deep_voice_lies_below_them(core):
    """Peaks are sought from 344 Hz on; what lies below counts in the whole."""
    pair = sounds.tone(770, 0.025, 8000) + sounds.tone(1336, 0.025, 5000)
    share, centre, bins = peaks_of(core, np.ascontiguousarray(pair[:, 0]))
    assert share > 0.97
    assert bins == [25, 43]
    assert centre == pytest.approx((770 * 64 + 1336 * 25) / 89 / 31.25, abs=0.2)
    deep = sounds.tone(150, 0.025, 8000)
    assert peaks_of(core, np.ascontiguousarray(deep[:, 0]))[0] < 0.1


@pytest.mark.parametrize("dbfs", [-6, -40])
def test_peaks_are_those_of_the_float_spectrum(core, rng, dbfs):
    t = np.arange(400) / 16000
    wave = np.sin(2 * np.pi * 520 * t) + 0.5 * np.sin(2 * np.pi * 2210 * t + 1)
    samples = (wave * 20000 * 10 ** (dbfs / 20) + rng.normal(0, 20, 400)).astype(np.int16)
    share, centre, bins = peaks_of(core, samples)
    wanted = reference.strongest_peaks(samples, edges(core))
    assert share == pytest.approx(wanted[0], abs=0.002)
    assert centre == pytest.approx(wanted[1], abs=0.07)
    assert bins == wanted[2]


def decimated(core, samples):
    """48 kHz to 16 kHz, hop by hop."""
    state, got = np.zeros(128, np.int16), np.zeros(len(samples) // 3, np.int16)
    core.tl_decimate_init(pointer(state))
    for hop in range(len(samples) // 480):
        into = got[160 * hop : 160 * (hop + 1)]
        core.tl_decimate_push(pointer(state), pointer(samples[480 * hop :]), pointer(into))
    return got


@pytest.mark.parametrize("size", [20_000, 32_768])
def test_decimator_is_within_one_step_of_the_float_filter(core, rng, size):
    taps = np.array(table(core, "tl_decimate_q15", ctypes.c_int16, 96)) / 32768
    samples = rng.integers(-size, size, 4800).astype(np.int16)
    wanted = reference.decimated(samples.astype(float), taps)
    assert np.max(np.abs(decimated(core, samples) - np.clip(wanted, -32768, 32767))) <= 1


def test_the_worst_sound_for_the_decimator_stays_at_full_scale(core):
    """Every sample with its tap's sign: no larger sum exists."""
    taps = np.array(table(core, "tl_decimate_q15", ctypes.c_int16, 96))
    assert 32768 * np.abs(taps).sum() + (1 << 14) < 2**31
    worst = np.where(taps < 0, -32768, 32767).astype(np.int16)
    assert decimated(core, np.tile(worst, 10))[31::32].tolist() == [32767] * 10


@pytest.mark.parametrize(
    ("hz", "kept"), [(1000, True), (6900, True), (9100, False), (15000, False)]
)
def test_decimator_passes_7_kHz_and_stops_9_kHz(core, hz, kept):
    got = decimated(core, np.ascontiguousarray(sounds.tone(hz, 0.1, 16000, 48000)[:, 0]))
    gain_db = 20 * np.log10(np.std(got[100:]) * np.sqrt(2) / 16000 + 1e-9)
    assert (abs(gain_db) < 0.1) if kept else (gain_db < -65)
