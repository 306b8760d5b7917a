"""How good the sound is, from the core's rows: levels, noise, bleed, sidetone, clipping."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from turnlight.document import QualityDocument
from turnlight.dsp import DB_NONE, FLAG_CLIPPED, FLAG_MUSIC, FLAG_TONE, Frames

_STEPS_PER_DB = 4
_LEAST_DB = -128
_PARTIES = ("agent", "customer")


class Soundness:
    """Histograms over rows, in bounded memory."""

    def __init__(self) -> None:
        self._talk = {party: _Decibels() for party in _PARTIES}
        self._pause = {party: _Decibels() for party in _PARTIES}
        self._bleed, self._sidetone = _Decibels(), _Decibels()
        self._rows = self._clipped = 0

    def hear(self, rows: Frames) -> None:
        """Take more rows of the core."""
        pause = (rows["agent_talk"] == 0) & (rows["customer_talk"] == 0)
        pause &= ((rows["agent_flags"] | rows["customer_flags"]) & (FLAG_MUSIC | FLAG_TONE)) == 0
        clipped = np.zeros(len(rows), np.bool_)
        for party in _PARTIES:
            level = rows[f"{party}_level_db_q8"]
            self._talk[party].add(level[rows[f"{party}_talk"] == 1])
            self._pause[party].add(level[pause])
            clipped |= (rows[f"{party}_flags"] & FLAG_CLIPPED) != 0
        self._bleed.add(rows["bleed_db_q8"])
        self._sidetone.add(rows["sidetone_db_q8"])
        self._rows += len(rows)
        self._clipped += int(np.count_nonzero(clipped))

    def document(self, channel_confidence: float, notes: list[str]) -> QualityDocument:
        """What was found, together with what the channels and the file say."""
        levels = {party: self._talk[party].median() for party in _PARTIES}
        pauses = {party: self._pause[party].median() for party in _PARTIES}
        return QualityDocument(
            agent_level_db=levels["agent"],
            customer_level_db=levels["customer"],
            agent_snr_db=_over(levels["agent"], pauses["agent"]),
            customer_snr_db=_over(levels["customer"], pauses["customer"]),
            bleed_db=self._bleed.median(),
            sidetone_db=self._sidetone.median(),
            clipped_pct=round(100 * self._clipped / max(1, self._rows), 2),
            channel_confidence=round(channel_confidence, 3),
            notes=notes,
        )


def _over(level_db: float | None, pause_db: float | None) -> float | None:
    return None if level_db is None or pause_db is None else level_db - pause_db


class _Decibels:
    """A histogram of Q8 decibels; what was not measured, and digital silence, is left out."""

    def __init__(self) -> None:
        self._counts = np.zeros(2 * -_LEAST_DB * _STEPS_PER_DB, np.int64)

    def add(self, values_q8: npt.NDArray[np.int16]) -> None:
        # as wide as an index, since bincount takes no wider number
        measured = values_q8[values_q8 != DB_NONE].astype(np.intp)
        steps = (measured - _LEAST_DB * 256) * _STEPS_PER_DB // 256
        self._counts += np.bincount(steps, minlength=len(self._counts))

    def median(self) -> float | None:
        """To a quarter of a decibel; None without a value."""
        total = int(self._counts.sum())
        if not total:
            return None
        step = int(np.searchsorted(np.cumsum(self._counts), (total + 1) // 2))
        return step / _STEPS_PER_DB + _LEAST_DB
