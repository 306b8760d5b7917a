"""What the page shows of a group: each measure with its key, its unit, and where it stands. Pure.

The key names a measure in `data-testid`, in the catalogues of words and in the page's history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from turnlight.messages import STRAIN_EDGES, Figures
from turnlight_floor.words import Words

HIGH_STRAIN = STRAIN_EDGES[2]

Value = float | None


@dataclass(frozen=True)
class Measure:
    """One figure of a group."""

    key: str
    unit: Literal["percent", "share", "rate", "ms"]
    """Percent is 0 to 100, share 0 to 1."""
    step: float
    """What the feed rounds it to; so is what is computed from several."""
    read: Callable[[Figures], Value]

    def rounded(self, value: float) -> float:
        """To the feed's own step."""
        return round(self.step * round(value / self.step), 4)

    def tick(self, words: Words, value: float) -> str:
        """A value beside a rule of a plot: as short as it can be."""
        if self.unit == "ms":
            return words.number(value / 1000)
        return words.number(value) if self.unit == "rate" else self.say(words, value)

    def say(self, words: Words, value: float) -> str:
        """A value in words."""
        match self.unit:
            case "percent":
                return words.percent(value)
            case "share":
                return words.percent(round(100 * value))
            case "rate":
                return words.rate(value)
            case "ms":
                return words.seconds(value)


def high_strain(figures: Figures) -> Value:
    """Share of customers' speech with strain over HIGH_STRAIN."""
    return round(sum(figures.strain_bins[3:]), 4) if figures.strain_bins else None


MEASURES = {
    measure.key: measure
    for measure in (
        Measure("talk-share", "share", 0.01, lambda f: f.talk_share),
        Measure("overlap", "percent", 0.5, lambda f: f.overtalk_pct),
        Measure("silence", "percent", 1, lambda f: f.silence_pct),
        Measure("hold", "percent", 1, lambda f: f.hold_pct),
        Measure("interruptions-agent", "rate", 0.1, lambda f: f.interruptions_per_customer_min[0]),
        Measure(
            "interruptions-customer", "rate", 0.1, lambda f: f.interruptions_per_customer_min[1]
        ),
        Measure("backchannels", "rate", 0.1, lambda f: f.backchannels_per_customer_min[0]),
        Measure("long-silences", "rate", 0.1, lambda f: f.long_silences_per_hour),
        Measure("turnarounds", "rate", 0.1, lambda f: f.turnarounds_per_hour),
        Measure("response-latency", "ms", 50, lambda f: f.response_latency_ms),
        Measure("strain-high", "share", 0.01, high_strain),
    )
}

Values = dict[str, float]
"""Measured values by key; what was not measured is left out."""


def values(figures: Figures) -> Values:
    """Every measure of a group that has a value."""
    read = {key: measure.read(figures) for key, measure in MEASURES.items()}
    return {key: value for key, value in read.items() if value is not None}
