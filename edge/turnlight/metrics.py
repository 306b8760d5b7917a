"""Measures of a call: integer sums that can be added in any order, and the formulas over them.

Pure. docs/metrics.md gives each formula; tests/vectors/ holds timelines with their values.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import msgspec

from turnlight.messages import (
    LATENCY_EDGES_MS,
    OVERLAP_EDGES_MS,
    ROUND_MS,
    STRAIN_EDGES,
    Quality,
)
from turnlight.turns import PARTIES, Event

SHARE_AFTER_MS = 30_000
"""Speech of both together, below which a talk share is withheld."""
RATE_AFTER_MS = 5_000
"""Own speech, below which a syllable rate is withheld."""
NON_TALK_MS = 3_000
LONG_SILENCE_MS = 5_000
VERY_LONG_SILENCE_MS = 15_000
LONG_INTERRUPTION_MS = 3_000
OFFSETS_MS = (-5_000, 30_000)
"""Floor-transfer offsets beyond these are kept as these."""
CLIPPED_FRAMES = 20
"""So many clipped frames in a window mark it."""


def _pair() -> list[int]:
    return [0, 0]


class Sums(msgspec.Struct):
    """What was counted in some time: integers only. Pairs are agent, customer."""

    agent_ms: int = 0
    customer_ms: int = 0
    both_ms: int = 0
    silence_ms: int = 0
    """Mutual silence that speech, or a hold, followed."""
    hold_ms: int = 0
    non_talk_silence_ms: int = 0
    """Of `silence_ms`: silences over 3 s."""
    long_silences: int = 0
    very_long_silences: int = 0
    overtalks: int = 0
    overtalk_ms: int = 0
    interruptions: list[int] = msgspec.field(default_factory=_pair)
    interruptions_taken: list[int] = msgspec.field(default_factory=_pair)
    interruptions_long: list[int] = msgspec.field(default_factory=_pair)
    early_starts: list[int] = msgspec.field(default_factory=_pair)
    backchannels: list[int] = msgspec.field(default_factory=_pair)
    floor_changes: int = 0
    syllables: list[int] = msgspec.field(default_factory=_pair)
    strain_bins: list[int] = msgspec.field(default_factory=lambda: [0] * (len(STRAIN_EDGES) + 1))
    strain_total: int = 0
    """Sum over the half seconds that `strain_bins` counts."""
    turnarounds: int = 0
    clipped_frames: int = 0
    lost_ms: int = 0
    """Sound that did not reach the desk: it was too slow."""
    overlap_bins: list[int] = msgspec.field(
        default_factory=lambda: [0] * (len(OVERLAP_EDGES_MS) + 1)
    )
    offsets_to_agent: dict[int, int] = msgspec.field(default_factory=dict)
    """Floor-transfer offset in ms to how many, where the floor passed to the agent."""
    offsets_to_customer: dict[int, int] = msgspec.field(default_factory=dict)
    longest_overtalk_ms: int = 0
    longest_turn_ms: list[int] = msgspec.field(default_factory=_pair)

    def count(self, event: Event) -> None:
        """Add one event."""
        length_ms = event.end_ms - event.start_ms
        by = PARTIES.index(event.by) if event.by else 0
        match event.kind:
            case "interruption":
                self.interruptions[by] += 1
                self.interruptions_taken[by] += event.floor_taken
                self.interruptions_long[by] += length_ms > LONG_INTERRUPTION_MS
            case "early_start":
                self.early_starts[by] += 1
            case "backchannel":
                self.backchannels[by] += 1
            case "overlap":
                self.overlap_bins[_bin(length_ms, OVERLAP_EDGES_MS)] += 1
            case "overtalk":
                self.overtalks += 1
                self.overtalk_ms += length_ms
                self.longest_overtalk_ms = max(self.longest_overtalk_ms, length_ms)
            case "long_silence":
                self.long_silences += 1
                self.very_long_silences += length_ms > VERY_LONG_SILENCE_MS
            case "floor_change":
                self.floor_changes += 1
                if event.offset_ms is not None:
                    offset_ms = min(max(event.offset_ms, OFFSETS_MS[0]), OFFSETS_MS[1])
                    offsets = self.offsets_to_customer if by else self.offsets_to_agent
                    offsets[offset_ms] = offsets.get(offset_ms, 0) + 1
            case "turn":
                self.longest_turn_ms[by] = max(self.longest_turn_ms[by], length_ms)

    def silence(self, length_ms: int) -> None:
        """Add what a mutual silence of this length is, besides its time."""
        if length_ms > NON_TALK_MS:
            self.non_talk_silence_ms += length_ms

    def strain(self, value: int) -> None:
        """Add the strain of one half second of the customer's speech."""
        self.strain_bins[_bin(value, STRAIN_EDGES)] += 1
        self.strain_total += value

    @property
    def talk_ms(self) -> int:
        """Time in which anybody talks."""
        return self.agent_ms + self.customer_ms - self.both_ms

    @property
    def duration_ms(self) -> int:
        """D: first speech to last speech, hold left out."""
        return self.talk_ms + self.silence_ms


_MAXIMA = frozenset({"longest_overtalk_ms", "longest_turn_ms"})
_JOIN: dict[str, Callable[[int, int], int]] = {
    name: max if name in _MAXIMA else operator.add for name in Sums.__struct_fields__
}


def add(a: Sums, b: Sums) -> Sums:
    """Sums of both times; the order of adding never matters."""
    made: dict[str, Any] = {}
    for name, join in _JOIN.items():
        x, y = getattr(a, name), getattr(b, name)
        if isinstance(x, int):
            made[name] = join(x, y)
        elif isinstance(x, list):
            made[name] = list(map(join, x, y))
        else:
            made[name] = {key: x.get(key, 0) + y.get(key, 0) for key in x.keys() | y.keys()}
    return Sums(**made)


