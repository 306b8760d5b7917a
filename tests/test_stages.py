"""Every stage of the core against a float reference, each within a stated bound."""

from __future__ import annotations

import ctypes
import re

import numpy as np
import pytest
from scipy import signal

import sounds
from reference import stages as reference
from stages import FIRMWARE, compiled, pointer, table

BANDS_INT16 = 23
"""tl_bands: 20 levels, share and centre of the peaks, and their two bins in one word."""


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("stages"), "-DTL_CHECKED")


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def edges(core):
    return np.array(table(core, "tl_band_edge", ctypes.c_uint16, 21), np.int64)


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
        out = np.zeros(21, np.int16)
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


def pitch_rows(core, samples):
    """F0 in Hz, voicing and quick voicing after each hop."""
    state, out, rows = np.zeros(2048, np.uint8), np.zeros(3, np.int16), []
    core.tl_pitch_init(pointer(state))
    for start in range(0, len(samples) - 159, 160):
        hop = np.array(samples[start : start + 160], np.int16)
        core.tl_pitch_push(pointer(state), pointer(hop), pointer(out))
        rows.append((out.view(np.uint16)[0] / 16, out[1] / 32768, out[2] / 32768))
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
        f0, voicing, _ = pitch_rows(core, buzz(hz, harmonics) * level)
        assert f0[10:] == pytest.approx(hz, rel=0.01)
        assert voicing[10:].min() > 0.9


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("hz", [80, 110, 160, 220, 290])
def test_pitch_keeps_the_octave_of_pulses_through_a_telephone_that_cuts_the_fundamental(
    core, hz, sign
):
    telephone = signal.butter(4, [300, 3400], "band", fs=16000, output="sos")
    pulses = np.diff(np.floor(seconds(0.5) * hz), prepend=0)
    wave = signal.sosfilt(telephone, pulses)
    f0, _, _ = pitch_rows(core, wave / np.abs(wave).max() * sign * 20000)
    assert f0[15:] == pytest.approx(hz, rel=0.02)


def test_a_glide_of_two_octaves_a_second_is_followed_where_it_was(core):
    hz = 90 * 4 ** seconds(1.0)
    f0, _, _ = pitch_rows(core, buzz(hz, range(1, 6), 1.0) * 8000)
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


def test_one_frame_of_another_octave_does_not_break_the_path(core):
    """Within a voice of 120 Hz, 10 ms where every second harmonic alone sounds."""
    voice, octave = buzz(120, range(1, 12)), buzz(120, range(2, 12, 2))
    voice[4000:4160] = octave[4000:4160]
    f0, _, _ = pitch_rows(core, voice * 8000)
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
    f0, _, quick = pitch_rows(core, samples)
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
    _, voicing, quick = pitch_rows(core, samples)
    assert voicing.min() >= 0
    assert quick.min() >= 0


def test_noise_floor_finds_a_steady_noise_under_interrupted_speech(core, rng):
    state, bands = np.zeros(64, np.int16), np.zeros(20, np.int16)
    core.tl_noise_init(pointer(state))
    for frame in range(1000):
        level = -50 + rng.normal(0, 1.0) + (25 if frame % 100 < 60 else 0)
        bands[:] = int(level * 256)
        core.tl_noise_push(pointer(state), pointer(bands))
    assert state[:20] / 256 == pytest.approx(-50, abs=3)


def test_bleed_is_measured_within_3_dB_also_under_double_talk(core, rng):
    state, explained = np.zeros(1024, np.uint8), np.zeros(20, np.int16)
    floor, source, heard = (np.zeros(20, np.int16) for _ in range(3))
    core.tl_bleed_gain_db_q8.restype = ctypes.c_int16
    core.tl_bleed_init(pointer(state))
    floor[:] = -70 * 256
    for frame in range(1500):
        level = -30 + rng.normal(0, 4)
        own = -28 if frame % 10 < 4 else -80
        leak = 10 * np.log10(10 ** ((level - 18 + rng.normal(0, 2)) / 10) + 10 ** (own / 10))
        source[:], heard[:] = int(level * 256), int(leak * 256)
        core.tl_bleed_explain(pointer(state), pointer(source), pointer(explained))
        core.tl_bleed_learn(pointer(state), pointer(floor), pointer(heard), pointer(floor))
    assert core.tl_bleed_gain_db_q8(pointer(state)) / 256 == pytest.approx(-18, abs=3)


