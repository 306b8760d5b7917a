"""WS2812 LEDs on SPI: the pulses they would see, and the port, faked where the kernel begins."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from turnlight.config import LampSettings
from turnlight.cues import CueShown
from turnlight.lamps import ColourLamp, LampError, driver, found
from turnlight.lamps.effects import Rgb, colour, linear
from turnlight.lamps.ws2812 import CLOCK_HZ, encode

Pulse = tuple[int, float]
"""Level of the line and how long it lasts, in nanoseconds."""

SPI_CLOCKS_HZ = {"Pi 3 and before": 250e6, "Pi 3 at 400": 400e6, "Pi 4": 500e6, "Pi 5": 200e6}
ORIGINAL = {"0 high": (250, 550), "0 low": (700, 1000), "1 high": (650, 950), "1 low": (300, 600)}
V5 = {"0 high": (220, 380), "0 low": (580, 1000), "1 high": (580, 1000), "1 low": (220, 420)}


def pulses(data: bytes, clock_hz: float = CLOCK_HZ) -> list[Pulse]:
    """What is seen on the line."""
    line = [byte >> bit & 1 for byte in data for bit in range(7, -1, -1)]
    return [(level, len(list(run)) * 1e9 / clock_hz) for level, run in groupby(line)]


def read(data: bytes) -> list[Rgb]:
    """What the LEDs understand: a high time of over 500 ns is a 1."""
    seen = pulses(data)
    bits = [length > 500 for level, length in seen if level]
    assert len(bits) % 24 == 0
    octets = [
        sum(bit << 7 - place for place, bit in enumerate(bits[at : at + 8]))
        for at in range(0, len(bits), 8)
    ]
    wire = zip(octets[::3], octets[1::3], octets[2::3], strict=True)
    return [(red, green, blue) for green, red, blue in wire]


def test_one_led_as_bytes() -> None:
    """Green first, most significant bit first, four bits on the line for one of the LED's."""
    frame = encode([(0xFF, 0x01, 0x80)])
    colours = frame.strip(b"\0")
    assert colours == (
        b"\x88\x88\x88\x8e"  # green 0x01
        b"\xee\xee\xee\xee"  # red 0xff
        b"\xe8\x88\x88\x88"  # blue 0x80
    )
    assert len(encode([])) == len(frame) - 12


def test_every_value_of_every_led_arrives() -> None:
    leds = [(value, 255 - value, value ^ 0x55) for value in range(256)]
    assert read(encode(leds)) == leds


@pytest.mark.parametrize("sheet", [ORIGINAL, V5], ids=["WS2812B", "WS2812B-V5"])
@pytest.mark.parametrize("model", SPI_CLOCKS_HZ)
def test_the_pulses_keep_to_the_data_sheets_on_every_pi(
    model: str, sheet: dict[str, tuple[int, int]]
) -> None:
    # The port divides its clock by the next even number that is not too fast.
    divider = -(-SPI_CLOCKS_HZ[model] // CLOCK_HZ)
    clock_hz = SPI_CLOCKS_HZ[model] / (divider + divider % 2)
    seen = pulses(encode([(0b10110010, 0b01001101, 0)]), clock_hz)
    assert seen[0][1] > 280_000, "the line rests long enough before"
    assert seen[-1][1] > 280_000, "and after"
    for (_, high), (_, low) in zip(seen[1:-1:2], seen[2:-1:2], strict=False):
        bit = int(high > 500)
        least, most = sheet[f"{bit} high"]
        assert least <= high <= most
        least, most = sheet[f"{bit} low"]
        assert least <= low <= most


def test_each_byte_ends_low_so_that_a_pause_between_bytes_does_no_harm() -> None:
    assert all(byte & 1 == 0 for byte in encode([(value, 0, 255) for value in range(256)]))


def test_the_longest_row_fits_into_one_transfer_of_the_kernel() -> None:
    assert len(encode([(255, 255, 255)] * 300)) <= 4096


class Port:
    """An SPI port where spidev meets the kernel. `line` is what it sent."""

    line: list[bytes]
    error: OSError | None

    def __init__(self) -> None:
        self.max_speed_hz = 500_000
        self.mode = 3
        self.is_open = False

    def open_path(self, path: str) -> None:
        if Port.error:
            raise Port.error
        assert path == "/dev/spidev0.0"
        self.is_open = True

    def writebytes2(self, data: bytes) -> None:
        if Port.error:
            raise Port.error
        assert (self.is_open, self.max_speed_hz, self.mode) == (True, CLOCK_HZ, 0)
        Port.line.append(data)

    def close(self) -> None:
        self.is_open = False


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    Port.line, Port.error = [], None
    monkeypatch.setitem(sys.modules, "spidev", SimpleNamespace(SpiDev=Port))  # type: ignore[arg-type]
    monkeypatch.delitem(sys.modules, "turnlight.lamps.spi", raising=False)
    yield Port.line
    sys.modules.pop("turnlight.lamps.spi", None)


def lamp(**settings: Any) -> ColourLamp:
    made = driver(LampSettings(kind="spi", **settings))
    assert isinstance(made, ColourLamp)
    made.show(CueShown(at_ms=0, cue="share_floor", reason=""))
    return made


def test_all_leds_of_the_row_get_the_light_of_the_effect(line: list[bytes]) -> None:
    shining = lamp(spi_leds=5)
    shining.tick(0)
    shining.tick(3000)
    red, green, blue = (round(part * 255) for part in linear(colour("share_floor", 3000)))
    assert read(line[-1]) == [(red, green, blue)] * 5


def test_closing_puts_the_row_out(line: list[bytes]) -> None:
    shining = lamp(spi_leds=5)
    shining.tick(0)
    shining.tick(3000)
    shining.close()
    assert read(line[-1]) == [(0, 0, 0)] * 5


def test_what_a_killed_desk_left_lit_is_put_out_without_a_cue(line: list[bytes]) -> None:
    left = lamp(spi_leds=5)
    left.open()
    left.close()
    assert [read(frame) for frame in line] == [[(0, 0, 0)] * 5]


def test_a_row_that_was_without_power_gets_its_colour_again_within_a_second(
    line: list[bytes],
) -> None:
    shining = lamp()
    shining.show(CueShown(at_ms=0, cue="listening", reason=""))
    for now_ms in range(0, 2080, 40):
        shining.tick(now_ms)
    assert len(line) == 3


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(2, "No such file"), "dtparam=spi=on"),
        (PermissionError(13, "Permission denied"), "add this user to the group spi"),
        (OSError(110, "Connection timed out"), "the SPI port fails (Connection timed out)"),
    ],
)
@pytest.mark.usefixtures("line")
def test_a_port_that_cannot_be_used_is_one_sentence(error: OSError, words: str) -> None:
    shining = lamp()
    shining.tick(0)
    Port.error = error
    with pytest.raises(LampError) as caught:
        shining.open()
    assert str(caught.value).startswith("/dev/spidev0.0: ")
    assert words in str(caught.value)
    shining.tick(3000)
    shining.close()


@pytest.mark.usefixtures("line")
def test_the_list_names_the_port_that_is_there(tmp_path: Path) -> None:
    device = tmp_path / "spidev1.0"
    settings = LampSettings(kind="spi", spi_device=str(device))
    with pytest.raises(LampError, match="there is no such SPI port"):
        found(settings)
    device.touch()
    assert found(settings) == f"{device}, 8 LEDs"
