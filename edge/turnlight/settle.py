"""Raw decisions of the core become settled ones: speech, and holds. Pure."""

from __future__ import annotations

from collections import deque
from itertools import islice

from turnlight.turns import TICK_MS

SPEECH_MIN_MS = 120
"""Speech shorter than this is dropped, before gaps are bridged."""
GAP_MAX_MS = 250
"""Gaps up to this are bridged."""
SETTLE_MS = SPEECH_MIN_MS + GAP_MAX_MS - TICK_MS
"""How far settled speech may lie behind: a gap's first frame waits for what bridges it."""
_RUN, _GAP = SPEECH_MIN_MS // TICK_MS, GAP_MAX_MS // TICK_MS

HOLD_SETTLE_MS = 5_000
"""How far the settled hold lies behind: music is recognised late, and never later than this."""
MUSIC_MIN_MS = 500
"""Music that was recognised for so long is a hold."""
MUSIC_LATE_MS = 4_000
"""The hold may begin this long before its music was recognised."""
MUSIC_GAP_MS = 2_000
"""Music that was not recognised for so long has ended."""
MUSIC_LINGER_MS = 2_500
"""The hold may end this long before the music was last recognised."""
QUIET_MS = 300
"""A pause of the earpiece that separates speech from music."""
QUIET_DB_Q8 = 15 * 256
"""So far below the music the earpiece is quiet."""


class PromptSettler:
    """Drops short speech, then bridges short gaps; gives each frame once it can no longer change.

    Speech that goes on, and silence that is longer than a bridge, are given at once; nothing waits
    for longer than SETTLE_MS.
    """

    def __init__(self) -> None:
        self._run = 0
        self._gap = _GAP + 1
        """Frames from the last speech that survived to the run that is on."""
        self._waiting = 0
        """Frames not given yet: the gap, if it may still be bridged, and the run."""

    def push(self, talk: bool) -> list[bool]:
        """Take the newest frame's raw decision, give the settled frames that are known now."""
        if talk and self._run >= _RUN:
            return [True]
        self._waiting += 1
        if not talk:
            # speech that survived was given as it came; a run that did not is part of the gap
            self._gap = 1 if self._run >= _RUN else self._gap + self._run + 1
            self._run = 0
            return self._give(False) if self._gap > _GAP else []
        self._run += 1
        return self._give(True) if self._run == _RUN else []

    def _give(self, talk: bool) -> list[bool]:
        known, self._waiting = [talk] * self._waiting, 0
        return known


class Settler:
    """The same with a constant delay of SETTLE_MS.

    Args:
        late_ms: how much longer the delay is.
    """

    def __init__(self, late_ms: int = 0) -> None:
        self._prompt = PromptSettler()
        self._known = deque([False] * ((SETTLE_MS + late_ms) // TICK_MS))

    def push(self, talk: bool) -> bool:
        """Take the newest frame's raw decision, give the settled one of the delay before."""
        self._known.extend(self._prompt.push(talk))
        return self._known.popleft()


class PairSettler:
    """Both parties' settled frames, given together once both are known.

    Args:
        agent_late_ms: by so much the agent's frames come later than the customer's of one moment.
    """

    def __init__(self, agent_late_ms: int = 0) -> None:
        self._settlers = PromptSettler(), PromptSettler()
        self._known = deque([False] * (agent_late_ms // TICK_MS)), deque[bool]()

    def push(self, agent: bool, customer: bool) -> list[tuple[bool, bool]]:
        """Take the newest raw decisions, give the pairs that are known now, oldest first."""
        ours, theirs = self._known
        ours.extend(self._settlers[0].push(agent))
        theirs.extend(self._settlers[1].push(customer))
        pairs = []
        while ours and theirs:
            pairs.append((ours.popleft(), theirs.popleft()))
        return pairs


class HoldSettler:
    """Settles the music flags of the earpiece into holds, with a delay of HOLD_SETTLE_MS.

    The core recognises music seconds late. So a hold begins where the earpiece, which was quiet
    before, became as loud as the music, and ends where it became quiet again.
    """

    def __init__(self) -> None:
        length = HOLD_SETTLE_MS // TICK_MS
        self._frames = deque([False] * length)
        self._levels = deque([-100 * 256] * length)
        self._music = False
        self._votes = 0
        self._age = 0
        """Frames since `votes` left 0."""
        self._missing = 0
        self._quiet_q8 = 0
        self.line: bool | None = None
        """What the telephone system says; None while it says nothing."""

    @property
    def on(self) -> bool:
        """Whether a hold is known now."""
        return self._music if self.line is None else self.line

    def push(self, music: bool, level_db_q8: int) -> bool:
        """Take the newest frame's flag and level, give the hold of HOLD_SETTLE_MS before."""
        frames = self._frames
        self._levels.append(level_db_q8)
        frames.append(self.on)
        if self._music:
            self._missing = 0 if music else self._missing + 1
            if self._missing * TICK_MS >= MUSIC_GAP_MS:
                self._end()
        elif music or self._votes:
            self._age += 1
            self._votes += 1 if music else -1
            if not self._votes:
                self._age = 0
            elif self._votes * TICK_MS >= MUSIC_MIN_MS:
                self._begin()
        self._levels.popleft()
        return frames.popleft()

    def _begin(self) -> None:
        self._music, self._missing = True, 0
        ago = min(self._age, len(self._levels))
        self._votes = self._age = 0
        heard = list(islice(self._levels, len(self._levels) - ago, None))
        self._quiet_q8 = sum(heard) // len(heard) - QUIET_DB_Q8
        quiet = 0
        for level in islice(reversed(self._levels), ago, ago + MUSIC_LATE_MS // TICK_MS):
            quiet = quiet + 1 if level < self._quiet_q8 else 0
            ago += 1
            if quiet * TICK_MS >= QUIET_MS:
                ago -= quiet
                break
        self._fill(ago, 0, True)

    def _end(self) -> None:
        self._music = False
        until = self._missing
        first = min(until + MUSIC_LINGER_MS // TICK_MS, len(self._levels))
        quiet = 0
        # from the oldest frame that may be the end, to the last that was music
        ago = first
        for level in islice(self._levels, len(self._levels) - first, None):
            quiet = quiet + 1 if level < self._quiet_q8 else 0
            ago -= 1
            if quiet * TICK_MS >= QUIET_MS:
                until = max(until, ago + quiet)
                break
        self._fill(until, 0, False)

    def _fill(self, ago: int, until: int, hold: bool) -> None:
        if self.line is None:
            for i in range(-min(ago, len(self._frames)), -until):
                self._frames[i] = hold
