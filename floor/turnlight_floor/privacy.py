"""Which cells may be shown: at least k distinct desks, nothing to be found by subtraction. Pure.

docs/floor.md says what this protects from and what it does not.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from turnlight_floor.settings import Settings, SettingsError, read

SITE = "_site"
K_LEAST = 5

Withheld = Literal["", "no data", "too few desks", "protects another cell"]
Lives = npt.NDArray[np.int64]
"""First and last time each pid was seen, shape [pids, 2]."""


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


def guard(path: str) -> None:
    """Make sure that this process cannot change the privacy file.

    Raises:
        SettingsError: it could: the file is its own or writable, or could be replaced.
    """
    if not path:
        return
    file = Path(path)
    may = {
        "is this user's own": file.stat().st_uid == os.geteuid(),
        "can be written by this user": os.access(file, os.W_OK, effective_ids=True),
        "lies in a folder that this user can write": os.access(
            file.parent, os.W_OK, effective_ids=True
        ),
    }
    for how, so in may.items():
        if so:
            raise SettingsError(
                f"{path} {how}, so the floor could lower its own k; let it belong to another user "
                "in a folder of that user's, and run the floor as a user without rights to both"
            )


def fewest_desks(lives: Lives) -> int:
    """The fewest desks that can be behind these pids.

    A desk has one pid at a time, so pids that were never alive together may be one desk before
    and after its shift; the most that were alive at one moment are certainly distinct desks.
    """
    if len(lives) == 0:
        return 0
    first, last = np.sort(lives[:, 0]), np.sort(lives[:, 1])
    ended = np.searchsorted(last, first, side="left")
    return int(np.max(np.arange(1, len(first) + 1) - ended))


def withheld(cells: Mapping[str, Lives], k: int) -> dict[str, Withheld]:
    """Why each team's cell and the site's (`_site`) is withheld; empty text where it is shown.

    Args:
        cells: for each team, the lives of the pids that contributed; no pid is in two teams.
        k: the least number of distinct desks.
    """

    def desks(teams: Collection[str]) -> int:
        if not teams:
            return 0
        return fewest_desks(np.concatenate([cells[team] for team in teams]))

    count = {team: fewest_desks(lives) for team, lives in cells.items()}
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


def withheld_today(
    today: Mapping[str, Lives], rest: Mapping[str, Lives], k: int
) -> dict[str, Withheld]:
    """Why each cell of today is withheld, where a part of it is shown in another range as well.

    Args:
        today: as for `withheld`.
        rest: the pids of which today and the other range hold different sums. Who subtracts one
            range from the other has their figures; so where a cell of the rest may not be shown,
            today's is not.
        k: the least number of distinct desks.
    """
    reasons = withheld(today, k)
    for name, why in withheld(rest, k).items():
        if reasons[name] == "" and why not in ("", "no data"):
            reasons[name] = "protects another cell"
    return reasons
