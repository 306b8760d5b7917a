"""What the floor keeps on disk: aggregates of each minute, and one snapshot of the current day.

The history holds published cells alone. The snapshot holds the picture with the pids of the
current day, so that a restart counts nothing twice and forgets nothing; each snapshot replaces
the one before, and what is removed is overwritten on disk.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from turnlight.messages import Figures
from turnlight_floor.aggregate import Cell, State

KEEP_DAYS = 90
VERSION = 1

TABLES = """
CREATE TABLE minute (
    site TEXT NOT NULL, team TEXT NOT NULL, start_s INTEGER NOT NULL,
    figures TEXT, withheld TEXT NOT NULL,
    PRIMARY KEY (start_s, site, team)) WITHOUT ROWID;
CREATE TABLE snapshot (site TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
"""


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
            if version not in (0, VERSION):
                raise StoreError(
                    f"{path}: made by another version of Turnlight (schema {version}, "
                    f"this one reads {VERSION}); move it away or use that version"
                )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA secure_delete=ON")
            if version == 0:
                self._db.executescript(f"BEGIN; {TABLES} PRAGMA user_version={VERSION}; COMMIT;")
        except sqlite3.Error as error:
            self._db.close()
            raise _unusable(path, error) from None
        except StoreError:
            self._db.close()
            raise

    def save(self, state: State) -> None:
        """Replace the snapshot."""
        self._db.execute(
            "INSERT OR REPLACE INTO snapshot VALUES (?, ?)",
            (self._site, msgspec.msgpack.encode(state)),
        )
        # What the snapshot no longer holds must not live on in the write-ahead log.
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def restore(self) -> State | None:
        """The last snapshot, if there is one that can be read."""
        row = self._db.execute("SELECT body FROM snapshot WHERE site = ?", (self._site,)).fetchone()
        if row is None:
            return None
        try:
            return msgspec.msgpack.decode(row[0], type=State)
        except msgspec.MsgspecError:
            return None

    def newest_minute(self) -> int | None:
        """Start of the newest minute in the history."""
        (start_s,) = self._db.execute(
            "SELECT max(start_s) FROM minute WHERE site = ?", (self._site,)
        ).fetchone()
        return None if start_s is None else int(start_s)

    def keep(self, start_s: int, cells: dict[str, Cell]) -> None:
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

    def close(self) -> None:
        """Close the database."""
        self._db.close()


def _unusable(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path}: cannot be used as the floor's database ({error}); "
        "set `database` to a file that this user may write"
    )
