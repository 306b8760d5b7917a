"""The uplink's decisions, without any I/O: what to send next, how long to wait, which protocol."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Literal

from turnlight.outbox import Waiting

Protocol = Literal["5", "3.1.1"]
Answer = Literal["accepted", "wrong protocol", "none", "other"]
"""What a broker said to CONNECT; `none`: the connection broke before it said anything."""

INFLIGHT = 16
"""Most windows sent and not yet acknowledged; brokers commonly allow 20 messages."""

STEADY_MS = 30_000
"""A connection that lasted so long was a good one: the next failure counts as the first."""

_FIRST_WAIT_MS = 1_000
_LONGEST_WAIT_MS = 60_000
_SILENCE_MS = 30_000
_FIRST_HOLD_MS = 60_000
_LONGEST_HOLD_MS = 15 * 60_000


def backoff_ms(failures: int, draw: float) -> int:
    """Wait before the next attempt: 1 s doubling to 60 s, of which a random half is taken off.

    The random part keeps a hundred desks from coming back to a broker in the same moment.

    Args:
        failures: attempts that failed in a row, at least 1.
        draw: random number in 0..1.
    """
    longest = min(_LONGEST_WAIT_MS, _FIRST_WAIT_MS << min(failures - 1, 16))
    return round(longest * (1 - draw / 2))


def departure_s(jitter_s: float, of_pid: float, draw: float) -> float:
    """How long a complete window waits before it may leave, up to `jitter_s`.

    A desk's clock and its delay are its own, and a mean over a shift would show them to the
    millisecond. So half of the wait is drawn once for a pid: it hides them, and the other half
    that a window belongs to the one before it.

    Args:
        jitter_s: the most.
        of_pid: random number in 0..1, the same for all windows of a pid.
        draw: random number in 0..1, new for each window.
    """
    return jitter_s * (of_pid + draw) / 2


def next_protocol(protocol: Protocol, answer: Answer) -> Protocol:
    """Protocol of the next attempt: 5 is asked for first, 3.1.1 when the broker refuses 5.

    Old brokers answer a version 5 CONNECT in their own way or just hang up, as any broker does
    that is starting; so after no answer the two take turns.
    """
    if protocol == "5" and answer in ("wrong protocol", "none"):
        return "3.1.1"
    return protocol if answer == "other" else "5"


class Skews:
    """How far this device's clock is from the floor's, as the last few messages tell.

    A message comes late, never early; so of several the least difference is the truest.
    """

    def __init__(self) -> None:
        self._heard_s: deque[float] = deque(maxlen=5)

    def heard(self, floor_s: float, own_s: float) -> None:
        """The floor said its time."""
        self._heard_s.append(own_s - floor_s)

    @property
    def skew_s(self) -> int | None:
        """Own clock less the floor's, whole seconds; None before anything was heard."""
        return round(min(self._heard_s)) if self._heard_s else None


class Delivery:
    """The windows in flight on one connection.

    Args:
        limit: most windows in flight.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._in_flight: dict[int, tuple[int, int]] = {}
        self._held_until_ms = 0
        self._refusals = 0

    def choose(self, due: Sequence[Waiting], now_ms: int) -> list[Waiting]:
        """Which of the due windows to send now."""
        if now_ms < self._held_until_ms:
            return []
        flying = {row_id for row_id, _ in self._in_flight.values()}
        free = self.limit - len(flying)
        return [row for row in due if row.id not in flying][:free]

    def sent(self, mid: int, row_id: int, now_ms: int) -> None:
        """A window went out as MQTT message `mid`."""
        self._in_flight[mid] = (row_id, now_ms)

    def acknowledged(self, mid: int) -> int | None:
        """The broker has message `mid`: the outbox row to delete, None for no window's message."""
        row_id, _ = self._in_flight.pop(mid, (None, 0))
        if row_id is not None:
            self._refusals = 0
        return row_id

    def refused(self, mid: int, now_ms: int) -> None:
        """The broker does not take message `mid`: the windows wait, longer each time."""
        if self._in_flight.pop(mid, None) is None:
            return
        if now_ms >= self._held_until_ms:
            hold = min(_LONGEST_HOLD_MS, _FIRST_HOLD_MS << min(self._refusals, 8))
            self._held_until_ms = now_ms + hold
            self._refusals += 1

    def stalled(self, now_ms: int) -> bool:
        """A window was not acknowledged for 30 s: this connection is of no use."""
        return any(now_ms - sent_ms > _SILENCE_MS for _, sent_ms in self._in_flight.values())
