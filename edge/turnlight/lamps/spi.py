"""A row of WS2812 LEDs on an SPI port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from turnlight.config import LampSettings
from turnlight.lamps.effects import Rgb, linear
from turnlight.lamps.light import LampError, optional
from turnlight.lamps.ws2812 import CLOCK_HZ, encode

with optional("spi"):
    from spidev import SpiDev


class SpiLight:
    """`spi_leds` LEDs in a row, all in the same colour.

    Raises:
        LampError: there is no such port, or it may not be used.
    """

    spacing_ms = 0
    refresh_ms = 1000

    def __init__(self, settings: LampSettings) -> None:
        self._device = settings.spi_device
        self._count = settings.spi_leds
        self._port = SpiDev()
        with _border(self._device):
            self._port.open_path(self._device)
            self._port.mode = 0
            self._port.max_speed_hz = CLOCK_HZ

    def set(self, rgb: Rgb, _now_ms: int) -> None:
        """Take this colour."""
        red, green, blue = (round(part * 255) for part in linear(rgb))
        with _border(self._device):
            self._port.writebytes2(encode([(red, green, blue)] * self._count))

    def close(self) -> None:
        """Go dark and close the port."""
        try:
            self.set((0, 0, 0), 0)
        finally:
            self._port.close()


def found(settings: LampSettings) -> str:
    """The port. Whether LEDs are on it cannot be known: their line goes one way.

    Raises:
        LampError: there is no such port.
    """
    with _border(settings.spi_device):
        Path(settings.spi_device).stat()
    return f"{settings.spi_device}, {settings.spi_leds} LEDs"


@contextmanager
def _border(device: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise LampError(
            f"{device}: there is no such SPI port; switch it on (dtparam=spi=on in config.txt) "
            "or set lamp.spi_device"
        ) from None
    except PermissionError:
        raise LampError(f"{device}: may not be used; add this user to the group spi") from None
    except OSError as error:
        raise LampError(f"{device}: the SPI port fails ({error.strerror or error})") from None
