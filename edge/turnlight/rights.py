"""What the agent may ask of the own desk: to dim the lamp, to mute it, to pause everything, and to
be coached about the own voice.

Pure. Nothing of it is sent, stored or logged: a restart forgets it, and from outside a paused desk
looks like one without a call.
"""

from __future__ import annotations

import math

from turnlight.config import Config

FOREVER_MS = math.inf
MINUTES_MOST = 24 * 60


class Refused(Exception):
    """What was asked makes no sense; the text says what would."""


class Rights:
    """The agent's wishes, as they stand. Times are those of a monotonic clock.

    Attributes:
        brightness: 0..1, what is left of the lamp's light.
        coached: the lamp also says when the agent's own voice is strained.

    Args:
        against_coaching: why this desk does not coach, as a sentence; empty where it may.
    """

    def __init__(self, against_coaching: str = "") -> None:
        self.brightness = 1.0
        self.coached = False
        self._against_coaching = against_coaching
        self._muted_until_ms = -FOREVER_MS
        self._paused_until_ms = -FOREVER_MS

    def muted(self, now_ms: float) -> bool:
        """The lamp stays dark; the desk goes on measuring."""
        return now_ms < self._muted_until_ms

    def paused(self, now_ms: float) -> bool:
        """Nothing is measured, and the lamp stays dark."""
        return now_ms < self._paused_until_ms

    def ask(self, words: str, now_ms: float) -> str:
        """Take one wish, and say in a sentence what stands from now on.

        Args:
            words: `dim 30`, `mute`, `mute 10` (minutes), `unmute`, `pause`, `pause 10`, `resume`,
                `coach on`, `coach off`, or `show`.
            now_ms: when.

        Raises:
            Refused: the words are others than these.
        """
        wish, *rest = words.split() or [""]
        match wish, rest:
            case "dim", [percent]:
                self.brightness = _number(percent, "a brightness in per cent", 0, 100) / 100
            case "mute", []:
                self._muted_until_ms = FOREVER_MS
            case "mute", [minutes]:
                self._muted_until_ms = now_ms + _minutes_ms(minutes)
            case "unmute", []:
                self._muted_until_ms = -FOREVER_MS
            case "pause", []:
                self._paused_until_ms = FOREVER_MS
            case "pause", [minutes]:
                self._paused_until_ms = now_ms + _minutes_ms(minutes)
            case "resume", []:
                self._paused_until_ms = -FOREVER_MS
            case "coach", ["on"]:
                if self._against_coaching:
                    raise Refused(self._against_coaching)
                self.coached = True
            case "coach", ["off"]:
                self.coached = False
            case "show", []:
                pass
            case _:
                raise Refused(
                    f"`{words.strip()}` is none of: dim PERCENT, mute [MINUTES], unmute, "
                    "pause [MINUTES], resume, coach on, coach off, show"
                )
        return self.told(now_ms)

    def told(self, now_ms: float) -> str:
        """What stands now, in a sentence or two."""
        light = self._light(now_ms)
        if self.coached and not self.paused(now_ms):
            light += " It also tells when your own voice is strained; nobody else learns of that."
        return light

    def _light(self, now_ms: float) -> str:
        if self.paused(now_ms):
            until = _until(self._paused_until_ms - now_ms)
            return f"Paused{until}: nothing is measured, and the lamp is dark."
        if self.muted(now_ms):
            return f"Muted{_until(self._muted_until_ms - now_ms)}: the lamp is dark."
        if self.brightness < 1:
            return f"The lamp shines at {self.brightness * 100:.0f} %."
        return "The lamp shines as it is set."


def against_coaching(config: Config) -> str:
    """Why this desk does not coach, as a sentence; empty where an agent may ask for it."""
    if not config.strain.coaching:
        return "this site does not coach: strain.coaching is false in the desk's settings"
    if config.lamp.kind in ("mqtt", "lines"):  # a service manager keeps lines
        return (
            "others could read this desk's lamp, so it does not coach; set lamp.kind to terminal, "
            "gpio, spi or usb"
        )
    return ""


def _minutes_ms(text: str) -> float:
    return _number(text, "a time in minutes", 0.1, MINUTES_MOST) * 60_000


def _number(text: str, what: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise Refused(f"`{text}` is not {what} from {least:g} to {most:g}")
    return number


def _until(left_ms: float) -> str:
    if left_ms == FOREVER_MS:
        return ""
    minutes = math.ceil(left_ms / 60_000)
    return f" for {minutes} more minute{'s' if minutes > 1 else ''}"
