from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from floor_feed import NOON_S, pid, window
from turnlight_floor.aggregate import Picture, ring_start
from turnlight_floor.desks import Kept
from turnlight_floor.minutes import StoreError
from turnlight_floor.store import MIGRATIONS, Store


def picture(desks: int) -> Picture:
    seen = Picture("home", None)
    for desk in range(desks):
        seen.apply("service", window(desk), NOON_S + 20)
    return seen


def test_a_snapshot_comes_back_and_replaces_the_one_before(tmp_path: Path) -> None:
    store = Store(tmp_path / "floor.sqlite", "home")
    assert store.restore() is None
    store.save(Kept(), {}, 0)
    seen = picture(5)
    slots = seen.changed_slots()
    store.save(seen.kept(), slots, 0)
    store.close()
    again = Store(tmp_path / "floor.sqlite", "home")
    assert again.restore() == (seen.kept(), slots)
    assert list(slots) == [NOON_S]
    again.close()


def test_pids_of_a_day_that_is_over_are_gone_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "floor.sqlite"
    seen = picture(5)
    store = Store(file, "home")
    store.save(seen.kept(), seen.changed_slots(), 0)
    seen.forget(NOON_S + 86_400)
    store.save(seen.kept(), seen.changed_slots(), ring_start(NOON_S + 86_400))
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert pid(3).encode() not in left
    store.close()


def test_a_damaged_snapshot_is_no_reason_not_to_start(tmp_path: Path) -> None:
    file = tmp_path / "floor.sqlite"
    Store(file, "home").close()
    with sqlite3.connect(file) as db:
        db.execute("INSERT INTO snapshot VALUES ('home', x'ff00')")
    db.close()
    store = Store(file, "home")
    assert store.restore() is None
    store.close()


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    file = tmp_path / "floor.sqlite"
    file.write_text("not a database, but long enough to be looked at " * 20)
    with pytest.raises(StoreError, match=r"floor\.sqlite: cannot be used .* set `database`"):
        Store(file, "home")


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "floor.sqlite"
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version=9")
    db.close()
    with pytest.raises(StoreError, match="schema 9"):
        Store(file, "home")


def test_a_database_of_the_first_version_keeps_its_history(tmp_path: Path) -> None:
    file = tmp_path / "floor.sqlite"
    with sqlite3.connect(file) as db:
        db.executescript(MIGRATIONS[0] + "PRAGMA user_version=1;")
        db.execute("INSERT INTO minute VALUES ('home', 'service', ?, NULL, 'no data')", (NOON_S,))
        db.execute("INSERT INTO snapshot VALUES ('home', x'80')")
    db.close()
    store = Store(file, "home")
    assert store.restore() is None
    assert list(store.history(NOON_S, NOON_S + 1)) == [(NOON_S, "service", (None, "no data"))]
    store.save(Kept(), {}, 0)
    store.close()
    again = Store(file, "home")
    assert again.restore() == (Kept(), {})
    again.close()
