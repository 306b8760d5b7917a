"""The picture in docs/lamps.md, and whether the cues can be told apart in it by everybody."""

from __future__ import annotations

import itertools
import runpy
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from turnlight.cues import Cue
from turnlight.lamps.effects import Rgb, colour, linear

CUES: tuple[Cue, ...] = get_args(Cue)
STEP_MS = 100
SCRIPT = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "make_lamps.py"))
VISIONS: dict[str, Any] = SCRIPT["VISIONS"]
seen = SCRIPT["seen"]


@cache
def lightness(cue: Cue, vision: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """CIE L* of a cue's first 20 s as somebody with this vision sees it."""
    shown = [seen(colour(cue, at_ms), VISIONS[vision]) for at_ms in range(0, 20_000, STEP_MS)]
    y = np.array([linear(rgb) for rgb in shown]) @ (0.2126, 0.7152, 0.0722)
    return np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)


def test_four_visions_are_shown_for_each_cue() -> None:
    assert list(VISIONS) == ["normal", "protanopia", "deuteranopia", "tritanopia"]
    picture = SCRIPT["picture"]()
    for vision in VISIONS:
        assert picture.count(f">{vision}</text>") == len(CUES)


@pytest.mark.parametrize("vision", VISIONS)
def test_black_and_greys_look_the_same_to_everybody(vision: str) -> None:
    for part in (0, 1, 77, 188, 255):
        assert seen((part, part, part), VISIONS[vision]) == (part, part, part)


def test_normal_vision_changes_no_colour() -> None:
    for rgb in ((255, 150, 0), (1, 2, 3), (70, 120, 255)):
        assert seen(rgb, VISIONS["normal"]) == rgb


@pytest.mark.parametrize(
    ("vision", "one", "other"),
    [
        # Without long or middle cones, red, green and yellow of the right strength are one colour.
        ("protanopia", (0, 110, 0), (255, 90, 0)),
        ("deuteranopia", (0, 150, 0), (187, 86, 0)),
        # Without short cones, blue and green are.
        ("tritanopia", (0, 190, 160), (0, 180, 255)),
    ],
)
def test_colours_that_are_confused_come_closer(vision: str, one: Rgb, other: Rgb) -> None:
    def apart(a: Rgb, b: Rgb) -> float:
        return float(np.linalg.norm(np.subtract(a, b)))

    assert apart(seen(one, VISIONS[vision]), seen(other, VISIONS[vision])) < 0.5 * apart(one, other)


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(CUES, 2)))
def test_every_pair_of_cues_differs_in_lightness_for_everybody(
    vision: str, one: Cue, other: Cue
) -> None:
    first, second = lightness(one, vision), lightness(other, vision)
    closest = min(
        np.sqrt(np.mean((first - np.roll(second, shift)) ** 2)) for shift in range(len(second))
    )
    assert closest > 5
