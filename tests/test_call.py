from __future__ import annotations

import random

import pytest

from frames import rows
from turnlight.agent import Listener
from turnlight.call import CallRecord
from turnlight.config import CallSettings, Config
from turnlight.dsp import Frames

CONFIG = Config(call=CallSettings(end_after_silence_s=20))


def calls(made: Frames, config: Config = CONFIG) -> list[CallRecord]:
    listener = Listener(config, keep=True)
    return [*listener.hear(made).calls, *listener.finish().calls]


def times(found: list[CallRecord]) -> list[tuple[int, int]]:
    return [(call.start_ms, call.end_ms) for call in found]


def test_a_call_runs_from_first_to_last_speech() -> None:
    assert times(calls(rows([(3, 5)], [(6, 9)], length_s=15))) == [(3000, 9000)]


def test_silence_is_no_call() -> None:
    assert calls(rows([], [], length_s=60)) == []


def test_a_blip_is_no_call() -> None:
    assert calls(rows([(5, 5.11)], [], length_s=60)) == []


def test_both_silent_for_so_long_ends_the_call() -> None:
    made = rows([(1, 3), (24, 26)], [(3.5, 4)])
    assert times(calls(made)) == [(1000, 4000), (24_000, 26_000)]
    assert times(calls(rows([(1, 3), (23.99, 26)], [(3.5, 4)]))) == [(1000, 26_000)]


def test_it_is_known_when_the_call_ended() -> None:
    (call,) = calls(rows([(1, 3)], [], length_s=60))
    assert call.ended_ms == 23_000


def test_two_calls_share_nothing() -> None:
    first = rows([(0, 2)], [(1.9, 8)])
    second = rows([(30, 35)], [])
    both = rows([(0, 2), (30, 35)], [(1.9, 8)])
    one, two = calls(both)
    assert one.metrics == calls(first)[0].metrics
    assert two.metrics == calls(second)[0].metrics
    assert two.metrics["floor_transfer_offsets"] == {"agent": {}, "customer": {}}


def test_music_on_hold_is_not_silence_and_not_speech() -> None:
    (call,) = calls(rows([(0, 3), (100, 103)], [(3.5, 5)], hold=[(6, 99)]))
    assert call.holds == [(6000, 99_000)]
    assert call.metrics["hold_ms"] == 93_000
    assert [s.start_ms for s in call.segments if s.party == "customer"] == [3500]


def test_the_agent_may_talk_up_to_the_hold_and_from_its_end() -> None:
    (call,) = calls(rows([(0, 3), (9.5, 10), (40, 44)], [(4, 9)], hold=[(10, 40)]))
    assert call.holds == [(10_000, 40_000)]
    assert call.metrics["talk_sum_ms"] == 3000 + 500 + 4000 + 5000


def test_what_is_said_to_a_held_line_is_not_counted() -> None:
    (call,) = calls(rows([(0, 3), (20, 25), (41, 43)], [], hold=[(10, 40)]))
    assert call.metrics["talk_sum_ms"] == 5000


def test_a_hold_just_after_the_customers_words_begins_after_them() -> None:
    (call,) = calls(rows([(0, 3)], [(3.5, 6)], hold=[(6.4, 30)]))
    assert call.holds == [(6400, 30_000)]
    assert [(s.start_ms, s.end_ms) for s in call.segments if s.party == "customer"] == [
        (3500, 6000)
    ]


def test_music_before_the_first_word_is_no_call() -> None:
    (call,) = calls(rows([(31, 33)], [], hold=[(5, 30)]))
    assert (call.start_ms, call.holds) == (31_000, [])


def test_a_call_may_end_on_hold() -> None:
    (call,) = calls(rows([(0, 3)], [], hold=[(4, 40)], length_s=41))
    assert call.holds == [(4000, 40_000)]
    assert call.metrics["duration_ms"] == 4000


@pytest.mark.parametrize("seed", range(3))
def test_signals_of_the_telephone_system_win_over_sound(seed: int) -> None:
    made = rows([(2, 5), (31, 34), (50, 53)], [(6, 9)], hold=[(36, 44)], length_s=60)
    signals = {1_000: "start", 10_000: "hold", 30_000: "resume", 40_000: "end"}
    listener, found, at_ms = Listener(CONFIG, keep=True), [], 0
    chance = random.Random(seed)
    while at_ms < 60_000:
        if at_ms in signals:
            listener.signal(signals[at_ms])
        next_ms = min(
            [t for t in signals if t > at_ms] + [60_000, at_ms + chance.randint(1, 900) * 10]
        )
        found += listener.hear(made[at_ms // 10 : next_ms // 10]).calls
        at_ms = next_ms
    found += listener.finish().calls
    (call,) = found
    assert call.holds == [(10_000, 30_000)]
    assert (call.start_ms, call.ended_ms) == (1_000, 40_000)
    # the music from 36 s on is recognised late and no telephone system called it a hold
    assert call.metrics["talk_sum_ms"] == 9_000 + 3_000
    assert call.metrics["hold_ms"] == 20_000
