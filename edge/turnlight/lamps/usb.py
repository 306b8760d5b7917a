"""A USB busylight, of any make that busylight-core knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from turnlight.config import LampSettings
from turnlight.lamps.effects import Rgb, linear
from turnlight.lamps.light import LampError, optional

with optional("usb"):
    from busylight_core import BlyncusbLights, MuteMeLights, NoLightsFoundError
    from busylight_core import Light as Busylight

KEEPALIVE_MS = 5000
"""A Kuando light goes dark by itself 15 s after the last sign of life."""

_LIT, _LEAST_LIT = 100, 30
"""From which strength of 255 on an LED that can only be on is on, undimmed and at the least."""
_PART = 0.54
"""From which part of the strongest on the others are on: none of the cues' colours is near it."""


class UsbLight:
    """The first USB light that is plugged in.

    Raises:
        LampError: there is none, or it may not be used.
    """

    refresh_ms = 1000

    def __init__(self, settings: LampSettings) -> None:
        with _border():
            self._light = Busylight.first_light(reset=False)
            _take_over(self._light)
            self._light.reset()
        self.spacing_ms = round(getattr(self._light, "COMMAND_INTERVAL", 0) * 1000)
        """Some lights lose a command that follows another one too soon."""
        self._few_colours = isinstance(self._light, (BlyncusbLights, MuteMeLights))
        self._brightness = settings.brightness
        self._kept_ms: int | None = None

    def set(self, rgb: Rgb, now_ms: int) -> None:
        """Take this colour; tell a light that wants to know that somebody is there."""
        with _border():
            self._light.on(few_colours(rgb, self._brightness) if self._few_colours else _duty(rgb))
            keepalive = getattr(self._light, "keepalive", None)
            if keepalive and (self._kept_ms is None or now_ms - self._kept_ms >= KEEPALIVE_MS):
                keepalive()
                self._kept_ms = now_ms

    def close(self) -> None:
        """Go dark and give the device back."""
        with _border():
            try:
                self._light.off()
            finally:
                self._light.release()


def few_colours(rgb: Rgb, brightness: float) -> Rgb:
    """The nearest of eight colours, for lights whose LEDs are on or off and cannot be dimmed.

    Such a light takes a number's lowest bit, or the nearest of its colours: a swelling light would
    flicker on it, faster than an eye should see.

    Args:
        rgb: the colour, dimmed.
        brightness: 0..1, by how much it is.
    """
    most = max(rgb)
    lit = most >= max(_LIT * brightness, _LEAST_LIT)
    red, green, blue = (255 if lit and part >= _PART * most else 0 for part in rgb)
    return red, green, blue


def found(_settings: LampSettings) -> str:
    """Make and name of each light that is plugged in.

    Raises:
        LampError: there is none.
    """
    with _border():
        names = [
            f"{make.vendor()} {make.supported_device_ids[hardware.device_id]}"
            for make, all_of_it in Busylight.available_hardware().items()
            for hardware in all_of_it
        ]
        if not names:
            raise NoLightsFoundError(Busylight)
    return ", ".join(names)


def _duty(rgb: Rgb) -> Rgb:
    red, green, blue = (round(part * 255) for part in linear(rgb))
    return red, green, blue


def _take_over(light: Any) -> None:
    """Let nothing but this thread talk to the light, and hear of it when it does not answer."""
    # The library would start a thread for each colour, to keep the light alive: see `set`.
    light.add_task = lambda *_args, **_options: None
    handle = light.hardware.handle
    for name in ("write", "send_feature_report"):
        if hasattr(handle, name):
            setattr(handle, name, _answered(getattr(handle, name)))


def _answered(send: Callable[[bytes], int | None]) -> Callable[[bytes], int | None]:
    """Raise where hidapi returns -1 and busylight-core does not look: the light is unplugged."""

    def checked(data: bytes) -> int | None:
        count = send(data)
        if count is not None and count < 0:
            raise OSError("it does not take what it is sent")
        return count

    return checked


@contextmanager
def _border() -> Iterator[None]:
    try:
        yield
    except NoLightsFoundError:
        raise LampError(
            "no USB light is plugged in, or it is of a make that busylight-core does not know"
        ) from None
    # busylight-core, hidapi and pyserial raise errors of many kinds for one thing: it is gone.
    except Exception as error:
        why = str(error) or type(error).__name__
        raise LampError(
            f"the USB light does not answer ({why}); is it plugged in, and may this user use it "
            "(provisioning/udev/60-turnlight-lamps.rules)?"
        ) from None
