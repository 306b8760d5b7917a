"""Windows in, the floor's sums out. Pure: time is an argument, and the order of windows is none.

The picture holds ten-second slots of the last quarter of an hour, and for each pid its sums of
today. Nothing in it is older than the current day. What of it may be shown is for release.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, tzinfo
from functools import lru_cache
from typing import Literal

import msgspec
import numpy as np

from turnlight.messages import ROUND_MS, WINDOW_MS, Quality, Window
from turnlight_floor.desks import DURATIONS, FULL, Desks, Kept, Sums, saw
from turnlight_floor.figures import in_call_ms, vector

SLOT_S = WINDOW_MS // 1000
NOW_S = 300
"""Length of the range called `now`."""
LATE_S = 600
"""A window up to this late still counts in the minute it belongs to."""
SKEW_S = 60
"""A window that ends this far in the future comes from a wrong clock."""
SLACK_MS = 500
"""Rounded durations may together exceed the window's length by this."""
MOST_DESKS = 100_000
"""Pids of one day; more can only come from one that invents them."""
SPARE_WINDOWS = 64
"""A pid may send so many windows more than its time has slots: one more at each restart."""

Outcome = Literal[
    "accepted",
    "unfit",
    "duplicate",
    "future",
    "late",
    "absurd",
    "wrong team",
    "flood",
    "too many desks",
]

UNFIT = int(Quality.NO_AUDIO | Quality.CHANNELS_DOUBTFUL)


