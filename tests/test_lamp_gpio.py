"""The lamp on the pins of a Raspberry Pi, against gpiozero's own simulated pins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gpiozero import PWMLED, Device
from gpiozero.pins.mock import MockFactory, MockPWMPin

from turnlight.config import LampSettings
from turnlight.cues import CueShown
from turnlight.lamps import ColourLamp, LampError, driver, found
from turnlight.lamps.effects import colour, linear

PINS = (17, 27, 22)
SETTINGS = LampSettings(kind="gpio")


@pytest.fixture
def board() -> Iterator[MockFactory]:
    before = Device.pin_factory
    Device.pin_factory = MockFactory(pin_class=MockPWMPin)
    yield Device.pin_factory
    Device.pin_factory.reset()
    Device.pin_factory = before


def duties(board: MockFactory) -> list[float]:
    return [float(board.pin(number).state) for number in PINS]


def lamp(settings: LampSettings = SETTINGS) -> ColourLamp:
    made = driver(settings)
    assert isinstance(made, ColourLamp)
    made.show(CueShown(at_ms=0, cue="share_floor", reason=""))
    return made


def test_red_green_and_blue_get_the_light_of_the_effect(board: MockFactory) -> None:
    shining = lamp()
    for now_ms in (0, 1000, 3000):
        shining.tick(now_ms)
        assert duties(board) == pytest.approx(linear(colour("share_floor", now_ms)))
    shining.close()


def test_closing_leaves_no_pin_lit_and_makes_inputs_of_them(board: MockFactory) -> None:
    shining = lamp()
    shining.tick(0)
    shining.tick(3000)
    assert max(duties(board)) > 0.5
    shining.close()
    assert duties(board) == [0, 0, 0]
    assert {board.pin(number).function for number in PINS} == {"input"}


def test_with_a_common_plus_a_low_pin_is_light(board: MockFactory) -> None:
    shining = lamp(LampSettings(kind="gpio", gpio_common_anode=True))
    shining.tick(0)
    shining.tick(3000)
    lit = linear(colour("share_floor", 3000))
    assert duties(board) == pytest.approx([1 - part for part in lit])
    for number in PINS:
        board.pin(number).clear_states()
    shining.close()
    for number in PINS:
        *_, last_driven, _as_input = board.pin(number).states
        assert last_driven.state == 1, "driven dark before it is let go"


def test_a_pin_that_is_taken_is_one_sentence_and_is_taken_over_when_it_is_free(
    board: MockFactory,
) -> None:
    other = PWMLED(27)
    shining = lamp()
    with pytest.raises(LampError, match="does another program use"):
        shining.open()
    shining.tick(0)
    other.close()
    shining.tick(1000)
    assert duties(board) == pytest.approx(linear(colour("share_floor", 1000)))
    shining.close()


@pytest.mark.usefixtures("board")
def test_the_list_names_board_and_pins_and_takes_none_of_them() -> None:
    assert found(SETTINGS) == "Raspberry Pi 3B rev 1.2, GPIO17, 27, 22"
    PWMLED(17).close()
