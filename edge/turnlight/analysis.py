"""One recording in, all that can be told about it out; the JSON document has the same shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from turnlight.call import CallRecord
    from turnlight.config import Config
    from turnlight.cues import CueShown
    from turnlight.dsp import Frames
    from turnlight.recording import Recording

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


class CallDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the file."""

    start_s: float
    end_s: float
    metrics: dict[str, Any]
    """The names of docs/metrics.md; None where a measure is withheld."""
    segments: list[SegmentDocument]
    events: list[EventDocument]
    holds: list[SpanDocument]
    strain: dict[str, Any] | None
    """The customer's vocal strain; None when it could not be measured."""
    call_arc: list[float | None]
    """Strain by quarter of the call."""
    cues: list[CueDocument]


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


def rows(recording: Recording) -> Iterator[Frames]:
    """The core's rows of a whole recording, in blocks.

    Raises:
        InputError: the sound cannot be used.
    """
    from turnlight.dsp import Core

    core = Core()
    for pcm in recording.blocks():
        yield core.process(pcm)
    yield core.flush()


def analyze(recording: Recording, config: Config, on_progress: Callable[[float], None]) -> Analysis:
    """Hear a recording as the desk would hear it.

    Args:
        recording: what to hear.
        config: the desk's settings; those of calls and cues count here.
        on_progress: told the part that was heard, 0..1.

    Raises:
        InputError: the sound cannot be used.
    """
    from turnlight.agent import Listener
    from turnlight.dsp import HOP_MS
    from turnlight.soundness import Soundness

    listener, soundness = Listener(config, keep=True), Soundness()
    calls: list[CallRecord] = []
    changes: list[CueShown] = []
    heard_ms = 0
    for block in rows(recording):
        soundness.hear(block)
        heard = listener.hear(block)
        calls += heard.calls
        changes += heard.cues
        heard_ms += len(block) * HOP_MS
        on_progress(min(1.0, heard_ms / max(1, recording.duration_ms)))
    heard = listener.finish()
    calls += heard.calls
    changes += heard.cues
    until_ms = dict(pairwise([*(change.at_ms for change in changes), heard_ms]))
    return Analysis(
        source=SourceDocument(
            file=recording.name,
            duration_s=heard_ms / 1000,
            rate_hz=recording.rate_hz,
            channels=2,
        ),
        quality=soundness.document(recording.notes),
        calls=[_call(record, until_ms) for record in calls],
    )


def document(analysis: Analysis) -> bytes:
    """The JSON document of one file, on one line."""
    return msgspec.json.encode(analysis)


def _call(record: CallRecord, until_ms: dict[int, int]) -> CallDocument:
    return CallDocument(
        start_s=record.start_ms / 1000,
        end_s=record.end_ms / 1000,
        metrics=record.metrics,
        segments=[
            SegmentDocument(party=s.party, start_s=s.start_ms / 1000, end_s=s.end_ms / 1000)
            for s in record.segments
        ],
        events=[
            EventDocument(
                kind=e.kind,
                by=e.by,
                start_s=e.start_ms / 1000,
                end_s=e.end_ms / 1000,
                floor_taken=e.floor_taken,
            )
            for e in record.events
        ],
        holds=[SpanDocument(start_s=a / 1000, end_s=b / 1000) for a, b in record.holds],
        strain=None if record.strain is None else msgspec.to_builtins(record.strain),
        call_arc=list(record.call_arc),
        cues=[
            CueDocument(
                at_s=c.at_ms / 1000,
                until_s=until_ms[c.at_ms] / 1000,
                cue=c.cue,
                reason=c.reason,
            )
            for c in record.cues
        ],
    )
