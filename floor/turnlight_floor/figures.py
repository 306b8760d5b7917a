"""Sums of desks into published figures: clipped, divided, rounded. Pure.

docs/floor.md carries the formulas and the reasons for clipping and rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from turnlight.messages import LATENCY_EDGES_MS, Figures, Window

MAX_SHARE = 0.25
"""No desk carries more than this share of a cell, by its time in calls."""

SPEECH_FOR_SHARE_MS = 30_000
"""Below this much speech a talk share says nothing."""

AGENT, CUSTOMER, BOTH, SILENCE, HOLD = range(5)
INTERRUPTIONS = slice(5, 7)
TAKEN = slice(7, 9)
BACKCHANNELS = slice(9, 11)
LONG_SILENCES, FLOOR_CHANGES, TURNAROUNDS = 11, 12, 13
LATENCY = slice(14, 23)
OVERLAP = slice(23, 29)
STRAIN = slice(29, 34)

Rows = npt.NDArray[np.float64]


def vector(window: Window) -> list[int]:
    """The sums of one window in the order of the indexes above."""
    return [
        window.agent_ms,
        window.customer_ms,
        window.both_ms,
        window.silence_ms,
        window.hold_ms,
        window.interruptions.agent,
        window.interruptions.customer,
        window.interruptions_taken.agent,
        window.interruptions_taken.customer,
        window.backchannels.agent,
        window.backchannels.customer,
        window.long_silences,
        window.floor_changes,
        window.turnarounds,
        *window.latency_bins,
        *window.overlap_bins,
        *window.strain_bins,
    ]


def in_call_ms(sums: Sequence[int]) -> int:
    """Time in calls: speech, mutual silence and hold. A desk with none contributes nothing."""
    return sums[AGENT] + sums[CUSTOMER] - sums[BOTH] + sums[SILENCE] + sums[HOLD]


def ceiling(times: npt.NDArray[np.float64], share: float) -> float:
    """The most time a desk may bring, so that none has more than `share` of what remains."""
    rising = np.sort(times)
    total_below = np.concatenate(([0.0], np.cumsum(rising)))
    for clipped in range(len(rising)):
        if clipped * share >= 1.0:
            break
        kept = len(rising) - clipped
        # cap = share * (clipped * cap + rest), solved for cap
        cap = share * float(total_below[kept]) / (1.0 - share * clipped)
        if cap >= rising[kept - 1]:
            return cap
    return float(rising[0])


def clipped_sum(rows: Rows) -> Rows:
    """Sum over desks, where a desk that was much longer in calls than the others is scaled down."""
    times = rows[:, AGENT] + rows[:, CUSTOMER] - rows[:, BOTH] + rows[:, SILENCE] + rows[:, HOLD]
    weights: Rows = np.minimum(1.0, ceiling(times, MAX_SHARE) / times)
    total: Rows = (rows * weights[:, None]).sum(axis=0)
    return total


def figures(desks: int, contributions: Sequence[Sequence[int]]) -> Figures:
    """Published figures of desks that all were in calls; the order of the desks must be stable."""
    s = clipped_sum(np.asarray(contributions, dtype=np.float64))
    talk_ms = s[AGENT] + s[CUSTOMER] - s[BOTH]
    open_ms = talk_ms + s[SILENCE]
    speech_ms = s[AGENT] + s[CUSTOMER]
    customer_min = s[CUSTOMER] / 60_000
    call_hours = (open_ms + s[HOLD]) / 3_600_000
    return Figures(
        desks=desks,
        agent_talk_pct=_percent(s[AGENT], open_ms, 1.0),
        customer_talk_pct=_percent(s[CUSTOMER], open_ms, 1.0),
        talk_share=(
            round(float(s[AGENT] / speech_ms), 2) if speech_ms >= SPEECH_FOR_SHARE_MS else None
        ),
        overtalk_pct=_percent(s[BOTH], open_ms, 0.5),
        silence_pct=_percent(s[SILENCE], open_ms, 1.0),
        hold_pct=_percent(s[HOLD], open_ms + s[HOLD], 1.0),
        interruptions_per_customer_min=_sides(s[INTERRUPTIONS], customer_min),
        interruptions_taken_per_customer_min=_sides(s[TAKEN], customer_min),
        backchannels_per_customer_min=_sides(s[BACKCHANNELS], customer_min),
        long_silences_per_hour=_rate(s[LONG_SILENCES], call_hours),
        turnarounds_per_hour=_rate(s[TURNAROUNDS], call_hours),
        interactivity_per_min=_rate(s[FLOOR_CHANGES], open_ms / 60_000),
        response_latency_ms=median_ms(s[LATENCY]),
        latency_bins=_shares(s[LATENCY]),
        overlap_bins=_shares(s[OVERLAP]),
        strain_bins=_shares(s[STRAIN]),
    )


def median_ms(bins: Rows) -> int | None:
    """Median latency, interpolated in its bin and rounded to 50 ms; the open bin gives its edge."""
    half = float(bins.sum()) / 2
    if half == 0:
        return None
    below = 0.0
    for (low, high), count in zip(pairwise((0, *LATENCY_EDGES_MS)), bins, strict=False):
        if below + count >= half:
            return 50 * round((low + (high - low) * (half - below) / float(count)) / 50)
        below += float(count)
    return LATENCY_EDGES_MS[-1]


def _percent(part: float, whole: float, step: float) -> float:
    if whole <= 0:
        return 0.0
    return min(100.0, max(0.0, step * round(float(100 * part / whole) / step)))


def _rate(count: float, per: float) -> float:
    return round(float(count / per), 1) if per > 0 else 0.0


def _sides(counts: Rows, per: float) -> tuple[float, float]:
    return (_rate(counts[0], per), _rate(counts[1], per))


def _shares(bins: Rows) -> tuple[float, ...]:
    total = float(bins.sum())
    return tuple(round(float(count) / total, 2) for count in bins) if total > 0 else ()
