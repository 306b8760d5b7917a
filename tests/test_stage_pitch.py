"""Pitch and periodicity: sounds whose pitch is known, and the float reference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from reference import stages as reference
from stages import pointer


def pitch_rows(core, samples):
    """F0 in Hz, voicing, quick voicing and quick F0 after each hop."""
    state, out, rows = np.zeros(2048, np.uint8), np.zeros(4, np.int16), []
    core.tl_pitch_init(pointer(state))
    for start in range(0, len(samples) - 159, 160):
        hop = np.array(samples[start : start + 160], np.int16)
        core.tl_pitch_push(pointer(state), pointer(hop), pointer(out))
        quick_hz = 0 if out[3] == 0 else 4000 * 64 / 2 ** (out[3] / 2048)
        rows.append((out.view(np.uint16)[0] / 16, out[1] / 32768, out[2] / 32768, quick_hz))
    return np.array(rows).T


def seconds(length):
    return np.arange(int(length * 16000)) / 16000


def buzz(hz, harmonics, length=0.5):
    """Harmonics of a sound whose pitch may change, each at its own phase; peaks at +-1."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, len(seconds(length)))) / 16000
    wave = sum(np.sin(k * phase + k * k) for k in harmonics)
    return wave / np.abs(wave).max()


@pytest.mark.parametrize("level", [300, 8000, 32000])
@pytest.mark.parametrize("hz", [70, 110, 155, 220, 310, 400])
def test_pitch_of_a_sine_and_of_a_harmonic_sound_is_within_one_percent(core, hz, level):
    for harmonics in ([1], range(1, 9)):
        f0, voicing, *_ = pitch_rows(core, buzz(hz, harmonics) * level)
        assert f0[10:] == pytest.approx(hz, rel=0.01)
        assert voicing[10:].min() > 0.9


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_the_octave_is_kept_also_where_a_period_lies_between_two_lags(core, count):
    """Harmonics fall by 6 dB an octave, as a voice's do."""
    for hz in np.arange(70, 291, 5):
        wave = sum(
            np.sin(2 * np.pi * hz * k * seconds(0.3) + k * k) / k for k in range(1, count + 1)
        )
        f0, *_ = pitch_rows(core, np.round(wave / np.abs(wave).max() * 8000))
        assert f0[10:] == pytest.approx(hz, rel=0.02)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("hz", [80, 110, 160, 220, 290])
def test_pitch_keeps_the_octave_of_pulses_through_a_telephone_that_cuts_the_fundamental(
    core, hz, sign
):
    telephone = signal.butter(4, [300, 3400], "band", fs=16000, output="sos")
    pulses = np.diff(np.floor(seconds(0.5) * hz), prepend=0)
    wave = signal.sosfilt(telephone, pulses)
    f0, *_ = pitch_rows(core, wave / np.abs(wave).max() * sign * 20000)
    assert f0[15:] == pytest.approx(hz, rel=0.02)


def test_a_glide_of_two_octaves_a_second_is_followed_where_it_was(core):
    hz = 90 * 4 ** seconds(1.0)
    f0, *_ = pitch_rows(core, buzz(hz, range(1, 6), 1.0) * 8000)
    # the middle of the windows lies half of 30 ms and half a lag back, read two frames late
    ends = np.arange(1, 101) * 0.01
    then = 90 * 4 ** (ends - 0.02 - 0.015 - 0.5 / np.maximum(f0, 1))
    assert f0[10:] == pytest.approx(then[10:], rel=0.02)


def test_silence_noise_and_a_hum_too_low_for_a_voice_have_no_pitch(core, rng):
    noise = rng.normal(0, 3000, 16000)
    assert not pitch_rows(core, np.zeros(8000)).any()
    assert np.mean(pitch_rows(core, noise)[0] > 0) < 0.01
    assert pitch_rows(core, noise)[2].max() < 0.75
    assert not pitch_rows(core, np.sin(2 * np.pi * 20 * seconds(0.5)) * 2)[0].any()


def test_the_newest_pitch_is_known_at_once(core):
    """Where the path has read it, two frames later, it says the same."""
    f0, _, _, quick_f0 = pitch_rows(core, np.round(8000 * buzz(170, range(1, 9))))
    assert f0[6:] == pytest.approx(quick_f0[4:-2], rel=0.002)
    assert quick_f0[6:] == pytest.approx(np.full(len(quick_f0) - 6, 170), rel=0.01)
    assert not pitch_rows(core, np.zeros(1600))[3].any()


def test_one_frame_of_another_octave_does_not_break_the_path(core):
    """Within a voice of 120 Hz, 10 ms where every second harmonic alone sounds."""
    voice, octave = buzz(120, range(1, 12)), buzz(120, range(2, 12, 2))
    voice[4000:4160] = octave[4000:4160]
    f0, *_ = pitch_rows(core, voice * 8000)
    assert f0[10:] == pytest.approx(120, rel=0.03)


@pytest.mark.parametrize(("level", "bound"), [(200, 0.05), (4000, 0.005)])
def test_pitch_and_voicing_are_those_of_the_float_reference(core, rng, level, bound):
    """A wandering voice with noise and pauses: voicing within `bound`, 98 % of F0 within 0.5 %.

    At level 200 the noise in the pauses is 20 steps, of which the stage keeps a quarter.
    """
    t = seconds(4.0)
    hz = 140 * 2 ** (0.7 * np.sin(2 * np.pi * 0.7 * t))
    wave = buzz(hz, range(1, 9), 4.0) * (np.sin(2 * np.pi * 1.1 * t) > -0.4)
    samples = np.round(level * (wave + rng.normal(0, 0.1, len(t))))
    f0, _, quick, _ = pitch_rows(core, samples)
    wanted_f0, wanted_quick = reference.pitch(samples)
    periodic = np.maximum(quick, wanted_quick) > 0.3  # peaks of less than 1/8 are none
    assert np.max(np.abs(quick - wanted_quick)[periodic]) < bound
    assert np.mean(np.abs(f0 - wanted_f0) <= 0.005 * wanted_f0) > 0.98


@pytest.mark.parametrize("wave", ["full-scale square", "least value", "impulses", "noise"])
def test_pitch_survives_hostile_sound(core, rng, wave):
    """The build traps where a narrowing loses a bit."""
    samples = {
        "full-scale square": np.where(np.arange(16000) // 40 % 2, 32767, -32768),
        "least value": np.full(16000, -32768),
        "impulses": np.where(np.arange(16000) % 997, 0, -32768),
        "noise": rng.choice([-32768, 32767], 16000),
    }[wave]
    _, voicing, quick, _ = pitch_rows(core, samples)
    assert voicing.min() >= 0
    assert quick.min() >= 0
