"""What a channel owes to its room and to the other channel: noise floors and leaks."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from reference import stages as reference
from stages import pointer


def test_noise_floor_finds_a_steady_noise_under_interrupted_speech(core, rng):
    state, bands = np.zeros(64, np.int16), np.zeros(20, np.int16)
    core.tl_noise_init(pointer(state))
    for frame in range(1000):
        level = -50 + rng.normal(0, 1.0) + (25 if frame % 100 < 60 else 0)
        bands[:] = int(level * 256)
        core.tl_noise_push(pointer(state), pointer(bands))
    assert state[:20] / 256 == pytest.approx(-50, abs=3)


def test_a_room_or_a_gain_of_20_dB_more_is_the_new_floor_within_two_seconds(core, rng):
    state, bands, floors = np.zeros(64, np.int16), np.zeros(20, np.int16), []
    core.tl_noise_init(pointer(state))
    for frame in range(700):
        bands[:] = int(((-60 if frame < 500 else -40) + rng.normal(0, 1.0)) * 256)
        core.tl_noise_push(pointer(state), pointer(bands))
        floors.append(state[7] / 256)
    assert floors[499] == pytest.approx(-60, abs=3)
    assert floors[580] < -52  # a voice may fill a band for so long
    assert floors[-1] == pytest.approx(-40, abs=3)


def test_noise_floor_is_within_a_third_of_a_decibel_of_the_float_one(core, rng):
    levels = np.repeat(rng.uniform(-80, -20, 40), 25) + rng.normal(0, 2, 1000)
    state, bands, got = np.zeros(64, np.int16), np.zeros(20, np.int16), []
    core.tl_noise_init(pointer(state))
    for level in levels:
        bands[:] = int(level * 256)
        core.tl_noise_push(pointer(state), pointer(bands))
        got.append(state[7] / 256)
    assert np.max(np.abs(np.array(got) - reference.noise_floor(levels))) < 0.35


def test_bleed_is_measured_within_3_dB_also_under_double_talk(core, rng):
    state, explained = np.zeros(2048, np.uint8), np.zeros(20, np.int16)
    floor, source, heard = (np.zeros(20, np.int16) for _ in range(3))
    core.tl_bleed_gain_db_q8.restype = ctypes.c_int16
    core.tl_bleed_init(pointer(state))
    floor[:] = -70 * 256
    for frame in range(1500):
        level = -30 + rng.normal(0, 4)
        own = -28 if frame % 10 < 4 else -80
        leak = 10 * np.log10(10 ** ((level - 18 + rng.normal(0, 2)) / 10) + 10 ** (own / 10))
        source[:], heard[:] = int(level * 256), int(leak * 256)
        core.tl_bleed_explain(pointer(state), pointer(source), 0, pointer(explained))
        core.tl_bleed_learn(pointer(state), pointer(floor), pointer(heard), pointer(floor))
    assert core.tl_bleed_gain_db_q8(pointer(state)) / 256 == pytest.approx(-18, abs=3)


def test_what_a_leak_should_bring_and_does_not_is_missing(core):
    """Known once the leak was heard for a while, in four bands or more."""
    state, explained = np.zeros(2048, np.uint8), np.zeros(20, np.int16)
    source, floor = np.full(20, -30 * 256, np.int16), np.full(20, -90 * 256, np.int16)
    core.tl_bleed_init(pointer(state))

    def missing(heard_db):
        core.tl_bleed_explain(pointer(state), pointer(source), 0, pointer(explained))
        heard = (np.broadcast_to(heard_db, 20) * 256).astype(np.int16)
        return core.tl_bleed_missing_db_q8(pointer(state), pointer(heard)) / 256

    def learn(bands):
        heard = np.full(20, -95 * 256, np.int16)
        heard[bands] = -48 * 256
        for _ in range(300):
            core.tl_bleed_explain(pointer(state), pointer(source), 0, pointer(explained))
            core.tl_bleed_learn(*map(pointer, (state, floor, heard, floor)))

    assert missing(-48.0) == -128
    learn(slice(0, 3))
    assert missing(-48.0) == -128
    learn(slice(0, 10))
    assert missing(-48.0) == pytest.approx(0, abs=1)
    assert missing(-68.0) == pytest.approx(20, abs=1)
    assert missing(-28.0) == pytest.approx(-20, abs=1)  # the destination's own party
    assert missing(np.r_[[-48.0] * 10, [3.0] * 10]) == pytest.approx(0, abs=1)


def test_a_silent_source_explains_nothing_however_weak_its_leak(core):
    state, explained = np.zeros(2048, np.uint8), np.zeros(20, np.int16)
    loud, quiet = np.full(20, -30 * 256, np.int16), np.full(20, -95 * 256, np.int16)
    silent = np.full(20, -100 * 256, np.int16)
    core.tl_bleed_init(pointer(state))
    for _ in range(500):  # the gain falls to its least, -60 dB
        core.tl_bleed_explain(pointer(state), pointer(loud), 0, pointer(explained))
        core.tl_bleed_learn(pointer(state), pointer(silent), pointer(quiet), pointer(silent))
    assert explained / 256 == pytest.approx(-90, abs=1)
    for _ in range(3):
        core.tl_bleed_explain(pointer(state), pointer(silent), 0, pointer(explained))
    assert (explained == -100 * 256).all()


def test_bleed_takes_the_loudest_and_the_most_silent_levels(core, rng):
    """The library is the checked build: it traps where a difference leaves 16 bits."""
    state, explained = np.zeros(2048, np.uint8), np.zeros(20, np.int16)
    core.tl_bleed_init(pointer(state))
    for _ in range(2000):
        source, heard = (rng.choice([-100, 3], 20).astype(np.int16) * 256 for _ in range(2))
        floors = (rng.choice([-100, 3], 20).astype(np.int16) * 256 for _ in range(2))
        core.tl_bleed_explain(pointer(state), pointer(source), 0, pointer(explained))
        core.tl_bleed_learn(*map(pointer, (state, next(floors), heard, next(floors))))


def test_a_leak_moves_with_a_turned_gain_and_is_soon_learned_anew(core):
    """A microphone 20 dB louder hears 20 dB more of the earpiece, before anything teaches it."""
    state, explained = np.zeros(2048, np.uint8), np.zeros(20, np.int16)
    source, floor = np.full(20, -30 * 256, np.int16), np.full(20, -90 * 256, np.int16)

    def learn(gain_db, frames):
        heard = np.full(20, (-30 + gain_db) * 256, np.int16)
        for _ in range(frames):
            core.tl_bleed_explain(pointer(state), pointer(source), 0, pointer(explained))
            core.tl_bleed_learn(*map(pointer, (state, floor, heard, floor)))
        return explained[0] / 256 + 30

    core.tl_bleed_init(pointer(state))
    assert learn(-27, 500) == pytest.approx(-27, abs=1)
    core.tl_bleed_turned(pointer(state), 20 * 256, 0)
    assert learn(-7, 1) == pytest.approx(-7, abs=1)
    core.tl_bleed_turned(pointer(state), 0, 20 * 256)  # the earpiece's own gain
    assert learn(-27, 1) == pytest.approx(-27, abs=1)
    core.tl_bleed_turned(pointer(state), 0, 20 * 256)  # not the tap's but the line's: it leaks on
    assert learn(-27, 1) == pytest.approx(-47, abs=1)
    assert learn(-27, 50) == pytest.approx(-27, abs=2)


def test_a_leak_may_be_louder_than_its_source_where_the_gains_were_turned_so(core):
    """Else what is as loud as the source is the destination's own party."""
    state, explained = np.zeros(2048, np.uint8), np.zeros(20, np.int16)
    source, floor = np.full(20, -40 * 256, np.int16), np.full(20, -90 * 256, np.int16)

    def learn(gain_db):
        heard = np.full(20, (-40 + gain_db) * 256, np.int16)
        for _ in range(500):
            core.tl_bleed_explain(pointer(state), pointer(source), 0, pointer(explained))
            core.tl_bleed_learn(*map(pointer, (state, floor, heard, floor)))
        return explained[0] / 256 + 40

    core.tl_bleed_init(pointer(state))
    before = learn(2)
    assert before < -10
    core.tl_bleed_turned(pointer(state), 20 * 256, 0)
    assert learn(2) == pytest.approx(2, abs=1)
    core.tl_bleed_turned(pointer(state), 0, 20 * 256)  # the source was turned up as well
    assert learn(-18) == pytest.approx(-18, abs=1)
    assert learn(2) == pytest.approx(-18, abs=1)
    core.tl_bleed_turned(pointer(state), 20 * 256, 0)
    core.tl_bleed_turned(pointer(state), -20 * 256, 0)  # up and down again
    assert learn(2) <= -3


