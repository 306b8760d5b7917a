"""How sure the lamp must be before it says something. Pure.

What is counted may be wrong now and then, and the floor's sums bear it. A cue that is wrong costs
the agent's trust, so a cue asks for more than its bare condition: docs/cues.md gives each guard.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

import msgspec

from turnlight.dsp import CONFIRM, HOP_MS
from turnlight.settle import GAP_MAX_MS
from turnlight.turns import BACKCHANNEL_MAX_MS, Event

KEPT_MS = 30_000
"""Of a longer overlap the first part is not looked at any more."""
BEFORE_MS = 500
"""Before an interruption, in which the customer was speaking."""
AFTER_MS = GAP_MAX_MS
"""After an overlap, in which who took the floor goes on: heard by the time the overlap is known."""
USUALLY = 0.2
"""So undecided about the agent, 0..1, is the core on a desk of middling noise."""
AFTER_WEIGHT = 0.5
"""Of the agent's odds after an overlap, against the odds of both in it."""
OVERTALK_S, OVERTALK_WEIGHT = 0.7, 6.0
"""Up to here each second in which both most likely spoke tells whether it was an overtalk ..."""
LONG_S, LONG_WEIGHT = 1.4, 1.0
"""... and up to here a little more."""
ODDS_MOST = 4.0
"""Of any probability: the core's are no surer."""
_Q15 = 32_768


class Margins(msgspec.Struct, frozen=True, kw_only=True):
    """What a cue asks for beyond its condition."""

    share: float = 0.005
    """The talk share is over its limit by this."""
    share_unsure: float = 0.20
    """By more, this times how much more undecided than `USUALLY` the core was of late."""
    strain: float = 1.0
    """Strain is over what is high, or under what is calm, by this."""
    strain_blocks: int = 1
    """And for so many half seconds of speech longer."""
    strain_undecided: float = 0.2
    """No cue goes by strain where the core was more undecided than this of late."""
    sure: float = 6.9
    """Of an interruption: what speaks for it, see `witnesses`."""
    spoke: float = 0.8
    """In the half second before it: the mean probability that the customer spoke."""
    backchannel_ms: int = 100
    """An overlap that did not take the floor is longer than a backchannel by this."""
    quiet: float = 0.3
    """Nobody speaks in a silence: no frame of it has a higher probability of it."""

    def of_share(self, undecided: float) -> float:
        """What the talk share is over its limit by, where the core is so undecided."""
        return self.share + self.share_unsure * max(0.0, undecided - USUALLY)


USUAL = Margins()
EXACT = Margins(
    share=0.0,
    share_unsure=0.0,
    strain=0.0,
    strain_blocks=0,
    strain_undecided=1.0,
    sure=0.0,
    quiet=1.0,
)
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
        self._agent_first = deque([0] * (kept + late + CONFIRM), kept + late + CONFIRM)
        """The same as it was decided first: it reaches further."""
        self._spread = 0
        """Sum of p (1 - p) over what is kept of the agent."""
        self._until_ms = -line_ms - CONFIRM * HOP_MS
        """End of the newest of the customer's."""
        self._quiet_q15 = round(margins.quiet * _Q15)
        self.heard_ms = -(1 << 62)
        """End of the last frame in which somebody may have spoken."""

    def push(
        self,
        end_ms: int,
        speech_q15: int,
        agent_q15: int,
        agent_sure_q15: int,
        customer_sure_q15: int,
    ) -> None:
        """Take one frame.

        Args:
            end_ms: its end.
            speech_q15: the higher probability of the two parties; music counts as speech.
            agent_q15: probability of the agent.
            agent_sure_q15: confirmed probability of the frame CONFIRM frames before.
            customer_sure_q15: the same of the customer.
        """
        if speech_q15 > self._quiet_q15:
            self.heard_ms = end_ms
        self._agent_first.append(agent_q15)
        self._spread += agent_sure_q15 * (_Q15 - agent_sure_q15)
        self._spread -= self._agent[0] * (_Q15 - self._agent[0])
        self._agent.append(agent_sure_q15)
        self._customer.append(customer_sure_q15)
        self._until_ms += HOP_MS

    def believes(self, interruption: Event) -> bool:
        """Whether the agent spoke over the customer, so surely that it may be said."""
        margins = self._margins
        if not margins.sure:
            return True
        length_ms = interruption.end_ms - interruption.start_ms
        in_vain_ms = BACKCHANNEL_MAX_MS + margins.backchannel_ms
        if not interruption.floor_taken and length_ms <= in_vain_ms:
            return False
        newest = len(self._customer) - self._until_ms // HOP_MS
        start = max(0, newest + interruption.start_ms // HOP_MS)
        end = max(start, newest + interruption.end_ms // HOP_MS)
        before = islice(self._customer, max(0, start - BEFORE_MS // HOP_MS), start)
        if _mean(before) < margins.spoke:
            return False
        pairs = islice(zip(self._agent, self._customer, strict=False), start, end)
        after = list(islice(self._agent_first, end, end + AFTER_MS // HOP_MS))
        told = witnesses([min(pair) for pair in pairs], after if interruption.floor_taken else [])
        return told >= margins.sure

    @property
    def unclear(self) -> str:
        """Why no cue may go by strain now, as part of a sentence; empty where one may."""
        if self.undecided <= self._margins.strain_undecided:
            return ""
        return "it was often unclear who was speaking"

    @property
    def undecided(self) -> float:
        """How undecided the core was about the agent of late, 0..1: the mean of 4 p (1 - p)."""
        return self._spread * 4 / (len(self._agent) * _Q15 * _Q15)


def witnesses(both_q15: Sequence[int], after_q15: Sequence[int]) -> float:
    """How much speaks for it that the agent spoke over the customer: a weighted sum of log-odds.

    docs/cues.md says how the weights were found.

    Args:
        both_q15: probability that both spoke, frame by frame of the overlap.
        after_q15: probability of the agent, frame by frame after it; empty where the floor was not
            taken.
    """
    after = _log_odds(_mean(after_q15)) if after_q15 else 0.0
    both_s = sum(both_q15) * HOP_MS / 1000 / _Q15
    return (
        _log_odds(_mean(both_q15))
        + AFTER_WEIGHT * after
        + OVERTALK_WEIGHT * min(both_s, OVERTALK_S)
        + LONG_WEIGHT * max(0.0, min(both_s, LONG_S) - OVERTALK_S)
    )


def _log_odds(probability: float) -> float:
    least = 1 / (1 + math.exp(ODDS_MOST))
    held = min(max(probability, least), 1 - least)
    return math.log(held / (1 - held))


def _mean(probabilities_q15: Iterable[int]) -> float:
    values = list(probabilities_q15)
    return sum(values) / (len(values) * _Q15) if values else 0.0
