"""How loud a party usually is, when somebody turns a gain and when nobody does."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from stages import Loudness, pointer

ROOM_DB, VOICE_DB = -53.0, -22.0
FLOOR_DB = ROOM_DB - 2


def heard(core, loudness_db, floor_db, state=None):
    """The state after these frames."""
    if state is None:
        state = Loudness()
        core.tl_loudness_init(ctypes.byref(state))
    for level, floor in zip(loudness_db, floor_db, strict=True):
        floors = np.full(20, int(floor * 256), np.int16)
        core.tl_loudness_push(
            ctypes.byref(state), int(level * 256), ctypes.c_int16(16000), pointer(floors)
        )
    return state


def after_a_while(core):
    """Ten seconds, of which 0.6 s of every second are voice: voice, moving voice, steady voice."""
    voice = np.where(np.arange(1000) % 100 < 60, VOICE_DB, ROOM_DB + 3)
    state = heard(core, voice, np.full(1000, FLOOR_DB))
    return state, levels(state)


def levels(state):
    return np.array([state.voice_db_q8, state.moving_db_q8, state.steady_db_q16 / 256]) / 256


def test_a_voice_that_gets_louder_is_the_usual_one_within_half_a_second(core):
    state, before = after_a_while(core)
    heard(core, np.full(50, VOICE_DB + 10), np.full(50, FLOOR_DB), state)
    assert levels(state) - before == pytest.approx([10] * 3, abs=3)


def test_a_gain_turned_down_moves_the_moving_voice_alone_and_at_once(core):
    state, before = after_a_while(core)
    heard(core, np.full(30, ROOM_DB - 20), np.full(30, FLOOR_DB - 20), state)
    assert levels(state) - before == pytest.approx([0, -20, 0], abs=1)


def test_the_way_to_the_first_room_moves_no_voice(core):
    """The floors start at -60 dB; else whatever is heard first would be louder than the voice."""
    state = heard(core, np.full(50, -75.0), np.linspace(-60, -90, 50))
    assert levels(state).tolist() == [-45, -45, -45]


def test_the_steady_voice_outlasts_the_others_story_and_the_usual_one_does_not(core):
    state, before = after_a_while(core)
    heard(core, np.full(3000, VOICE_DB - 18), np.full(3000, FLOOR_DB), state)
    voice, _, steady = before - levels(state)
    assert voice > 10
    assert 0 <= steady < 4
