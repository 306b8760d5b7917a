"""USB lights: busylight-core's own drivers, over a USB port faked where hidapi begins."""

from __future__ import annotations

import re
import runpy
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import busylight_core
import pytest
from serial.tools import list_ports

from turnlight.config import LampSettings
from turnlight.cues import Cue, CueShown
from turnlight.lamps import ColourLamp, LampError, driver, found
from turnlight.lamps.effects import AMBER, BLUE, GREEN, RED, WHITE, Rgb, colour, linear
from turnlight.lamps.usb import few_colours

CUES: tuple[Cue, ...] = get_args(Cue)
FRAME_MS = 40
UDEV = Path(__file__).parents[1] / "provisioning" / "udev"
MAKE_RULES = runpy.run_path(str(UDEV / "make_rules.py"))

FLAG, ALPHA, MUTEME, DND = (0x04D8, 0xF372), (0x27BB, 0x3BCA), (0x20A0, 0x42DA), (0x340B, 0xF002)
HID = sorted(
    {
        number
        for light in busylight_core.Light.subclasses()
        if light not in MAKE_RULES["SERIAL"]
        for number in light.supported_device_ids
    }
)


class Port:
    """One USB port. hidapi answers -1 when a light is written to that is not there any more."""

    def __init__(self) -> None:
        self.light: tuple[int, int] | None = None
        self.plugs = 0
        self.refused = False
        self.opened = 0
        self.closed = 0
        self.written: list[bytes] = []

    def plug(self, light: tuple[int, int]) -> None:
        self.light = light
        self.plugs += 1

    def unplug(self) -> None:
        self.light = None

    def enumerate(self) -> list[dict[str, Any]]:
        if self.light is None:
            return []
        return [
            {
                "path": f"1-1:1.{self.plugs}".encode(),
                "vendor_id": self.light[0],
                "product_id": self.light[1],
                "serial_number": "BS012345-3.0",
                "manufacturer_string": "maker",
                "product_string": "LUXAFOR FLAG" if self.light == FLAG else "BlinkStick",
                "release_number": 0x0203,
                "interface_number": 1,
            }
        ]

    def device(self) -> Handle:
        return Handle(self)


