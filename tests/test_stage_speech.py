"""From evidence to talk: what the network is given, what it says, and what is decided."""

from __future__ import annotations

import ctypes
import re

import numpy as np
import pytest

import sounds
from reference import stages as reference
from stages import FIRMWARE, Bands, Evidence, pointer, table

WEIGHTS = (FIRMWARE / "src/weights.h").read_text()
UNITS, SEEN = (int(re.search(rf"TL_NET_{name} (\d+)", WEIGHTS)[1]) for name in ("UNITS", "SEEN"))
EVIDENCE, CHANNEL, ODDS = 92, 46, 4
"""What is seen without the padding; of it, by each channel; what is told."""


@pytest.fixture(scope="module")
def network_weights(core):
    """The weights as real numbers: (seen, kept, bias, kept bias, out, out bias)."""

    def q6(name, *shape):
        size = int(np.prod(shape))
        return np.array(table(core, name, ctypes.c_int8, size)).reshape(shape) / 2**6

    def q13(name, size):
        return np.array(table(core, name, ctypes.c_int32, size)) / 2**13

    rows = q6("tl_net_weights_q6", 3 * UNITS, SEEN + UNITS)
    return (
        *(rows[:, :EVIDENCE], rows[:, SEEN:]),
        *(q13("tl_net_bias_q13", 3 * UNITS), q13("tl_net_kept_bias_q13", UNITS)),
        *(q6("tl_net_out_q6", ODDS, UNITS), q13("tl_net_out_bias_q13", ODDS)),
    )


