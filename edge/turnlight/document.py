"""The JSON document of a recording: a final shape, which everything that shows a call reads."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

PartyName = Literal["agent", "customer"]


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known about one file; times are seconds from the start of the file."""

    source: SourceDocument
    quality: QualityDocument
    calls: list[CallDocument]


class SourceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Where the sound came from."""

    file: str
    duration_s: float
    rate_hz: int
    """Of the file; the core hears 16 kHz."""
    channels: int


class QualityDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How far the sound can be trusted; None where a thing could not be measured."""

    agent_level_db: float | None
    """Median level while talking, dBFS."""
    customer_level_db: float | None
    agent_snr_db: float | None
    """Talk level over the level of the pauses."""
    customer_snr_db: float | None
    bleed_db: float | None
    """Customer heard in the agent's microphone."""
    sidetone_db: float | None
    """Agent heard in the earpiece."""
    clipped_pct: float
    channel_confidence: float
    """That the agent's channel is the agent's, 0..1."""
    notes: list[str]
    """Each a sentence that names what is wrong and the remedy."""


class SegmentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One party talks."""

    party: PartyName
    start_s: float
    end_s: float


class EventDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Something between the two happened."""

    kind: str
    by: PartyName | None
    start_s: float
    end_s: float
    floor_taken: bool


class SpanDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time."""

    start_s: float
    end_s: float


class CueDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The lamp said something."""

    at_s: float
    until_s: float
    cue: str
    reason: str


class WithheldDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A cue was due and never shown."""

    at_s: float
    """When it became due."""
    cue: str
    reason: str
    because: str


class CallDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the file."""

    start_s: float
    end_s: float
    metrics: dict[str, Any]
    """The names of docs/metrics.md; None where a measure is withheld."""
    metrics_withheld: dict[str, str]
    """Those that the sound was too poor for, each with the reason; of a rate as `name.party`."""
    segments: list[SegmentDocument]
    events: list[EventDocument]
    holds: list[SpanDocument]
    strain: dict[str, Any] | None
    """The customer's vocal strain; None when it could not be measured."""
    call_arc: list[float | None]
    """Strain by quarter of the call."""
    cues: list[CueDocument]
    withheld: list[WithheldDocument]


def overlaps(call: CallDocument) -> list[tuple[float, float]]:
    """Where both parties talk, in seconds."""
    agent = [s for s in call.segments if s.party == "agent"]
    customer = [s for s in call.segments if s.party == "customer"]
    found: list[tuple[float, float]] = []
    i = j = 0
    while i < len(agent) and j < len(customer):
        start = max(agent[i].start_s, customer[j].start_s)
        end = min(agent[i].end_s, customer[j].end_s)
        if start < end:
            found.append((start, end))
        if agent[i].end_s <= customer[j].end_s:
            i += 1
        else:
            j += 1
    return found


def interruptions(call: CallDocument, by: str) -> list[EventDocument]:
    """Interruptions of one party, in order."""
    return [e for e in call.events if e.kind == "interruption" and e.by == by]


def encode(analysis: Analysis) -> bytes:
    """The JSON document of one file, on one line."""
    return msgspec.json.encode(analysis)
