"""How sure the lamp must be before it says something. Pure.

What is counted may be wrong now and then, and the floor's sums bear it. A cue that is wrong costs
the agent's trust, so a cue asks for more than its bare condition: docs/cues.md gives each guard.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

import msgspec

from turnlight.dsp import CONFIRM, HOP_MS
from turnlight.turns import BACKCHANNEL_MAX_MS, Event

KEPT_MS = 30_000
"""Of a longer overlap the first part is not looked at any more."""
_Q15 = 32_768


class Margins(msgspec.Struct, frozen=True, kw_only=True):
    """What a cue asks for beyond its condition."""

    share: float = 0.015
    """The talk share is over its limit by this."""
    strain: float = 3.0
    """Strain is over what is high, or under what is calm, by this."""
    sure: float = 0.65
    """Of an interruption: through its overlap, the mean probability that both speak."""
    unsure: float = 0.75
    """More of it, by this times how undecided the core was of late about the agent, 0..1."""
    backchannel_ms: int = 100
    """An overlap that did not take the floor is longer than a backchannel by this."""
    quiet: float = 0.3
    """Nobody speaks in a silence: no frame of it has a higher probability of it."""


USUAL = Margins()
EXACT = Margins(share=0.0, strain=0.0, sure=0.0, quiet=1.0)
"""For who is told the truth: the bare conditions."""


class Doubt:
    """Weighs what the lamp is about to say by the core's own probabilities.

    An overlap is over for longer than the core needs to look again, so an interruption is judged
    by the confirmed probabilities without waiting for them.

    Args:
        margins: what is asked for.
        line_ms: one-way delay of the line: the agent's frames wait for so long.
    """

    def __init__(self, margins: Margins, line_ms: int = 0) -> None:
        self._margins = margins
        # confirmed probabilities, Q15, frame by frame; the newest of the agent's still wait
        kept, late = KEPT_MS // HOP_MS, line_ms // HOP_MS
        self._agent = deque([0] * (kept + late), kept + late)
        self._customer = deque([0] * kept, kept)
        self._until_ms = -line_ms - CONFIRM * HOP_MS
        """End of the newest of the customer's."""
        self._quiet_q15 = round(margins.quiet * _Q15)
        self.heard_ms = -(1 << 62)
        """End of the last frame in which somebody may have spoken."""

    def push(
        self, end_ms: int, speech_q15: int, agent_sure_q15: int, customer_sure_q15: int
    ) -> None:
        """Take one frame.

        Args:
            end_ms: its end.
            speech_q15: the higher probability of the two parties; music counts as speech.
            agent_sure_q15: confirmed probability of the frame CONFIRM frames before.
            customer_sure_q15: the same of the customer.
        """
        if speech_q15 > self._quiet_q15:
            self.heard_ms = end_ms
        self._agent.append(agent_sure_q15)
        self._customer.append(customer_sure_q15)
        self._until_ms += HOP_MS

    def believes(self, interruption: Event) -> bool:
        """Whether both spoke through the overlap, so surely that it may be said."""
        if not self._margins.sure:
            return True
        length_ms = interruption.end_ms - interruption.start_ms
        if not interruption.floor_taken:
            length_ms -= BACKCHANNEL_MAX_MS + self._margins.backchannel_ms
        newest = len(self._customer) - self._until_ms // HOP_MS
        start = max(0, newest + interruption.start_ms // HOP_MS)
        end = newest + interruption.end_ms // HOP_MS
        pairs = islice(zip(self._agent, self._customer, strict=False), start, max(start, end))
        both = [min(pair) for pair in pairs]
        if length_ms <= 0 or not both:
            return False
        asked = self._margins.sure + self._margins.unsure * self._undecided()
        return sum(both) / len(both) >= asked * _Q15

    def _undecided(self) -> float:
        """How undecided the core was about the agent of late, 0..1: the mean of 4 p (1 - p)."""
        kept = len(self._customer)
        agent = islice(self._agent, kept)
        return sum(q15 * (_Q15 - q15) for q15 in agent) * 4 / (kept * _Q15 * _Q15)
