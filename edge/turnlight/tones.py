"""What the tones of the line say: it rings, the other end is held, or somebody has hung up. Pure.

The cadences of the world's networks (ITU-T E.180) differ in pitch and length, and agree in what
is told here: a ring is long or double, a busy tone is as long as its gaps, a dial tone does not
end, and a beep that comes again and again while nobody speaks means a held line.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import Literal

import msgspec

from turnlight.settle import HOLD_SETTLE_MS, SETTLE_MS
from turnlight.turns import TICK_MS

Line = Literal["open", "held", "hung_up"]
"""Of one frame: people may talk; nobody is there to talk to; that, and here it was hung up."""

BRIDGE_MS = 90
"""Gaps inside one tone: two pitches that beat seem to pause."""
GROUP_MS = 850
"""Longest gap between the tones that belong together."""
TONES_MOST = 8
"""Of those, the newest are kept: a busy tone may go on for a night."""
RING_MS = 750
"""A tone so long is a ring: 1 to 2 s in most countries, less what the core needs to know it."""
DOUBLE_RING_MS = (300, 600)
"""Each of the two tones of a double ring (0.4 s, as in Britain), at most this apart:"""
DOUBLE_GAP_MS = 350
ENDLESS_MS = 4_000
"""No ring is so long: a dial tone."""
BUSY_TONES = 4
BUSY_PERIOD_MS = (300, 1_700)
"""Shorter ones are a machine that dials."""
BUSY_JITTER_MS = 40
"""A network's tones are equal; a finger's are not."""
BEEPS_MS = (1_500, 30_000)
"""Between the beeps of a held line, from one to the next."""
BEEP_JITTER_MS = 60
WAIT_MS = 4_600
"""Nothing for so long after a ring: it has stopped. Below HOLD_SETTLE_MS, so that what was said
since then still counts."""
WAIT_LONGER = 1.15
"""Times the longest gap between tones, once that is known."""
RING_GAP_MS = 6_000
"""Longest gap between two rings (5 s, as in Sweden)."""
FADED_Q8 = 10 * 256
"""So much fainter it is the tone's end."""

_SETTLED = SETTLE_MS // TICK_MS
_LENGTH = HOLD_SETTLE_MS // TICK_MS


class _Tone(msgspec.Struct):
    """From frame to frame."""

    start: int
    end: int

    @property
    def length_ms(self) -> int:
        return (self.end - self.start) * TICK_MS


