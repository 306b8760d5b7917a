"""Windows in, aggregates out. Pure: time is an argument, and the order of windows never matters.

The picture holds, for each team, ten-second slots of the last quarter of an hour and today's sums
for each pid. Nothing in it is older than the current day, and nothing of a single pid leaves it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime, time, tzinfo
from functools import lru_cache
from typing import Literal

import msgspec

from turnlight.messages import WINDOW_MS, Aggregate, Figures, Quality, Window
from turnlight_floor.figures import figures, in_call_ms, vector
from turnlight_floor.privacy import SITE, Withheld, fewest_desks, withheld

SLOT_S = WINDOW_MS // 1000
NOW_S = 300
"""Length of the range called `now`."""
LATE_S = 600
"""A window up to this late still counts in the minute it belongs to."""
SKEW_S = 60
"""A window that ends this far in the future comes from a wrong clock."""
SLACK_MS = 500
"""Rounded durations may together exceed the window's length by this."""

Outcome = Literal["accepted", "unfit", "duplicate", "future", "late", "absurd"]
Sums = list[int]
Contributions = Mapping[str, Mapping[str, Sums]]
"""Team, then pid, then sums."""
Cell = tuple[Figures | None, Withheld]

UNFIT = Quality.NO_AUDIO | Quality.CHANNELS_DOUBTFUL


class Desk(msgspec.Struct):
    """What is known of one pid: when it lived, and which numbers came (as runs first..last)."""

    first_s: int
    last_s: int
    runs: list[list[int]] = []

    def saw(self, seq: int) -> bool:
        """Note a number; True when it came before."""
        at = bisect_right(self.runs, seq, key=lambda run: run[0])
        before = self.runs[at - 1] if at else None
        after = self.runs[at] if at < len(self.runs) else None
        if before and seq <= before[1]:
            return True
        joins_before = before is not None and before[1] + 1 == seq
        joins_after = after is not None and after[0] - 1 == seq
        if before and joins_before:
            before[1] = seq
            if after and joins_after:
                before[1] = after[1]
                del self.runs[at]
        elif after and joins_after:
            after[0] = seq
        else:
            self.runs.insert(at, [seq, seq])
        return False


class Team(msgspec.Struct):
    """One team's sums: by slot for the last minutes, by day (its first second) for today."""

    newest_s: int = 0
    slots: dict[int, dict[str, Sums]] = {}
    days: dict[int, dict[str, Sums]] = {}


class State(msgspec.Struct):
    """All that the picture remembers."""

    desks: dict[str, Desk] = {}
    teams: dict[str, Team] = {}


