"""A lamp made of a light: what it sends when, and how it survives that the light is unplugged."""

from __future__ import annotations

import logging
import sys
from itertools import pairwise

import pytest

from turnlight.config import LampSettings
from turnlight.cues import Cue, CueShown
from turnlight.lamps import ColourLamp, LampError, driver, lamp_for
from turnlight.lamps.effects import Rgb, colour, linear
from turnlight.rights import Rights

FRAME_MS = 40


class Desk:
    """A light at the device border: it can be pulled out and put back, and keeps a history."""

    spacing_ms = 0
    refresh_ms = 1000

    def __init__(self) -> None:
        self.plugged = True
        self.opened = 0
        self.closed = 0
        self.history: list[tuple[int, Rgb]] = []

    def open(self) -> Desk:
        if not self.plugged:
            raise LampError("no light is plugged in")
        self.opened += 1
        return self

    def set(self, rgb: Rgb, now_ms: int) -> None:
        if not self.plugged:
            raise LampError("the light does not answer")
        self.history.append((now_ms, rgb))

    def close(self) -> None:
        self.closed += 1
        if not self.plugged:
            raise LampError("the light does not answer")


def show(lamp: ColourLamp, cue: Cue) -> None:
    lamp.show(CueShown(at_ms=0, cue=cue, reason="because"))


def run(lamp: ColourLamp, start_ms: int, until_ms: int) -> None:
    for now_ms in range(start_ms, until_ms, FRAME_MS):
        lamp.tick(now_ms)


def test_a_light_shows_the_colours_of_the_effect_from_the_moment_it_is_shown() -> None:
    desk = Desk()
    lamp = ColourLamp(desk.open, brightness=0.5)
    show(lamp, "share_floor")
    run(lamp, 70_000, 76_000)
    for now_ms, rgb in desk.history:
        assert rgb == colour("share_floor", now_ms - 70_000, 0.5)
    assert len({rgb for _, rgb in desk.history}) > 50


def test_a_colour_that_does_not_change_is_sent_again_after_the_lights_own_time() -> None:
    desk = Desk()
    lamp = ColourLamp(desk.open)
    show(lamp, "listening")
    run(lamp, 0, 3000)
    assert [now_ms for now_ms, _ in desk.history] == [0, 1000, 2000]


def test_a_slow_light_gets_no_more_colours_than_it_takes_and_always_the_last_one() -> None:
    desk = Desk()
    desk.spacing_ms = 100
    lamp = ColourLamp(desk.open)
    show(lamp, "let_finish")
    run(lamp, 0, 4000)
    times = [now_ms for now_ms, _ in desk.history]
    assert min(b - a for a, b in pairwise(times)) >= 100
    assert desk.history[-1][1] == colour("let_finish", 3000)


def test_a_blink_shorter_than_the_slowest_lights_pace_is_still_seen() -> None:
    desk = Desk()
    desk.spacing_ms = 1000
    lamp = ColourLamp(desk.open)
    show(lamp, "idle")
    run(lamp, 0, 5000)
    show(lamp, "fault")
    run(lamp, 5000, 15_000)
    assert [rgb for _, rgb in desk.history].count((255, 0, 0)) == 1
    assert desk.history[-1][1] == (0, 0, 0)


def test_an_unplugged_light_is_noticed_let_go_and_found_again_with_its_cue(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    lamp = ColourLamp(desk.open)
    show(lamp, "listening")
    run(lamp, 0, 2000)
    desk.plugged = False
    run(lamp, 2000, 60_000)
    assert (desk.opened, desk.closed) == (1, 1)
    desk.plugged = True
    desk.history.clear()
    run(lamp, 60_000, 61_100)
    assert desk.opened == 2
    assert desk.history[0][1] == colour("listening", 60_000)
    said = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert said == [
        "the light does not answer; the lamp is looked for every second",
        "the lamp is back",
    ]


def test_a_light_that_comes_after_the_desk_has_started_is_found_within_a_second() -> None:
    desk = Desk()
    desk.plugged = False
    lamp = ColourLamp(desk.open)
    show(lamp, "share_floor")
    run(lamp, 0, 4960)
    desk.plugged = True
    run(lamp, 4960, 6000)
    assert desk.history[0][0] <= 5960
    now_ms, rgb = desk.history[0]
    assert rgb == colour("share_floor", now_ms), "as far on as the effect is by then"


def test_a_light_that_is_back_gets_even_the_colour_that_it_got_last() -> None:
    desk = Desk()
    desk.refresh_ms = 60_000
    lamp = ColourLamp(desk.open)
    show(lamp, "listening")
    run(lamp, 0, 1000)
    desk.plugged = False
    show(lamp, "idle")
    run(lamp, 1000, 2000)
    desk.plugged = True
    show(lamp, "listening")
    run(lamp, 2000, 3000)
    assert [rgb for _, rgb in desk.history] == [colour("listening", 0)] * 2


def test_the_light_is_looked_for_once_a_second_and_not_at_each_tick() -> None:
    looks = 0

    def nowhere() -> Desk:
        nonlocal looks
        looks += 1
        raise LampError("no light is plugged in")

    lamp = ColourLamp(nowhere)
    run(lamp, 0, 10_000)
    assert looks == 10


def test_closing_puts_the_light_out_and_a_missing_one_is_nothing_to_put_out() -> None:
    desk = Desk()
    lamp = ColourLamp(desk.open)
    lamp.close()
    assert desk.closed == 0
    lamp.tick(0)
    lamp.close()
    lamp.close()
    assert desk.closed == 1


def test_a_lamp_that_is_asked_for_at_once_says_that_it_is_not_there() -> None:
    desk = Desk()
    desk.plugged = False
    with pytest.raises(LampError, match="no light is plugged in"):
        ColourLamp(desk.open).open()


@pytest.mark.parametrize(
    ("rgb", "light"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((255, 255, 255), (1, 1, 1)),
        # sRGB 188 is half the light; the straight part of the curve ends at 10
        ((188, 10, 1), (0.5029, 0.003035, 0.0003035)),
    ],
)
def test_bare_leds_get_light_and_not_srgb(rgb: Rgb, light: tuple[float, float, float]) -> None:
    assert linear(rgb) == pytest.approx(light, rel=2e-4)


def test_the_curve_of_srgb_has_no_step() -> None:
    curve = [linear((part, 0, 0))[0] for part in range(256)]
    steps = [b - a for a, b in pairwise(curve)]
    assert min(steps) > 0
    assert all(b < 1.35 * a for a, b in pairwise(steps))


def test_a_lamp_that_is_not_there_does_not_keep_a_desk_from_starting() -> None:
    lamp = lamp_for(LampSettings(kind="usb"), Rights())
    lamp.tick(0)
    lamp.close()


@pytest.mark.parametrize(
    ("kind", "package"), [("gpio", "gpiozero"), ("spi", "spidev"), ("usb", "busylight_core")]
)
def test_a_missing_package_is_one_sentence_with_the_remedy(
    kind: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"turnlight.lamps.{kind}", raising=False)
    with pytest.raises(LampError) as caught:
        driver(LampSettings(kind=kind))  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"a lamp of kind {kind} needs the package {package}; run `pip install turnlight[{kind}]`"
    )
