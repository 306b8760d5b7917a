"""What the floor keeps on its own disk: one snapshot of the current day, and the history's minutes.

The history holds cells alone. The snapshot holds the picture with the pids of the current day, so
that a restart counts nothing twice and forgets nothing: one row with the sums of today, and one
for each slot of the last quarter of an hour. What is replaced or removed is overwritten on disk.
Pids never leave this file; where the history is in a shared database, minutes only wait here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from turnlight_floor.desks import Kept
from turnlight_floor.minutes import Minutes, Step, StoreError

MIGRATIONS = (
    """
CREATE TABLE minute (
    site TEXT NOT NULL, team TEXT NOT NULL, start_s INTEGER NOT NULL,
    figures TEXT, withheld TEXT NOT NULL,
    PRIMARY KEY (start_s, site, team)) WITHOUT ROWID;
CREATE TABLE snapshot (site TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
""",
    # Columns of arrays take the place of objects: the day's snapshot cannot be read any more.
    """
DELETE FROM snapshot;
CREATE TABLE slot (
    site TEXT NOT NULL, start_s INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (site, start_s));
""",
)
"""From an empty file to this version; a step that was released never changes."""

VERSION = len(MIGRATIONS)


class Store(Minutes):
    """One SQLite database, used from one thread; several may have the file open."""

    def __init__(self, path: Path, site: str) -> None:
        """Open or create the database.

        Raises:
            StoreError: it cannot be opened, or another version made it.
        """
        super().__init__(site)
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(path, error) from None
        try:
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise StoreError(
                    f"{path}: made by a newer version of Turnlight (schema {version}, "
                    f"this one reads {VERSION}); move it away or use that version"
                )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA secure_delete=ON")
            for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
                self._db.executescript(f"BEGIN; {step} PRAGMA user_version={number}; COMMIT;")
        except sqlite3.Error as error:
            self._db.close()
            raise _unusable(path, error) from None
        except StoreError:
            self._db.close()
            raise

    def save(self, kept: Kept, changed: Mapping[int, bytes], oldest_s: int) -> None:
        """Replace the snapshot: what `kept` says, and the slots that changed since.

        Args:
            kept: all but the slots.
            changed: slots by their start.
            oldest_s: slots before it go.
        """
        slots = [(self._site, start_s, body) for start_s, body in changed.items()]
        self._write(
            (
                "INSERT OR REPLACE INTO snapshot VALUES (?, ?)",
                [(self._site, msgspec.msgpack.encode(kept))],
            ),
            ("INSERT OR REPLACE INTO slot VALUES (?, ?, ?)", slots),
            ("DELETE FROM slot WHERE site = ? AND start_s < ?", [(self._site, oldest_s)]),
        )
        # What the snapshot no longer holds must not live on in the write-ahead log.
        with self._told():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def restore(self) -> tuple[Kept, dict[int, bytes]] | None:
        """The last snapshot and its slots, if there is one that can be read."""
        row = self._db.execute("SELECT body FROM snapshot WHERE site = ?", (self._site,)).fetchone()
        if row is None:
            return None
        slots = self._db.execute("SELECT start_s, body FROM slot WHERE site = ?", (self._site,))
        try:
            return msgspec.msgpack.decode(row[0], type=Kept), dict(slots)
        except msgspec.MsgspecError:
            return None

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def _write(self, *steps: Step) -> None:
        with self._told(), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for statement, rows in steps:
                self._db.executemany(statement, rows)

    def _read(self, statement: str, values: Sequence[Any]) -> Iterator[Sequence[Any]]:
        with self._told():
            yield from self._db.execute(statement, values)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from None


def _unusable(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path}: cannot be used as the floor's database ({error}); "
        "set `database` to a file that this user may write, or `snapshot_file` where it is a URL"
    )
