"""Lights that show a cue. One small protocol fits a terminal, GPIO, SPI, USB and MQTT alike."""

from __future__ import annotations

from typing import Protocol

from turnlight.config import LampSettings
from turnlight.cues import CueShown
from turnlight.lamps.guard import GuardedLamp, LampThread
from turnlight.lamps.plain import LinesLamp, NoLamp, RecordingLamp
from turnlight.lamps.terminal import TerminalLamp

__all__ = [
    "GuardedLamp",
    "Lamp",
    "LampThread",
    "LinesLamp",
    "NoLamp",
    "RecordingLamp",
    "TerminalLamp",
    "lamp_for",
]


class Lamp(Protocol):
    """One light. A driver keeps the cue and asks `effects.colour` for its light at each tick."""

    def show(self, cue: CueShown) -> None:
        """From now on this is what the lamp says."""

    def tick(self, now_ms: int) -> None:
        """Draw the moment `now_ms` of a monotonic clock; called up to 25 times a second."""

    def close(self) -> None:
        """Put the light out and give the device back."""


def lamp_for(settings: LampSettings) -> GuardedLamp:
    """The lamp that the settings name, watched."""
    match settings.kind:
        case "terminal":
            return GuardedLamp(TerminalLamp(settings.brightness))
        case "lines":
            return GuardedLamp(LinesLamp())
        case "none":
            return GuardedLamp(NoLamp())