def test_a_silent_source_explains_nothing_however_weak_its_leak(core):
    state, explained = np.zeros(1024, np.uint8), np.zeros(20, np.int16)
    loud, quiet = np.full(20, -30 * 256, np.int16), np.full(20, -95 * 256, np.int16)
    silent = np.full(20, -100 * 256, np.int16)
    core.tl_bleed_init(pointer(state))
    for _ in range(500):  # the gain falls to its least, -60 dB
        core.tl_bleed_explain(pointer(state), pointer(loud), pointer(explained))
        core.tl_bleed_learn(pointer(state), pointer(silent), pointer(quiet), pointer(silent))
    assert explained / 256 == pytest.approx(-90, abs=1)
    for _ in range(3):
        core.tl_bleed_explain(pointer(state), pointer(silent), pointer(explained))
    assert (explained == -100 * 256).all()


def test_bleed_takes_the_loudest_and_the_most_silent_levels(core, rng):
    """The library is the checked build: it traps where a difference leaves 16 bits."""
    state, explained = np.zeros(1024, np.uint8), np.zeros(20, np.int16)
    core.tl_bleed_init(pointer(state))
    for _ in range(2000):
        source, heard = (rng.choice([-100, 3], 20).astype(np.int16) * 256 for _ in range(2))
        floors = (rng.choice([-90, 3], 20).astype(np.int16) * 256 for _ in range(2))
        core.tl_bleed_explain(pointer(state), pointer(source), pointer(explained))
        core.tl_bleed_learn(*map(pointer, (state, next(floors), heard, next(floors))))


def test_bleed_that_is_not_heard_is_not_reported(core):
    state, explained = np.zeros(1024, np.uint8), np.zeros(20, np.int16)
    source, floor = np.full(20, -30 * 256, np.int16), np.full(20, -70 * 256, np.int16)
    core.tl_bleed_gain_db_q8.restype = ctypes.c_int16
    core.tl_bleed_init(pointer(state))
    for _ in range(500):
        core.tl_bleed_explain(pointer(state), pointer(source), pointer(explained))
        core.tl_bleed_learn(pointer(state), pointer(floor), pointer(floor), pointer(floor))
    assert core.tl_bleed_gain_db_q8(pointer(state)) == -32768


UNITS = int(re.search(r"TL_NET_UNITS (\d+)", (FIRMWARE / "src/weights.h").read_text())[1])


@pytest.fixture(scope="module")
def network_weights(core):
    """The weights as real numbers: (seen, kept, bias, kept bias, out, out bias)."""

    def q11(name, *shape):
        size = int(np.prod(shape))
        return np.array(table(core, name, ctypes.c_int16, size)).reshape(shape) / 2**11

    def q22(name, size):
        return np.array(table(core, name, ctypes.c_int32, size)) / 2**22

    rows = q11("tl_net_weights_q11", 3 * UNITS, 64 + UNITS)
    return (
        *(rows[:, :60], rows[:, 64:]),
        *(q22("tl_net_bias_q22", 3 * UNITS), q22("tl_net_kept_bias_q22", UNITS)),
        *(q11("tl_net_out_q11", 2, UNITS), q22("tl_net_out_bias_q22", 2)),
    )


def test_the_network_equals_its_definition_in_real_numbers(core, rng, network_weights):
    """Over 20 s of evidence that changes as slowly as speech does: errors do not add up."""
    steps = np.repeat(rng.integers(-64, 65, (200, 60)), 10, axis=0)
    frames = np.clip(steps + rng.integers(-8, 9, steps.shape), -64, 64).astype(np.int8)
    wanted = reference.network(frames, *network_weights)
    state, odds, got = np.zeros(UNITS, np.int16), np.zeros(2, np.int16), []
    core.tl_net_init(pointer(state))
    for frame in frames:
        core.tl_net_push(pointer(state), pointer(frame.copy()), pointer(odds))
        got.append(odds / 256)
    errors = np.abs(np.array(got) - np.clip(wanted, -8, 8))
    assert errors.mean() < 0.02
    assert errors.max() < 0.25


def test_no_row_of_the_network_can_leave_31_bits(network_weights):
    seen, kept, bias, kept_bias, *_ = network_weights
    largest = 2.0  # evidence of +-64 in 1/32; a memory is within +-1
    sums = np.abs(seen).sum(1) * largest + np.abs(kept).sum(1) + np.abs(bias)
    sums[2 * UNITS :] += np.abs(kept_bias)
    assert sums.max() * 2**22 < 2**31


def test_the_network_forgets_nothing_of_its_start_but_its_memory(core, rng):
    """tl_net_init is a fresh start: the same evidence gives the same odds again."""
    frames = rng.integers(-64, 65, (50, 60)).astype(np.int8)
    state, odds, heard = np.full(UNITS, 1234, np.int16), np.zeros(2, np.int16), []
    for _ in range(2):
        core.tl_net_init(pointer(state))
        for frame in frames:
            core.tl_net_push(pointer(state), pointer(frame.copy()), pointer(odds))
            heard.append(odds.tolist())
    assert heard[:50] == heard[50:]


