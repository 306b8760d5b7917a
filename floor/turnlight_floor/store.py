"""What the floor keeps on disk: aggregates of each minute, and one snapshot of the current day.

The history holds cells alone. The snapshot holds the picture with the pids of the current day, so
that a restart counts nothing twice and forgets nothing: one row with the sums of today, and one
for each slot of the last quarter of an hour. What is replaced or removed is overwritten on disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from turnlight.messages import Figures
from turnlight_floor.desks import Kept
from turnlight_floor.privacy import Withheld

KEEP_DAYS = 90

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

Cell = tuple[Figures | None, Withheld]


class StoreError(OSError):
    """The database cannot be used; the text names it and the remedy."""


class Store:
    """One SQLite database, used from one thread."""

    def __init__(self, path: Path, site: str) -> None:
        """Open or create the database.

        Raises:
            StoreError: it cannot be opened, or another version made it.
        """
        self._site = site
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
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute(
                "INSERT OR REPLACE INTO snapshot VALUES (?, ?)",
                (self._site, msgspec.msgpack.encode(kept)),
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO slot VALUES (?, ?, ?)",
                [(self._site, start_s, body) for start_s, body in changed.items()],
            )
            self._db.execute(
                "DELETE FROM slot WHERE site = ? AND start_s < ?", (self._site, oldest_s)
            )
        # What the snapshot no longer holds must not live on in the write-ahead log.
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

    def newest_minute(self) -> int | None:
        """Start of the newest minute in the history."""
        (start_s,) = self._db.execute(
            "SELECT max(start_s) FROM minute WHERE site = ?", (self._site,)
        ).fetchone()
        return None if start_s is None else int(start_s)

    def keep(self, start_s: int, cells: Mapping[str, Cell]) -> None:
        """Write one minute's cells, and drop what is older than KEEP_DAYS."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.executemany(
                "INSERT OR REPLACE INTO minute VALUES (?, ?, ?, ?, ?)",
                [
                    (
                        self._site,
                        team,
                        start_s,
                        None if figures is None else msgspec.json.encode(figures).decode(),
                        withheld,
                    )
                    for team, (figures, withheld) in cells.items()
                ],
            )
            self._db.execute(
                "DELETE FROM minute WHERE start_s < ?", (start_s - KEEP_DAYS * 86_400,)
            )

    def minutes(self, team: str, start_s: int, end_s: int) -> list[tuple[int, Cell]]:
        """History of one team, or of the site with `_site`: start of each minute and its cell."""
        rows = self._db.execute(
            "SELECT start_s, figures, withheld FROM minute"
            " WHERE site = ? AND team = ? AND start_s >= ? AND start_s < ? ORDER BY start_s",
            (self._site, team, start_s, end_s),
        )
        return [
            (at_s, (None if body is None else msgspec.json.decode(body, type=Figures), why))
            for at_s, body, why in rows
        ]

    def history(self, start_s: int, end_s: int) -> Iterator[tuple[int, str, Cell]]:
        """All of the site's minutes: start, team and cell, by time and team."""
        for at_s, team, body, why in self._db.execute(
            "SELECT start_s, team, figures, withheld FROM minute"
            " WHERE site = ? AND start_s >= ? AND start_s < ? ORDER BY start_s, team",
            (self._site, start_s, end_s),
        ):
            figures = None if body is None else msgspec.json.decode(body, type=Figures)
            yield at_s, team, (figures, why)

    def close(self) -> None:
        """Close the database."""
        self._db.close()


def _unusable(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path}: cannot be used as the floor's database ({error}); "
        "set `database` to a file that this user may write"
    )
