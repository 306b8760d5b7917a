"""What the sound was too poor for, and why: that is withheld, not guessed. Pure."""

from __future__ import annotations

from collections import deque
from typing import Any

from turnlight.cues import Cue
from turnlight.document import QualityDocument
from turnlight.identity import DOUBTFUL

LEAK_MOST_DB = -7.0
"""Median of bleed or sidetone, over which two who talk at once cannot be told from one."""
RATE_SNR_DB = 15.0
"""Least distance of a voice from the background, for a syllable rate."""
STRAIN_CLIPPED_PCT = 5.0
"""Most time that may be clipped, for a strain."""

WHOSE = (
    "agent_talk_pct",
    "customer_talk_pct",
    "talk_share",
    "interruptions",
    "early_starts",
    "backchannels",
    "response_latency_ms",
    "floor_transfer_offsets",
    "longest_monologue_ms",
    "longest_customer_story_ms",
    "articulation_rate",
    "speech_rate",
    "strain",
    "turnaround",
    "call_arc",
)
"""Measures that need to know whose channel is whose."""
AT_ONCE = ("overtalk_pct", "overtalks", "interruptions", "early_starts", "backchannels")
"""Measures of two who talk at once."""
RATES = ("articulation_rate", "speech_rate")
STRAINS = ("strain", "turnaround", "call_arc")

CUES_WHOSE: tuple[Cue, ...] = (
    "let_finish",
    "slow_down",
    "turnaround",
    "long_turn",
    "share_floor",
)
CUES_AT_ONCE: tuple[Cue, ...] = ("let_finish",)
CUES_OF_STRAIN: tuple[Cue, ...] = ("slow_down", "turnaround")
CUES_TIMED: tuple[Cue, ...] = ("let_finish", "long_turn", "share_floor", "long_silence")

LEAK_FOR_LOOKS = 20
"""In a row, ten a second, in which a leak is too strong, or no longer is, before that counts."""
LEAK_BACK_DB = -8.0
LOST_MOST_MS, LOST_WITHIN_MS = 100, 10_000
"""Sound that may be lost within the last 10 s."""

NOT_KNOWN_WHOSE = "whose channel is whose is not known"
"""Reasons are parts of a sentence, so that they may stand after a name or a colon."""


def withheld(quality: QualityDocument) -> dict[str, str]:
    """The measures that cannot be trusted, each with its reason; of a rate `name.party`."""
    found: dict[str, str] = {}
    for party in ("agent", "customer"):
        snr_db: float | None = getattr(quality, f"{party}_snr_db")
        if snr_db is not None and snr_db < RATE_SNR_DB:
            why = (
                f"the {party} is only {snr_db:.0f} dB above the noise, {RATE_SNR_DB:.0f} are needed"
            )
            found |= {f"{name}.{party}": why for name in RATES}
    if quality.clipped_pct > STRAIN_CLIPPED_PCT:
        found |= dict.fromkeys(STRAINS, f"{quality.clipped_pct:.0f} % of the time is clipped")
    if why := leaks(quality.bleed_db, quality.sidetone_db):
        found |= dict.fromkeys(AT_ONCE, why)
    if quality.channel_confidence < DOUBTFUL:
        found |= dict.fromkeys(WHOSE, NOT_KNOWN_WHOSE)
    return found


def leaks(bleed_db: float | None, sidetone_db: float | None) -> str:
    """Why it cannot be told who talks at once; empty when it can."""
    for db, what in (
        (bleed_db, "the customer is nearly as loud in the agent's microphone"),
        (sidetone_db, "the agent is nearly as loud in the earpiece"),
    ):
        if db is not None and db > LEAK_MOST_DB:
            return f"{what} ({db:.0f} dB); turn the headset down"
    return ""


def without(metrics: dict[str, Any], reasons: dict[str, str]) -> dict[str, Any]:
    """The measures with None for those that are withheld."""
    kept: dict[str, Any] = {}
    for name, value in metrics.items():
        if name in reasons:
            kept[name] = None
        elif isinstance(value, dict):
            kept[name] = {k: None if f"{name}.{k}" in reasons else v for k, v in value.items()}
        else:
            kept[name] = value
    return kept


class LiveTrust:
    """What stands against which cue at this moment.

    Attributes:
        whose: why it is not known whose channel is whose, as part of a sentence; empty when it is.
    """

    def __init__(self) -> None:
        self.whose = ""
        self._leaks = ""
        self._looks = 0
        """In a row, in which the leaks were other than they are taken to be."""
        self._lost: deque[tuple[int, int]] = deque()

    def lose(self, now_ms: int, lost_ms: int) -> None:
        """So much sound was lost on its way."""
        self._lost.append((now_ms, lost_ms))

    def look(self, now_ms: int, bleed_db: float | None, sidetone_db: float | None) -> None:
        """Take the leaks as they are now; ten times a second."""
        while self._lost and self._lost[0][0] < now_ms - LOST_WITHIN_MS:
            self._lost.popleft()
        if self._leaks:
            fine = all(db is None or db < LEAK_BACK_DB for db in (bleed_db, sidetone_db))
            self._looks = self._looks + 1 if fine else 0
        else:
            self._looks = self._looks + 1 if leaks(bleed_db, sidetone_db) else 0
        if self._looks == LEAK_FOR_LOOKS:
            self._leaks, self._looks = leaks(bleed_db, sidetone_db), 0

    @property
    def doubts(self) -> dict[Cue, str]:
        """Cues that are not to be trusted, each with its reason."""
        found: dict[Cue, str] = {}
        if self._leaks:
            found |= dict.fromkeys(CUES_AT_ONCE, self._leaks)
        lost_ms = sum(ms for _, ms in self._lost)
        if lost_ms > LOST_MOST_MS:
            why = f"{lost_ms} ms of the last 10 s were lost, since this device is too slow"
            found |= dict.fromkeys(CUES_TIMED, why)
        if self.whose:
            found |= dict.fromkeys(CUES_WHOSE, self.whose)
        return found
