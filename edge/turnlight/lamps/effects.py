"""What each cue looks like: colour over time, pure. docs/lamps.md shows the picture of it.

Pattern and colour say the same thing, so that a colour-blind eye reads the pattern alone. All
changes are slow; the only fast one is the fault's blink, once in 10 s.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from turnlight.cues import Cue

Rgb = tuple[int, int, int]
"""sRGB, 0..255 each. A driver of bare LEDs has to make it `linear` first."""

GREEN = (40, 220, 110)
AMBER = (255, 150, 0)
BLUE = (70, 120, 255)
WARM_WHITE = (255, 190, 120)
WHITE = (235, 240, 255)
VIOLET = (170, 90, 255)
RED = (255, 0, 0)

_DIM = 0.36
_RESTING = 0.18
"""What stays of a cue after its pulse, so that a late look still finds it."""
_BREATH_IN_MS, _BREATH_OUT_MS = 4000, 6000


class Effect(NamedTuple):
    """One cue's light: a colour, and its strength 0..1 at a time since the cue began."""

    rgb: Rgb
    strength: Callable[[int], float]


def colour(cue: Cue, since_ms: int, brightness: float = 1.0) -> Rgb:
    """The light of a cue.

    Args:
        cue: what is shown.
        since_ms: time since it began.
        brightness: 0..1, the agent's dimmer.
    """
    effect = EFFECTS[cue]
    strength = effect.strength(since_ms) * brightness
    red, green, blue = (round(part * strength) for part in effect.rgb)
    return red, green, blue


def linear(rgb: Rgb) -> tuple[float, float, float]:
    """The light of an sRGB colour, 0..1 each, as the duty of a bare LED (IEC 61966-2-1)."""
    red, green, blue = (
        part / 3294.6 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in rgb
    )
    return red, green, blue


def _swell(rise_ms: int, fall_ms: int, at_ms: int) -> float:
    """Up and down once, with soft turns: 0 outside."""
    if at_ms <= 0 or at_ms >= rise_ms + fall_ms:
        return 0.0
    turn = at_ms / rise_ms if at_ms < rise_ms else 1 + (at_ms - rise_ms) / fall_ms
    return (1 - math.cos(math.pi * turn)) / 2


def _between(low: float, high: float, part: float) -> float:
    return low + (high - low) * part


def _dark(_since_ms: int) -> float:
    return 0.0


def _steady(_since_ms: int) -> float:
    return _DIM


def _slow_breathing(since_ms: int) -> float:
    return _between(0.15, 0.9, _swell(3000, 3000, since_ms % 6000))


def _two_pulses(since_ms: int) -> float:
    at_ms = since_ms % 10_000
    return _between(_RESTING, 1.0, _swell(600, 900, at_ms) + _swell(600, 900, at_ms - 1800))


def _one_pulse(since_ms: int) -> float:
    return _between(_RESTING, 1.0, _swell(400, 1600, since_ms))


def _breathing_pace(low: float, high: float) -> Callable[[int], float]:
    def strength(since_ms: int) -> float:
        at_ms = since_ms % (_BREATH_IN_MS + _BREATH_OUT_MS)
        return _between(low, high, _swell(_BREATH_IN_MS, _BREATH_OUT_MS, at_ms))

    return strength


def _faint(since_ms: int) -> float:
    """Comes for 4 s, the middle two at rest, and is away for 2 s: a light that waits."""
    at_ms = since_ms % 6000
    held_ms = min(max(at_ms - 1000, 0), 2000)
    return 0.45 * _swell(1000, 1000, at_ms - held_ms)


def _glow_once(since_ms: int) -> float:
    return _between(_DIM, 1.0, _swell(1500, 2500, since_ms))


def _two_long_swells(since_ms: int) -> float:
    at_ms = since_ms % 10_000
    return _between(_RESTING, 0.8, _swell(1500, 1500, at_ms) + _swell(1500, 1500, at_ms - 3500))


def _blink(since_ms: int) -> float:
    return 1.0 if since_ms % 10_000 < 200 else 0.0


EFFECTS: dict[Cue, Effect] = {
    "idle": Effect(GREEN, _dark),
    "listening": Effect(GREEN, _steady),
    "share_floor": Effect(AMBER, _slow_breathing),
    "long_turn": Effect(AMBER, _two_pulses),
    "let_finish": Effect(BLUE, _one_pulse),
    # Both are warm white at breathing pace; during a call it never goes out, after one it does.
    "slow_down": Effect(WARM_WHITE, _breathing_pace(0.35, 0.95)),
    "breathe": Effect(WARM_WHITE, _breathing_pace(0.0, 0.6)),
    "own_voice": Effect(VIOLET, _two_long_swells),
    "long_silence": Effect(WHITE, _faint),
    "turnaround": Effect(GREEN, _glow_once),
    "fault": Effect(RED, _blink),
}
