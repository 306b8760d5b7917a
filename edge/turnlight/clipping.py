"""Whether the sound is clipped. Pure."""

from __future__ import annotations

from collections import deque


class Clipping:
    """Tells clipped sound from a single loud moment: over 5 % of 10 s, until under 1 %."""

    def __init__(self) -> None:
        self._frames = deque([False] * 1000)
        self._count = 0
        self._on = False

    def push(self, clipped: bool) -> None:
        """Take one frame."""
        self._frames.append(clipped)
        self._count += clipped - self._frames.popleft()

    def reason(self) -> str:
        """What is wrong, as a sentence; empty when nothing is."""
        self._on = self._count > (10 if self._on else 50)
        if not self._on:
            return ""
        return "The sound is clipped: turn the gain of the headset or of the input down."
