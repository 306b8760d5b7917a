"""Raw decisions of the core become settled ones, each with a constant delay: speech, and holds.

Pure. A constant delay makes live and offline the same.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from turnlight.turns import TICK_MS

SPEECH_MIN_MS = 120
"""Speech shorter than this is dropped, before gaps are bridged."""
GAP_MAX_MS = 250
"""Gaps up to this are bridged."""
SETTLE_MS = SPEECH_MIN_MS + GAP_MAX_MS - TICK_MS
"""How far settled speech lies behind: a gap's first frame waits for the speech that bridges it."""

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


class Settler:
    """Drops short speech, then bridges short gaps, with a constant delay of SETTLE_MS.

    Args:
        late_ms: how much longer the delay is.
    """

    def __init__(self, late_ms: int = 0) -> None:
        self._frames = deque([False] * ((SETTLE_MS + late_ms) // TICK_MS))
        self._run = 0
        self._since = 1 << 30
        """Frames since the last speech that survived."""

    def push(self, talk: bool) -> bool:
        """Take the newest frame's raw decision, give the settled one of the delay before."""
        frames = self._frames
        if not talk:
            self._run = 0
            self._since += 1
            frames.append(False)
        elif self._run >= SPEECH_MIN_MS // TICK_MS:
            frames.append(True)
        else:
            self._run += 1
            self._since += 1
            frames.append(False)
            if self._run == SPEECH_MIN_MS // TICK_MS:
                gap = self._since - self._run
                back = self._since if gap * TICK_MS <= GAP_MAX_MS else self._run
                for i in range(-back, 0):
                    frames[i] = True
                self._since = 0
        return frames.popleft()


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
