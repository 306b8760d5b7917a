"""Three LEDs, or one with three colours, on the pins of a Raspberry Pi."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from turnlight.config import LampSettings
from turnlight.lamps.effects import Rgb, linear
from turnlight.lamps.light import LampError, optional

with optional("gpio"):
    from gpiozero import RGBLED, BadPinFactory, Device, PinFactoryFallback

# Which of its pin libraries gpiozero misses is of no interest while it finds one of them.
warnings.filterwarnings("ignore", category=PinFactoryFallback)


class GpioLight:
    """The pins `gpio_red`, `gpio_green` and `gpio_blue`, driven by pulse width.

    Raises:
        LampError: there are no such pins, or another program has them.
    """

    spacing_ms = 0
    refresh_ms = 1000

    def __init__(self, settings: LampSettings) -> None:
        self._pins = (settings.gpio_red, settings.gpio_green, settings.gpio_blue)
        with _border():
            self._led = RGBLED(*self._pins, active_high=not settings.gpio_common_anode)

    def set(self, rgb: Rgb, _now_ms: int) -> None:
        """Take this colour."""
        with _border():
            self._led.color = linear(rgb)

    def close(self) -> None:
        """Go dark and make inputs of the pins."""
        with _border():
            self._led.off()  # driven, since the gate of a transistor keeps its charge on an input
            self._led.close()


def found(settings: LampSettings) -> str:
    """The board whose pins would be driven.

    Raises:
        LampError: there is none.
    """
    with _border():
        Device.ensure_pin_factory()
        board = str(Device.pin_factory.board_info.description)
    return f"{board}, GPIO{settings.gpio_red}, {settings.gpio_green}, {settings.gpio_blue}"


@contextmanager
def _border() -> Iterator[None]:
    try:
        yield
    except BadPinFactory:
        raise LampError(
            "there are no pins that gpiozero can drive; is this a Raspberry Pi, "
            "and is the package lgpio installed?"
        ) from None
    # Each pin library has errors of its own, and gpiozero passes them on.
    except Exception as error:
        raise LampError(
            f"the pins of the lamp cannot be driven ({error}); does another program use "
            "lamp.gpio_red, gpio_green or gpio_blue, and is this user in the group gpio?"
        ) from None
