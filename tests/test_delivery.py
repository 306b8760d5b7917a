from __future__ import annotations

import pytest

from turnlight.delivery import Answer, Delivery, Protocol, backoff_ms, next_protocol
from turnlight.outbox import Waiting


def rows(*ids: int) -> list[Waiting]:
    return [Waiting(id=number, topic="t", payload=b"", put_ms=0) for number in ids]


def ids(chosen: object) -> list[int]:
    assert isinstance(chosen, list)
    return [row.id for row in chosen]


@pytest.mark.parametrize(
    ("failures", "longest_ms"),
    [(1, 1_000), (2, 2_000), (3, 4_000), (6, 32_000), (7, 60_000), (8, 60_000), (10_000, 60_000)],
)
def test_the_wait_doubles_up_to_a_minute_and_half_of_it_is_random(
    failures: int, longest_ms: int
) -> None:
    assert backoff_ms(failures, 0.0) == longest_ms
    assert backoff_ms(failures, 0.5) == longest_ms * 3 // 4
    assert backoff_ms(failures, 1.0) == longest_ms // 2


@pytest.mark.parametrize(
    ("asked", "answer", "then"),
    [
        ("5", "wrong protocol", "3.1.1"),
        ("5", "none", "3.1.1"),
        ("5", "other", "5"),
        ("5", "accepted", "5"),
        ("3.1.1", "accepted", "5"),
        ("3.1.1", "none", "5"),
        ("3.1.1", "wrong protocol", "5"),
        ("3.1.1", "other", "3.1.1"),
    ],
)
def test_protocol_5_is_asked_for_first_and_3_1_1_when_it_is_refused(
    asked: Protocol, answer: Answer, then: Protocol
) -> None:
    assert next_protocol(asked, answer) == then


def test_the_oldest_are_sent_first_and_no_more_than_the_limit() -> None:
    delivery = Delivery(2)
    assert ids(delivery.choose(rows(1, 2, 3), 0)) == [1, 2]


def test_what_is_in_flight_is_not_sent_again() -> None:
    delivery = Delivery(3)
    delivery.sent(mid=11, row_id=1, now_ms=0)
    assert ids(delivery.choose(rows(1, 2, 3, 4), 0)) == [2, 3]


def test_an_acknowledgement_names_the_row_to_delete_and_makes_room() -> None:
    delivery = Delivery(1)
    delivery.sent(mid=11, row_id=1, now_ms=0)
    assert ids(delivery.choose(rows(1, 2), 0)) == []
    assert delivery.acknowledged(11) == 1
    assert ids(delivery.choose(rows(2), 0)) == [2]


def test_an_acknowledgement_of_something_else_deletes_nothing() -> None:
    assert Delivery(1).acknowledged(5) is None


def test_a_refused_window_stays_and_all_wait_longer_each_time() -> None:
    delivery = Delivery(2)
    now_ms = 0
    for hold_s in (60, 120, 240, 480, 900, 900):
        delivery.sent(mid=1, row_id=1, now_ms=now_ms)
        delivery.sent(mid=2, row_id=2, now_ms=now_ms)
        delivery.refused(1, now_ms)
        delivery.refused(2, now_ms)
        assert ids(delivery.choose(rows(1, 2), now_ms + hold_s * 1000 - 1)) == []
        now_ms += hold_s * 1000
        assert ids(delivery.choose(rows(1, 2), now_ms)) == [1, 2]


def test_after_a_window_was_taken_the_next_refusal_counts_as_the_first() -> None:
    delivery = Delivery(1)
    for now_ms in (0, 60_000):
        delivery.sent(mid=1, row_id=1, now_ms=now_ms)
        delivery.refused(1, now_ms)
    delivery.sent(mid=2, row_id=1, now_ms=200_000)
    delivery.acknowledged(2)
    delivery.sent(mid=3, row_id=2, now_ms=200_000)
    delivery.refused(3, 200_000)
    assert ids(delivery.choose(rows(2), 260_000)) == [2]


def test_a_refusal_of_something_else_holds_no_window() -> None:
    delivery = Delivery(1)
    delivery.refused(9, 0)
    assert ids(delivery.choose(rows(1), 0)) == [1]


def test_a_window_unacknowledged_for_30_s_means_a_dead_connection() -> None:
    delivery = Delivery(2)
    assert not delivery.stalled(99_000)
    delivery.sent(mid=1, row_id=1, now_ms=1_000)
    assert not delivery.stalled(31_000)
    assert delivery.stalled(31_001)
