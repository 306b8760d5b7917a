"""Hand-made documents: calls whose picture one can predict."""

from __future__ import annotations

import random
from typing import Any

from turnlight.document import (
    Analysis,
    CallDocument,
    CueDocument,
    EventDocument,
    QualityDocument,
    SegmentDocument,
    SourceDocument,
    SpanDocument,
)
from turnlight.metrics import Sums, measures


def segment(party: Any, start_s: float, end_s: float) -> SegmentDocument:
    return SegmentDocument(party=party, start_s=start_s, end_s=end_s)


def event(
    kind: str, by: Any, start_s: float, end_s: float, floor_taken: bool = False
) -> EventDocument:
    return EventDocument(kind=kind, by=by, start_s=start_s, end_s=end_s, floor_taken=floor_taken)


def call(start_s: float, end_s: float, **fields: Any) -> CallDocument:
    given: dict[str, Any] = {
        "metrics": {},
        "metrics_withheld": {},
        "segments": [],
        "events": [],
        "holds": [],
        "strain": None,
        "call_arc": [None] * 4,
        "cues": [],
        "withheld": [],
    }
    return CallDocument(start_s=start_s, end_s=end_s, **(given | fields))


def document(
    *calls: CallDocument, file: str = "call.flac", notes: tuple[str, ...] = ()
) -> Analysis:
    return Analysis(
        source=SourceDocument(
            file=file,
            duration_s=max((c.end_s for c in calls), default=3.0) + 1.0,
            rate_hz=16_000,
            channels=2,
        ),
        quality=QualityDocument(
            agent_level_db=-24.1,
            customer_level_db=-27.6,
            agent_snr_db=31.0,
            customer_snr_db=22.4,
            bleed_db=-21.5,
            sidetone_db=None,
            clipped_pct=0.0,
            channel_confidence=0.997,
            notes=list(notes),
        ),
        calls=list(calls),
    )


METRICS = measures(
    Sums(
        agent_ms=39_500,
        customer_ms=52_300,
        both_ms=3_800,
        silence_ms=10_200,
        hold_ms=12_000,
        non_talk_silence_ms=6_400,
        long_silences=1,
        overtalks=3,
        overtalk_ms=3_100,
        interruptions=[2, 1],
        interruptions_taken=[1, 0],
        backchannels=[5, 2],
        floor_changes=14,
        syllables=[170, 240],
        strain_bins=[4, 10, 18, 9, 3],
        strain_total=2_150,
        turnarounds=1,
        offsets_to_agent={-800: 1, 240: 2, 620: 3, 1400: 1},
        offsets_to_customer={-300: 2, 180: 3, 900: 2},
        longest_overtalk_ms=1_620,
        longest_turn_ms=[23_400, 31_200],
    )
)


def story(length_s: float, seed: int = 1, start_s: float = 1.2) -> CallDocument:
    """A believable call of any length: turns, backchannels, interruptions, a hold, cues."""
    dice = random.Random(seed)
    segments: list[SegmentDocument] = []
    events: list[EventDocument] = []
    at_s, party = start_s, "agent"
    holds = []
    end_s = start_s + length_s
    while at_s < end_s:
        length = min(dice.uniform(1.5, 14.0), end_s - at_s)
        other = "customer" if party == "agent" else "agent"
        pieces = at_s
        while pieces < at_s + length:
            stop = min(pieces + dice.uniform(0.8, 3.0), at_s + length)
            segments.append(segment(party, round(pieces, 2), round(stop, 2)))
            pieces = stop + dice.uniform(0.25, 0.6)
        if length > 6 and dice.random() < 0.7:
            begin = at_s + dice.uniform(2, length - 1)
            segments.append(segment(other, round(begin, 2), round(begin + 0.5, 2)))
            events.append(event("backchannel", other, round(begin, 2), round(begin + 0.5, 2)))
        gap = dice.uniform(-1.6, 1.2)
        if gap < -0.5 and length > 4:
            events.append(
                event(
                    "interruption",
                    other,
                    round(at_s + length + gap, 2),
                    round(at_s + length, 2),
                    floor_taken=dice.random() < 0.6,
                )
            )
        elif dice.random() < 0.06:
            gap = 6.4
            events.append(
                event("long_silence", None, round(at_s + length, 2), round(at_s + length + gap, 2))
            )
        at_s += length + max(gap, -length / 3)
        if not holds and at_s > start_s + length_s * 0.55:
            holds.append(SpanDocument(start_s=round(at_s, 2), end_s=round(at_s + 12, 2)))
            at_s += 13
        party = other
    segments = sorted(
        (
            segment(s.party, s.start_s, min(s.end_s, end_s))
            for s in segments
            if s.start_s < end_s and s.start_s < s.end_s
        ),
        key=lambda s: s.start_s,
    )
    cues = []
    lines = (
        ("let_finish", "The customer was interrupted and lost the floor."),
        ("slow_down", "The customer's strain has been over 60 for 5 s."),
        ("share_floor", "The agent had 71 % of the speech of the last 60 s."),
        ("long_turn", "The agent has been talking for 60 s."),
        ("turnaround", "The customer's strain was 78 and is back at 21."),
    )
    for i, (name, reason) in enumerate(lines):
        when = start_s + length_s * (0.15 + 0.16 * i)
        at, until = round(when, 2), round(when + 6, 2)
        cues.append(CueDocument(at_s=at, until_s=until, cue=name, reason=reason))
    return call(
        start_s,
        end_s,
        metrics=METRICS,
        segments=segments,
        events=sorted(events, key=lambda e: e.start_s),
        holds=holds,
        strain={"confidence": 0.8},
        call_arc=[48.0, 74.0, 52.0, 21.0],
        cues=cues,
        withheld=[],
    )
