"""Lights that show a cue. One small protocol fits a terminal, GPIO, SPI, USB and MQTT alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from turnlight.config import LampSettings
from turnlight.cues import CueShown
from turnlight.lamps.guard import GuardedLamp, LampThread
from turnlight.lamps.light import ColourLamp, LampError
from turnlight.lamps.plain import LinesLamp, NoLamp, RecordingLamp
from turnlight.rights import Rights

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = [
    "ColourLamp",
    "GuardedLamp",
    "Lamp",
    "LampError",
    "LampThread",
    "LinesLamp",
    "NoLamp",
    "RecordingLamp",
    "driver",
    "found",
    "lamp_for",
]


class Lamp(Protocol):
    """One light. A driver keeps the cue and asks `effects.colour` for its light at each tick."""

    def show(self, cue: CueShown) -> None:
        """From now on this is what the lamp says."""

    def tick(self, now_ms: int) -> None:
        """Draw the moment `now_ms` of a monotonic clock; called up to 25 times a second."""

    def dim(self, part: float) -> None:
        """From now on give this part, 0..1, of the light that the settings ask for."""

    def close(self) -> None:
        """Put the light out and give the device back."""


def driver(settings: LampSettings, under: Callable[[], RenderableType] | None = None) -> Lamp:
    """The lamp that the settings name. It need not be plugged in yet.

    Args:
        settings: which one.
        under: what a terminal shows below it, asked for once a second.

    Raises:
        LampError: this kind needs a package that is not installed.
    """
    match settings.kind:
        case "terminal":
            from turnlight.lamps.terminal import TerminalLamp

            return TerminalLamp(settings.brightness, under=under)
        case "lines":
            return LinesLamp()
        case "none":
            return NoLamp()
        case "gpio":
            from turnlight.lamps.gpio import GpioLight

            return ColourLamp(lambda: GpioLight(settings), settings.brightness)
        case "spi":
            from turnlight.lamps.spi import SpiLight

            return ColourLamp(lambda: SpiLight(settings), settings.brightness)
        case "usb":
            from turnlight.lamps.usb import UsbLight

            return ColourLamp(lambda: UsbLight(settings), settings.brightness)
        case "mqtt":
            from turnlight.lamps.mqtt import MqttLight

            return ColourLamp(lambda: MqttLight(settings), settings.brightness)


def found(settings: LampSettings) -> str:
    """What a lamp of this kind would shine on, in words; nothing is lit by asking.

    Raises:
        LampError: it cannot be driven here; the text says what to do.
    """
    match settings.kind:
        case "terminal" | "lines" | "none":
            return "always"
        case "gpio":
            from turnlight.lamps import gpio

            return gpio.found(settings)
        case "spi":
            from turnlight.lamps import spi

            return spi.found(settings)
        case "usb":
            from turnlight.lamps import usb

            return usb.found(settings)
        case "mqtt":
            from turnlight.lamps import mqtt

            return mqtt.found(settings)


def lamp_for(
    settings: LampSettings, rights: Rights, under: Callable[[], RenderableType] | None = None
) -> GuardedLamp:
    """The lamp that the settings name, watched, and ruled by the agent.

    Raises:
        LampError: as `driver`.
    """
    return GuardedLamp(driver(settings, under), rights=rights)
