"""The agent's button: a short press mutes the lamp or lets it shine, a long one pauses the desk.

Like all of the agent's rights it is neither sent nor stored nor logged.
"""

from __future__ import annotations

import time

from turnlight.lamps.light import LampError, optional
from turnlight.rights import Rights

with optional("gpio"):
    from gpiozero import Button

LONG_PRESS_S = 2.0
BOUNCE_S = 0.02


class AgentButton:
    """A button between a GPIO and ground.

    Args:
        gpio: number of the GPIO; its own resistor pulls it up.
        rights: what is asked for.
        long_press_s: held for so long it is a long press, at that moment.

    Raises:
        LampError: there is no such pin, or another program has it.
    """

    def __init__(self, gpio: int, rights: Rights, long_press_s: float = LONG_PRESS_S) -> None:
        self._rights = rights
        self._long = False
        try:
            self._button = Button(gpio, hold_time=long_press_s, bounce_time=BOUNCE_S)
        # Each pin library has errors of its own, and gpiozero passes them on.
        except Exception as error:
            raise LampError(
                f"the agent's button cannot be read ({error}); is lamp.gpio_button free, and is "
                "this user in the group gpio?"
            ) from None
        self._button.when_pressed = self._press
        self._button.when_held = self._hold
        self._button.when_released = self._release

    def close(self) -> None:
        """Give the pin back."""
        self._button.close()

    def _press(self) -> None:
        self._long = False

    def _hold(self) -> None:
        self._long = True
        now_ms = time.monotonic() * 1000
        self._rights.ask("resume" if self._rights.paused(now_ms) else "pause", now_ms)

    def _release(self) -> None:
        if not self._long:
            now_ms = time.monotonic() * 1000
            self._rights.ask("unmute" if self._rights.muted(now_ms) else "mute", now_ms)
