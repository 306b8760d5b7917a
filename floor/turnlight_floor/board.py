"""What the page knows: the aggregates and device states it heard, and how fresh they are."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec

from turnlight import messages
from turnlight.messages import Aggregate, Health, Status
from turnlight_floor.privacy import SITE

V = TypeVar("V")

STALE_AFTER_S = 60

Kind = Literal["waiting", "away", "stale", "live"]


@dataclass(frozen=True)
class Freshness:
    """May the figures be taken as live, and if not, since when not."""

    kind: Kind
    since_s: float
    """Since when the broker is there or away."""
    newest_s: int | None
    """End of the newest window behind any figure."""
    age_s: int
    """Of that window."""


@dataclass(frozen=True)
class Device:
    """One device, as the device plane tells it."""

    name: str
    online: bool
    health: Health | None
    heard_s: float
    """When its health came; it is not retained, so nothing is known of before."""


@dataclass(frozen=True)
class Shown:
    """One moment of the board."""

    site: Aggregate | None
    teams: tuple[Aggregate, ...]
    """By name: never a ranking."""
    devices: tuple[Device, ...]
    """By name."""
    freshness: Freshness

    @property
    def desks_known(self) -> int:
        """Devices that ever told their state."""
        return len(self.devices)

    @property
    def desks_online(self) -> int:
        """Devices that are online."""
        return sum(device.online for device in self.devices)


class Board:
    """Fed from the broker's thread, read from the page's."""

    def __init__(self, site: str, broker: str) -> None:
        self.site = site
        self.broker = broker
        self._lock = threading.Lock()
        self._cells: dict[str, Aggregate] = {}
        self._news: deque[Aggregate] = deque(maxlen=50_000)
        self._states: dict[str, str] = {}
        self._health: dict[str, tuple[Health, float]] = {}
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
            messages.device_topic(self.site, "+", "health"),
        ]

    def connection(self, up: bool, since_s: float) -> None:
        """Note whether the broker is there; on its return it tells all device states anew."""
        with self._lock:
            if up and not self._up:
                self._states.clear()
            self._up, self._since_s = up, since_s

    def hear(self, topic: str, payload: bytes) -> None:
        """Take one message of the feed."""
        plane, name, *leaf = topic.split("/")[3:]
        try:
            if leaf == ["health"]:
                health = messages.decode(payload, Health)
                with self._lock:
                    self._health[name] = (health, time.time())
            elif plane == "device":
                state = messages.decode(payload, Status).state if payload else None
                with self._lock:
                    _set(self._states, name, state)
                    if state is None:
                        self._health.pop(name, None)
            else:
                cell = messages.decode(payload, Aggregate) if payload else None
                if cell is not None and (cell.site, cell.team) != (self.site, name):
                    raise msgspec.ValidationError("an aggregate under another's topic")
                with self._lock:
                    _set(self._cells, name, cell)
                    if cell is not None:
                        self._news.append(cell)
        except msgspec.MsgspecError:
            self.ignored += 1

    def news(self) -> list[Aggregate]:
        """The aggregates that came since this was last asked."""
        with self._lock:
            news = list(self._news)
            self._news.clear()
        return news

    def shown(self, now_s: float) -> Shown:
        """The board as of now."""
        with self._lock:
            cells, states, health = dict(self._cells), dict(self._states), dict(self._health)
            up, since_s = self._up, self._since_s
        newest_s = max((cell.newest_window_s for cell in cells.values()), default=None)
        return Shown(
            site=cells.pop(SITE, None),
            teams=tuple(cells[name] for name in sorted(cells)),
            devices=tuple(
                Device(name, states[name] == "online", *health.get(name, (None, 0.0)))
                for name in sorted(states)
            ),
            freshness=freshness(newest_s, up, since_s, now_s),
        )


def freshness(newest_s: int | None, up: bool, since_s: float, now_s: float) -> Freshness:
    """May figures whose newest window ended at `newest_s` be taken as live?"""
    age_s = 0 if newest_s is None else max(0, int(now_s - newest_s))
    kind: Kind = "live"
    if not up:
        kind = "away"
    elif newest_s is None:
        kind = "waiting"
    elif age_s > STALE_AFTER_S:
        kind = "stale"
    return Freshness(kind, since_s, newest_s, age_s)


def is_stale(cell: Aggregate, now_s: float) -> bool:
    """Is this cell too old to be taken as live?"""
    return now_s - cell.newest_window_s > STALE_AFTER_S


def _set(into: dict[str, V], name: str, value: V | None) -> None:
    if value is None:
        into.pop(name, None)
    else:
        into[name] = value