def test_floors_rise_with_a_gain_that_was_found_turned_up(core):
    state, bands = np.zeros(64, np.int16), np.full(20, -70 * 256, np.int16)
    core.tl_noise_init(pointer(state))
    for _ in range(300):
        core.tl_noise_push(pointer(state), pointer(bands))
    room = state[:20].copy()
    core.tl_noise_turned(pointer(state), pointer(room), 20 * 256)
    assert state[:20] / 256 == pytest.approx(-50, abs=0.5)
    core.tl_noise_turned(pointer(state), pointer(room), 15 * 256)  # they are there already
    assert state[:20] / 256 == pytest.approx(-50, abs=0.5)


def test_bleed_that_is_not_heard_is_not_reported(core):
    state, explained = np.zeros(2048, np.uint8), np.zeros(20, np.int16)
    source, floor = np.full(20, -30 * 256, np.int16), np.full(20, -70 * 256, np.int16)
    core.tl_bleed_gain_db_q8.restype = ctypes.c_int16
    core.tl_bleed_init(pointer(state))
    for _ in range(500):
        core.tl_bleed_explain(pointer(state), pointer(source), 0, pointer(explained))
        core.tl_bleed_learn(pointer(state), pointer(floor), pointer(floor), pointer(floor))
    assert core.tl_bleed_gain_db_q8(pointer(state)) == -32768


