"""What the page has seen: the published figures of each five minutes, to draw the day's trends.

It holds aggregates that the feed showed to everyone, and nothing besides. What was withheld when
it was published is a gap for ever.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from pathlib import Path
from statistics import fmean, median

import msgspec

from turnlight.messages import Aggregate
from turnlight_floor.measures import Values, values

log = logging.getLogger("turnlight.floor")

SLOT_MIN = 5
"""Length of a slot: `now` of an aggregate covers as much."""
SLOTS = 24 * 60 // SLOT_MIN
WEEKS = 4
"""The usual weekday is the median of at most so many weeks before."""
KEEP_DAYS = 7 * WEEKS
FUTURE_S = 60
VERSION = 1

TABLES = """
CREATE TABLE seen (
    day INTEGER NOT NULL, team TEXT NOT NULL, slot INTEGER NOT NULL, figures TEXT NOT NULL,
    PRIMARY KEY (day, team, slot)) WITHOUT ROWID;
"""

Slots = dict[int, Values]
"""Values by the number of their slot since midnight."""


class HistoryError(OSError):
    """The database cannot be used; the text names it and the remedy."""


@dataclass(frozen=True)
class Day:
    """One team's day, and the same weekday of the weeks before."""

    weekday: int
    """0 is Monday."""
    slot: int
    """The slot of this moment."""
    today: Slots
    usual: Slots
    weeks: int
    """How many weeks stand behind `usual`."""

    def line(self, key: str) -> list[tuple[int, float]]:
        """One measure over today: slot and value, in order."""
        return _line(self.today, key)

    def usual_line(self, key: str) -> list[tuple[int, float]]:
        """One measure over the usual weekday."""
        return _line(self.usual, key)

    def usual_until_now(self, key: str) -> float | None:
        """Mean of one measure over the usual weekday up to this time of day."""
        until = [value for slot, value in self.usual_line(key) if slot <= self.slot]
        return fmean(until) if until else None


class History:
    """One SQLite database, used from one thread."""

    def __init__(self, path: Path, zone: tzinfo | None) -> None:
        """Open or create it; days are those of `zone` (None: the system's).

        Raises:
            HistoryError: it cannot be opened, or another version made it.
        """
        self._zone = zone
        self._open: dict[str, tuple[int, int, Values]] = {}
        self._today: dict[str, tuple[int, Slots]] = {}
        self._usual: dict[str, tuple[int, Slots, int]] = {}
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise _unusable(path, error) from None
        try:
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version not in (0, VERSION):
                raise HistoryError(
                    f"{path}: made by another version of Turnlight (schema {version}, "
                    f"this one reads {VERSION}); move it away or use that version"
                )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            if version == 0:
                self._db.executescript(f"BEGIN; {TABLES} PRAGMA user_version={VERSION}; COMMIT;")
        except sqlite3.Error as error:
            self._db.close()
            raise _unusable(path, error) from None
        except HistoryError:
            self._db.close()
            raise

    def note(self, cells: Iterable[Aggregate], now_s: float) -> None:
        """Take aggregates in the order in which they came; the last of each slot stays."""
        try:
            with self._db:
                self._db.execute("BEGIN")
                for cell in cells:
                    self._note(cell, now_s)
        except sqlite3.Error as error:
            # A full disk costs the trends a point; the figures of now do not wait for it.
            log.error("the page's history cannot be written: %s", error)

    def day(self, team: str, now_s: float) -> Day:
        """A team's day so far, and the usual one."""
        day, slot = self._when(now_s)
        today = self._slots(team, day)
        cached = self._usual.get(team)
        if cached is None or cached[0] != day:
            cached = (day, *self._median(team, day))
            self._usual[team] = cached
        return Day(date.fromordinal(day).weekday(), slot, today, cached[1], cached[2])

    def close(self) -> None:
        """Write what is open, and close the database."""
        with self._db:
            self._db.execute("BEGIN")
            for team, held in self._open.items():
                self._write(team, held)
        self._db.close()

    def _note(self, cell: Aggregate, now_s: float) -> None:
        if cell.now is None or cell.made_at_s > now_s + FUTURE_S:
            return
        day, slot = self._when(cell.made_at_s)
        if day < self._when(now_s)[0] - KEEP_DAYS:
            return
        before = self._open.get(cell.team)
        if before is not None and (day, slot) < before[:2]:
            return
        if before is not None and (day, slot) != before[:2]:
            self._write(cell.team, before)
        measured = values(cell.now)
        self._open[cell.team] = (day, slot, measured)
        self._slots(cell.team, day)[slot] = measured

    def _slots(self, team: str, day: int) -> Slots:
        cached = self._today.get(team)
        if cached is None or cached[0] != day:
            slots = self._read(team, day)
            held = self._open.get(team)
            if held is not None and held[0] == day:
                slots[held[1]] = held[2]
            cached = self._today[team] = (day, slots)
        return cached[1]

    def _read(self, team: str, day: int) -> Slots:
        rows = self._db.execute(
            "SELECT slot, figures FROM seen WHERE day = ? AND team = ?", (day, team)
        )
        return {slot: msgspec.json.decode(text, type=Values) for slot, text in rows}

    def _median(self, team: str, day: int) -> tuple[Slots, int]:
        weeks = [self._read(team, day - 7 * back) for back in range(1, WEEKS + 1)]
        weeks = [week for week in weeks if week]
        found: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for week in weeks:
            for slot, measured in week.items():
                for key, value in measured.items():
                    found[slot][key].append(value)
        usual = {
            slot: {key: median(several) for key, several in measured.items()}
            for slot, measured in found.items()
        }
        return usual, len(weeks)

    def _write(self, team: str, held: tuple[int, int, Values]) -> None:
        day, slot, measured = held
        self._db.execute(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)",
            (day, team, slot, msgspec.json.encode(measured).decode()),
        )
        self._db.execute("DELETE FROM seen WHERE day < ?", (day - KEEP_DAYS,))
        self._usual.pop(team, None)

    def _when(self, at_s: float) -> tuple[int, int]:
        at = datetime.fromtimestamp(at_s, self._zone)
        return at.toordinal(), (at.hour * 60 + at.minute) // SLOT_MIN


def _unusable(path: Path, error: sqlite3.Error) -> HistoryError:
    return HistoryError(
        f"{path}: cannot be used as the page's database ({error}); "
        "set `database` under [page] to a file that this user may write"
    )


def _line(slots: Slots, key: str) -> list[tuple[int, float]]:
    return sorted((slot, values[key]) for slot, values in slots.items() if key in values)
