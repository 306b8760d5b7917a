"""What is true about a call: speech segments of dry voices, turn events, talk measures.

Events come twice: once as the dialogue meant them (timeline.py), once as the product's rules see
them in the segments alone (``classify`` here). make_calls.py refuses a call where the two differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from desk import RATE_HZ, Signal

HOP_MS = 5
WINDOW_MS = 10  # of the RMS
SMOOTH_HOPS = 3
ACTIVE_DB = -35.0  # relative to the loudest window of the utterance
SPLIT_S = 0.25  # a longer pause splits an utterance
SHORTEST_S = 0.12  # shorter pieces are dropped
GRID_S = 0.01

BACKCHANNEL_MAX_S = 1.0
INTERRUPTION_MIN_S = 0.5
RESUME_S = 0.5  # the other goes on within this time after a backchannel


@dataclass(frozen=True)
class Span:
    """A stretch of one party's speech."""

    party: str
    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """Its length."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Event:
    """A turn event, as it stands in the truth file."""

    kind: str
    by: str
    start_s: float
    end_s: float
    floor_taken: bool


def speech_pieces(audio: Signal) -> list[tuple[float, float]]:
    """Start and end in seconds of each piece of speech in one dry utterance."""
    hop = RATE_HZ * HOP_MS // 1_000
    window = RATE_HZ * WINDOW_MS // 1_000
    half = window // 2
    sums = np.concatenate([[0.0], np.cumsum(np.pad(audio, (half, half)) ** 2)])
    starts = np.arange(0, len(audio), hop)
    power = (sums[starts + window] - sums[starts]) / window
    power = np.convolve(power, np.ones(SMOOTH_HOPS) / SMOOTH_HOPS, "same")
    active = power > power.max() * 10.0 ** (ACTIVE_DB / 10.0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]])))
    # a hop stands for the samples around its own place
    runs = (edges.reshape(-1, 2) - 0.5) * HOP_MS / 1_000.0
    pieces: list[tuple[float, float]] = []
    for start_s, end_s in np.maximum(runs, 0.0).tolist():
        if pieces and start_s - pieces[-1][1] <= SPLIT_S:
            pieces[-1] = (pieces[-1][0], end_s)
        else:
            pieces.append((start_s, end_s))
    return [piece for piece in pieces if piece[1] - piece[0] >= SHORTEST_S]


def speech_mask(count: int, pieces: list[tuple[float, float]]) -> np.ndarray:
    """True for every sample inside a piece."""
    mask = np.zeros(count, dtype=bool)
    for start_s, end_s in pieces:
        mask[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)] = True
    return mask


def bridged(spans: list[Span], party: str) -> list[Span]:
    """One party's spans in order, gaps up to 250 ms closed."""
    joined: list[Span] = []
    for span in sorted((s for s in spans if s.party == party), key=lambda s: s.start_s):
        if joined and span.start_s - joined[-1].end_s <= SPLIT_S:
            joined[-1] = Span(party, joined[-1].start_s, max(joined[-1].end_s, span.end_s))
        else:
            joined.append(span)
    return joined


def _is_backchannel(span: Span, others: list[Span]) -> bool:
    """Short, inside the other's turn, and the other goes on."""
    if span.length_s > BACKCHANNEL_MAX_S:
        return False
    if any(o.start_s < span.start_s and span.end_s <= o.end_s for o in others):
        return True
    before = any(o.start_s < span.start_s and o.end_s >= span.start_s - RESUME_S for o in others)
    after = any(span.start_s < o.start_s <= span.end_s + RESUME_S for o in others)
    return before and after


def classify(spans: list[Span]) -> list[Event]:
    """Turn events by the product's rules, from speech segments alone."""
    sides = {party: bridged(spans, party) for party in ("agent", "customer")}
    small = {
        span
        for party, other in (("agent", "customer"), ("customer", "agent"))
        for span in sides[party]
        if _is_backchannel(span, sides[other])
    }
    events = [Event("backchannel", s.party, s.start_s, s.end_s, False) for s in small]
    for party, other in (("agent", "customer"), ("customer", "agent")):
        for span in sides[party]:
            held = [
                o for o in sides[other] if o.start_s < span.start_s < o.end_s and o not in small
            ]
            if span in small or not held:
                continue
            end_s = min(span.end_s, held[0].end_s)
            taken = span.end_s > held[0].end_s
            if end_s - span.start_s > INTERRUPTION_MIN_S:
                events.append(Event("interruption", party, span.start_s, end_s, taken))
            elif taken:
                events.append(Event("early_start", party, span.start_s, end_s, True))
            else:
                events.append(Event("unclear", party, span.start_s, end_s, False))
    return sorted(events, key=lambda event: event.start_s)


def overlaps(spans: list[Span]) -> list[tuple[float, float]]:
    """Every stretch where both speak."""
    both = [
        (max(a.start_s, c.start_s), min(a.end_s, c.end_s))
        for a in bridged(spans, "agent")
        for c in bridged(spans, "customer")
    ]
    return sorted((start_s, end_s) for start_s, end_s in both if start_s < end_s)


def measures(spans: list[Span], duration_s: float) -> dict[str, float | int]:
    """Talk share and talk times on a 10 ms grid."""
    middles = (np.arange(int(duration_s / GRID_S)) + 0.5) * GRID_S
    talk = {party: np.zeros(len(middles), dtype=bool) for party in ("agent", "customer")}
    for span in spans:
        talk[span.party] |= (middles >= span.start_s) & (middles < span.end_s)
    frame_ms = round(GRID_S * 1_000)
    agent_ms = int(talk["agent"].sum()) * frame_ms
    customer_ms = int(talk["customer"].sum()) * frame_ms
    return {
        "talk_share": round(agent_ms / (agent_ms + customer_ms), 3),
        "agent_talk_ms": agent_ms,
        "customer_talk_ms": customer_ms,
        "overlap_ms": int((talk["agent"] & talk["customer"]).sum()) * frame_ms,
    }
