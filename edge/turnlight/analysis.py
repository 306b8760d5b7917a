"""One recording in, all that can be told about it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from turnlight.document import (
    Analysis,
    CallDocument,
    CueDocument,
    EventDocument,
    SegmentDocument,
    SourceDocument,
    SpanDocument,
    WithheldDocument,
)
from turnlight.soundness import Soundness
from turnlight.trust import CUES_WHOSE, NOT_KNOWN_WHOSE, withheld, without

if TYPE_CHECKING:
    from turnlight.call import CallRecord
    from turnlight.config import Config
    from turnlight.cues import CueShown
    from turnlight.dsp import Frames
    from turnlight.recording import Recording


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
        ModelError: strain is to be measured and its model cannot be used.
    """
    from turnlight.agent import Listener
    from turnlight.dsp import HOP_MS

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
    quality = soundness.document(recording.channels.confidence, recording.notes)
    reasons = withheld(quality)
    until_ms = dict(pairwise([*(change.at_ms for change in changes), heard_ms]))
    return Analysis(
        source=SourceDocument(
            file=recording.name,
            duration_s=heard_ms / 1000,
            rate_hz=recording.rate_hz,
            channels=2,
        ),
        quality=quality,
        calls=[_call(record, until_ms, reasons) for record in calls],
    )


_EVENTS = {
    "interruption": "interruptions",
    "early_start": "early_starts",
    "backchannel": "backchannels",
    "overtalk": "overtalks",
}
"""Events that are not listed where their measure is withheld."""


def _whose(reasons: dict[str, str]) -> bool:
    """It is not known whose channel is whose."""
    return NOT_KNOWN_WHOSE in reasons.values()


def _cues(
    record: CallRecord, until_ms: dict[int, int], reasons: dict[str, str]
) -> tuple[list[CueDocument], list[WithheldDocument]]:
    """Those shown and those withheld; where nobody knows whose channel is whose, all that need it.

    A running desk knows that within its first calls, a replay only when the sound is over.
    """
    whose = _whose(reasons)
    shown = [
        CueDocument(
            at_s=c.at_ms / 1000, until_s=until_ms[c.at_ms] / 1000, cue=c.cue, reason=c.reason
        )
        for c in record.cues
        if not (whose and c.cue in CUES_WHOSE)
    ]
    withheld = [
        WithheldDocument(at_s=w.at_ms / 1000, cue=w.cue, reason=w.reason, because=w.because)
        for w in record.withheld
    ]
    withheld += [
        WithheldDocument(
            at_s=c.at_ms / 1000,
            cue=c.cue,
            reason=c.reason,
            because=f"The sound is too poor for it: {NOT_KNOWN_WHOSE}.",
        )
        for c in record.cues
        if whose and c.cue in CUES_WHOSE
    ]
    return shown, sorted(withheld, key=lambda w: w.at_s)


def _call(record: CallRecord, until_ms: dict[int, int], reasons: dict[str, str]) -> CallDocument:
    shown, held_back = _cues(record, until_ms, reasons)
    whose = _whose(reasons)
    strained = record.strain is not None and "strain" not in reasons
    return CallDocument(
        start_s=_seconds(record.start_ms),
        end_s=_seconds(record.end_ms),
        metrics=without(record.metrics, reasons),
        metrics_withheld=reasons,
        segments=[
            SegmentDocument(party=s.party, start_s=_seconds(s.start_ms), end_s=_seconds(s.end_ms))
            for s in record.segments
        ],
        events=[
            EventDocument(
                kind=e.kind,
                by=None if whose else e.by,
                start_s=_seconds(e.start_ms),
                end_s=_seconds(e.end_ms),
                floor_taken=e.floor_taken,
            )
            for e in record.events
            if _EVENTS.get(e.kind) not in reasons
        ],
        holds=[SpanDocument(start_s=_seconds(a), end_s=_seconds(b)) for a, b in record.holds],
        strain=msgspec.to_builtins(record.strain) if strained else None,
        call_arc=[value if strained else None for value in record.call_arc],
        cues=shown,
        withheld=held_back,
    )


def _seconds(ms: int) -> float:
    """Seconds from the start of the file; on a slow line its first word was spoken before that."""
    return max(0, ms) / 1000
