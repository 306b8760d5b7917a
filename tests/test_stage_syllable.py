"""Syllable nuclei of contours whose humps are counted."""

from __future__ import annotations

import ctypes

import numpy as np

from reference import stages as reference
from stages import pointer


class Syllables:
    """The syllable stage, fed with frames made by hand."""

    def __init__(self, core):
        self._core, self._state = core, np.zeros(13, np.int16)
        core.tl_syllable_init(pointer(self._state))

    def nuclei(self, bands_db, voicing) -> list[int]:
        """The frames that hold a nucleus."""
        voicing_q15 = np.round(np.array(voicing) * 32767).astype(int).tolist()
        found, self.smooth_db = [], []
        for i, levels in enumerate(bands_db):
            bands = np.round(np.broadcast_to(levels, 20) * 256).astype(np.int16)
            found.append(
                self._core.tl_syllable_push(
                    pointer(self._state),
                    pointer(bands),
                    ctypes.c_int16(voicing_q15[i]),
                    ctypes.c_int16(voicing_q15[max(0, i - 3)]),
                )
            )
            self.smooth_db.append(self._state[5] / 256)
        return [i - 3 for i, nucleus in enumerate(found) if nucleus]


def humps(count, swing_db, period=20):
    """A level that swells so often, 200 ms each, between silences."""
    contour = -30 - swing_db * (0.5 + 0.5 * np.cos(2 * np.pi * np.arange(count * period) / period))
    return np.r_[np.full(20, -80.0), contour, np.full(20, -80.0)][:, None]


def test_every_voiced_hump_of_the_level_is_one_nucleus_in_the_frame_of_its_peak(core):
    levels = humps(8, 8)
    found = Syllables(core).nuclei(levels, np.full(len(levels), 0.9))
    assert found == [30 + 20 * i for i in range(8)]


def test_without_voice_or_dip_or_loudness_there_is_no_nucleus(core):
    levels = humps(8, 8)
    assert not Syllables(core).nuclei(levels, np.full(len(levels), 0.3))
    assert len(Syllables(core).nuclei(humps(8, 2), np.full(len(levels), 0.9))) == 1
    assert not Syllables(core).nuclei(levels - 40, np.full(len(levels), 0.9))
    faint = np.r_[levels, levels[20:60] - 32, levels]  # what is forgotten in 0.4 s is little
    assert len(Syllables(core).nuclei(faint, np.full(len(faint), 0.9))) == 16


def test_nuclei_are_those_of_the_float_contour(core, rng):
    swell = 12 * np.abs(np.sin(np.cumsum(rng.uniform(0.05, 0.25, 3000))))[:, None]
    bands = -55 + swell + np.cumsum(rng.normal(0, 0.4, (3000, 20)), 0) % 15
    voicing = np.clip(0.75 + 0.35 * np.sin(np.arange(3000) / 17), 0, 1)
    stage = Syllables(core)
    found = stage.nuclei(bands, voicing)
    # the core's contour lies two frames behind its input
    contour = np.array(stage.smooth_db)
    assert np.max(np.abs(contour - reference.loudness(bands, voicing))[4:]) < 0.3
    wanted = [i - 2 for i in reference.nuclei(contour, np.r_[0, 0, voicing])]
    assert len(wanted) > 100
    assert found == wanted
