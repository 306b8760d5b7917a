"""The agent's own voice, where the agent asked for coaching: for the own lamp alone.

No message, record or file has a place for what is found here.
"""

from __future__ import annotations

from turnlight.config import CueSettings
from turnlight.doubt import USUAL
from turnlight.dsp import Frames
from turnlight.strain import Course, StrainMeter
from turnlight.strain_model import StrainModel


class OwnVoice:
    """Follows the agent's strain through each call, against the same call's start.

    Args:
        settings: what is high, what is calm, and for how long.

    Raises:
        ModelError: the strain model cannot be used.
    """

    def __init__(self, settings: CueSettings) -> None:
        self._settings = settings
        self._meter = StrainMeter(StrainModel(), "agent")
        self._course = Course(settings, USUAL.strain, USUAL.strain_blocks)
        self._call_of_ms: int | None = None
        """Start of the call that the baseline belongs to."""

    @property
    def missing(self) -> int:
        """Rows until the open block ends."""
        return self._meter.missing

    @property
    def strain(self) -> float | None:
        """0..100; None while there is no baseline."""
        return self._meter.value.value if self._meter.value else None

    @property
    def high(self) -> bool:
        """It is high, and has not come back since."""
        return self._course.high

    def push(self, rows: Frames, call_start_ms: int | None, counts: bool) -> None:
        """Take rows; a block must not end inside them.

        Args:
            rows: no more than `missing`.
            call_start_ms: which call is on; None between calls.
            counts: whether anything counts now: in a call, not on hold.
        """
        if call_start_ms != self._call_of_ms and len(rows) == self.missing:
            self._call_of_ms = call_start_ms
            self._course = Course(self._settings, USUAL.strain, USUAL.strain_blocks)
            self._meter.reset()
        if self._meter.push(rows, counts) and self._meter.value:
            self._course.push(0, self._meter.value)
