"""The agent's button, against gpiozero's own simulated pins."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from gpiozero import Button, Device
from gpiozero.pins.mock import MockFactory, MockPin

from desk import until
from turnlight.button import LONG_PRESS_S, AgentButton
from turnlight.config import Config, ConfigError, LampSettings, parse
from turnlight.lamps import LampError
from turnlight.live import _open_button
from turnlight.rights import Rights

GPIO = 26


@pytest.fixture
def pin() -> Iterator[MockPin]:
    before = Device.pin_factory
    Device.pin_factory = MockFactory()
    yield Device.pin_factory.pin(GPIO)
    Device.pin_factory.reset()
    Device.pin_factory = before


class Pressed:
    """A button, and what stands after it was pressed."""

    def __init__(self, pin: MockPin, long_press_s: float) -> None:
        self.rights = Rights()
        self._pin = pin
        self.button = AgentButton(GPIO, self.rights, long_press_s)

    @property
    def muted(self) -> bool:
        return self.rights.muted(time.monotonic() * 1000)

    @property
    def paused(self) -> bool:
        return self.rights.paused(time.monotonic() * 1000)

    def down(self) -> None:
        self._pin.drive_low()

    def up(self) -> None:
        self._pin.drive_high()


@pytest.fixture
def never_long(pin: MockPin) -> Iterator[Pressed]:
    pressed = Pressed(pin, 3600)
    yield pressed
    pressed.button.close()


@pytest.fixture
def soon_long(pin: MockPin) -> Iterator[Pressed]:
    pressed = Pressed(pin, 0.05)
    yield pressed
    pressed.button.close()


def test_a_long_press_takes_two_seconds() -> None:
    assert LONG_PRESS_S == 2


def test_a_short_press_mutes_and_the_next_one_lets_the_lamp_shine(never_long: Pressed) -> None:
    for muted in (True, False, True):
        never_long.down()
        assert never_long.muted != muted
        never_long.up()
        assert never_long.muted == muted
    assert not never_long.paused


def test_a_long_press_pauses_while_it_is_held_and_the_next_one_resumes(soon_long: Pressed) -> None:
    for paused in (True, False):
        soon_long.down()
        until(lambda paused=paused: soon_long.paused == paused)  # type: ignore[misc]
        soon_long.up()
        assert soon_long.paused == paused
        # letting go of a long press is no short one
        assert not soon_long.muted


def test_nothing_of_it_is_logged(soon_long: Pressed, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "turnlight")
    soon_long.down()
    until(lambda: soon_long.paused)
    soon_long.up()
    assert caplog.records == []


def test_the_button_rules_the_same_rights_as_the_commands(never_long: Pressed) -> None:
    never_long.rights.ask("mute 10", time.monotonic() * 1000)
    never_long.down()
    never_long.up()
    assert never_long.rights.ask("show", 0) == "The lamp shines as it is set."


def test_closing_gives_the_pin_back(pin: MockPin) -> None:
    Pressed(pin, 1).button.close()
    Button(GPIO).close()


@pytest.mark.usefixtures("pin")
def test_a_pin_that_another_has_is_named() -> None:
    other = Button(GPIO)
    with pytest.raises(LampError, match=r"is lamp\.gpio_button free"):
        AgentButton(GPIO, Rights())
    other.close()


@pytest.mark.usefixtures("pin")
def test_a_desk_has_no_button_unless_it_is_set(caplog: pytest.LogCaptureFixture) -> None:
    assert _open_button(Config(), Rights()) is None
    button = _open_button(Config(lamp=LampSettings(gpio_button=GPIO)), Rights())
    assert button is not None
    # a second desk goes on without
    assert _open_button(Config(lamp=LampSettings(gpio_button=GPIO)), Rights()) is None
    assert "until then the agent has no button" in caplog.text
    button.close()


def test_a_button_on_a_pin_of_the_lamp_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"lamp\.gpio_button is 27, which is a pin of the lamp"):
        parse('[lamp]\nkind = "gpio"\ngpio_button = 27\n', "desk.toml")
    assert parse("[lamp]\ngpio_button = 27\n", "desk.toml").lamp.gpio_button == 27
