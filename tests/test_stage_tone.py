"""Tones of the line: ringback, busy, DTMF."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

import sounds
from stages import Bands, pointer


class Tones:
    """The tone stage, fed with sound or with frames made by hand."""

    def __init__(self, core):
        self._core, self._state = core, np.zeros(64, np.uint8)
        core.tl_tone_init(pointer(self._state))

    def push(self, bands: Bands) -> int:
        return self._core.tl_tone_push(pointer(self._state), ctypes.byref(bands))

    def hear(self, wave) -> list[bool]:
        """Whether each frame is a tone; what was found late is marked as far back as the core
        does."""
        samples = np.r_[np.zeros(80), wave, np.zeros(320)].astype(np.int16)
        marks: list[bool] = []
        for start in range(0, len(samples) - 399, 160):
            bands = Bands()
            self._core.tl_bands_of(
                pointer(np.ascontiguousarray(samples[start : start + 400])), ctypes.byref(bands)
            )
            marks.append(False)
            frames = min(self.push(bands), 4, len(marks))
            marks[len(marks) - frames :] = [True] * frames
        return marks


def burst(hz, on_s, dbfs, rng, snr_db=20.0, off_s=0.2):
    """Silence, tones of one level, silence; with noise around."""
    t = np.arange(round(on_s * 16000)) / 16000
    wave = sum(np.sin(2 * np.pi * f * t + f) for f in hz)
    wave = np.r_[np.zeros(round(off_s * 16000)), wave / np.std(wave), np.zeros(8000)]
    noise = rng.normal(0, 10 ** (-snr_db / 20), len(wave))
    return np.clip((wave + noise) * 32768 * 10 ** (dbfs / 20), -32768, 32767)


RINGBACK_BUSY = [(425,), (440, 480), (400, 450), (480, 620), (350, 440), (400,), (1000,)]


@pytest.mark.parametrize("hz", RINGBACK_BUSY)
@pytest.mark.parametrize("dbfs", [-6, -25, -45])
def test_a_tone_is_one_from_60_ms_after_its_start_to_its_end(core, rng, hz, dbfs):
    marks = Tones(core).hear(burst(hz, 0.4, dbfs, rng))
    assert not any(marks[:18])
    assert all(marks[26:60])  # 200 + 60 ms .. 600 ms
    assert not any(marks[88:])  # the quiet after it is no tone for longer than 0.25 s


@pytest.mark.parametrize("low", [697, 770, 852, 941])
@pytest.mark.parametrize("high", [1209, 1336, 1477, 1633])
def test_a_dtmf_key_of_50_ms_is_a_tone_but_for_its_first_frame(core, rng, low, high):
    for shift_s in (0.2, 0.203, 0.206):
        marks = Tones(core).hear(burst((low, high), 0.05, -25, rng, off_s=shift_s))
        assert all(marks[21:25])


def test_vowels_are_no_tones(core, rng):
    for hz in (110, 150, 200, 250):
        assert not any(Tones(core).hear(sounds.harmonics(hz, rng)))
    glide = 300 * 2 ** (np.linspace(0, 4, 9600) / 12)
    assert not any(Tones(core).hear(sounds.harmonics(glide, rng)))


def test_a_tone_ends_at_once_where_something_as_loud_follows(core, rng):
    sound = np.r_[burst((425,), 0.3, -25, rng)[:8000], sounds.harmonics(150, rng)]
    marks = Tones(core).hear(sound)
    assert all(marks[26:48])
    assert not any(marks[53:])


def test_a_wandering_fading_or_faint_peak_is_no_tone(core):
    def lengths(levels_db, centres):
        tones, bands = Tones(core), Bands(peak_share_q15=32500, peak_bin=(14, 60))
        for level_db, centre in zip(levels_db, centres, strict=True):
            bands.db_q8[:] = [int(level_db * 256)] * 20
            bands.peak_centre_q4 = round(centre * 16)
            yield tones.push(bands)

    assert list(lengths([-30] * 9, [14] * 9)) == [0] * 7 + [8, 9]
    assert not any(lengths([-30] * 40, 14 + 0.15 * np.arange(40)))
    assert not any(lengths(-30 - 1.5 * np.arange(20), [14] * 20))
    assert not any(lengths([-80] * 40, [14] * 40))
