"""How loud a party usually is, when somebody turns a gain and when nobody does."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from reference import stages as reference
from stages import Loudness, pointer

ROOM_DB, VOICE_DB = -53.0, -22.0
COLOUR_DB = -10.0 * np.linspace(0, 1, 20)
FLOOR_DB = ROOM_DB - 2 + COLOUR_DB
"""By band: fainter above, as rooms are."""
FLOORS_FOLLOW = 150
"""Frames after which the noise floors have taken over a rise of 20 dB, see test_stage_floors.py."""


def heard(core, loudness_db, floors_db, state=None):
    """The state after these frames; floors of shape (20,), or (frames, 20)."""
    if state is None:
        state = Loudness()
        core.tl_loudness_init(ctypes.byref(state))
    floors = (np.broadcast_to(floors_db, (len(loudness_db), 20)) * 256).astype(np.int16)
    for level, floor in zip(loudness_db, floors, strict=True):
        core.tl_loudness_room(ctypes.byref(state), pointer(np.ascontiguousarray(floor)))
        core.tl_loudness_push(ctypes.byref(state), int(level * 256), ctypes.c_int16(16000))
    return state


def speech(frames):
    """0.6 s of every second are voice."""
    return np.where(np.arange(frames) % 100 < 60, VOICE_DB, ROOM_DB + 3)


def after_a_while(core):
    """Ten seconds of speech in a room."""
    state = heard(core, speech(1000), FLOOR_DB)
    return state, usual(state)


def usual(state):
    """Voice, background, steady voice."""
    u = state.usual
    return np.array([u.voice_db_q8, u.background_db_q8, u.steady_db_q16 / 256]) / 256


def on_the_way(frames, by_db):
    """How far the floors are, dB, shape (frames, 1)."""
    late = FLOORS_FOLLOW if by_db > 0 else 20
    return by_db * np.clip(np.arange(frames) / late, 0, 1)[:, None]


def test_a_voice_that_gets_louder_is_the_usual_one_within_half_a_second(core):
    state, before = after_a_while(core)
    heard(core, np.full(50, VOICE_DB + 10), FLOOR_DB, state)
    voice, _, steady = usual(state) - before
    assert [voice, steady] == pytest.approx([10] * 2, abs=3)


@pytest.mark.parametrize("by_db", [20, -20])
@pytest.mark.parametrize("talks", [True, False], ids=["while the party talks", "while it listens"])
def test_a_turned_gain_moves_every_usual_level_as_soon_as_the_floors_have_moved(core, by_db, talks):
    state, before = after_a_while(core)
    frames = 80 + (FLOORS_FOLLOW if by_db > 0 else 20)
    sound = (speech(frames) if talks else np.full(frames, ROOM_DB + 3)) + by_db
    heard(core, sound, FLOOR_DB + on_the_way(frames, by_db), state)
    assert usual(state) - before == pytest.approx([by_db] * 3, abs=4)


@pytest.mark.parametrize(
    ("floors_db", "what"),
    [
        (np.where(np.arange(300) // 25 == 4, 20.0, 0.0), "floors lifted for 0.25 s"),
        (6.0 * (np.arange(300) > 100), "a room 6 dB louder"),
        (0.02 * np.arange(300), "a room that gets louder by 2 dB/s"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_what_is_no_turned_gain_moves_nothing(core, floors_db, what):
    state, _ = after_a_while(core)
    other, _ = after_a_while(core)
    heard(core, speech(300), FLOOR_DB + floors_db[:, None], state)
    heard(core, speech(300), FLOOR_DB, other)
    assert usual(state).tolist() == usual(other).tolist(), what


@pytest.mark.parametrize("by_db", [20, -20])
def test_a_noise_of_another_colour_that_comes_or_goes_is_no_turned_gain(core, by_db):
    """Neighbours who fall silent, a machine that starts: its bands move by 10 to 30 dB."""
    state, _ = after_a_while(core)
    other, _ = after_a_while(core)
    colour = 0.5 + np.linspace(0, 1, 20)
    heard(core, speech(300), FLOOR_DB + on_the_way(300, by_db) * colour, state)
    heard(core, speech(300), FLOOR_DB, other)
    assert usual(state).tolist() == usual(other).tolist()


def test_a_gain_turned_down_moves_the_moving_voice_at_once(core):
    state, _ = after_a_while(core)
    before = state.moving_db_q8 / 256
    heard(core, np.full(5, ROOM_DB - 20), FLOOR_DB - 20, state)
    assert state.moving_db_q8 / 256 - before == pytest.approx(-20, abs=1)


@pytest.mark.parametrize("by_db", [20, -20])
def test_once_a_turned_gain_is_found_the_floors_are_where_they_were_held_to_be(core, by_db):
    """Else it would go on as evidence for the two seconds over which their mean is taken."""
    state, _ = after_a_while(core)
    if by_db > 0:  # a rise is told, when floors and room are moved; a fall is found in the room
        core.tl_loudness_turned(ctypes.byref(state), by_db * 256)
    heard(core, speech(60), FLOOR_DB + by_db, state)
    now, of_late = np.array(state.floor_db_q8) / 256
    assert of_late == pytest.approx(now, abs=3)


@pytest.mark.parametrize("room_db", [-90, -40])
def test_a_voice_that_nobody_knows_is_awaited_30_dB_over_the_first_room(core, room_db):
    """The floors start at -60 dB, and what is awaited is taken along: no level means anything."""
    way = np.linspace(-60, room_db, 100)[:, None]
    state = heard(core, np.full(100, -100.0), way)
    voice, _, steady = usual(state)
    assert [voice, state.moving_db_q8 / 256, steady] == pytest.approx([room_db + 30] * 3, abs=0.2)


def test_after_a_ring_nobody_knows_whose_voice_comes_next(core):
    state, before = after_a_while(core)
    core.tl_loudness_newcomer(ctypes.byref(state))
    voice, background, steady = usual(state)
    awaited = FLOOR_DB.mean() + 30
    assert [voice, state.moving_db_q8 / 256, steady] == pytest.approx([awaited] * 3, abs=0.1)
    assert background == before[1]  # the room is the same


@pytest.mark.parametrize("by_db", [20, -20])
def test_a_turn_that_is_told_moves_every_usual_level_at_once_and_only_once(core, by_db):
    state, before = after_a_while(core)
    core.tl_loudness_turned(ctypes.byref(state), by_db * 256)
    assert usual(state) - before == pytest.approx([by_db] * 3, abs=2)
    heard(core, speech(300) + by_db, FLOOR_DB + by_db, state)
    assert usual(state) - before == pytest.approx([by_db] * 3, abs=3)


def test_turns_are_those_of_the_reference(core, rng):
    """Random rooms, of which some are one room at another gain: the voice moves when it says."""
    rooms = [rng.uniform(-80, -50, 20)]
    for _ in range(30):
        same = rooms[-1] + rng.uniform(-25, 25) + rng.normal(0, rng.uniform(0, 4), 20)
        rooms.append(np.clip(same, -100, -40))
    floors = np.round(np.repeat(rooms, 200, 0) * 256) / 256
    wanted = reference.turns(floors)
    assert 5 < np.count_nonzero(wanted) < 30
    silence = np.full(len(floors), -100.0)
    way = np.diff(floors.mean(1), prepend=-60.0) * (np.arange(len(floors)) < 200)
    voices = reference.usual_levels(silence, silence, wanted, way)[:, 0]
    state = None
    for i, floor in enumerate(floors):
        state = heard(core, [-100.0], floor, state)
        assert state.usual.voice_db_q8 / 256 == pytest.approx(voices[i], abs=0.2), i


def test_the_steady_voice_outlasts_the_others_story_and_the_usual_one_does_not(core):
    state, before = after_a_while(core)
    heard(core, np.full(3000, VOICE_DB - 18), FLOOR_DB, state)
    voice, _, steady = before - usual(state)
    assert voice > 10
    assert 0 <= steady < 4
