"""Sums over the latest seconds. Pure."""

from __future__ import annotations

from turnlight.metrics import Sums, add


class Rolling:
    """Sums over the latest seconds, in memory bounded by their number.

    Maxima cannot be taken away from a sum, so nothing is: the older seconds are kept as sums from
    each of them on, and the newer ones are added up until the older ones are used up. A second
    costs two additions, however long the time.

    Args:
        length_ms: how far back to look.
    """

    def __init__(self, length_ms: int) -> None:
        self._length_ms = length_ms
        self._older: list[tuple[int, Sums]] = []
        """Oldest last: a second's start, and the sum of it and of all later ones in here."""
        self._newer: list[tuple[int, Sums]] = []
        self._newer_sums = Sums()

    def push(self, start_ms: int, sums: Sums) -> None:
        """Take the next second that will not change any more."""
        self._newer.append((start_ms, sums))
        self._newer_sums = add(self._newer_sums, sums)
        self._forget(start_ms)

    def sums(self, now_ms: int) -> Sums:
        """Sums of the seconds that began within the length before now."""
        self._forget(now_ms)
        return add(self._older[-1][1], self._newer_sums) if self._older else self._newer_sums

    def _forget(self, now_ms: int) -> None:
        while self._older or self._newer:
            if not self._older:
                self._turn_over()
            if self._older[-1][0] >= now_ms - self._length_ms:
                return
            self._older.pop()

    def _turn_over(self) -> None:
        total = Sums()
        for start_ms, sums in reversed(self._newer):
            total = add(sums, total)
            self._older.append((start_ms, total))
        self._newer, self._newer_sums = [], Sums()
