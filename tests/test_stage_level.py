"""The level and the clipping of a hop, against their definitions."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from reference import stages as reference
from stages import pointer


@pytest.mark.parametrize("dbfs", [0, -20, -60, -85])
def test_level_is_within_a_hundredth_of_a_decibel(core, rng, dbfs):
    core.tl_level_db_q8.restype = ctypes.c_int16
    amplitude = 32767 * 10 ** (dbfs / 20)
    hop = np.clip(np.round(rng.uniform(-1, 1, 160) * amplitude), -32768, 32767).astype(np.int16)
    assert core.tl_level_db_q8(pointer(hop)) / 256 == pytest.approx(
        reference.level_dbfs(hop), abs=0.01
    )


def speech_like(rng, peak):
    """A second of a swelling, noisy buzz that just reaches `peak`."""
    t = np.arange(16000) / 16000
    wave = sum(np.sin(2 * np.pi * 140 * k * t + k * k) / k for k in range(1, 20))
    wave = wave * (1.2 + np.sin(2 * np.pi * 4 * t)) + rng.normal(0, 0.02, len(t))
    return wave / np.abs(wave).max() * peak


def clipped_share(core, samples):
    hops = np.round(samples).astype(np.int16).reshape(-1, 160)
    return np.mean([core.tl_level_clipped(pointer(hop.copy())) for hop in hops])


@pytest.mark.parametrize("ceiling", [32767, 32256, 32124, 24000])
def test_a_clipped_sound_is_seen_at_full_scale_and_below_it(core, rng, ceiling):
    """32124 and 32256 are the ends of G.711's mu-law and A-law; 24000 was clipped before a gain."""
    clean = speech_like(rng, 1.0)
    loud = np.abs(clean * 4 * ceiling).reshape(-1, 160)
    plateaus = np.mean((loud >= ceiling).sum(1) >= 12)
    assert plateaus > 0.3
    share = clipped_share(core, np.clip(clean * 4 * ceiling, -ceiling, ceiling))
    assert share == pytest.approx(plateaus, abs=0.1)
    assert clipped_share(core, clean * ceiling) == 0


def test_a_faint_plateau_or_silence_is_not_clipped(core, rng):
    assert clipped_share(core, np.clip(speech_like(rng, 40000), -10000, 10000)) == 0
    assert clipped_share(core, np.zeros(16000)) == 0
    burst = np.zeros(160)
    burst[150:] = 20000 * np.sin(np.arange(10) / 5)
    assert clipped_share(core, burst) == 0