def test_a_late_source_explains_what_it_explains_that_much_later(core, rng):
    """A gain of -12 dB, as before anything was learned."""
    levels, explained = rng.uniform(-60, -20, 60), np.zeros(20, np.int16)
    states = {late: np.zeros(2048, np.uint8) for late in (0, 1, 7, 15)}
    told = {late: [] for late in states}
    for late, state in states.items():
        core.tl_bleed_init(pointer(state))
        for level in levels:
            source = np.full(20, int(level * 256), np.int16)
            core.tl_bleed_explain(pointer(state), pointer(source), late, pointer(explained))
            told[late].append(explained[3])
    for late in states:
        assert told[late][late:] == told[0][: 60 - late]
    assert told[0][2] / 256 == pytest.approx(max(levels[2::-1] - [0, 3, 6]) - 12, abs=0.1)


def delays(core, rng, *, bleed_frames, sidetone_frames, snr_db=20.0, seconds=60):
    """What both directions estimate: agent and customer take turns, each leaks into the other.

    Levels of whole frames, syllables at -25 dB; leaks at -15 dB.
    """
    n = 100 * seconds
    turn = np.arange(n) // 300 % 2
    syllables = np.repeat(rng.uniform(0, 1, n // 10) < 0.6, 10)
    voices = [np.where(syllables & (turn == who), rng.normal(-25, 3, n), -90) for who in (0, 1)]

    def mixed(own, other, late):
        leak = np.r_[np.full(late, -90.0), other[: n - late]] - 15
        room = rng.normal(-25 - snr_db, 2, n)
        return 10 * np.log10(sum(10 ** (x / 10) for x in (own, leak, room)))

    microphone = mixed(voices[0], voices[1], bleed_frames)
    earpiece = mixed(voices[1], voices[0], sidetone_frames)
    states, found = [np.zeros(512, np.uint8) for _ in range(2)], []
    for state in states:
        core.tl_delay_init(pointer(state))
    for levels in zip(microphone, earpiece, strict=True):
        mic, ear = (np.full(20, int(level * 256), np.int16) for level in levels)
        found.append(
            (
                core.tl_delay_push(pointer(states[0]), pointer(ear), pointer(mic)),
                core.tl_delay_push(pointer(states[1]), pointer(mic), pointer(ear)),
            )
        )
    return found


@pytest.mark.parametrize(("bleed", "sidetone"), [(0, 0), (3, 0), (0, 12), (6, 15), (15, 9)])
def test_the_delay_of_each_leak_is_found_within_a_frame_and_kept(core, rng, bleed, sidetone):
    found = np.array(delays(core, rng, bleed_frames=bleed, sidetone_frames=sidetone))
    assert (np.abs(found[3000:] - [bleed, sidetone]) <= 1).all()


def test_without_a_leak_that_is_heard_there_is_no_delay(core, rng):
    found = delays(core, rng, bleed_frames=5, sidetone_frames=9, snr_db=-5)
    assert not np.any(found)


def test_delays_take_the_loudest_and_the_most_silent_levels(core, rng):
    state = np.zeros(512, np.uint8)
    core.tl_delay_init(pointer(state))
    for _ in range(3000):
        source, heard = (np.full(20, 256 * rng.choice([-100, 3]), np.int16) for _ in range(2))
        assert 0 <= core.tl_delay_push(pointer(state), pointer(source), pointer(heard)) <= 15
