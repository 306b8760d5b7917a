"""A gain that is turned up: found soon after, and nothing else is taken for it."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from reference import stages as reference
from stages import Bands, pointer

ROOM_DB = -60 - 10 * np.linspace(0, 1, 20)
"""By band: fainter above, as rooms are."""
AT = 460  # in a pause of `words`


NOBODY_KNOWS = -32768


def found(core, bands_db, room_db=ROOM_DB, silent=(), missing_db=None):
    """By how much a gain is found turned with each frame, dB; the room moves with it."""
    state, out = np.zeros(1024, np.uint8), np.zeros(len(bands_db))
    missing = [NOBODY_KNOWS] * len(out) if missing_db is None else (missing_db * 256).astype(int)
    room = np.round(room_db * 256).astype(np.int16)
    core.tl_gain_init(pointer(state))
    for i, levels in enumerate(np.clip(bands_db, -100, 3)):
        bands = Bands(db_q8=(ctypes.c_int16 * 20)(*(levels * 256).astype(int)), silent=i in silent)
        told = core.tl_gain_push(
            pointer(state), ctypes.byref(bands), pointer(room), int(missing[i])
        )
        out[i] = told / 256
        room += int(out[i] * 256)
    return out


def room(frames, rng):
    """A room 3 dB over its floors, as noise is."""
    return ROOM_DB + 3 + rng.normal(0, 2, (frames, 20))


def words(frames, rng):
    """Words of 0.4 s, 0.4 s apart, each frame of another colour, 30 dB above the room."""
    voice = ROOM_DB + 30 + rng.normal(0, 8, (frames, 1)) + rng.normal(0, 6, (frames, 20))
    spoken = (np.arange(frames) % 80 < 40)[:, None]
    return np.maximum(room(frames, rng), np.where(spoken, voice, -100))


@pytest.mark.parametrize("sound", [room, words])
@pytest.mark.parametrize("by_db", [20, 17])
def test_a_gain_turned_up_is_found_a_second_later(core, rng, sound, by_db):
    """Here in the pause of a word; in the midst of one a jump may be missed."""
    levels = sound(1000, rng)
    levels[AT:] += by_db
    turned = found(core, levels)
    at = np.flatnonzero(turned)
    assert len(at) == 1
    assert AT + 100 <= at[0] <= AT + 115
    assert turned[at[0]] == pytest.approx(by_db, abs=4)


def missing_in_the_other(frames, db, lasts):
    """-4 dB, as it is while this channel's party speaks; from AT on so much for a while."""
    after = np.arange(frames) - AT
    return np.where((after >= 0) & (after < lasts), db, -4.0)


@pytest.mark.parametrize("by_db", [20, 17])
def test_a_channel_that_is_fed_from_this_one_and_did_not_rise_tells_at_once(core, rng, by_db):
    """Also where the colleagues fall silent just then, which hides it from the room."""
    levels = words(1000, rng) + by_db * (np.arange(1000) >= AT)[:, None]
    levels[AT + 30 :] -= 12
    assert not found(core, levels).any()
    turned = found(core, levels, missing_db=missing_in_the_other(1000, by_db - 6.0, 20))
    at = np.flatnonzero(turned)
    assert len(at) == 1
    assert at[0] <= AT + 25
    assert turned[at[0]] == pytest.approx(by_db, abs=4)


def test_what_leaks_late_is_no_turned_gain(core, rng):
    """For 60 ms an outcry is missing in the other channel; then it is there."""
    levels = words(1000, rng)
    levels[AT : AT + 40] += 20
    assert not found(core, levels, missing_db=missing_in_the_other(1000, 14.0, 6)).any()
    assert found(core, levels, missing_db=missing_in_the_other(1000, 14.0, 20)).any()


def onset(level_db, frames):
    """Something as loud in all bands, for so long."""
    return np.where((np.arange(1000) - AT) % 1000 < frames, level_db, -100.0)[:, None]


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (np.full((1000, 1), -100.0), "words"),
        (onset(-30.0, 30), "a door that slams"),
        (onset(-58.0, 500) + 40 * np.linspace(0, 1, 20), "a machine of another colour"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_what_is_no_turned_gain_is_not_found(core, rng, other, what):
    assert not found(core, np.maximum(words(1000, rng), other)).any(), what


def test_a_mute_and_its_end_are_no_turned_gain(core, rng):
    levels = room(1000, rng)
    levels[AT : AT + 200] = -100
    assert not found(core, levels, silent=range(AT, AT + 200)).any()


def test_a_gain_turned_down_is_none_of_its_business(core, rng):
    levels = words(1000, rng)
    levels[AT:] -= 20
    assert not found(core, levels).any()


def test_turns_are_those_of_the_reference(core, rng):
    """Random steps of random colours, heard at random next door: found in the same frame, alike."""
    steps_db, soon = [], 0
    for _ in range(20):
        step = rng.uniform(12, 25) + rng.normal(0, rng.uniform(0, 6), 20)
        levels = ROOM_DB + rng.normal(0, 2, (400, 20)) + np.repeat([0, 1], 200)[:, None] * step
        levels = np.round(levels * 64) / 64
        missing_db = np.repeat(rng.choice([-4.0, 7.0, 9.0], 80), 5)
        wanted = reference.gain_turns(levels, ROOM_DB, missing_db)
        assert found(core, levels, missing_db=missing_db) == pytest.approx(wanted, abs=0.2)
        steps_db += wanted[wanted > 0].tolist()
        soon += np.flatnonzero(wanted).size > 0 and np.flatnonzero(wanted)[0] < 250
    assert 5 < len(steps_db) < 20
    assert 0 < soon < len(steps_db)
