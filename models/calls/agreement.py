"""Refuses a call whose dialogue and whose sound would be judged differently.

The dialogue says which events were meant; the product's rules see events in speech segments alone.
Both must agree, well away from every threshold, and nobody may overlap unasked.
"""

from __future__ import annotations

from dialogues import PARTIES, DialogueError
from truth import Event, Span, bridged, classify, overlaps

SAME_TIME_S = 0.03
SHORT_ANSWER_S = 1.0  # a turn this short could be taken for a backchannel ...
SHORT_ANSWER_GAP_S = 0.55  # ... unless the other waits this long after it
LENGTHS_S = {  # what a scripted event may last
    "interruption": (0.65, 2.0),  # the overlap
    "early_start": (0.05, 0.4),  # the overlap
    "backchannel": (0.12, 0.85),
}


def _same(one: Event, other: Event) -> bool:
    """The same event, found twice."""
    return (
        (one.kind, one.by, one.floor_taken) == (other.kind, other.by, other.floor_taken)
        and abs(one.start_s - other.start_s) < SAME_TIME_S
        and abs(one.end_s - other.end_s) < SAME_TIME_S
    )


def _short_answers(spans: list[Span], meant: list[Event]) -> list[str]:
    """Short turns that sound like backchannels because the other goes on at once."""
    listening = {event.start_s for event in meant if event.kind == "backchannel"}
    turns = [span for party in PARTIES for span in bridged(spans, party)]
    turns = sorted((t for t in turns if t.start_s not in listening), key=lambda t: t.start_s)
    return [
        f"the answer at {here.start_s:.2f} s sounds like a backchannel"
        for before, here, after in zip(turns, turns[1:], turns[2:], strict=False)
        if before.party == after.party != here.party
        and here.length_s <= SHORT_ANSWER_S
        and after.start_s < here.end_s + SHORT_ANSWER_GAP_S
    ]


def require_agreement(name: str, spans: list[Span], meant: list[Event]) -> None:
    """Raise with every disagreement of one call."""
    seen = classify(spans)
    problems = [f"meant but not heard: {m}" for m in meant if not any(_same(m, s) for s in seen)]
    problems += [f"heard but not meant: {s}" for s in seen if not any(_same(s, m) for m in meant)]
    for event in meant:
        low_s, high_s = LENGTHS_S[event.kind]
        if not low_s <= event.end_s - event.start_s <= high_s:
            problems.append(f"lasts less than {low_s} or more than {high_s} s: {event}")
    for start_s, end_s in overlaps(spans):
        if not any(
            event.start_s - SAME_TIME_S <= start_s and end_s <= event.end_s + SAME_TIME_S
            for event in meant
        ):
            problems.append(f"an overlap that nobody asked for, {start_s:.2f} to {end_s:.2f} s")
    problems += _short_answers(spans, meant)
    if problems:
        raise DialogueError(f"{name}: " + "; ".join(problems))