class Picture:
    """The floor of one site, as its windows tell it."""

    def __init__(
        self,
        site: str,
        zone: tzinfo | None,
        kept: Kept | None = None,
        slots: Mapping[int, bytes] | None = None,
    ) -> None:
        kept = kept or Kept()
        self.site = site
        self.desks = Desks.restored(kept, slots or {})
        self.teams = kept.teams
        self.released = kept.released
        """When each team's figures last moved on, and how far: the end of the newest window."""
        self._newest_s = kept.newest_s
        """End of each team's newest window."""
        self._numbers = {name: number for number, name in enumerate(kept.teams)}
        self.day_s = kept.day_s
        """First second of the day that `today` is of."""
        self._now_from_s = 0
        self._fresh: dict[int, list[tuple[int, list[int]]]] = {}
        """Accepted windows that are in no sum yet, by slot: row and sums."""
        self._count = 0
        self._ring_from_s = 0
        self._looked_s = -1
        self.changes = 0
        """Grows with everything that may change an aggregate."""
        self._day = lru_cache(maxsize=4096)(lambda at_s: day_start(at_s, zone))

    def apply(self, team: str, window: Window, now_s: float) -> Outcome:
        """Count one window of a team, in its own time."""
        start_s, second = window.start_s, int(now_s)
        if start_s + SLOT_S > now_s + SKEW_S:
            return "future"
        if second != self._looked_s:
            self._looked_s = second
            self._ring_from_s = ring_start(now_s)
            self._enter_day(self._day(second))
        if start_s < self._ring_from_s and start_s < self.day_s:
            return "late"
        desks = self.desks
        row = desks.row.get(window.pid)
        if row is None and len(desks) >= MOST_DESKS:
            return "too many desks"
        if row is not None and desks.team[row] != self._numbers.get(team):
            return "wrong team"
        sums = vector(window)
        if absurd(window, sums):
            return "absurd"
        self.changes += 1
        number = self._team(team)
        if row is None:
            row = desks.add(window.pid, number, start_s)
        first_s = min(start_s, int(desks.first_s[row]))
        last_s = max(start_s, int(desks.last_s[row]))
        # Before its number is noted, so that a flood takes no memory either.
        if desks.windows[row] >= (last_s - first_s) // SLOT_S + 1 + SPARE_WINDOWS:
            return "flood"
        if saw(desks.runs[row], window.seq):
            return "duplicate"
        desks.first_s[row], desks.last_s[row] = first_s, last_s
        if start_s + SLOT_S > self._newest_s[number]:
            self._newest_s[number] = start_s + SLOT_S
        desks.windows[row] += 1
        if window.quality & UNFIT:
            return "unfit"
        if in_call_ms(sums) > 0:
            self._fresh.setdefault(start_s, []).append((row, sums))
            self._count += 1
            if self._count >= 4096:
                self._settle()
        return "accepted"

    def forget(self, now_s: float) -> None:
        """Drop what is over: old slots, past days, and every pid and team that ended with them."""
        self._settle()
        ring_s, today_s = ring_start(now_s), self._day(int(now_s))
        self._enter_day(today_s)
        desks = self.desks
        desks.slots = {at: slot for at, slot in desks.slots.items() if at >= ring_s}
        if ring_s < today_s or not len(desks):
            # While the ring still holds yesterday's last slots, nobody goes: a moment later all do.
            return
        alive = desks.last_s[: len(desks)] >= today_s
        if not alive.all():
            left = np.unique(desks.team[: len(desks)][alive]).tolist()
            self.changes += 1
            self.teams = [self.teams[number] for number in left]
            self._newest_s = [self._newest_s[number] for number in left]
            size = max(left, default=-1) + 1
            self._numbers = {name: number for number, name in enumerate(self.teams)}
            self.released = {
                name: moved for name, moved in self.released.items() if name in self._numbers
            }
            desks.keep(alive, [left.index(n) if n in left else 0 for n in range(size)])

    def advance(self, now_s: float) -> Sums:
        """Bring the sums of `now` up to this moment, and give them."""
        self._settle()
        from_s = int(now_s) // SLOT_S * SLOT_S - NOW_S
        desks = self.desks
        if not 0 <= from_s - self._now_from_s <= NOW_S:
            desks.now[: len(desks)] = desks.between(from_s, 1 << 40)
        elif from_s > self._now_from_s:
            desks.now[: len(desks)] -= desks.between(self._now_from_s, from_s)
        self._now_from_s = from_s
        return desks.now[: len(desks)]

    def between(self, start_s: int, end_s: int) -> Sums:
        """Sums of each desk over whole slots; a minute is complete once it is LATE_S old."""
        self._settle()
        return self.desks.between(start_s, end_s)

    def newest(self, team: str) -> int:
        """End of a team's newest window, Unix seconds."""
        return self._newest_s[self._numbers[team]]

    def kept(self) -> Kept:
        """What a restart needs, besides the slots."""
        self._settle()
        return msgspec.structs.replace(
            self.desks.kept(),
            day_s=self.day_s,
            teams=self.teams,
            newest_s=self._newest_s,
            released=self.released,
        )

    def changed_slots(self) -> dict[int, bytes]:
        """The slots that changed since this was last asked."""
        self._settle()
        desks, n = self.desks, len(self.desks)
        changed, desks.changed = desks.changed, set()
        return {at: desks.slots[at][:n].tobytes() for at in changed if at in desks.slots}

    def _team(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.teams)
            self.teams.append(name)
            self._newest_s.append(0)
        return number

    def _enter_day(self, day_s: int) -> None:
        if day_s == self.day_s:
            return
        self._settle()
        self.day_s = day_s
        self.changes += 1
        desks, n = self.desks, len(self.desks)
        # A clock that is a little ahead was in this day before the floor was.
        desks.today[:n] = desks.between(day_s, 1 << 40)
        desks.shown_today.fill(0)
        desks.pending[:n] = desks.today[:n].any(axis=1)

    def _settle(self) -> None:
        """Add what was accepted since to the sums, many windows at once."""
        fresh, self._fresh, self._count = self._fresh, {}, 0
        for start_s, windows in fresh.items():
            # A pid that sent twice for one slot (it was restarted) comes in the next round.
            while windows:
                first: dict[int, list[int]] = {}
                again = []
                for row, sums in windows:
                    if row in first:
                        again.append((row, sums))
                    else:
                        first[row] = sums
                self._add(start_s, list(first), list(first.values()))
                windows = again

    def _add(self, start_s: int, at: list[int], windows: list[list[int]]) -> None:
        rows = np.asarray(at)
        added = np.asarray(windows, np.int32)
        added[:, :DURATIONS] //= ROUND_MS
        desks = self.desks
        if start_s >= self._ring_from_s:
            slot = desks.slot(start_s)
            before = slot[rows]
            after = np.minimum(before + added, FULL)
            slot[rows] = after
            added = after - before
        if start_s >= self._now_from_s > 0:
            desks.now[rows] += added
        if start_s >= self.day_s:
            desks.today[rows] += added
        desks.pending[rows] = True


def ring_start(now_s: float) -> int:
    """Start of the oldest slot that is kept."""
    # One minute more than `now` and the lateness, so that a minute is whole when it is written.
    return int(now_s) // SLOT_S * SLOT_S - NOW_S - LATE_S - 60


def absurd(window: Window, sums: Sequence[int]) -> bool:
    """More speech, silence or events than there is time, or more at once than either side spoke."""
    talk_ms = window.agent_ms + window.customer_ms - window.both_ms
    return (
        window.both_ms > min(window.agent_ms, window.customer_ms) + SLACK_MS
        or talk_ms + window.silence_ms > WINDOW_MS + SLACK_MS
        or max(sums[DURATIONS:]) > FULL
    )


def day_start(at_s: int, zone: tzinfo | None) -> int:
    """First second of the local day that `at_s` lies in."""
    local = datetime.fromtimestamp(at_s, zone)
    return int(datetime.combine(local.date(), time.min, zone).timestamp())
