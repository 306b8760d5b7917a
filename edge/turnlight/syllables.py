"""Counts syllable nuclei: peaks of a voiced level contour. Pure; one party, one frame a call.

A simple estimator after de Jong and Wempe: a nucleus is a voiced peak of the level with a dip of
2 dB before and after it. docs/metrics.md says how far it can be trusted.
"""

from __future__ import annotations

DIP_DB_Q8 = 2 * 256
VOICING_MIN_Q15 = 9_830
"""0.3: less periodic frames hold no nucleus."""
_FLOOR_Q8 = -100 * 256


class Syllables:
    """Finds the nuclei in the frames of one party."""

    def __init__(self) -> None:
        self._level_q8 = _FLOOR_Q8
        self._rising = True
        self._turn_q8 = _FLOOR_Q8
        """Highest level while rising, lowest while falling."""
        self._voiced = False

    def push(self, level_db_q8: int, voicing_q15: int) -> bool:
        """Take one frame; True where a nucleus has just passed."""
        # one pole over about 20 ms: the level of 10 ms ripples with the pitch
        level = self._level_q8 = self._level_q8 + (
            (max(level_db_q8, _FLOOR_Q8) - self._level_q8) >> 1
        )
        if self._rising:
            if level > self._turn_q8:
                self._turn_q8 = level
                self._voiced = voicing_q15 >= VOICING_MIN_Q15
            elif level < self._turn_q8 - DIP_DB_Q8:
                self._rising = False
                self._turn_q8 = level
                return self._voiced
        elif level < self._turn_q8:
            self._turn_q8 = level
        elif level > self._turn_q8 + DIP_DB_Q8:
            self._rising = True
            self._turn_q8 = level
            self._voiced = voicing_q15 >= VOICING_MIN_Q15
        return False
