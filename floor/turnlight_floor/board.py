"""What the page knows: the aggregates and device states it heard, and how fresh they are."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

import msgspec

from turnlight import messages
from turnlight.messages import Aggregate, Status
from turnlight_floor.privacy import SITE

V = TypeVar("V")

STALE_AFTER_S = 60

Kind = Literal["waiting", "away", "stale", "live"]


@dataclass(frozen=True)
class Freshness:
    """May the figures be taken as live, and if not, since when not."""

    kind: Kind
    headline: str
    detail: str


@dataclass(frozen=True)
class Shown:
    """One moment of the board."""

    site: Aggregate | None
    teams: tuple[Aggregate, ...]
    """By name: never a ranking."""
    desks_online: int
    desks_known: int
    freshness: Freshness


class Board:
    """Fed from the broker's thread, read from the page's."""

    def __init__(self, site: str, broker: str) -> None:
        self.site = site
        self._broker = broker
        self._lock = threading.Lock()
        self._cells: dict[str, Aggregate] = {}
        self._states: dict[str, str] = {}
        self._up = False
        self._since_s = time.time()
        self.ignored = 0
        """Messages that were none of the feed's."""

    @property
    def topics(self) -> list[str]:
        """All that the page reads."""
        return [
            messages.floor_topic(self.site, "+"),
            messages.device_topic(self.site, "+", "status"),
        ]

    def connection(self, up: bool, since_s: float) -> None:
        """Note whether the broker is there; on its return it tells all device states anew."""
        with self._lock:
            if up and not self._up:
                self._states.clear()
            self._up, self._since_s = up, since_s

    def hear(self, topic: str, payload: bytes) -> None:
        """Take one message of the feed."""
        plane, name = topic.split("/")[3:5]
        try:
            if plane == "device":
                state = messages.decode(payload, Status).state if payload else None
                with self._lock:
                    _set(self._states, name, state)
            else:
                cell = messages.decode(payload, Aggregate) if payload else None
                if cell is not None and (cell.site, cell.team) != (self.site, name):
                    raise msgspec.ValidationError("an aggregate under another's topic")
                with self._lock:
                    _set(self._cells, name, cell)
        except msgspec.MsgspecError:
            self.ignored += 1

    def shown(self, now_s: float) -> Shown:
        """The board as of now."""
        with self._lock:
            cells, states = dict(self._cells), list(self._states.values())
            up, since_s = self._up, self._since_s
        newest_s = max((cell.newest_window_s for cell in cells.values()), default=None)
        return Shown(
            site=cells.pop(SITE, None),
            teams=tuple(cells[name] for name in sorted(cells)),
            desks_online=states.count("online"),
            desks_known=len(states),
            freshness=freshness(newest_s, up, since_s, self._broker, now_s),
        )


def freshness(
    newest_s: int | None, up: bool, since_s: float, broker: str, now_s: float
) -> Freshness:
    """What the header says about the figures' age."""
    then = "" if newest_s is None else clock(newest_s, now_s)
    if not up:
        figures = f" The figures are from {then}." if then else ""
        return Freshness(
            "away",
            f"Broker away since {clock(since_s, now_s)}",
            f"No connection to {broker}; trying again.{figures}",
        )
    if newest_s is None:
        return Freshness(
            "waiting",
            "Waiting for the first figures",
            "No aggregate has come yet.",
        )
    age_s = max(0, int(now_s - newest_s))
    if age_s > STALE_AFTER_S:
        return Freshness(
            "stale",
            f"Stale since {then}",
            f"No desk has reported for {span(age_s)}. Nothing below is live.",
        )
    return Freshness("live", "Live", f"newest window {age_s} s ago")


def is_stale(cell: Aggregate, now_s: float) -> bool:
    """Is this cell too old to be taken as live?"""
    return now_s - cell.newest_window_s > STALE_AFTER_S


def clock(at_s: float, now_s: float) -> str:
    """Time of day here, with the date where it is another day."""
    at, now = datetime.fromtimestamp(at_s), datetime.fromtimestamp(now_s)
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M:%S}"


def span(seconds: int) -> str:
    """A length of time in the largest fitting unit."""
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h"


def _set(into: dict[str, V], name: str, value: V | None) -> None:
    if value is None:
        into.pop(name, None)
    else:
        into[name] = value