def on_a_desk():
    """What the network sees of a call with leaks, shape (frames, EVIDENCE)."""
    from doors import dump

    pcm = sounds.desk_call()
    frames = np.zeros((len(pcm) // 160, EVIDENCE), np.int8)
    dump("dump_evidence", pcm, frames)
    return frames


def at_random(seed):
    """20 s that change as slowly as speech does, and that no sound makes."""
    rng = np.random.default_rng(seed)
    steps = np.repeat(rng.integers(-64, 65, (200, EVIDENCE)), 10, axis=0)
    return np.clip(steps + rng.integers(-8, 9, steps.shape), -64, 64).astype(np.int8)


def test_the_network_equals_its_definition_in_real_numbers(core, network_weights, monkeypatch):
    """The memory is multiplied as int8 Q6: half a step, 1/128, is a hundredth of its range. Such
    errors do not add up; where two decisions are equally near, they decide for some frames. All
    the rest of the arithmetic adds no more to that than half as much."""
    monkeypatch.syspath_prepend(str(FIRMWARE.parent / "models/speech"))
    errors, by_rounding, otherwise = [], [], []
    for frames in (on_a_desk(), *map(at_random, range(5))):
        wanted, rounded = (
            np.clip(reference.network(frames, *network_weights, steps=steps), -8, 8)
            for steps in (None, 64)
        )
        state, odds, got = np.zeros(UNITS, np.int16), np.zeros(ODDS, np.int16), []
        core.tl_net_init(pointer(state))
        for frame in frames:
            core.tl_net_push(pointer(state), pointer(frame.copy()), pointer(odds))
            got.append(odds / 256)
        errors.append(np.abs(np.array(got) - wanted))
        by_rounding.append(np.abs(rounded - wanted))
        otherwise.append((np.array(got) > 0) != (wanted > 0))
    found, expected = np.concatenate(errors), np.concatenate(by_rounding)
    assert found.mean() < 0.03
    assert np.quantile(found, 0.99) < 0.3
    assert found.mean() < 1.5 * expected.mean()
    assert np.concatenate(otherwise).mean() < 0.01


def test_no_sum_of_the_network_can_overflow(network_weights):
    """The sum of two products of int8 fits 16 bits where no weight is -128; a bias is small."""
    seen, kept, bias, kept_bias, out, out_bias = network_weights
    assert min(matrix.min() for matrix in (seen, kept, out)) * 64 >= -127
    assert max(np.abs(vector).max() for vector in (bias, kept_bias, out_bias)) * 2**13 < 2**23


def test_the_network_forgets_nothing_of_its_start_but_its_memory(core, rng):
    """tl_net_init is a fresh start: the same evidence gives the same odds again."""
    frames = rng.integers(-64, 65, (50, EVIDENCE)).astype(np.int8)
    state, odds, heard = np.full(UNITS, 1234, np.int16), np.zeros(ODDS, np.int16), []
    for _ in range(2):
        core.tl_net_init(pointer(state))
        for frame in frames:
            core.tl_net_push(pointer(state), pointer(frame.copy()), pointer(odds))
            heard.append(odds.tolist())
    assert heard[:50] == heard[50:]


@pytest.mark.parametrize(("on", "frames"), [(0.0, 1), (-0.3, 5)])
def test_talk_is_the_float_hysteresis_and_its_probability_within_a_percent(core, rng, on, frames):
    """Of the mean of the last `frames` log-odds, -8 each before the first."""
    odds = np.round(np.repeat(rng.uniform(-6, 6, 100), 8) * 256)
    past = np.full(frames - 1, -8.0)
    means = np.convolve(np.r_[past, odds / 256], np.ones(frames) / frames, "valid")
    state, out = np.zeros(8, np.int16), np.zeros(2, np.int16)
    on_q8 = round(on * 256)
    core.tl_speech_init(pointer(state), ctypes.c_int16(on_q8), ctypes.c_uint8(frames))
    talks = reference.talk(means, on_q8 / 256)
    assert 50 < talks.sum() < 750
    for x, mean, talking in zip(odds, means, talks, strict=True):
        core.tl_speech_push(pointer(state), ctypes.c_int16(int(x)), pointer(out))
        assert out[0] / 32768 == pytest.approx(1 / (1 + np.exp(-mean)), abs=0.002)
        assert bool(out[1] & 1) == talking


class EvidenceIn(ctypes.Structure):
    _fields_ = (
        ("bands", ctypes.c_void_p),
        ("floor", ctypes.c_void_p),
        ("leak", ctypes.c_void_p),
        ("loudness_db_q8", ctypes.c_int32),
        ("voicing_q15", ctypes.c_int16),
        ("lag_log2_q11", ctypes.c_int16),
        ("music_odds_q8", ctypes.c_int16),
    )


def test_evidence_holds_the_distances_it_says(core, rng):
    """Own level over floor and leak, the usual levels and the extremes: each within a decibel;
    pitch within a twentieth of an octave, music within its step."""
    frames = 1500
    levels = np.repeat(rng.uniform(-90, -20, frames // 30), 30)
    voicing = np.repeat(rng.uniform(0, 1, frames // 30), 30)
    floors = np.repeat(rng.choice([-74, -72, -60, -50], frames // 100), 100).astype(float)
    hz, music_odds = rng.uniform(65, 430, frames), rng.uniform(-12, 12, frames)
    unexplained = levels + 10 * np.log10(13)  # thirteen telephone bands, all alike
    turned = reference.turns(np.repeat(floors[:, None], 20, 1))
    assert (np.sign(turned) == [[1], [-1]]).any(1).all()
    moved = np.diff(floors, prepend=-60.0)
    way = np.where(np.arange(frames) < 200, moved, 0)  # to the first room
    usual = reference.usual_levels(unexplained, voicing, turned, way)
    voices, backgrounds, steady = usual.T
    moving = reference.moving_voices(unexplained, voicing, moved)
    slow = reference.slow_floors(floors, turned)
    loudness = reference.beside(unexplained, steady)
    quick, smooth = (reference.mean_over(loudness, n, -65.0) for n in (20, 60))
    least, most = reference.extremes(loudness)
    state, out = Evidence(), np.zeros(EVIDENCE, np.int8)
    bands, other_bands = Bands(), Bands(db_q8=(ctypes.c_int16 * 20)(*[-100 * 256] * 20))
    floor, leak = np.zeros(20, np.int16), np.full(20, -65 * 256, np.int16)
    core.tl_evidence_init(ctypes.byref(state))
    for i in range(frames):
        bands.db_q8[:] = [int(levels[i] * 256)] * 20
        floor[:] = int(floors[i] * 256)
        parts = ctypes.addressof(bands), floor.ctypes.data, leak.ctypes.data
        own = EvidenceIn(
            *parts,
            *(int(unexplained[i] * 256), int(voicing[i] * 32767)),
            *(int(np.log2(4000 * 64 / hz[i]) * 2048), int(music_odds[i] * 256)),
        )
        other = EvidenceIn(ctypes.addressof(other_bands), *parts[1:], -100 * 256, 0, 0, 0)
        core.tl_evidence_push(ctypes.byref(state), (EvidenceIn * 2)(own, other), pointer(out))
        assert np.abs(out.astype(int)).max() <= 64
        for index, centre, wanted in (
            (0, 12, levels[i] - floors[i]),
            (20, 6, levels[i] - max(-65, floors[i])),  # a leak below the room is none
            (30, -12, loudness[i] - voices[i]),
            (31, 25, loudness[i] - floors[i]),
            (35, 8, quick[i] - backgrounds[i]),
            (36, 16, loudness[i] - least[i]),
            (37, -16, loudness[i] - most[i]),
            (38, -12, smooth[i] - voices[i]),
            (39, 16, voices[i] - backgrounds[i]),
            (42, -12, loudness[i] - moving[i]),
            (44, -16, loudness[i] - steady[i]),
            (45, -16, smooth[i] - steady[i]),
        ):
            got = out[index] / 2 + centre
            assert abs(out[index]) == 64 or got == pytest.approx(wanted, abs=1.0), (i, index)
        # the slow floor does not see less than 200 / 256 of a decibel
        assert out[43] / 2 == pytest.approx(floors[i] - slow[i], abs=1.5)
        assert out[40] / 32 == pytest.approx(np.log2(hz[i] / 157), abs=0.04)
        assert out[41] / 8 == pytest.approx(np.clip(music_odds[i], -8, 8), abs=0.15)
        assert out[CHANNEL + 40] == 0  # the other one has no pitch


def test_digital_silence_tells_nothing_about_the_room(core):
    """Who is muted for a minute comes back into the room that was left."""
    state, out = Evidence(), np.zeros(EVIDENCE, np.int8)
    leak = np.full(20, -80 * 256, np.int16)
    core.tl_evidence_init(ctypes.byref(state))

    def push(level_db, floor_db, frames):
        silent = level_db == -100
        bands = Bands(db_q8=(ctypes.c_int16 * 20)(*[level_db * 256] * 20), silent=silent)
        floor = np.full(20, floor_db * 256, np.int16)
        parts = ctypes.addressof(bands), floor.ctypes.data, leak.ctypes.data
        one = EvidenceIn(*parts, level_db * 256, 0, 0, 0)
        for _ in range(frames):
            core.tl_evidence_push(ctypes.byref(state), (EvidenceIn * 2)(one, one), pointer(out))
        return list(state.loudness[0].known_db_q8), state.loudness[0].usual.steady_db_q16

    before = push(-30, -70, 600)
    assert push(-100, -100, 6000) == before
    assert push(-50, -90, 100) != before  # as a room that is heard does


def test_the_committed_weights_are_read_mixed_and_written_as_they_are(tmp_path, monkeypatch):
    """Training can go on from them: `models/speech/train.py --start firmware/src`."""
    monkeypatch.syspath_prepend(str(FIRMWARE.parent / "models/speech"))
    from between import between
    from weights import read, write

    committed = read(FIRMWARE / "src", EVIDENCE)
    write(between(committed, committed, 0.4), SEEN, tmp_path)
    for name in ("weights.c", "weights.h"):
        assert (tmp_path / name).read_text() == (FIRMWARE / "src" / name).read_text()
