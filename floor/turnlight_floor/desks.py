"""What the floor holds of each desk: one row a pid, one array a kind of sum.

A floor of thousands of desks is added up many times a minute, so the sums are columns of arrays
and not objects. Durations are in units of 100 ms, as the wire rounds them; so ten seconds fill a
byte, and a slot of ten thousand desks a third of a megabyte.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from turnlight.messages import ROUND_MS, WINDOW_MS
from turnlight_floor.figures import BOTH, STRAIN

Bools = npt.NDArray[np.bool_]
Longs = npt.NDArray[np.int64]
Sums = npt.NDArray[np.int32]
Slot = npt.NDArray[np.uint8]

COLUMNS = STRAIN.stop
DURATIONS = 5
FULL = WINDOW_MS // ROUND_MS
"""What one desk can hold in one slot, of each duration and of each count."""

Runs = list[list[int]]
"""Numbers of windows that came, as first and last of each unbroken run."""


class Kept(msgspec.Struct):
    """A floor on disk: columns as bytes, slots apart."""

    day_s: int = 0
    teams: list[str] = []
    newest_s: list[int] = []
    released: dict[str, tuple[float, int]] = {}
    pids: list[str] = []
    team: bytes = b""
    first_s: bytes = b""
    last_s: bytes = b""
    today: bytes = b""
    shown_today: bytes = b""
    shown_now: bytes = b""
    pending: bytes = b""
    windows: list[int] = []
    runs: list[Runs] = []


class Desks:
    """The rows; they grow as pids appear and go when their day is over."""

    def __init__(self) -> None:
        self.row: dict[str, int] = {}
        self.pids: list[str] = []
        self.runs: list[Runs] = []
        self.windows: list[int] = []
        """Accepted windows of each pid."""
        self.number: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)
        """The pid as a number."""
        self.team: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self.first_s: Longs = np.zeros(0, np.int64)
        self.last_s: Longs = np.zeros(0, np.int64)
        self.now: Sums = np.zeros((0, COLUMNS), np.int32)
        self.today: Sums = np.zeros((0, COLUMNS), np.int32)
        self.shown_now: Sums = np.zeros((0, COLUMNS), np.int32)
        """As far as it was released to be shown; see release.py."""
        self.shown_today: Sums = np.zeros((0, COLUMNS), np.int32)
        self.pending: Bools = np.zeros(0, np.bool_)
        """Rows with something that was not released yet."""
        self.slots: dict[int, Slot] = {}
        """Sums of ten seconds by their start; a slot may have fewer rows than there are."""
        self.changed: set[int] = set()
        """Slots that are not on disk as they are."""

    _KEPT = ("team", "first_s", "last_s", "today", "shown_now", "shown_today", "pending")
    _COLUMNS = (*_KEPT, "number", "now")

    def __len__(self) -> int:
        return len(self.pids)

    def add(self, pid: str, team: int, start_s: int) -> int:
        """A new pid's row."""
        row = len(self.pids)
        self.row[pid] = row
        self.pids.append(pid)
        self.runs.append([])
        self.windows.append(0)
        if row == len(self.team):
            for name in self._COLUMNS:
                before = getattr(self, name)
                fresh = np.zeros((max(64, 2 * row), *before.shape[1:]), before.dtype)
                fresh[:row] = before
                setattr(self, name, fresh)
        self.number[row] = int(pid, 16)
        self.team[row], self.first_s[row], self.last_s[row] = team, start_s, start_s
        return row

    def slot(self, start_s: int) -> Slot:
        """Sums of one slot, to be changed, with a place for every row."""
        found = self.slots.get(start_s)
        if found is None or len(found) < len(self.pids):
            fresh = np.zeros((len(self.team), COLUMNS), np.uint8)
            if found is not None:
                fresh[: len(found)] = found
            self.slots[start_s] = found = fresh
        self.changed.add(start_s)
        return found

    def between(self, start_s: int, end_s: int) -> Sums:
        """Sums of all slots from `start_s` until `end_s`."""
        total = np.zeros((len(self.pids), COLUMNS), np.int32)
        for at_s, slot in self.slots.items():
            if start_s <= at_s < end_s:
                rows = min(len(slot), len(total))
                total[:rows] += slot[:rows]
        return total

    def keep(self, rows: Bools, teams: Sequence[int]) -> None:
        """Keep these rows alone, and give their teams these new numbers."""
        at = np.flatnonzero(rows)
        self.pids = [self.pids[row] for row in at]
        self.runs = [self.runs[row] for row in at]
        self.windows = [self.windows[row] for row in at]
        self.row = {pid: row for row, pid in enumerate(self.pids)}
        for name in self._COLUMNS:
            setattr(self, name, getattr(self, name)[at])
        if len(at):
            self.team = np.asarray(teams, np.int32)[self.team]
        self.slots = {
            at_s: np.ascontiguousarray(slot[at[at < len(slot)]])
            for at_s, slot in self.slots.items()
        }
        self.changed = set(self.slots)

    def by_pid(self) -> npt.NDArray[np.intp]:
        """Rows in the order of their pids, so that sums do not depend on who came first."""
        return np.argsort(self.number[: len(self)])

    def kept(self) -> Kept:
        """All but the slots and what follows from them."""
        n = len(self)
        return Kept(
            pids=self.pids,
            windows=self.windows,
            runs=self.runs,
            **{name: getattr(self, name)[:n].tobytes() for name in self._KEPT},
        )

    @classmethod
    def restored(cls, kept: Kept, slots: Mapping[int, bytes]) -> Desks:
        """From what `kept` gave and the bytes of the slots; `now` is left empty.

        Raises:
            ValueError: the parts do not fit together.
        """
        desks, n = cls(), len(kept.pids)
        desks.pids, desks.windows, desks.runs = kept.pids, kept.windows, kept.runs
        desks.row = {pid: row for row, pid in enumerate(kept.pids)}
        for name in cls._COLUMNS:
            like = getattr(desks, name)
            column = np.zeros((n, *like.shape[1:]), like.dtype)
            if name in cls._KEPT:
                column[:] = np.frombuffer(getattr(kept, name), like.dtype).reshape(column.shape)
            setattr(desks, name, column)
        desks.number[:] = [int(pid, 16) for pid in kept.pids]
        for at_s, body in slots.items():
            desks.slots[at_s] = np.frombuffer(body, np.uint8).reshape(-1, COLUMNS)[:n].copy()
        return desks


def saw(runs: Runs, seq: int) -> bool:
    """Note a number; True when it came before."""
    if runs and seq == runs[-1][1] + 1:
        runs[-1][1] = seq
        return False
    at = bisect_right(runs, seq, key=lambda run: run[0])
    before = runs[at - 1] if at else None
    after = runs[at] if at < len(runs) else None
    if before and seq <= before[1]:
        return True
    joins_before = before is not None and before[1] + 1 == seq
    joins_after = after is not None and after[0] - 1 == seq
    if before and joins_before:
        before[1] = seq
        if after and joins_after:
            before[1] = after[1]
            del runs[at]
    elif after and joins_after:
        after[0] = seq
    else:
        runs.insert(at, [seq, seq])
    return False


def in_milliseconds(sums: Sums) -> npt.NDArray[np.float64]:
    """Sums as figures.py wants them."""
    out = sums.astype(np.float64)
    out[:, :DURATIONS] *= ROUND_MS
    return out


def in_call(sums: Sums) -> Bools:
    """Which rows were in a call at all: a desk with none contributes nothing."""
    whole = sums[:, :DURATIONS].astype(np.int64)
    found: Bools = whole.sum(axis=1) > 2 * whole[:, BOTH]
    return found
