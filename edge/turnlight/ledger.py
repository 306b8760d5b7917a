"""Sums by the second: from them come the call's, the windows' and the latest. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import reduce

import msgspec

from turnlight.messages import WINDOW_MS
from turnlight.metrics import Sums, WindowSums, add
from turnlight.rolling import Rolling
from turnlight.turns import TICK_MS

SILENCE, AGENT, CUSTOMER, BOTH, HOLD = range(5)
"""What a frame of a call is: agent + 2 * customer, or hold."""

SECOND_MS = 1_000
_EMPTY = Sums()


class _Second(msgspec.Struct):
    start_ms: int
    sums: Sums
    open_silence_ms: int = 0
    """Mutual silence that counts once speech follows."""


class Ledger:
    """Sums by the second, and from them the call's, the windows' and the latest.

    Args:
        epoch_ms: Unix time of the sound's time 0; windows are aligned with it.
        rolling_ms: lengths of time that `so_far` may be asked for.
    """

    def __init__(self, epoch_ms: int, rolling_ms: Iterable[int] = ()) -> None:
        self._epoch_ms = epoch_ms
        self._rolling_ms = frozenset(rolling_ms)
        self._frames = [0] * 5
        self._second = _Second(0, Sums())
        self.until_ms = -(1 << 62)
        """End of this second: `settle` is due."""
        self._seconds: deque[_Second] = deque()
        self._windows: list[WindowSums] = []
        self._window = Sums()
        self._window_start_ms = -(1 << 62)
        self._begin_call()

    def _begin_call(self) -> None:
        self._call = Sums()
        self._rolling = {length_ms: Rolling(length_ms) for length_ms in self._rolling_ms}
        self._so_far: dict[int | None, Sums] = {}
        """What `so_far` gave, until something of it changes."""

    def tick(self, state: int) -> None:
        """Take one frame of a call, in the second that `settle` began."""
        self._frames[state] += 1

    @property
    def sums(self) -> Sums:
        """Where events of this second are counted."""
        return self._second.sums

    def settle(self, now_ms: int) -> None:
        """End the second, and give out what can no longer change."""
        self._close_second()
        unix_ms = self._epoch_ms + now_ms
        self.until_ms = now_ms + SECOND_MS - unix_ms % SECOND_MS
        self._second = _Second(unix_ms, Sums())
        self._so_far.clear()
        while self._seconds and not self._seconds[0].open_silence_ms:
            self._finish(self._seconds.popleft())
        if not self._seconds:
            self._roll(unix_ms)

    def _close_second(self) -> None:
        silence, agent, customer, both, hold = (n * TICK_MS for n in self._frames)
        self._frames = [0] * 5
        second = self._second
        second.sums.agent_ms = agent + both
        second.sums.customer_ms = customer + both
        second.sums.both_ms = both
        second.sums.hold_ms = hold
        second.open_silence_ms = silence
        if second.open_silence_ms or second.sums != _EMPTY:
            self._seconds.append(second)

    def charge_silence(self) -> None:
        """Speech or a hold followed the silence before: it counts."""
        for second in self._seconds:
            second.sums.silence_ms += second.open_silence_ms
            second.open_silence_ms = 0
        self._second.sums.silence_ms += self._frames[SILENCE] * TICK_MS
        self._frames[SILENCE] = 0
        self._so_far.clear()

    def close_call(self, now_ms: int) -> Sums:
        """End the call: silence that nothing followed is dropped. Gives the call's sums."""
        self._frames[SILENCE] = 0
        for second in self._seconds:
            second.open_silence_ms = 0
        self.settle(now_ms)
        call = self._call
        self._begin_call()
        return call

    def so_far(self, length_ms: int | None = None) -> Sums:
        """Sums of the call's latest whole seconds, as they are known now.

        Args:
            length_ms: how far back from the start of this second; without it, all of the call.
        """
        if length_ms not in self._so_far:
            now_ms, since_ms, done = self._second.start_ms, -(1 << 62), self._call
            if length_ms is not None:
                since_ms, done = now_ms - length_ms, self._rolling[length_ms].sums(now_ms)
            waiting = (second.sums for second in self._seconds if second.start_ms >= since_ms)
            self._so_far[length_ms] = reduce(add, waiting, done)
        return self._so_far[length_ms]

    def take_windows(self) -> list[WindowSums]:
        """The windows completed since the last call; a window without a call is not given."""
        windows, self._windows = self._windows, []
        return windows

    def finish(self) -> None:
        """End of the sound: the window that is open is given as far as it came."""
        self._give_window()

    def _finish(self, second: _Second) -> None:
        self._call = add(self._call, second.sums)
        for rolling in self._rolling.values():
            rolling.push(second.start_ms, second.sums)
        self._roll(second.start_ms)
        self._window = add(self._window, second.sums)

    def _roll(self, unix_ms: int) -> None:
        start_ms = unix_ms - unix_ms % WINDOW_MS
        if start_ms != self._window_start_ms:
            self._give_window()
            self._window_start_ms = start_ms

    def _give_window(self) -> None:
        if self._window != _EMPTY:
            start_ms = self._window_start_ms
            self._windows.append(WindowSums(start_ms, start_ms + WINDOW_MS, self._window))
            self._window = Sums()
