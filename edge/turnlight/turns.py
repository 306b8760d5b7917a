"""Who holds the floor: settled speech becomes events.

Pure: one call per 10 ms, time is an argument. docs/metrics.md gives each rule in words.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from turnlight.challenge import Challenge

TICK_MS = 10
"""One frame of the core."""

BACKCHANNEL_MAX_MS = 1000
"""Longer speech is a turn, wherever it lies."""
OVERLAP_MAX_MS = 500
"""Up to this an overlap at a floor change is normal turn-taking, and no overtalk."""
PAUSE_MAX_MS = 3000
"""A holder silent for longer has ended the turn."""
REACTION_MS = 200
"""Least time in which one hears that the other began, or ended, and acts on it."""

Party = Literal["agent", "customer"]
PARTIES: tuple[Party, Party] = ("agent", "customer")
"""Index 0 and 1 wherever a party is an index."""

EventKind = Literal[
    "interruption",
    "early_start",
    "backchannel",
    "overtalk",
    "long_silence",
    "floor_change",
    "overlap",
    "turn",
]


class Segment(msgspec.Struct, frozen=True):
    """One party talks without a gap."""

    party: Party
    start_ms: int
    end_ms: int


class Event(msgspec.Struct, frozen=True):
    """Something between the two happened. It never changes after it was given."""

    kind: EventKind
    by: Party | None
    start_ms: int
    end_ms: int
    floor_taken: bool = False
    decided_ms: int = 0
    """When it was known; a window counts the events decided in it."""
    offset_ms: int | None = None
    """Of a floor change: start of the new holder's turn less end of the old one's speech, as the
    new holder heard it."""


class Floor:
    """Who holds the floor, and what happens when the other one speaks.

    When the other starts while the holder talks, or pauses for up to 3 s, a challenge is open.
    It ends when the floor passes or when the holder keeps it; only then is it known what the
    other's speech was.

    Args:
        line_ms: one-way delay of the line. Frames come in the order in which they were spoken,
            and each party hears the other so much later.
    """

    def __init__(self, line_ms: int = 0) -> None:
        self._line_ms = line_ms
        self._reaction_ms = REACTION_MS + line_ms
        self.clear()

    def clear(self) -> None:
        """Forget everything: nobody talks, nobody holds or held the floor."""
        self.holder: int | None = None
        self.turn_start_ms = 0
        self._on = [False, False]
        self._start = [0, 0]
        self._end = [0, 0]
        self._both_since: int | None = None
        self._left: tuple[int, int] | None = None
        """Who held the floor last, and when that speech ended, while it is free."""
        self._challenge: Challenge | None = None
        self._events: list[Event] = []
        self._segments: list[Segment] = []

    def tick(self, now_ms: int, agent: bool, customer: bool) -> None:
        """Take one settled frame that starts at `now_ms`."""
        on = self._on
        if agent != on[0] or customer != on[1]:
            self._edges(now_ms, agent, customer)
        elif self.holder is not None and self._challenge is None and on[self.holder]:
            return
        if self.holder is None:
            self._contend(now_ms)
            return
        if self._challenge is None:
            other = 1 - self.holder
            if on[other] and self._start[other] == now_ms:
                self._open(now_ms)
            elif not on[self.holder] and self._paused_too_long(now_ms):
                self._release(now_ms)
        if self._challenge is not None:
            self._contest(now_ms, self._challenge)

    @property
    def news(self) -> bool:
        """Whether `take` has something to give."""
        return bool(self._events or self._segments)

    def take(self) -> tuple[list[Event], list[Segment]]:
        """What was decided since the last call."""
        taken = self._events, self._segments
        if self._events:
            self._events = []
        if self._segments:
            self._segments = []
        return taken

    def close(self, now_ms: int) -> None:
        """End all speech and decide what is open, as a hold or the end of the call does."""
        self._edges(now_ms, False, False)
        if self.holder is None:
            self._contend(now_ms)
        challenge = self._challenge
        if challenge is not None:
            if challenge.end_ms is None:
                challenge.end_ms = now_ms
            if challenge.in_gap and self._end[1 - challenge.by] < challenge.start_ms:
                self._pass(now_ms, challenge)
            else:
                self._keep(now_ms, challenge)
        if self.holder is not None:
            self._release(now_ms)
        events, segments = self._events, self._segments
        self.clear()
        self._events, self._segments = events, segments

    def _edges(self, now_ms: int, agent: bool, customer: bool) -> None:
        was = tuple(self._on)
        self._on[:] = agent, customer
        for p in (0, 1):
            if self._on[p] and not was[p]:
                self._rise(p, now_ms)
            elif was[p] and not self._on[p]:
                self._end[p] = now_ms
                self._segments.append(Segment(PARTIES[p], self._start[p], now_ms))
        both = agent and customer
        if both and self._both_since is None:
            self._both_since = now_ms
        elif not both and self._both_since is not None:
            self._overlapped(self._both_since, now_ms)
            self._both_since = None

    def _rise(self, p: int, now_ms: int) -> None:
        self._start[p] = now_ms
        challenge = self._challenge
        if challenge is None or p != self.holder or not self._on[challenge.by]:
            return
        # The holder comes back over one who has been talking alone: who of them starts over
        # whom is turned round, should the other's speech become a turn.
        alone_ms = now_ms - max(challenge.start_ms, self._end[p])
        if challenge.answer_ms is None and alone_ms >= self._reaction_ms:
            challenge.answer_ms = now_ms
        elif challenge.left_ms is not None and now_ms - challenge.start_ms < self._line_ms:
            challenge.unheard = True

    def _overlapped(self, start_ms: int, end_ms: int) -> None:
        later = self._start[0] - self._start[1]
        by = None if later == 0 else PARTIES[0 if later > 0 else 1]
        self._decide("overlap", by, start_ms, end_ms, end_ms)
        if end_ms - start_ms >= OVERLAP_MAX_MS:
            self._decide("overtalk", by, start_ms, end_ms, end_ms)

    def _contend(self, now_ms: int) -> None:
        """The floor is free: it goes to the one who talks alone for as long as one reacts."""
        for p in (0, 1):
            other = 1 - p
            if self._on[p] and not self._on[other]:
                alone_ms = now_ms + TICK_MS - max(self._start[p], self._end[other])
                if alone_ms >= self._reaction_ms:
                    self._hold(p, now_ms)
                return
            if (
                not self._on[p]
                and not self._on[other]
                and self._end[p] == now_ms > self._end[other]
            ):
                self._hold(p, now_ms)
                return

    def _hold(self, p: int, now_ms: int) -> None:
        self.holder = p
        self.turn_start_ms = self._start[p]
        if self._left is not None and self._left[0] != p:
            self._changed(p, now_ms, self._left[1])
        self._left = None

    def _open(self, now_ms: int) -> None:
        assert self.holder is not None
        if self._on[self.holder]:
            unheard = now_ms - self._start[self.holder] < self._line_ms
            self._challenge = Challenge(1 - self.holder, now_ms, unheard=unheard)
        else:
            left_ms = self._end[self.holder]
            in_gap = now_ms - left_ms >= self._reaction_ms
            self._challenge = Challenge(1 - self.holder, now_ms, left_ms, in_gap)

    def _contest(self, now_ms: int, challenge: Challenge) -> None:
        by = challenge.by
        holder_on, other_on = self._on[1 - by], self._on[by]
        if challenge.end_ms is not None:
            self._await(now_ms, challenge, holder_on, other_on)
        elif other_on:
            if holder_on:
                challenge.overlap(now_ms, now_ms + TICK_MS)
            if now_ms + TICK_MS - challenge.start_ms > BACKCHANNEL_MAX_MS and (
                not holder_on or challenge.answer_ms is not None
            ):
                self._pass(now_ms, challenge)
        else:
            challenge.end_ms = now_ms
            if holder_on:
                self._keep(now_ms, challenge)

    def _await(self, now_ms: int, challenge: Challenge, holder_on: bool, other_on: bool) -> None:
        """Both were silent after the other's speech: who talks next shows what it was."""
        assert challenge.end_ms is not None
        if holder_on:
            self._keep(now_ms, challenge)
            if other_on:
                self._open(now_ms)
        elif other_on or (
            challenge.in_gap
            and self._end[1 - challenge.by] < challenge.start_ms
            and now_ms + TICK_MS - challenge.end_ms >= self._reaction_ms
        ):
            self._pass(now_ms, challenge)
        elif self._paused_too_long(now_ms):
            self._keep(now_ms, challenge)
            self._release(now_ms)

    def _pass(self, now_ms: int, challenge: Challenge) -> None:
        """The floor goes to the one who challenged."""
        by, start_ms, overlap_end_ms = challenge.by, challenge.start_ms, challenge.overlap_end_ms
        loser = 1 - by
        if challenge.overlap_ms > OVERLAP_MAX_MS:
            if not challenge.unheard:
                self._decide("interruption", PARTIES[by], start_ms, overlap_end_ms, now_ms, True)
        elif challenge.overlap_ms:
            self._decide("early_start", PARTIES[by], start_ms, overlap_end_ms, now_ms, True)
        left_ms = challenge.ceded_ms
        self._decide("turn", PARTIES[loser], self.turn_start_ms, left_ms, now_ms)
        self._challenge = None
        self.holder = by
        self.turn_start_ms = start_ms
        self._changed(by, now_ms, left_ms)
        if challenge.answer_ms is not None:
            end_ms = None if self._on[loser] else self._end[loser]
            self._challenge = challenge.answer(end_ms)

    def _keep(self, now_ms: int, challenge: Challenge) -> None:
        """The holder goes on."""
        assert challenge.end_ms is not None
        by = PARTIES[challenge.by]
        if challenge.end_ms - challenge.start_ms <= BACKCHANNEL_MAX_MS:
            self._decide("backchannel", by, challenge.start_ms, challenge.end_ms, now_ms)
        elif challenge.overlap_ms > OVERLAP_MAX_MS and not challenge.unheard:
            self._decide("interruption", by, challenge.start_ms, challenge.overlap_end_ms, now_ms)
        self._challenge = None

    def _paused_too_long(self, now_ms: int) -> bool:
        assert self.holder is not None
        return now_ms + TICK_MS - self._end[self.holder] > PAUSE_MAX_MS

    def _release(self, now_ms: int) -> None:
        """The turn has ended and the floor is free."""
        assert self.holder is not None
        left_ms = self._end[self.holder]
        self._decide("turn", PARTIES[self.holder], self.turn_start_ms, left_ms, now_ms)
        self._left = self.holder, left_ms
        self.holder = None

    def _changed(self, to: int, now_ms: int, left_ms: int) -> None:
        start_ms = self.turn_start_ms
        # as heard by the one who takes the floor
        offset_ms = start_ms - left_ms - self._line_ms
        self._events.append(
            Event("floor_change", PARTIES[to], start_ms, start_ms, True, now_ms, offset_ms)
        )

    def _decide(
        self,
        kind: EventKind,
        by: Party | None,
        start_ms: int,
        end_ms: int,
        now_ms: int,
        floor_taken: bool = False,
    ) -> None:
        self._events.append(Event(kind, by, start_ms, end_ms, floor_taken, now_ms))
