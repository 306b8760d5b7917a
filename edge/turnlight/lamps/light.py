"""A lamp made of anything that takes a colour, and found again after it was unplugged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from turnlight.cues import Cue, CueShown
from turnlight.lamps.effects import Rgb, colour

_LOG = logging.getLogger(__name__)

LOOK_EVERY_MS = 1000


class LampError(OSError):
    """A light is not there or does not answer; the text says why and what to do."""


@contextmanager
def optional(kind: str) -> Iterator[None]:
    """Around the imports of packages that come with the extra `turnlight[kind]`.

    Raises:
        LampError: a package is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise LampError(
            f"a lamp of kind {kind} needs the package {error.name}; "
            f"run `pip install turnlight[{kind}]`"
        ) from None


class Light(Protocol):
    """A device that takes one colour. Each call may raise LampError: the device is gone."""

    @property
    def spacing_ms(self) -> int:
        """Least time between two colours."""

    @property
    def refresh_ms(self) -> int:
        """The same colour is set again after this time: so a lost light is noticed."""

    def set(self, rgb: Rgb, now_ms: int, /) -> None:
        """Take this sRGB colour at `now_ms` of a monotonic clock."""

    def close(self) -> None:
        """Go dark and give the device back."""


class ColourLamp:
    """Shows cues on a light. While that is away the lamp looks for it once a second.

    Args:
        find: opens the light; raises LampError while there is none.
        brightness: 0..1, the agent's dimmer.
    """

    def __init__(self, find: Callable[[], Light], brightness: float = 1.0) -> None:
        self._find = find
        self._brightness = self._full = brightness
        self._light: Light | None = None
        self._cue: Cue = "idle"
        self._since_ms: int | None = None
        self._sent: Rgb | None = None
        self._sent_ms = 0
        self._looked_ms: int | None = None
        self._missing = False

    def open(self) -> None:
        """Find the light now.

        Raises:
            LampError: there is none.
        """
        self._light = self._find()

    def show(self, cue: CueShown) -> None:
        """Show this cue from the next tick on."""
        self._cue = cue.cue
        self._since_ms = None

    def tick(self, now_ms: int) -> None:
        """Set the light's colour when it has changed, or when it was last set long ago."""
        if self._since_ms is None:
            self._since_ms = now_ms
        rgb = colour(self._cue, now_ms - self._since_ms, self._brightness)
        try:
            light = self._light or self._look(now_ms)
            if light and self._due(light, rgb, now_ms):
                light.set(rgb, now_ms)
                self._sent, self._sent_ms = rgb, now_ms
        except LampError as error:
            self._lose(str(error))

    def dim(self, part: float) -> None:
        """Give this part of the brightness from the next tick on."""
        self._brightness = self._full * part

    def close(self) -> None:
        """Put the light out, if there is one.

        Raises:
            LampError: it does not answer.
        """
        if self._light:
            self._light.close()
            self._light = None

    def _due(self, light: Light, rgb: Rgb, now_ms: int) -> bool:
        if self._sent is None:
            return True
        age_ms = now_ms - self._sent_ms
        return age_ms >= (light.refresh_ms if rgb == self._sent else light.spacing_ms)

    def _look(self, now_ms: int) -> Light | None:
        if self._looked_ms is not None and now_ms - self._looked_ms < LOOK_EVERY_MS:
            return None
        self._looked_ms = now_ms
        self._light = self._find()
        if self._missing:
            _LOG.warning("the lamp is back")
            self._missing = False
        return self._light

    def _lose(self, why: str) -> None:
        if not self._missing:
            _LOG.warning("%s; the lamp is looked for every second", why)
        self._missing = True
        with suppress(LampError):
            self.close()
        self._light = self._sent = None