def test_noise_floor_is_within_a_third_of_a_decibel_of_the_float_one(core, rng):
    levels = np.repeat(rng.uniform(-80, -20, 40), 25) + rng.normal(0, 2, 1000)
    state, bands, got = np.zeros(64, np.int16), np.zeros(20, np.int16), []
    core.tl_noise_init(pointer(state))
    for level in levels:
        bands[:] = int(level * 256)
        core.tl_noise_push(pointer(state), pointer(bands))
        got.append(state[7] / 256)
    assert np.max(np.abs(np.array(got) - reference.noise_floor(levels))) < 0.35


def test_talk_is_the_float_hysteresis_and_its_probability_within_a_percent(core, rng):
    odds = np.round(np.repeat(rng.uniform(-6, 6, 100), 8) * 256)
    state, out = np.zeros(8, np.int16), np.zeros(2, np.int16)
    core.tl_speech_init(pointer(state))
    for x, on in zip(odds, reference.talk(odds / 256), strict=True):
        core.tl_speech_push(pointer(state), ctypes.c_int16(int(x)), pointer(out))
        assert out[0] / 32768 == pytest.approx(1 / (1 + np.exp(-x / 256)), abs=0.001)
        assert bool(out[1] & 1) == on


class EvidenceIn(ctypes.Structure):
    _fields_ = (
        ("bands", ctypes.c_void_p),
        ("floor", ctypes.c_void_p),
        ("leak", ctypes.c_void_p),
        ("loudness_db_q8", ctypes.c_int32),
        ("voicing_q15", ctypes.c_int16),
    )


def test_evidence_holds_the_distances_it_says(core, rng):
    """Own level over floor and leak, voice and background: each within a decibel."""
    frames = 1500
    levels = np.repeat(rng.uniform(-60, -20, frames // 30), 30)
    voicing = np.repeat(rng.uniform(0, 1, frames // 30), 30)
    loudness = levels + 10 * np.log10(13)  # thirteen telephone bands, all alike
    voices, backgrounds = reference.loudness_trackers(loudness, voicing)
    least, most = reference.extremes(loudness)
    state, out = np.zeros(64, np.int16), np.zeros(60, np.int8)
    bands, silent = (
        np.zeros(BANDS_INT16, np.int16),
        np.full(BANDS_INT16, -100 * 256, np.int16),
    )
    floor, leak = np.full(20, -70 * 256, np.int16), np.full(20, -80 * 256, np.int16)
    silent[20] = 0
    core.tl_evidence_init(pointer(state))
    for i in range(frames):
        bands[:20] = int(levels[i] * 256)
        own = EvidenceIn(
            *map(_address, (bands, floor, leak)), int(loudness[i] * 256), int(voicing[i] * 32767)
        )
        other = EvidenceIn(*map(_address, (silent, floor, leak)), -75 * 256, 0)
        core.tl_evidence_push(pointer(state), (EvidenceIn * 2)(own, other), pointer(out))

        def distance(index, centre):
            return None if abs(out[index]) == 64 else out[index] / 2 + centre

        for index, centre, wanted in (
            (0, 12, levels[i] + 70),
            (10, 6, levels[i] + 75),  # leaks below -75 dBFS are as good as none
            (20, -12, loudness[i] - voices[i]),
            (26, 16, loudness[i] - least[i]),
            (27, -16, loudness[i] - most[i]),
            (29, 16, voices[i] - backgrounds[i]),
        ):
            got = distance(index, centre)
            assert got is None or got == pytest.approx(wanted, abs=1.0)


def _address(array):
    return array.ctypes.data


class Bands(ctypes.Structure):
    """tl_bands of bands.h."""

    _fields_ = (
        ("db_q8", ctypes.c_int16 * 20),
        ("peak_share_q15", ctypes.c_int16),
        ("peak_centre_q4", ctypes.c_int16),
        ("peak_bin", ctypes.c_uint8 * 2),
    )


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


def harmonics(hz, rng, seconds=0.6):
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


def test_vowels_are_no_tones(core, rng):
    for hz in (110, 150, 200, 250):
        assert not any(Tones(core).hear(harmonics(hz, rng)))
    glide = 300 * 2 ** (np.linspace(0, 4, 9600) / 12)
    assert not any(Tones(core).hear(harmonics(glide, rng)))


def test_a_tone_ends_at_once_where_something_as_loud_follows(core, rng):
    sound = np.r_[burst((425,), 0.3, -25, rng)[:8000], harmonics(150, rng)]
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
        vowel = harmonics(np.geomspace(start, end, 2400), rng, 0.15)
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
