"""Lamps that draw nothing: lines for a supervising process, a recording one, and none."""

from __future__ import annotations

import json
import sys
from typing import TextIO

from turnlight.cues import CueShown


class LinesLamp:
    """One JSON line `{"at_s", "cue", "reason"}` per change; the reader animates it by `effects`."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    def show(self, cue: CueShown) -> None:
        """Write the change at once."""
        line = {"at_s": cue.at_ms / 1000, "cue": cue.cue, "reason": cue.reason}
        print(json.dumps(line, ensure_ascii=False), file=self._stream, flush=True)

    def tick(self, now_ms: int) -> None:
        """Nothing moves."""

    def dim(self, part: float) -> None:
        """The reader has a dimmer of its own."""

    def close(self) -> None:
        """Nothing to put out."""


class RecordingLamp:
    """Keeps what it was told to show, for tests of whatever drives a lamp.

    Attributes:
        history: `(at_ms, cue, reason)` in order.
        ticks: moments it was asked to draw.
        dimmed: parts of its light that it was left.
        closed: the light was put out.
    """

    def __init__(self) -> None:
        self.history: list[tuple[int, str, str]] = []
        self.ticks: list[int] = []
        self.dimmed: list[float] = []
        self.closed = False

    def show(self, cue: CueShown) -> None:
        """Add to the history."""
        self.history.append((cue.at_ms, cue.cue, cue.reason))

    def tick(self, now_ms: int) -> None:
        """Add to the ticks."""
        self.ticks.append(now_ms)

    def dim(self, part: float) -> None:
        """Add to the dimmings."""
        self.dimmed.append(part)

    def close(self) -> None:
        """Note that the light was put out."""
        self.closed = True


class NoLamp:
    """For a desk without a light."""

    def show(self, cue: CueShown) -> None:
        """Show nothing."""

    def tick(self, now_ms: int) -> None:
        """Draw nothing."""

    def dim(self, part: float) -> None:
        """Nothing to dim."""

    def close(self) -> None:
        """Nothing to put out."""
