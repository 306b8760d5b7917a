"""Music on hold against voices, noises and machines; its network against its definition."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

import sounds
from reference import stages as reference
from stages import Bands, pointer, table


class Music:
    """The music stage, fed with frames made by hand or with sound."""

    INPUTS, CUES, HIDDEN = 31, 15, 16

    def __init__(self, core):
        self._core, self._state = core, np.zeros(256, np.int16)
        core.tl_music_init(pointer(self._state))
        core.tl_bleed_unexplained_db_q8.restype = ctypes.c_int32

    def push(self, bands: Bands, loudness_q8: int, voicing_q15: int) -> bool:
        return bool(
            self._core.tl_music_push(
                pointer(self._state),
                ctypes.byref(bands),
                ctypes.c_int32(loudness_q8),
                ctypes.c_int16(voicing_q15),
            )
        )

    @property
    def inputs(self):
        out = np.zeros(self.INPUTS, np.int16)
        self._core.tl_music_inputs(pointer(self._state), pointer(out))
        return out / 256

    @property
    def odds(self) -> float:
        behind = 3 * 2 * self.CUES + 2 * 13 + 4  # sums, both means, both spectra, four followers
        return self._state[behind] / 256

    def hear(self, wave) -> list[bool]:
        samples = np.r_[np.zeros(240), wave].astype(np.int16)
        state, result = np.zeros(8192, np.uint8), np.zeros(3, np.int16)
        nothing = np.full(20, -100 * 256, np.int16)
        self._core.tl_pitch_init(pointer(state))
        said = []
        for start in range(0, len(samples) - 399, 160):
            window = np.ascontiguousarray(samples[start : start + 400])
            bands = Bands()
            self._core.tl_bands_of(pointer(window), ctypes.byref(bands))
            self._core.tl_pitch_push(pointer(state), pointer(window[240:].copy()), pointer(result))
            loudness = self._core.tl_bleed_unexplained_db_q8(bands.db_q8, pointer(nothing))
            said.append(self.push(bands, loudness, int(result[2])))
        return said


def chords(seconds, rng, beat_s=0.4):
    """Three-part chords of plucked notes, one a beat, over a bass."""
    t = np.arange(round(beat_s * 16000)) / 16000
    out = []
    for beat in range(round(seconds / beat_s)):
        root = 220 * 2 ** ((0, 5, 7, 9)[beat // 4 % 4] / 12)
        notes = [root / 2, root, root * 2 ** (4 / 12), root * 2 ** (7 / 12), root * 2]
        out.append(
            sum(
                np.sin(2 * np.pi * hz * k * t + rng.uniform(0, 6)) / k * np.exp(-1.5 * t * k**0.5)
                for hz in notes
                for k in (1, 2, 3, 4)
            )
        )
    wave = np.concatenate(out)
    return wave / np.abs(wave).max() * 9000 + rng.normal(0, 3, len(wave))


def chatter(hz, seconds, rng):
    """Vowels of 0.15 s on a pitch that wanders, with closures between them and pauses."""
    out = []
    while sum(map(len, out)) < seconds * 16000:
        start, end = hz * 2 ** rng.uniform(-0.3, 0.4, 2)
        vowel = sounds.harmonics(np.geomspace(start, end, 2400), rng, 0.15)
        rise = np.minimum(np.arange(2400), np.arange(2400)[::-1]) / 600
        quiet = rng.normal(0, 5, rng.choice([480, 960, 6400]))
        out += [vowel * np.clip(rise, 0, 1) * rng.uniform(0.3, 1), quiet]
    return np.concatenate(out)


def test_chords_are_music_within_three_seconds_and_until_they_end(core, rng):
    quiet = rng.normal(0, 3, 32000)
    said = Music(core).hear(np.r_[quiet, chords(12, rng), quiet])
    assert not any(said[:200])
    assert all(said[500:1400])
    assert not any(said[1500:])


def test_a_voice_a_noise_and_a_hum_are_no_music(core, rng):
    for hz in (110, 210):
        assert not any(Music(core).hear(chatter(hz, 10, rng)))
    assert not any(Music(core).hear(rng.normal(0, 1500, 96000)))
    t = np.arange(96000) / 16000
    hum = sum(np.sin(2 * np.pi * 100 * k * t + k) / k for k in range(1, 20)) * 1500
    assert not any(Music(core).hear(hum + rng.normal(0, 300, len(t))))


def test_the_music_network_sees_and_says_what_its_definition_does(core, rng):
    """Cues within 0.02, log-odds within 0.1."""
    frames = 900
    bands_db = -55 + np.cumsum(rng.normal(0, 2, (frames, 20)), 0) % 40
    loudness = -68 + np.cumsum(rng.normal(0, 2, frames)) % 50
    voicing = np.clip(rng.normal(0.6, 0.3, frames), 0, 0.999)
    share = rng.uniform(0.1, 0.9, frames)
    bins = np.repeat(rng.integers(11, 125, (frames // 5, 2)), 5, 0)
    bins[::3, 0] = bins[::3, 1] = 40
    stage = Music(core)
    for i in range(frames):
        bands = Bands(peak_share_q15=int(share[i] * 32768))
        bands.db_q8[:] = [int(level * 256) for level in bands_db[i]]
        bands.peak_bin[:] = bins[i].tolist()
        stage.push(bands, int(loudness[i] * 256), int(voicing[i] * 32768))
    wanted = reference.music_inputs(bands_db, share, bins, loudness, voicing)[-1]
    assert np.max(np.abs(stage.inputs - wanted)) < 0.02
    first = np.array(table(core, "tl_music_weight1_q10", ctypes.c_int16, 16 * 31)).reshape(16, 31)
    said = reference.music_odds(
        stage.inputs,
        first / 2**10,
        np.array(table(core, "tl_music_bias1_q18", ctypes.c_int32, 16)) / 2**18,
        np.array(table(core, "tl_music_weight2_q12", ctypes.c_int16, 16)) / 2**12,
        ctypes.c_int32.in_dll(core, "tl_music_bias2_q20").value / 2**20,
    )
    assert stage.odds == pytest.approx(np.clip(said, -128, 128), abs=0.1)
