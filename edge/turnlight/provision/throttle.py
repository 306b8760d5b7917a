"""How often something may go wrong, by whom, within a time. Pure: time is an argument."""

from __future__ import annotations

from collections import deque


class Throttle:
    """Counts failures.

    Args:
        most: failures that one may have within the time before it has to wait.
        in_all: the same for everybody together.
        per_s: the time.
    """

    def __init__(self, most: int, in_all: int, per_s: float) -> None:
        self._most, self._in_all, self._per_s = most, in_all, per_s
        self._failures: deque[tuple[float, str]] = deque()

    def closed(self, who: str, now_s: float) -> bool:
        """Whether this one has to wait."""
        while self._failures and self._failures[0][0] <= now_s - self._per_s:
            self._failures.popleft()
        own = sum(name == who for _, name in self._failures)
        return own >= self._most or len(self._failures) >= self._in_all

    def failed(self, who: str, now_s: float) -> None:
        """One more failure."""
        self._failures.append((now_s, who))
