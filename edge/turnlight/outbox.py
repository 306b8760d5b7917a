"""Windows that wait for the broker: a durable queue in one SQLite file, bounded in age and size."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

MAX_ROWS = 100_000
"""Most messages that wait; eleven days of windows without a pause, about 60 MB."""

_DAY_MS = 86_400_000
_VERSION = 1
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS waiting(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    put_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS waiting_put ON waiting(put_ms);
PRAGMA user_version = {_VERSION};
"""


class _Damage(sqlite3.DatabaseError):
    """The file opens, but cannot be used."""


class OutboxError(RuntimeError):
    """The queue's file cannot be made or opened; the text says where and what to do."""


class Waiting(NamedTuple):
    """One message of the queue."""

    id: int
    topic: str
    payload: bytes
    put_ms: int


class Outbox:
    """Durable queue of encoded messages; any thread may use it.

    A message put is on its way to the disk before `put` returns and survives the end of the
    process at any moment. `put` does not wait for the disk itself, since the lamp's loop calls
    it: `sync` does that, from the uplink's thread. A power cut can so cost what was put since
    the last `sync`, never the file.

    A full disk or a damaged file never raises out of `put`, `pending` or `delete`: it is logged
    once and what was lost is counted in `dropped`.

    Args:
        path: the file; its directory is made, readable by its owner alone.
        keep_days: older messages are dropped.
        max_rows: beyond it the oldest are dropped.

    Raises:
        OutboxError: the file cannot be made.
    """

    def __init__(self, path: Path, keep_days: int, max_rows: int = MAX_ROWS) -> None:
        self.dropped = 0
        """Messages dropped since the start: too old, too many, or the disk refused them."""
        self._path = path
        self._keep_ms = keep_days * _DAY_MS
        self._max_rows = max_rows
        self._lock = threading.Lock()
        self._complained = False
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                self._open()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._set_aside(error)
        except (OSError, sqlite3.Error) as error:
            raise OutboxError(
                f"{path}: the outbox cannot be made ({error}); "
                "set desk.state_dir to a directory this user can write"
            ) from None

    def put(self, topic: str, payload: bytes, now_s: float, due_s: float | None = None) -> None:
        """Keep one message until it is deleted, not to be sent before `due_s`."""
        now_ms = round(now_s * 1000)
        row = (topic, payload, now_ms, now_ms if due_s is None else round(due_s * 1000))

        def insert() -> bool:
            self._db.execute(
                "INSERT INTO waiting(topic, payload, put_ms, due_ms) VALUES (?, ?, ?, ?)", row
            )
            self._depth += 1
            return True

        with self._lock:
            self._drop_old(now_ms)
            # A damaged file is replaced by an empty one: the second try then succeeds.
            if self._guard(insert, False) or self._guard(insert, False):
                self._complained = False
            else:
                self.dropped += 1
            self._guard(self._drop_excess, None)

    def pending(self, now_s: float, limit: int) -> list[Waiting]:
        """The oldest messages that are due, at most `limit`.

        One that was put later than now is due as well: the clock was set back since.
        """
        now_ms = round(now_s * 1000)

        def select() -> list[Waiting]:
            rows = self._db.execute(
                "SELECT id, topic, payload, put_ms FROM waiting "
                "WHERE due_ms <= ?1 OR put_ms > ?1 ORDER BY id LIMIT ?2",
                (now_ms, limit),
            )
            return [Waiting(*row) for row in rows]

        with self._lock:
            self._drop_old(now_ms)
            return self._guard(select, [])

    def delete(self, row_id: int) -> None:
        """Forget a message: the broker has it."""

        def remove() -> None:
            self._depth -= self._db.execute("DELETE FROM waiting WHERE id = ?", (row_id,)).rowcount

        with self._lock:
            self._guard(remove, None)

    def sync(self) -> None:
        """Wait until everything put so far is safe from a power cut; `put` goes on meanwhile."""
        with contextlib.suppress(sqlite3.Error):
            self._syncer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    @property
    def depth(self) -> int:
        """Messages that wait."""
        return self._depth

    def close(self) -> None:
        """Close the file; what waits stays in it."""
        with self._lock:
            self._closed = True
            self._syncer.close()
            self._db.close()

    def _open(self) -> None:
        self._db = self._connect()
        self._syncer = self._db
        try:
            found = self._db.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, _VERSION):
                raise _Damage(f"made by another version, schema {found}")
            verdict = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise _Damage(verdict)
            self._db.executescript(_SCHEMA)
            self._depth: int = self._db.execute("SELECT count(*) FROM waiting").fetchone()[0]
            self._syncer = self._connect()
        except sqlite3.Error:
            self._db.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        # The file holds what is sent anyway, yet with the time of sending: the owner's alone.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=2)
        # NORMAL: a commit is a write without a flush. FULL would hold the lamp's loop for as long
        # as an SD card takes, and gains only what `sync` secures a minute later. `sync` also
        # empties the log; the limit in pages only stops one that nobody empties.
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "wal_autocheckpoint = 8192"):
            try:
                db.execute(f"PRAGMA {pragma}")
            except sqlite3.Error:
                db.close()
                raise
        return db

    def _set_aside(self, error: sqlite3.Error) -> None:
        aside = self._path.with_name(self._path.name + ".damaged")
        _LOG.error("%s is damaged (%s): kept as %s, starting empty", self._path, error, aside.name)
        self._path.replace(aside)
        for ending in ("-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        self._open()

    def _guard(self, work: Callable[[], T], otherwise: T) -> T:
        if self._closed:
            return otherwise
        try:
            return work()
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                self._replace(error)
            else:
                self._complain(error)
            return otherwise

    def _replace(self, error: sqlite3.Error) -> None:
        lost = self._depth
        self._db.close()
        self._syncer.close()
        try:
            self._set_aside(error)
        except (OSError, sqlite3.Error) as second:
            self._complain(second)
        else:
            self.dropped += lost

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            _LOG.error("%s: %s; windows are lost until this is mended", self._path, error)
        self._complained = True

    def _drop_old(self, now_ms: int) -> None:
        def remove() -> int:
            return self._db.execute(
                "DELETE FROM waiting WHERE put_ms < ?", (now_ms - self._keep_ms,)
            ).rowcount

        self._count_dropped(self._guard(remove, 0))

    def _drop_excess(self) -> None:
        excess = self._depth - self._max_rows
        if excess > 0:
            self._count_dropped(
                self._db.execute(
                    "DELETE FROM waiting WHERE id IN (SELECT id FROM waiting ORDER BY id LIMIT ?)",
                    (excess,),
                ).rowcount
            )

    def _count_dropped(self, count: int) -> None:
        self._depth -= count
        self.dropped += count


def _is_damage(error: sqlite3.Error) -> bool:
    if isinstance(error, _Damage):
        return True
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