class LineTones:
    """Tone flags of the earpiece in, the state of the line out, HOLD_SETTLE_MS later.

    Attributes:
        now: what is known in this frame; `hung_up` only in the one in which it became known.
    """

    def __init__(self) -> None:
        self.now: Line = "open"
        self._held = False
        self._frames: deque[Line] = deque(["open"] * _LENGTH)
        self._frame = 0
        self._loudest_q8 = -(1 << 15)
        self._tones: list[_Tone] = []
        """Those that belong together, while more may come."""
        self._ended = 0
        """End of the last tone."""
        self._beeps: list[_Tone] = []
        """The group before, where it was no ring and nobody has spoken since."""
        self._either = False
        """The hold ends with the first word of either: it was told by beeps."""
        self._spoken: int | None = None
        """First word since the last tone."""
        self._wait_ms = WAIT_MS
        self._told = False
        """This group is known to be a busy tone or a dial tone."""

    def push(self, tone: bool, level_db_q8: int, agent: bool, customer: bool) -> Line:
        """Take the newest frame, give the line of HOLD_SETTLE_MS before.

        Args:
            tone: the core's flag, which stays on for a moment after the tone.
            level_db_q8: of the earpiece.
            agent: settled speech, SETTLE_MS behind.
            customer: the same.
        """
        self._frame += 1
        self.now = "held" if self._held else "open"
        self._frames.append(self.now)
        if not tone:
            self._loudest_q8 = -(1 << 15)
        if tone and level_db_q8 > self._loudest_q8 - FADED_Q8:
            self._loudest_q8 = max(self._loudest_q8, level_db_q8)
            self._sounds()
        elif self._tones or self._beeps or self._held:
            self._pauses(agent, customer)
        return self._frames.popleft()

    def _sounds(self) -> None:
        frame, tones = self._frame, self._tones
        if not tones and self._spoken is None:
            self._learn((frame - 1 - self._ended) * TICK_MS)
        if tones and (frame - 1 - tones[-1].end) * TICK_MS <= BRIDGE_MS:
            tones[-1].end = frame
        else:
            tones.append(_Tone(frame - 1, frame))
            del tones[:-TONES_MOST]
        self._ended, self._spoken = frame, None
        length_ms = tones[-1].length_ms
        if length_ms >= RING_MS and not self._held:
            self._hold(tones[0].start, either=False)
        if length_ms >= ENDLESS_MS:
            self._hang_up(tones[-1].start)

    def _pauses(self, agent: bool, customer: bool) -> None:
        heard_of = self._frame - 1 - _SETTLED
        if (agent or customer) and self._spoken is None and heard_of >= self._ended:
            self._spoken, self._wait_ms, self._beeps = heard_of, WAIT_MS, []
        gap_ms = (self._frame - self._ended) * TICK_MS
        if self._tones and gap_ms == BRIDGE_MS + TICK_MS and _busy(self._tones[-BUSY_TONES:]):
            self._hang_up(self._tones[-BUSY_TONES].start)
        if self._tones and gap_ms > GROUP_MS:
            self._close()
        if self._spoken is not None and (customer or self._either):
            self._release(self._spoken)
        elif gap_ms > self._wait_ms:
            self._release(self._ended if self._spoken is None else self._spoken)
        if gap_ms > BEEPS_MS[1]:
            self._beeps = []

    def _close(self) -> None:
        """No more tones belong to these."""
        tones, self._tones, self._told = self._tones, [], False
        if _double_ring(tones):
            self._hold(tones[0].start, either=False)
        elif all(tone.length_ms < RING_MS for tone in tones):
            if _again(self._beeps, tones):
                self._hold(self._beeps[0].start, either=True)
                self._learn((tones[0].start - self._beeps[-1].end) * TICK_MS)
            self._beeps = tones if self._spoken is None else []

    def _hold(self, since: int, either: bool) -> None:
        if not self._held:
            self._held, self._either = True, either
            self._fill(since, "held")

    def _hang_up(self, since: int) -> None:
        if not self._told:
            self._told = self._held = True
            self._either = False
            self._fill(since, "held")
            self._frames[max(since - self._frame, -_LENGTH)] = "hung_up"
            self.now = "hung_up"

    def _release(self, since: int) -> None:
        if self._held:
            self._held, self._beeps = False, []
            self._fill(since, "open")

    def _learn(self, gap_ms: int) -> None:
        """So long it may be quiet before the next tone."""
        if self._held or gap_ms <= RING_GAP_MS:
            self._wait_ms = max(self._wait_ms, round(WAIT_LONGER * gap_ms))

    def _fill(self, since: int, line: Line) -> None:
        self.now = line
        for i in range(max(since - self._frame, -_LENGTH), 0):
            self._frames[i] = line


def _busy(tones: list[_Tone]) -> bool:
    if len(tones) < BUSY_TONES:
        return False
    lengths = [tone.length_ms for tone in tones]
    gaps = [(after.start - before.end) * TICK_MS for before, after in pairwise(tones)]
    tone_ms, gap_ms = sum(lengths) / len(lengths), sum(gaps) / len(gaps)
    return (
        max(lengths) - min(lengths) <= BUSY_JITTER_MS
        and max(gaps) - min(gaps) <= BUSY_JITTER_MS
        and BUSY_PERIOD_MS[0] <= tone_ms + gap_ms <= BUSY_PERIOD_MS[1]
        and 0.5 <= tone_ms / gap_ms <= 1.5
    )


def _double_ring(tones: list[_Tone]) -> bool:
    if len(tones) != 2:
        return False
    shortest_ms, longest_ms = DOUBLE_RING_MS
    gap_ms = (tones[1].start - tones[0].end) * TICK_MS
    return gap_ms <= DOUBLE_GAP_MS and all(
        shortest_ms <= tone.length_ms <= longest_ms for tone in tones
    )


def _again(before: list[_Tone], tones: list[_Tone]) -> bool:
    """Whether these are the same beeps as those before, at a distance at which beeps repeat."""
    if len(before) != len(tones):
        return False
    apart_ms = (tones[0].start - before[0].start) * TICK_MS
    return BEEPS_MS[0] <= apart_ms <= BEEPS_MS[1] and all(
        abs(one.length_ms - other.length_ms) <= BEEP_JITTER_MS
        for one, other in zip(before, tones, strict=True)
    )
