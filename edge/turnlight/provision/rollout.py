"""A new version over a fleet in waves: what is due, what came of it, and whether to go on. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from turnlight.provision.fleet import Fleet
from turnlight.provision.waves import Before, Rules, Size, Trial, due, order


class Due(msgspec.Struct, frozen=True, tag_field="event", tag="due"):
    """These are to be updated now."""

    wave: int
    waves: int
    desks: tuple[str, ...]


class Looked(msgspec.Struct, frozen=True, tag_field="event", tag="again"):
    """These have the new version already, and are looked at before anything else."""

    desks: tuple[str, ...]


class Judged(msgspec.Struct, frozen=True, tag_field="event", tag="desk"):
    """What became of one."""

    desk: str
    well: bool
    why: str
    """Empty when it is well."""


class Passed(msgspec.Struct, frozen=True, tag_field="event", tag="passed"):
    """Enough of a wave are well; 0 is that of those that had the version already."""

    wave: int
    well: int
    desks: int


class Stopped(msgspec.Struct, frozen=True, tag_field="event", tag="stopped"):
    """Too many are not; no more desks are due."""

    wave: int
    ill: int
    desks: int
    why: str


class Done(msgspec.Struct, frozen=True, tag_field="event", tag="done"):
    """Nobody who is there is left."""

    well: int
    ill: tuple[str, ...]
    away: tuple[str, ...]
    """Offline or silent, so not updated."""


Event = Due | Looked | Judged | Passed | Stopped | Done


class Rollout:
    """One roll-out from its first wave to its end, or to the wave that stops it.

    Args:
        fleet: the desks, as they are heard.
        teams: each desk's team.
        rules: what is asked of them.
        waves: how many have the version after each.
        before: how desks were with the version before; it is added to, and keeps for a later run
            what cannot be asked any more.
        without: desks that are left out.
    """

    def __init__(
        self,
        fleet: Fleet,
        teams: dict[str, str],
        rules: Rules,
        waves: Sequence[Size],
        before: dict[str, Before],
        without: Collection[str] = (),
    ) -> None:
        self.end: Stopped | Done | None = None
        self.before = before
        self._fleet, self._rules, self._waves = fleet, rules, waves
        self._teams = {name: team for name, team in teams.items() if name not in without}
        self._wave = 0
        self._trials: dict[str, Trial] = {}
        """Of the wave that is being judged."""
        self._tried: dict[str, bool] = {}
        """All that were judged; whether they are well."""

    def plan(self, now_s: float) -> list[tuple[str, ...]]:
        """The waves as they would be, if all that is there went well."""
        ordered = self._ordered(now_s)
        updated = {name for name in ordered if self._fleet[name].version == self._rules.version}
        waves = []
        while (now := due(ordered, updated, self._waves))[1]:
            waves.append(tuple(now[1]))
            updated |= set(now[1])
        return waves

    def away(self, now_s: float) -> tuple[str, ...]:
        """Those that are not there, so that nothing can be said of them."""
        there = self._ordered(now_s)
        return tuple(name for name in self._teams if name not in there)

    def begin(self, now_s: float) -> list[Event]:
        """The fleet was heard long enough: what comes first."""
        had = [
            name
            for name in self._ordered(now_s)
            if self._fleet[name].version == self._rules.version
        ]
        if not had:
            return self._next(now_s)
        self._try(had, now_s)
        return [Looked(tuple(had))]

    def step(self, now_s: float) -> list[Event]:
        """What has come of it by now; to be called again and again."""
        if self.end:
            return []
        events: list[Event] = []
        for name, trial in self._trials.items():
            if name not in self._tried and trial.look(self._fleet[name], now_s) != "wait":
                self._tried[name] = trial.verdict == "well"
                events.append(Judged(name, self._tried[name], trial.why))
        desks = len(self._trials)
        ill = [name for name in self._trials if self._tried.get(name) is False]
        # so many as may be ill, without the dust of the division
        if len(ill) > (1 - self._rules.enough) * desks + 1e-9:
            name = ill[0]
            why = f"{name}: {self._trials[name].why}"
            self.end = Stopped(self._wave, len(ill), desks, why)
            return [*events, self.end]
        if all(name in self._tried for name in self._trials):
            events.append(Passed(self._wave, desks - len(ill), desks))
            events += self._next(now_s)
        return events

    def _ordered(self, now_s: float) -> list[str]:
        """Who counts: all that are there, and those that were there when they were due."""
        return order(
            {
                name: team
                for name, team in self._teams.items()
                if name in self._tried or self._fleet[name].speaks(now_s)
            }
        )

    def _next(self, now_s: float) -> list[Event]:
        number, names = due(self._ordered(now_s), self._tried, self._waves)
        if not names:
            ill = tuple(name for name, well in self._tried.items() if not well)
            self.end = Done(len(self._tried) - len(ill), ill, self.away(now_s))
            return [self.end]
        self._wave = number
        for name in names:
            health = self._fleet[name].health
            if health and health.version != self._rules.version:
                self.before[name] = Before.of(health)
        self._try(names, now_s)
        return [Due(number, len(self._waves), tuple(names))]

    def _try(self, names: Sequence[str], now_s: float) -> None:
        self._trials = {name: Trial(self._rules, self.before.get(name), now_s) for name in names}
