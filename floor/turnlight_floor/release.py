"""What of the picture is shown, and when: it moves on in steps of at least k desks.

Who keeps every publication can subtract any two of them, of two times as of two cells. So a team's
figures, and the site's with them, change only when at least k distinct desks have something new:
each difference of two publications is then the work of k desks or more. Teams that are too small
to be shown move the site's figures together, by the same rule.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from turnlight.messages import Aggregate, Figures
from turnlight_floor.aggregate import NOW_S, Picture
from turnlight_floor.desks import Sums, in_call, in_milliseconds
from turnlight_floor.figures import figures
from turnlight_floor.minutes import Cell
from turnlight_floor.privacy import SITE, Lives, fewest_desks, withheld, withheld_today

Rows = npt.NDArray[np.intp]


class Release:
    """The published side of a picture.

    Args:
        picture: the floor.
        k: least number of distinct desks.
    """

    def __init__(self, picture: Picture, k: int) -> None:
        self.k = k
        self._picture = picture
        self._last: list[Aggregate] = []
        self._last_of: tuple[int, ...] = ()

    def aggregates(self, now_s: float) -> list[Aggregate]:
        """The cells to publish: one for each team, and the site's."""
        picture = self._picture
        # What was shown as `now` is taken away in time; else a quiet floor costs nothing.
        old = sum(now_s - moved_s > NOW_S for moved_s, _ in picture.released.values())
        if (picture.changes, old) == self._last_of:
            return [msgspec.structs.replace(cell, made_at_s=round(now_s, 1)) for cell in self._last]
        self._last = self._aggregates(now_s)
        self._last_of = picture.changes, old
        return self._last

    def _aggregates(self, now_s: float) -> list[Aggregate]:
        picture = self._picture
        picture.advance(now_s)
        self._move(now_s)
        if not picture.teams:
            return []
        desks, n = picture.desks, len(picture.desks)
        rows, whole = self._places()
        now, today = desks.shown_now[:n], desks.shown_today[:n]
        rest = (now != today).any(axis=1)
        now_in, today_in = in_call(now), in_call(today)
        lives = self._lives()
        waits = in_call(desks.now[:n]), in_call(desks.today[:n])

        def of(inside: npt.NDArray[np.bool_]) -> dict[str, Lives]:
            return {team: lives[at[inside[at]]] for team, at in rows.items()}

        now_why = withheld(of(now_in), self.k)
        today_why = withheld_today(of(today_in), of(rest & (now_in | today_in)), self.k)
        out = []
        for name, at in {**rows, SITE: whole}.items():
            cells: list[Cell] = []
            for sums, inside, why, waiting in (
                (now, now_in, now_why[name], waits[0]),
                (today, today_in, today_why[name], waits[1]),
            ):
                if why == "no data" and waiting[at].any():
                    why = "too few desks"
                cells.append((None if why else self._figures(sums, at[inside[at]], lives), why))
            out.append(
                Aggregate(
                    site=picture.site,
                    team=name,
                    made_at_s=round(now_s, 1),
                    newest_window_s=self._newest(name),
                    k=self.k,
                    now=cells[0][0],
                    now_withheld=cells[0][1],
                    today=cells[1][0],
                    today_withheld=cells[1][1],
                )
            )
        return sorted(out, key=lambda cell: cell.team)

    def minute(self, start_s: int) -> dict[str, Cell]:
        """The cells of one minute, for the history; complete once it is LATE_S old."""
        sums = self._picture.between(start_s, start_s + 60)
        rows, whole = self._places()
        inside, lives = in_call(sums), self._lives()
        reasons = withheld({team: lives[at[inside[at]]] for team, at in rows.items()}, self.k)
        return {
            name: (
                None if reasons[name] else self._figures(sums, at[inside[at]], lives),
                reasons[name],
            )
            for name, at in {**rows, SITE: whole}.items()
        }

    def _move(self, now_s: float) -> None:
        """Let each team move on that may, and the small ones together."""
        picture = self._picture
        desks, n = picture.desks, len(picture.desks)
        rows, _ = self._places()
        lives, pending = self._lives(), desks.pending[:n]
        today = in_call(desks.today[:n])
        small: list[Rows] = []
        for name, at in rows.items():
            if not pending[at].any():
                pass
            elif fewest_desks(lives[at[today[at]]]) < self.k:
                small.append(at)
            elif fewest_desks(lives[at[pending[at]]]) >= self.k:
                self._show(name, at, now_s)
            last_s, _ = self._picture.released.get(name, (now_s, 0))
            if now_s - last_s > NOW_S:
                desks.shown_now[at] = 0
        if small:
            together = np.concatenate(small)
            if fewest_desks(lives[together[pending[together]]]) >= self.k:
                for name, at in rows.items():
                    if any(at is one for one in small):
                        self._show(name, at, now_s)

    def _show(self, name: str, at: Rows, now_s: float) -> None:
        desks = self._picture.desks
        desks.shown_now[at] = desks.now[at]
        desks.shown_today[at] = desks.today[at]
        desks.pending[at] = False
        self._picture.released[name] = now_s, self._picture.newest(name)

    def _newest(self, name: str) -> int:
        picture = self._picture
        of = picture.teams if name == SITE else [name]
        shown = [picture.released[team][1] for team in of if team in picture.released]
        return max(shown or map(picture.newest, of))

    def _places(self) -> tuple[dict[str, Rows], Rows]:
        """Rows of each team and of all, each in the order of pids."""
        picture = self._picture
        whole = picture.desks.by_pid()
        team = picture.desks.team[whole]
        sorted_ = np.argsort(team, kind="stable")
        ends = np.searchsorted(team[sorted_], np.arange(1, len(picture.teams)))
        parts = np.split(whole[sorted_], ends) if picture.teams else []
        return dict(zip(picture.teams, parts, strict=True)), whole

    def _lives(self) -> Lives:
        desks, n = self._picture.desks, len(self._picture.desks)
        return np.stack([desks.first_s[:n], desks.last_s[:n]], axis=1)

    @staticmethod
    def _figures(sums: Sums, at: Rows, lives: Lives) -> Figures:
        return figures(fewest_desks(lives[at]), in_milliseconds(sums[at]))  # type: ignore[arg-type]
