"""Where a call begins, is held and ends, and what is known of it then. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from turnlight.config import Config
from turnlight.cues import CueShown, CueWithheld
from turnlight.ledger import HOLD, Ledger
from turnlight.metrics import LONG_SILENCE_MS, WindowSums, measures
from turnlight.strain import Course, Strain, StrainSummary
from turnlight.turns import TICK_MS, Event, Floor, Segment

SignalKind = Literal["start", "hold", "resume", "end", "gone"]
"""What a telephone system says, as in `messages.CallSignal`, or that it is no longer heard."""

SAID_TWICE_MS = 5_000
"""A start so soon after the start is the same one, delivered again."""

INTERNAL = frozenset({"overlap", "turn"})
"""Kinds of events that are counted but not listed: other events and the segments say it."""


class CallRecord(msgspec.Struct, frozen=True):
    """One call that has ended. Segments, events and cues are listed only when they are kept."""

    start_ms: int
    end_ms: int
    metrics: dict[str, Any]
    segments: list[Segment]
    events: list[Event]
    holds: list[tuple[int, int]]
    strain: StrainSummary | None
    call_arc: list[float | None]
    """Mean strain by quarter of the call."""
    cues: list[CueShown]
    withheld: list[CueWithheld]
    """Cues that were due and never shown."""
    ended_ms: int
    """When it was known that the call had ended."""


class Conversation:
    """One desk's calls: settled frames in, the floor, the sums and the ended calls out.

    Args:
        config: when a call ends, the line's delay, what high strain is.
        keep: whether ended calls list their segments and events.
        epoch_ms: Unix time of the sound's time 0.
        rolling_ms: lengths of time that `ledger.so_far` may be asked for.
    """

    def __init__(
        self, config: Config, keep: bool, epoch_ms: int = 0, rolling_ms: Iterable[int] = ()
    ) -> None:
        self._keep = keep
        self._end_after_ms = round(config.call.end_after_silence_s * 1000)
        self._by_line = False
        """The telephone system has spoken: sound no longer begins or ends a call."""
        self._cues = config.cues
        self.ledger = Ledger(epoch_ms, rolling_ms)
        self.floor = Floor(config.call.line_ms)
        self.start_ms: int | None = None
        """Start of the call that is on; None while there is none."""
        self.hold_since_ms: int | None = None
        self.silent_since_ms: int | None = None
        """Start of the mutual silence that is on, once somebody has spoken."""
        self._news: list[Event] = []
        self.ended: list[CallRecord] = []
        self._begin()

    def _begin(self) -> None:
        self.course = Course(self._cues)
        self.hold_since_ms = self.silent_since_ms = None
        self._events: list[Event] = []
        self._segments: list[Segment] = []
        self._holds: list[tuple[int, int]] = []
        self._last_ms = 0
        """End of the last speech or hold."""

    def signal(self, now_ms: int, signal: SignalKind) -> None:
        """The telephone system speaks; until it is gone it alone begins and ends calls.

        A message may be lost: a start during a call ends the one before, and what is resumed is
        a call.
        """
        self._by_line = signal != "gone"
        if self.start_ms is not None and (
            signal == "end" or (signal == "start" and now_ms - self.start_ms > SAID_TWICE_MS)
        ):
            self._end(now_ms)
        if self.start_ms is None and signal in ("start", "resume"):
            self._begin()
            self.start_ms = self._last_ms = now_ms

    def hang_up(self, now_ms: int) -> None:
        """The line says that the other end is gone."""
        if self.start_ms is not None and not self._by_line:
            self._end(now_ms)

    def tick(self, now_ms: int, agent: bool, customer: bool, hold: bool) -> None:
        """Take one settled frame that starts at `now_ms`."""
        ledger = self.ledger
        if now_ms >= ledger.until_ms:
            ledger.settle(now_ms)
        if self.start_ms is None:
            if hold or self._by_line or not (agent or customer):
                return
            self._begin()
            self.start_ms = now_ms
        if hold:
            if self.hold_since_ms is None:
                self._hold(now_ms)
            ledger.tick(HOLD)
            return
        if self.hold_since_ms is not None:
            self._resume(now_ms)
        self.floor.tick(now_ms, agent, customer)
        if self.floor.news:
            self._collect()
        if agent or customer:
            if self.silent_since_ms is not None:
                self._charge(now_ms)
            self._last_ms = now_ms + TICK_MS
            ledger.tick(agent + 2 * customer)
            return
        if self._last_ms > self.start_ms:
            if self.silent_since_ms is None:
                self.silent_since_ms = now_ms
            ledger.tick(0)
        if not self._by_line and now_ms + TICK_MS - self._last_ms >= self._end_after_ms:
            self._end(now_ms + TICK_MS)

    def finish(self, now_ms: int) -> None:
        """End of the sound: it ends the call and the window."""
        if self.start_ms is not None:
            self._end(now_ms)
        self.ledger.finish()

    @property
    def counting(self) -> bool:
        """In a call, and not on hold."""
        return self.start_ms is not None and self.hold_since_ms is None

    def strain(self, strain: Strain) -> None:
        """Take the strain of one half second of the customer's speech, while counting."""
        assert self.start_ms is not None
        self.ledger.sums.strain(round(strain.value))
        self.course.push(self._last_ms - self.start_ms, strain)

    def take_events(self) -> list[Event]:
        """What was decided since the last time."""
        news, self._news = self._news, []
        return news

    def take_ended(self) -> list[CallRecord]:
        """The calls that ended since the last time."""
        ended, self.ended = self.ended, []
        return ended

    def take_windows(self) -> list[WindowSums]:
        """The windows completed since the last time."""
        return self.ledger.take_windows()

    def _hold(self, now_ms: int) -> None:
        if self.silent_since_ms is not None:
            self._charge(now_ms)
        self.hold_since_ms = now_ms
        self.floor.close(now_ms)
        self._collect()

    def _resume(self, now_ms: int) -> None:
        assert self.hold_since_ms is not None
        self._holds.append((self.hold_since_ms, now_ms))
        self.hold_since_ms = None
        self._last_ms = now_ms

    def _charge(self, now_ms: int) -> None:
        assert self.silent_since_ms is not None
        length_ms = now_ms - self.silent_since_ms
        self.ledger.charge_silence()
        self.ledger.sums.silence(length_ms)
        if length_ms > LONG_SILENCE_MS:
            self._list(Event("long_silence", None, self.silent_since_ms, now_ms, decided_ms=now_ms))
        self.silent_since_ms = None

    def _collect(self) -> None:
        events, segments = self.floor.take()
        for event in events:
            self._list(event)
        if self._keep:
            self._segments += segments

    def _list(self, event: Event) -> None:
        self.ledger.sums.count(event)
        if event.kind in INTERNAL:
            return
        if self._keep:
            self._events.append(event)
        else:
            self._news.append(event)

    def _end(self, now_ms: int) -> None:
        assert self.start_ms is not None
        self.floor.close(now_ms)
        self._collect()
        if self.hold_since_ms is not None:
            self._resume(now_ms)
        if self.course.turned:
            self.ledger.sums.turnarounds += 1
        sums = self.ledger.close_call(now_ms)
        end_ms = max(self.start_ms, self._last_ms)
        arc = self.course.arc(end_ms - self.start_ms)
        self.ended.append(
            CallRecord(
                start_ms=self.start_ms,
                end_ms=end_ms,
                metrics={**measures(sums), "call_arc": arc},
                segments=sorted(self._segments, key=lambda s: (s.start_ms, s.party)),
                events=sorted(self._events, key=lambda e: (e.start_ms, e.kind)),
                holds=self._holds,
                strain=self.course.summary(),
                call_arc=arc,
                cues=[],
                withheld=[],
                ended_ms=now_ms,
            )
        )
        self.start_ms = None
        self._begin()
