"""What WS2812 LEDs ("NeoPixel") have to see on the data line of an SPI port. Pure.

Such an LED reads a pulse as 0 or 1 by its length. Here each of its bits becomes four bits on the
SPI line, 1000 or 1110. Two of them fill a byte and end low, so the pause that some SPI ports make
between bytes only lengthens a low time, which may be long.

    time      WS2812B       WS2812B-V5    at 3.25 MHz
    0, high   400 +-150 ns  220..380 ns   308 ns
    0, low    850 +-150 ns  580..1000 ns  923 ns
    1, high   800 +-150 ns  580..1000 ns  923 ns
    1, low    450 +-150 ns  220..420 ns   308 ns
    reset     over 50 us    over 280 us   300 us

Sources: Worldsemi's data sheets of the WS2812B and the WS2812B-V5. A Raspberry Pi divides the clock
of its SPI by even numbers only: 3.25 MHz asked for are 3.2 to 3.25 MHz, whichever model it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from turnlight.lamps.effects import Rgb

CLOCK_HZ = 3_250_000
RESET_US = 300

_ZERO, _ONE = 0b1000, 0b1110
_RESET = bytes(math.ceil(RESET_US * CLOCK_HZ / 8e6))


def _bits(value: int) -> bytes:
    """One byte of an LED's colour, most significant bit first."""
    fours = [_ONE if value >> bit & 1 else _ZERO for bit in range(7, -1, -1)]
    return bytes(high << 4 | low for high, low in zip(fours[::2], fours[1::2], strict=True))


_BYTES = tuple(_bits(value) for value in range(256))


def encode(leds: Sequence[Rgb]) -> bytes:
    """The bytes on the line that set these LEDs, the nearest first.

    Args:
        leds: duty of red, green and blue, 0..255 each.
    """
    # The low time before is for ports whose line rests high, the one after shows the colour.
    colours = b"".join(_BYTES[green] + _BYTES[red] + _BYTES[blue] for red, green, blue in leds)
    return _RESET + colours + _RESET