class Handle:
    """An open light, as `hid.device`. The handle of an unplugged one stays dead for ever."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._path = b""

    def open_path(self, path: bytes) -> None:
        if self._port.refused:
            raise OSError("open failed")
        self._path = path
        self._port.opened += 1

    def write(self, data: bytes) -> int:
        there = self._port.enumerate()
        if not there or there[0]["path"] != self._path:
            return -1
        self._port.written.append(bytes(data))
        return len(data)

    send_feature_report = write

    def close(self) -> None:
        self._port.closed += 1


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[Port]:
    port = Port()
    hidapi = SimpleNamespace(enumerate=port.enumerate, device=port.device)
    monkeypatch.setattr("busylight_core.hid.hid", hidapi)
    monkeypatch.setattr(list_ports, "comports", lambda: [])
    yield port
    assert threading.active_count() == threads, "no thread but the lamp's talks to a light"


threads = threading.active_count()


def lamp(cue: Cue = "share_floor", brightness: float = 1.0) -> ColourLamp:
    made = driver(LampSettings(kind="usb", brightness=brightness))
    assert isinstance(made, ColourLamp)
    made.show(CueShown(at_ms=0, cue=cue, reason=""))
    return made


def run(shining: ColourLamp, start_ms: int, until_ms: int) -> None:
    for now_ms in range(start_ms, until_ms, FRAME_MS):
        shining.tick(now_ms)


def flag_colour(report: bytes) -> Rgb:
    """What a Luxafor Flag is told: colour all LEDs, with red, green, blue."""
    assert report[:2] == bytes([1, 0xFF])
    red, green, blue = report[2:5]
    return red, green, blue


def duty(rgb: Rgb) -> Rgb:
    red, green, blue = (round(255 * part) for part in linear(rgb))
    return red, green, blue


def test_a_light_gets_the_light_of_the_effect(port: Port) -> None:
    port.plug(FLAG)
    shining = lamp()
    for now_ms in (0, 1000, 3000):
        shining.tick(now_ms)
        assert flag_colour(port.written[-1]) == duty(colour("share_floor", now_ms))
    shining.close()


def test_closing_puts_the_light_out_and_gives_it_back(port: Port) -> None:
    port.plug(FLAG)
    shining = lamp("listening")
    run(shining, 0, 1000)
    shining.close()
    assert flag_colour(port.written[-1]) == (0, 0, 0)
    assert (port.opened, port.closed) == (1, 1)


def test_what_a_killed_desk_left_lit_is_put_out_without_a_cue(port: Port) -> None:
    port.plug(FLAG)
    left = lamp()
    left.open()
    left.close()
    assert flag_colour(port.written[-1]) == (0, 0, 0)
    assert (port.opened, port.closed) == (1, 1)


@pytest.mark.parametrize("number", HID, ids=lambda number: f"{number[0]:04x}:{number[1]:04x}")
def test_every_light_that_busylight_core_knows_is_lit_kept_and_put_out(
    port: Port, number: tuple[int, int]
) -> None:
    port.plug(number)
    shining = lamp("turnaround")
    run(shining, 0, 200)
    dark = port.written[-1]
    run(shining, 200, 1600)
    assert port.written[-1] != dark
    shining.close()
    assert (port.opened, port.closed) == (1, 1), "it answered all the time"


@pytest.mark.parametrize("cue", ["share_floor", "listening", "idle"])
def test_a_light_that_is_pulled_and_put_back_shows_its_cue_again(port: Port, cue: Cue) -> None:
    """Also one whose colour did not change meanwhile, and which was back before anyone noticed."""
    port.plug(FLAG)
    shining = lamp(cue)
    run(shining, 0, 2000)
    port.unplug()
    run(shining, 2000, 20_000)
    port.written.clear()
    port.plug(FLAG)
    run(shining, 20_000, 21_100)
    assert flag_colour(port.written[-1]) == duty(colour(cue, 21_080))
    port.written.clear()
    port.unplug()
    port.plug(FLAG)
    run(shining, 21_120, 23_200)
    assert flag_colour(port.written[-1]) == duty(colour(cue, 23_160))
    shining.close()
    assert port.opened == port.closed == 3


def test_a_kuando_light_hears_every_few_seconds_that_somebody_is_there(port: Port) -> None:
    """It goes dark by itself after the time in the keepalive, so a dead desk leaves it dark."""
    port.plug(ALPHA)
    shining = lamp("share_floor")
    heard = []
    for now_ms in range(0, 60_000, FRAME_MS):
        shining.tick(now_ms)
        heard += [now_ms for report in port.written if report[0] == 0x8F]  # keep alive, 15 s
        port.written.clear()
    assert heard[0] == 0
    assert max(b - a for a, b in pairwise(heard)) < 7500
    shining.close()


def test_a_light_that_loses_quick_commands_gets_them_slowly(port: Port) -> None:
    port.plug(DND)
    shining = lamp("share_floor")
    shining.tick(0)
    per_second = []
    for start_ms in range(FRAME_MS, 6000, 1000):
        port.written.clear()
        run(shining, start_ms, start_ms + 1000)
        per_second.append(len(port.written))
    assert 2 < max(per_second) <= 10
    shining.close()


@pytest.mark.parametrize("brightness", [1.0, 0.4])
@pytest.mark.parametrize("cue", CUES)
def test_a_light_with_few_colours_keeps_the_pattern_and_does_not_flicker(
    port: Port, cue: Cue, brightness: float
) -> None:
    port.plug(MUTEME)
    shining = lamp(cue, brightness)
    shown: list[tuple[int, bytes]] = []
    for now_ms in range(0, 30_000, FRAME_MS):
        shining.tick(now_ms)
        if not shown or shown[-1][1] != port.written[-1]:
            shown.append((now_ms, port.written[-1]))
    times = [at for at, _ in shown[1:]]
    # a flash is two changes
    assert max((sum(at <= t < at + 1000 for t in times) for at in times), default=0) <= 2 * 3
    assert len({report for _, report in shown}) <= 2, "the light is on in one colour, or off"
    pulses = {"idle": 0, "listening": 0, "let_finish": 1, "turnaround": 1}
    if cue in pulses:
        assert len(times) == 2 * pulses[cue]
    else:
        assert len(times) >= 5
    shining.close()


@pytest.mark.parametrize(
    ("rgb", "shown"),
    [
        (AMBER, (255, 255, 0)),
        (BLUE, (0, 0, 255)),
        (GREEN, (0, 255, 0)),
        (WHITE, (255, 255, 255)),
        (RED, (255, 0, 0)),
        ((99, 99, 99), (0, 0, 0)),
    ],
)
def test_the_nearest_of_eight_colours(rgb: Rgb, shown: Rgb) -> None:
    assert few_colours(rgb, 1.0) == shown


def test_without_a_light_and_without_the_right_to_use_it_there_is_one_sentence(port: Port) -> None:
    with pytest.raises(LampError, match="no USB light is plugged in"):
        lamp().open()
    port.plug(FLAG)
    port.refused = True
    with pytest.raises(LampError, match=r"\(open failed\).*provisioning/udev/60-turnlight"):
        lamp().open()


def test_the_list_names_the_lights_and_opens_none(port: Port) -> None:
    settings = LampSettings(kind="usb")
    with pytest.raises(LampError, match="no USB light is plugged in"):
        found(settings)
    port.plug(ALPHA)
    assert found(settings) == "Kuando Busylight Alpha"
    assert port.opened == 0


def test_the_udev_rules_are_those_of_busylight_cores_list() -> None:
    rules = (UDEV / "60-turnlight-lamps.rules").read_text()
    assert rules == MAKE_RULES["rules"](), "run provisioning/udev/make_rules.py"
    numbers = r'\{idVendor\}=="(....)", ATTRS?\{idProduct\}=="(....)"'
    named = {(int(v, 16), int(p, 16)) for v, p in re.findall(numbers, rules)}
    serial = {number for light in MAKE_RULES["SERIAL"] for number in light.supported_device_ids}
    assert named == busylight_core.Light.udev_rules().keys() - serial
