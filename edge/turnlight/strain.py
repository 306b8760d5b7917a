"""Vocal strain of one party, against the same party's own first speech in this call.

The customer's is a measure of the call. The agent's is private coaching: the agent asks for it, and
nothing but the own lamp ever learns of it.

It is a measure of voice, not of emotion, and no level enters: a loud line is not an upset
customer. strain_features.py says what is compared, strain_model.py by what.
"""

from __future__ import annotations

import itertools
import math
from collections import deque

import msgspec
import numpy as np

from turnlight.config import CueSettings
from turnlight.dsp import HOP_MS, Frames
from turnlight.strain_features import Party, Piece, Vector, features, piece
from turnlight.strain_model import StrainModel

BLOCK_MS = 500
"""A value is given twice a second."""
BLOCK = BLOCK_MS // HOP_MS
SMOOTHING = 0.5
"""Weight of the newest half second of speech."""
LEARNING = 0.01
"""Weight of a calm half second in the baseline, which so follows within a minute of speech."""
CALM = 35.0
"""Strain from here on leaves the baseline as it is."""


class Strain(msgspec.Struct, frozen=True):
    """Strain 0..100 with a confidence 0..1."""

    value: float
    confidence: float


class StrainSummary(msgspec.Struct, frozen=True):
    """Strain over a whole call."""

    mean: float
    highest: float
    confidence: float
    turnaround: bool
    """It was high and ended low."""


class StrainMeter:
    """Follows one party's voice; `reset` it for the next call.

    Args:
        model: says how strained a change of the voice is.
        party: whose voice.
    """

    def __init__(self, model: StrainModel, party: Party = "customer") -> None:
        self._model = model
        self._party = party
        self._rows: list[Frames] = []
        self._count = 0
        self.reset()

    def reset(self) -> None:
        """Another call: the baseline begins anew."""
        self._first: list[Piece] = []
        self._baseline: Baseline | None = None
        self._recent: deque[Piece] = deque(maxlen=self._model.manifest.window_blocks)
        self._logit: float | None = None
        self._voiced_share = 0.0
        self.value: Strain | None = None
        """The latest; None while there is no baseline."""

    def push(self, rows: Frames, counts: bool) -> bool:
        """Take rows; a block must not end inside them.

        Args:
            rows: no more than the open block still needs, see `missing`.
            counts: whether the voice counts now: in a call, not on hold.

        Returns:
            Whether `value` is new: a block ended that had this party's voice.
        """
        self._rows.append(rows)
        self._count += len(rows)
        if self._count < BLOCK:
            return False
        block = self._rows[0] if len(self._rows) == 1 else np.concatenate(self._rows)
        self._rows, self._count = [], 0
        heard = piece(block, self._party) if counts else None
        return heard is not None and self._hear(heard)

    @property
    def missing(self) -> int:
        """Rows until the open block ends."""
        return BLOCK - self._count

    def _hear(self, heard: Piece) -> bool:
        if self._baseline is None:
            self._first.append(heard)
            if sum(piece.own for piece in self._first) * HOP_MS >= self._model.manifest.baseline_ms:
                self._baseline = Baseline(self._first, self._model.manifest.window_blocks)
                self._first = []
            return False
        self._recent.append(heard)
        change = self._baseline.change(list(self._recent))
        logit = self._model.logit(change)
        if self._logit is None:
            self._logit = logit
        self._logit += SMOOTHING * (logit - self._logit)
        self._voiced_share += SMOOTHING * (len(heard.pitch) / BLOCK - self._voiced_share)
        self.value = Strain(
            value=round(100 / (1 + math.exp(-self._logit)), 1),
            confidence=round(min(1.0, 2 * self._voiced_share), 2),
        )
        if self.value.value < CALM:
            self._baseline.learn(change)
        return True


class Baseline:
    """One party's own voice: what its features usually are.

    Args:
        first: the speech that the call began with.
        window: pieces that later make one value. The baseline is the mean over as long ones,
            since the range of a voice grows with how long one listens.
    """

    def __init__(self, first: list[Piece], window: int) -> None:
        parts = max(1, len(first) // window)
        ends = [i * len(first) // parts for i in range(parts + 1)]
        windows = [first[start:end] for start, end in itertools.pairwise(ends)]
        self._usual: Vector = np.mean([features(pieces) for pieces in windows], axis=0)

    def change(self, now: list[Piece]) -> Vector:
        """How far the features of some speech are from the usual ones."""
        return features(now) - self._usual

    def learn(self, change: Vector) -> None:
        """Follow a calm voice, slowly."""
        self._usual = self._usual + LEARNING * change


class Course:
    """Strain over one call: its mean, its arc, and whether it was high and came back.

    High means over `strain_high` for `strain_for_s` of the customer's speech, back means under
    `strain_calm` for as long.

    Args:
        settings: the limits.
        margin: by so much it must be beyond them.
        longer: for so many half seconds of speech more.
    """

    BINS = 64
    """The arc is kept in so many stretches of time, however long the call: memory is bounded."""

    def __init__(self, settings: CueSettings, margin: float = 0.0, longer: int = 0) -> None:
        self._high, self._calm = settings.strain_high + margin, settings.strain_calm - margin
        self._needed = max(1, math.ceil(settings.strain_for_s * 1000 / BLOCK_MS)) + longer
        self._over = self._under = 0
        self.high = False
        """It is high, and has not come back since."""
        self.was_high = False
        self._bin_ms = 1000
        self._bins: list[tuple[int, int]] = []
        self._count = self._total = self._confidence = self._highest = 0

    @property
    def turned(self) -> bool:
        """It was high and is back."""
        return self.was_high and not self.high

    def push(self, at_ms: int, strain: Strain) -> None:
        """Take one half second of speech, `at_ms` after the call's start."""
        value, confidence = round(strain.value), round(strain.confidence * 100)
        self._over = self._over + 1 if value >= self._high else 0
        self._under = self._under + 1 if value <= self._calm else 0
        if self._over >= self._needed:
            self.high = self.was_high = True
        elif self._under >= self._needed:
            self.high = False
        self._count += 1
        self._total += value
        self._confidence += confidence
        self._highest = max(self._highest, value)
        while at_ms // self._bin_ms >= self.BINS:
            self._halve()
        at = at_ms // self._bin_ms
        self._bins += [(0, 0)] * (at + 1 - len(self._bins))
        total, count = self._bins[at]
        self._bins[at] = total + value, count + 1

    def _halve(self) -> None:
        self._bin_ms *= 2
        bins = [*self._bins, (0, 0)]
        self._bins = [
            (a[0] + b[0], a[1] + b[1]) for a, b in zip(bins[::2], bins[1::2], strict=False)
        ]

    def arc(self, length_ms: int) -> list[float | None]:
        """Mean by quarter of a call of this length; None where there was no value."""
        quarters = [(0, 0)] * 4
        for i, (total, count) in enumerate(self._bins):
            middle_ms = i * self._bin_ms + self._bin_ms // 2
            quarter = min(3, middle_ms * 4 // max(1, length_ms))
            quarters[quarter] = quarters[quarter][0] + total, quarters[quarter][1] + count
        return [round(total / count, 1) if count else None for total, count in quarters]

    def summary(self) -> StrainSummary | None:
        """The whole call; None when there was no value."""
        if not self._count:
            return None
        return StrainSummary(
            mean=round(self._total / self._count, 1),
            highest=float(self._highest),
            confidence=round(self._confidence / self._count / 100, 2),
            turnaround=self.turned,
        )
