"""From the local file to the shared database; here the database is a file too, that can fail."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from floor_feed import NOON_S, figures
from turnlight_floor import mover
from turnlight_floor.minutes import KEEP_S, Minute, StoreError
from turnlight_floor.mover import BATCH_S, DROP_EVERY_S, Mover
from turnlight_floor.store import Store


class Target(Store):
    """A database that counts, and does not answer while it is away."""

    away = ""
    written: list[Minute]

    def keep(self, minutes: Iterable[Minute], oldest_s: int) -> None:
        self.answer()
        batch = list(minutes)
        self.written += batch
        super().keep(batch, oldest_s)

    def drop(self, before_s: int) -> None:
        self.answer()
        super().drop(before_s)

    def answer(self) -> None:
        if self.away:
            raise StoreError(self.away)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    one = Target(tmp_path / "shared.sqlite", "home")
    one.written = []
    yield one
    Store.close(one)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Store]:
    one = Store(tmp_path / "floor.sqlite", "home")
    yield one
    one.close()


@pytest.fixture
def moving(tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mover]:
    def connect() -> Target:
        target.answer()
        return target

    monkeypatch.setattr(target, "close", lambda: None)
    one = Mover(tmp_path / "floor.sqlite", "home", connect)
    yield one
    one.close()


def minute(number: int) -> Minute:
    return (NOON_S + 60 * number, "service", (figures(desks=5 + number % 9), ""))


def all_of(store: Store) -> list[Minute]:
    return list(store.history(0, 1 << 40))


def test_minutes_go_over_once_and_leave_the_file_but_for_the_newest(
    local: Store, moving: Mover, target: Target
) -> None:
    local.keep(map(minute, range(3)), 0)
    for _ in range(3):
        moving.step(NOON_S + 180)
    assert target.written == [minute(0), minute(1), minute(2)]
    assert all_of(local) == [minute(2)]
    assert (moving.up, moving.waiting_s) == (True, 0)
    local.keep([minute(3)], 0)
    moving.step(NOON_S + 240)
    assert target.written == [minute(0), minute(1), minute(2), minute(3)]


def test_while_the_database_is_away_minutes_wait_and_the_trouble_is_told_once(
    local: Store, moving: Mover, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    target.away = "the database is away; start it"
    for number in range(5):
        local.keep([minute(number)], 0)
        moving.step(NOON_S + 60 * number)
    assert (moving.up, moving.waiting_s) == (False, 300)
    assert [record.getMessage() for record in caplog.records] == [
        f"the database is away; start it; minutes wait in {moving._file}, "
        "at most 90 days of them, and are written later"
    ]
    target.away = ""
    moving.step(NOON_S + 360)
    assert all_of(target) == list(map(minute, range(5)))
    assert (moving.up, moving.waiting_s) == (True, 0)
    assert "is back" in caplog.records[-1].getMessage()


def test_what_waits_outlives_a_restart(
    local: Store, moving: Mover, target: Target, tmp_path: Path
) -> None:
    target.away = "away"
    local.keep(map(minute, range(3)), 0)
    moving.step(NOON_S + 180)
    target.away = ""
    again = Mover(tmp_path / "floor.sqlite", "home", lambda: target)
    again.step(NOON_S + 180)
    again.close()
    assert all_of(target) == list(map(minute, range(3)))


def test_a_file_with_a_history_of_its_own_is_moved_whole_an_hour_at_a_time(
    local: Store, moving: Mover, target: Target
) -> None:
    whole = [minute(number) for number in range(0, 600, 7)]
    local.keep(whole, 0)
    moving.step(NOON_S + 36_000)
    assert all_of(target) == target.written == whole
    assert all_of(local) == whole[-1:]
    assert whole[-1][0] - whole[0][0] > 9 * BATCH_S


def test_when_it_fails_between_two_hours_it_goes_on_where_it_was(
    local: Store, moving: Mover, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [minute(number) for number in range(0, 180, 10)]
    local.keep(whole, 0)
    keep = target.keep

    def once(minutes: Iterable[Minute], oldest_s: int) -> None:
        keep(minutes, oldest_s)
        target.away = "the cable was cut"

    monkeypatch.setattr(target, "keep", once)
    moving.step(NOON_S + 10_800)
    assert 0 < len(target.written) < len(whole)
    monkeypatch.undo()
    monkeypatch.setattr(target, "close", lambda: None)
    target.away = ""
    moving.step(NOON_S + 10_800)
    assert target.written == whole


def test_the_shared_history_ends_after_ninety_days_also_when_nobody_talks(
    local: Store, moving: Mover, target: Target
) -> None:
    local.keep([minute(0), minute(1)], 0)
    moving.step(NOON_S + 120)
    moving.step(NOON_S + 60 + KEEP_S - DROP_EVERY_S)
    assert all_of(target) == [minute(0), minute(1)]
    moving.step(NOON_S + 60 + KEEP_S)
    assert all_of(target) == [minute(1)]
    assert len(target.written) == 2


def test_the_end_moves_what_came_last(
    local: Store, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def connect() -> Store:
        begun.set()
        return Store(tmp_path / "shared.sqlite", "home")

    monkeypatch.setattr(mover, "EVERY_S", 3600.0)
    moving = Mover(tmp_path / "floor.sqlite", "home", connect)
    moving.start()
    assert begun.wait(10)
    local.keep([minute(0)], 0)
    moving.stop()
    assert all_of(target) == [minute(0)]


def test_the_end_does_not_wait_for_a_database_that_hangs(tmp_path: Path) -> None:
    hangs, freed = threading.Event(), threading.Event()

    def hang() -> Target:
        hangs.set()
        freed.wait(20)
        raise StoreError("at last")

    moving = Mover(tmp_path / "floor.sqlite", "home", hang)
    moving.start()
    assert hangs.wait(5)
    moving.stop(0.2)
    assert moving._thread.is_alive()
    freed.set()
    moving._thread.join(5)
    assert not moving._thread.is_alive()


def test_nothing_that_happens_ends_the_moving(
    local: Store, moving: Mover, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    local.keep([minute(0)], 0)
    broken = pytest.MonkeyPatch()
    broken.setattr(target, "answer", lambda: 1 / 0)
    moving.step(NOON_S + 60)
    assert "ZeroDivisionError: division by zero; minutes wait in" in caplog.text
    broken.undo()
    moving.step(NOON_S + 70)
    assert target.written == [minute(0)]