def measures(sums: Sums) -> dict[str, Any]:
    """Every measure of docs/metrics.md by its name; None where it is withheld."""
    duration_ms, speech_ms = sums.duration_ms, sums.agent_ms + sums.customer_ms
    half_seconds = sum(sums.strain_bins)
    return {
        "agent_talk_pct": _percent(sums.agent_ms, duration_ms),
        "customer_talk_pct": _percent(sums.customer_ms, duration_ms),
        "talk_share": round(sums.agent_ms / speech_ms, 4) if speech_ms >= SHARE_AFTER_MS else None,
        "duration_ms": duration_ms,
        "talk_time_ms": sums.talk_ms,
        "talk_sum_ms": speech_ms,
        "non_talk_ms": sums.hold_ms + sums.non_talk_silence_ms,
        "hold_ms": sums.hold_ms,
        "silence_pct": _percent(sums.silence_ms, duration_ms),
        "long_silences": {
            "over_5_s": sums.long_silences,
            "over_15_s": sums.very_long_silences,
        },
        "overtalk_pct": _percent(sums.both_ms, duration_ms),
        "overtalks": {
            "count": sums.overtalks,
            "total_ms": sums.overtalk_ms,
            "longest_ms": sums.longest_overtalk_ms,
        },
        "interruptions": {
            party: {
                "count": sums.interruptions[p],
                "taken": sums.interruptions_taken[p],
                "long": sums.interruptions_long[p],
            }
            for p, party in enumerate(PARTIES)
        },
        "early_starts": _by_party(sums.early_starts),
        "backchannels": _by_party(sums.backchannels),
        "response_latency_ms": _response_latency_ms(sums.offsets_to_agent),
        "floor_transfer_offsets": {
            "agent": _spread(sums.offsets_to_agent),
            "customer": _spread(sums.offsets_to_customer),
        },
        "longest_monologue_ms": sums.longest_turn_ms[0],
        "longest_customer_story_ms": sums.longest_turn_ms[1],
        "interactivity_per_min": (
            round(sums.floor_changes * 60_000 / duration_ms, 2) if duration_ms else None
        ),
        "articulation_rate": {
            party: _rate(sums.syllables[p], own_ms, own_ms)
            for p, (party, own_ms) in enumerate(
                zip(PARTIES, (sums.agent_ms, sums.customer_ms), strict=True)
            )
        },
        "speech_rate": {
            party: _rate(sums.syllables[p], duration_ms, own_ms)
            for p, (party, own_ms) in enumerate(
                zip(PARTIES, (sums.agent_ms, sums.customer_ms), strict=True)
            )
        },
        "strain": round(sums.strain_total / half_seconds, 1) if half_seconds else None,
        "turnaround": sums.turnarounds > 0,
    }


def _percent(part_ms: int, whole_ms: int) -> float | None:
    return round(100 * part_ms / whole_ms, 2) if whole_ms else None


def _rate(count: int, over_ms: int, own_ms: int) -> float | None:
    return round(count * 1000 / over_ms, 2) if own_ms >= RATE_AFTER_MS else None


def _by_party(pair: list[int]) -> dict[str, int]:
    return dict(zip(PARTIES, pair, strict=True))


def _bin(value: int, edges: tuple[int, ...]) -> int:
    return sum(value >= edge for edge in edges)


def _spread(counts: dict[int, int]) -> dict[str, int]:
    return {str(offset_ms): counts[offset_ms] for offset_ms in sorted(counts)}


def _response_latency_ms(offsets: dict[int, int]) -> int | None:
    """Median of the offsets that are not negative."""
    values = [ms for ms in sorted(offsets) if ms >= 0 for _ in range(offsets[ms])]
    if not values:
        return None
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) // 2


class WindowSums(msgspec.Struct, frozen=True):
    """Sums of one aligned window; times are Unix ms when the listener was given its epoch."""

    start_ms: int
    end_ms: int
    sums: Sums


def window_fields(window: WindowSums) -> dict[str, Any]:
    """All fields of `messages.Window` but pid and seq, durations rounded to ROUND_MS."""
    sums = window.sums
    latency_bins = [0] * (len(LATENCY_EDGES_MS) + 1)
    for offset_ms, count in sums.offsets_to_agent.items():
        if offset_ms >= 0:
            latency_bins[_bin(offset_ms, LATENCY_EDGES_MS)] += count
    return {
        "start_s": window.start_ms // 1000,
        "agent_ms": _rounded(sums.agent_ms),
        "customer_ms": _rounded(sums.customer_ms),
        "both_ms": _rounded(sums.both_ms),
        "silence_ms": _rounded(sums.silence_ms),
        "hold_ms": _rounded(sums.hold_ms),
        "interruptions": _by_party(sums.interruptions),
        "interruptions_taken": _by_party(sums.interruptions_taken),
        "early_starts": _by_party(sums.early_starts),
        "backchannels": _by_party(sums.backchannels),
        "overtalks": sums.overtalks,
        "long_silences": sums.long_silences,
        "floor_changes": sums.floor_changes,
        "turnarounds": sums.turnarounds,
        "latency_bins": latency_bins,
        "overlap_bins": list(sums.overlap_bins),
        "strain_bins": list(sums.strain_bins),
        "quality": int(_quality(sums)),
    }


def _quality(sums: Sums) -> Quality:
    clipped = Quality.CLIPPED if sums.clipped_frames >= CLIPPED_FRAMES else Quality(0)
    return clipped | Quality.OVERRUN if sums.lost_ms else clipped


def _rounded(ms: int) -> int:
    return (ms + ROUND_MS // 2) // ROUND_MS * ROUND_MS
