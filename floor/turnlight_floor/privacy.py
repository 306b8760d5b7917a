"""Which cells may be shown: at least k distinct desks, nothing to be found by subtraction. Pure.

docs/floor.md says what this protects from and what it does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from turnlight_floor.settings import Settings, SettingsError, read

SITE = "_site"
K_LEAST = 5

Withheld = Literal["", "no data", "too few desks", "protects another cell"]
Life = tuple[int, int]
"""First and last time a pid was seen."""


class Privacy(Settings, frozen=True, kw_only=True):
    """The privacy file. The running service reads it and has no way to change it."""

    k: Annotated[int, Meta(ge=K_LEAST, le=1000)] = K_LEAST
    """A cell is shown only when at least so many distinct desks contributed."""


def load(path: str) -> Privacy:
    """Thresholds from the privacy file; without a file the defaults.

    Raises:
        SettingsError: the file cannot be read, or asks for less than is ever allowed.
    """
    if not path:
        return Privacy()
    text = read(Path(path))
    try:
        return msgspec.toml.decode(text, type=Privacy)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"{path}: {error}; k must be a whole number of at least {K_LEAST} desks, never lower"
        ) from None
    except msgspec.DecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None


def fewest_desks(lives: Iterable[Life]) -> int:
    """The fewest desks that can be behind these pids.

    A desk has one pid at a time, so pids that were never alive together may be one desk before
    and after its shift; the most that were alive at one moment are certainly distinct desks.
    """
    steps = sorted(step for first, last in lives for step in ((first, 0), (last, 1)))
    most = alive = 0
    for _, ends in steps:
        alive += -1 if ends else 1
        most = max(most, alive)
    return most


def withheld(
    cells: Mapping[str, Collection[str]], lives: Mapping[str, Life], k: int
) -> dict[str, Withheld]:
    """Why each team's cell and the site's (`_site`) is withheld; empty text where it is shown.

    Args:
        cells: for each team, the pids that contributed.
        lives: when each pid was alive.
        k: the least number of distinct desks.
    """

    def desks(teams: Iterable[str]) -> int:
        return fewest_desks(lives[pid] for pid in {pid for team in teams for pid in cells[team]})

    count = {team: desks([team]) for team in cells}
    reasons: dict[str, Withheld] = {
        team: "" if n >= k else "too few desks" if n else "no data" for team, n in count.items()
    }
    site = desks(cells)
    reasons[SITE] = "" if site >= k else "too few desks" if site else "no data"
    hidden = [team for team in cells if reasons[team] == "too few desks"]
    if reasons[SITE] == "" and hidden and desks(hidden) < k:
        # Site less the shown teams would be a group of fewer than k. Hiding the smallest shown
        # team makes that group large enough; where only one is shown, the site is hidden.
        shown = sorted((count[team], team) for team in cells if reasons[team] == "")
        reasons[shown[0][1] if len(shown) > 1 else SITE] = "protects another cell"
    return reasons
