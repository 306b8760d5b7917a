"""The customer's vocal strain, against the same customer's own first speech in this call.

Level never enters: a loud line is not an upset customer. What is heard is the pitch and the
balance of the spectrum inside the telephone band. It is a measure of voice, not of emotion.
"""

from __future__ import annotations

import itertools
import math
from collections import deque

import msgspec
import numpy as np
import numpy.typing as npt

from turnlight.config import CueSettings
from turnlight.dsp import BAND_EDGES_HZ, HOP_MS, Frames

BLOCK_MS = 500
"""A value is given twice a second."""
BLOCK = BLOCK_MS // HOP_MS
BASELINE_MS = 10_000
"""Speech that makes the customer's baseline; no value before."""
RECENT_BLOCKS = 5
"""Blocks with speech that a value looks at: 2.5 s, enough for the vowels to even out."""
VOICED_MIN = 8
"""Voiced frames that make a block worth looking at."""
VOICING_MIN_Q15 = 16_384
PITCH_NEAR = -8.0, 11.0
"""Semitones from the baseline's median; pitch further off is taken for a wrong octave."""

PITCH_PER_SEMITONE = 0.5
RANGE_PER_SEMITONE = 0.15
BALANCE_PER_DB = 0.3
CALM = -2.0
"""Logit of a voice that is as it was in the baseline: strain 12."""
SMOOTHING = 0.3
"""Weight of the newest half second of speech."""

LOW_HZ, HIGH_HZ = (300, 1150), (1100, 3450)
"""The two parts of the telephone band that are weighed against each other."""


def _bands(low_hz: float, high_hz: float) -> list[int]:
    edges = enumerate(itertools.pairwise(BAND_EDGES_HZ))
    return [i for i, (low, high) in edges if low_hz <= low and high <= high_hz]


_LOW, _HIGH = _bands(*LOW_HZ), _bands(*HIGH_HZ)

Voice = npt.NDArray[np.float64]
"""Voiced frames of one voice: pitch in semitones, spectral balance in dB."""


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
    """Follows one customer's voice; `reset` it for the next one."""

    def __init__(self) -> None:
        self._pieces: list[Frames] = []
        self._count = 0
        self.reset()

    def reset(self) -> None:
        """Another customer: the baseline begins anew."""
        self._first: list[Voice] = []
        self._first_ms = 0
        self._baseline: Features | None = None
        self._recent: deque[Voice] = deque(maxlen=RECENT_BLOCKS)
        self._logit: float | None = None
        self._voiced_share = 0.0
        self.value: Strain | None = None
        """The latest; None while there is no baseline."""

    def push(self, rows: Frames, counts: bool) -> bool:
        """Take rows; a block must not end inside them.

        Args:
            rows: no more than the open block still needs, see `missing`.
            counts: whether the customer's voice counts now: in a call, not on hold.

        Returns:
            Whether `value` is new: a block ended that had the customer's voice.
        """
        self._pieces.append(rows)
        self._count += len(rows)
        if self._count < BLOCK:
            return False
        block = self._pieces[0] if len(self._pieces) == 1 else np.concatenate(self._pieces)
        self._pieces, self._count = [], 0
        return counts and self._hear(block)

    @property
    def missing(self) -> int:
        """Rows until the open block ends."""
        return BLOCK - self._count

    def _hear(self, block: Frames) -> bool:
        own = (block["customer_talk"] == 1) & (block["agent_talk"] == 0)
        voiced = (
            own
            & (block["customer_f0_hz_q4"] > 0)
            & (block["customer_voicing_q15"] >= VOICING_MIN_Q15)
        )
        count = int(np.count_nonzero(voiced))
        if count < VOICED_MIN:
            return False
        heard = voice(block["customer_f0_hz_q4"][voiced], block["customer_bands_db_q8"][voiced])
        if self._baseline is None:
            self._first.append(heard)
            self._first_ms += int(np.count_nonzero(own)) * HOP_MS
            if self._first_ms >= BASELINE_MS:
                first = np.concatenate(self._first)
                self._baseline = features(first, float(np.median(first[:, 0])))
                self._first = []
            return False
        self._recent.append(heard)
        now = features(np.concatenate(self._recent), self._baseline.pitch)
        logit = _logit(now, self._baseline)
        if self._logit is None:
            self._logit = logit
        self._logit += SMOOTHING * (logit - self._logit)
        self._voiced_share += SMOOTHING * (count / BLOCK - self._voiced_share)
        self.value = Strain(
            value=round(100 / (1 + math.exp(-self._logit)), 1),
            confidence=round(min(1.0, 2 * self._voiced_share), 2),
        )
        return True


class Features(msgspec.Struct, frozen=True):
    """What is compared between now and the baseline."""

    pitch: float
    """Median, in semitones."""
    spread: float
    """From the 10th to the 90th percentile of the pitch, in semitones."""
    balance: float
    """Mean energy of the upper bands over the lower ones, in dB."""


def voice(f0_hz_q4: npt.NDArray[np.uint16], bands_db_q8: npt.NDArray[np.int16]) -> Voice:
    """Pitch and balance of some voiced frames."""
    pitch = 12 * np.log2(f0_hz_q4 / 16)
    power = 10 ** (bands_db_q8 / 2560)
    above = np.log10(power[:, _HIGH].sum(axis=1) + 1e-12)
    below = np.log10(power[:, _LOW].sum(axis=1) + 1e-12)
    return np.column_stack([pitch, 10 * (above - below)])


def features(frames: Voice, around: float) -> Features:
    """Features of some voiced frames, with the pitch looked for around a given one."""
    off = frames[:, 0] - around
    pitch = frames[(off >= PITCH_NEAR[0]) & (off <= PITCH_NEAR[1]), 0]
    low, middle, high = np.percentile(pitch, (10, 50, 90)) if len(pitch) else (around,) * 3
    return Features(float(middle), float(high - low), float(frames[:, 1].mean()))


def _logit(now: Features, baseline: Features) -> float:
    logit = CALM + PITCH_PER_SEMITONE * (now.pitch - baseline.pitch)
    logit += RANGE_PER_SEMITONE * (now.spread - baseline.spread)
    logit += BALANCE_PER_DB * (now.balance - baseline.balance)
    return max(-8.0, min(8.0, logit))


class Course:
    """Strain over one call: its mean, its arc, and whether it was high and came back.

    High means over `strain_high` for `strain_for_s` of the customer's speech, back means under
    `strain_calm` for as long.
    """

    BINS = 64
    """The arc is kept in so many stretches of time, however long the call: memory is bounded."""

    def __init__(self, settings: CueSettings) -> None:
        self._high, self._calm = settings.strain_high, settings.strain_calm
        self._needed = max(1, math.ceil(settings.strain_for_s * 1000 / BLOCK_MS))
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