class Picture:
    """The floor of one site, as its windows tell it."""

    def __init__(self, site: str, zone: tzinfo | None, state: State | None = None) -> None:
        self.site = site
        self.state = state or State()
        self._day = lru_cache(maxsize=4096)(lambda at_s: day_start(at_s, zone))

    def apply(self, team: str, window: Window, now_s: float) -> Outcome:
        """Count one window of a team, in its own time."""
        start_s = window.start_s
        if start_s + SLOT_S > now_s + SKEW_S:
            return "future"
        day_s = self._day(start_s)
        in_ring = start_s >= self._ring_start(now_s)
        if not in_ring and day_s < self._day(int(now_s)):
            return "late"
        if absurd(window):
            return "absurd"
        desk = self.state.desks.setdefault(window.pid, Desk(start_s, start_s))
        if desk.saw(window.seq):
            return "duplicate"
        desk.first_s = min(desk.first_s, start_s)
        desk.last_s = max(desk.last_s, start_s)
        place = self.state.teams.setdefault(team, Team())
        place.newest_s = max(place.newest_s, start_s + SLOT_S)
        if window.quality & UNFIT:
            return "unfit"
        sums = vector(window)
        if in_call_ms(sums) > 0:
            if in_ring:
                _add(place.slots.setdefault(start_s, {}), window.pid, sums)
            _add(place.days.setdefault(day_s, {}), window.pid, sums)
        return "accepted"

    def forget(self, now_s: float) -> None:
        """Drop what is over: old slots, past days, and every pid and team that ended with them."""
        ring_s, today_s = self._ring_start(now_s), self._day(int(now_s))
        for team in self.state.teams.values():
            team.slots = {at: pids for at, pids in team.slots.items() if at >= ring_s}
            team.days = {at: pids for at, pids in team.days.items() if at >= today_s}
        oldest_s = min(ring_s, today_s)
        self.state.teams = {
            name: team for name, team in self.state.teams.items() if team.newest_s > oldest_s
        }
        self.state.desks = {
            pid: desk for pid, desk in self.state.desks.items() if desk.last_s >= oldest_s
        }

    def aggregates(self, now_s: float, k: int) -> list[Aggregate]:
        """The cells to publish: one for each team, and the site's."""
        teams = self.state.teams
        if not teams:
            return []
        slot_s = int(now_s) // SLOT_S * SLOT_S
        now = self.cells(self._between(slot_s - NOW_S, slot_s + NOW_S), k)
        today_s = self._day(int(now_s))
        today = self.cells({name: team.days.get(today_s, {}) for name, team in teams.items()}, k)
        newest = {name: team.newest_s for name, team in teams.items()}
        newest[SITE] = max(newest.values())
        return [
            Aggregate(
                site=self.site,
                team=name,
                made_at_s=round(now_s, 1),
                newest_window_s=newest[name],
                k=k,
                now=now[name][0],
                now_withheld=now[name][1],
                today=today[name][0],
                today_withheld=today[name][1],
            )
            for name in sorted(newest)
        ]

    def minute(self, start_s: int, k: int) -> dict[str, Cell]:
        """The cells of one minute, for the history; complete once it is LATE_S old."""
        return self.cells(self._between(start_s, start_s + 60), k)

    def cells(self, contributions: Contributions, k: int) -> dict[str, Cell]:
        """Figures of each team and the site, or why they are withheld."""
        lives = {
            pid: (self.state.desks[pid].first_s, self.state.desks[pid].last_s)
            for pids in contributions.values()
            for pid in pids
        }
        whole: dict[str, Sums] = {}
        for pids in contributions.values():
            for pid, sums in pids.items():
                _add(whole, pid, sums)
        reasons = withheld(contributions, lives, k)
        return {
            name: (
                None
                if reasons[name]
                # Sorted, so that the same desks give the same floating-point sums.
                else figures(
                    fewest_desks(lives[pid] for pid in pids), [pids[pid] for pid in sorted(pids)]
                ),
                reasons[name],
            )
            for name, pids in (*contributions.items(), (SITE, whole))
        }

    def _between(self, start_s: int, end_s: int) -> dict[str, dict[str, Sums]]:
        summed: dict[str, dict[str, Sums]] = {}
        for name, team in self.state.teams.items():
            into = summed.setdefault(name, {})
            for at_s, pids in team.slots.items():
                if start_s <= at_s < end_s:
                    for pid, sums in pids.items():
                        _add(into, pid, sums)
        return summed

    def _ring_start(self, now_s: float) -> int:
        # One minute more than `now` and the lateness, so that a minute is whole when it is written.
        return int(now_s) // SLOT_S * SLOT_S - NOW_S - LATE_S - 60


def absurd(window: Window) -> bool:
    """More speech or silence than there is time, or more at once than either side spoke."""
    talk_ms = window.agent_ms + window.customer_ms - window.both_ms
    return (
        window.both_ms > min(window.agent_ms, window.customer_ms) + SLACK_MS
        or talk_ms + window.silence_ms > WINDOW_MS + SLACK_MS
    )


def day_start(at_s: int, zone: tzinfo | None) -> int:
    """First second of the local day that `at_s` lies in."""
    local = datetime.fromtimestamp(at_s, zone)
    return int(datetime.combine(local.date(), time.min, zone).timestamp())


def _add(into: dict[str, Sums], pid: str, sums: Sums) -> None:
    before = into.get(pid)
    into[pid] = sums if before is None else [a + b for a, b in zip(before, sums, strict=True)]
