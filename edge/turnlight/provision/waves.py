"""Which desks are due in which wave, and whether one is as well with the new version as before.

Pure: values and times come as arguments.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

from turnlight.messages import Health
from turnlight.provision.fleet import Desk

Verdict = Literal["wait", "well", "ill"]
HOUR_S = 3600.0


class Size(msgspec.Struct, frozen=True):
    """How much of the fleet has the new version after a wave: so many desks, or that share."""

    number: int = 0
    share: float = 0.0

    def of(self, desks: int) -> int:
        """In desks, at least one and at most all."""
        wanted = self.number or math.ceil(self.share * desks - 1e-9)
        return min(max(wanted, 1), desks)


def sizes(text: str) -> tuple[Size, ...]:
    """From `1 5% 25% 100%`.

    Raises:
        ValueError: it is not that, or does not end with all.
    """
    found = []
    for word in text.split():
        parts = re.fullmatch(r"(\d+)(%?)", word)
        if not parts or not 1 <= int(parts[1]) <= (100 if parts[2] else 100_000):
            raise ValueError(f"{word!r} is neither a number of desks nor a share as in 25%")
        number = int(parts[1])
        found.append(Size(share=number / 100) if parts[2] else Size(number=number))
    if not found or found[-1].share != 1.0:
        raise ValueError("the last wave must be 100%")
    return tuple(found)


def order(teams: dict[str, str]) -> list[str]:
    """All desks, one of each team in turn: no wave takes a whole team away at once."""
    by_team: dict[str, list[str]] = {}
    for name, team in sorted(teams.items()):
        by_team.setdefault(team, []).append(name)
    ranked = [
        ((rank + 0.5) / len(names), team, name)
        for team, names in by_team.items()
        for rank, name in enumerate(names)
    ]
    return [name for _, _, name in sorted(ranked)]


def due(
    ordered: Sequence[str], updated: Collection[str], waves: Sequence[Size]
) -> tuple[int, list[str]]:
    """The next wave's number, from 1, and its desks; none when all are updated.

    Those that have the new version already count for the first waves, whoever gave it to them.
    """
    left = [name for name in ordered if name not in updated]
    done = len(ordered) - len(left)
    for number, size in enumerate(waves, 1):
        if left and size.of(len(ordered)) > done:
            return number, left[: size.of(len(ordered)) - done]
    return len(waves), []


class Before(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a desk was with the version before."""

    version: str
    audio_present: bool
    overruns_per_hour: float

    @classmethod
    def of(cls, health: Health) -> Before:
        """As it says."""
        hours = max(health.uptime_s / HOUR_S, 0.1)
        return cls(health.version, health.audio_present, health.overruns / hours)


class Rules(msgspec.Struct, frozen=True):
    """What is asked of a desk and of a wave."""

    version: str
    back_within_s: float
    """From the moment it was due."""
    soak_s: float
    """So long it must be well without a break."""
    enough: float
    """Share of a wave that must be well."""


class Trial:
    """One desk from the moment it is due.

    Args:
        before: how it was; None where that is not known, and then sound must come in.
        began_s: when it was due.
    """

    def __init__(self, rules: Rules, before: Before | None, began_s: float) -> None:
        self.verdict: Verdict = "wait"
        self.why = ""
        self._rules, self._before, self._began_s = rules, before, began_s
        self._first: Health | None = None
        """First health since it was last found unwell."""
        self._first_s = 0.0
        self._last: Health | None = None
        self._restarts = 0
        self._went_back = False
        self._trouble_was = ""

    def look(self, desk: Desk, now_s: float) -> Verdict:
        """What is to be thought of the desk by now; what was decided stays."""
        if self.verdict != "wait":
            return self.verdict
        health = desk.health if desk.heard_s >= self._began_s else None
        if health is not None and health is not self._last:
            self._follow(health)
        trouble = self._trouble(desk, health, now_s)
        if trouble:
            self._first, self._trouble_was = None, trouble
        elif self._first is None:
            self._first, self._first_s = health, desk.heard_s
        if self._went_back:
            self._decide("ill", f"went back from {self._rules.version} to {desk.version}")
        elif self._restarts > 1:
            self._decide("ill", f"restarted {self._restarts} times with {self._rules.version}")
        elif not trouble and desk.heard_s - self._first_s >= self._rules.soak_s:
            self._decide("well", "")
        elif now_s - self._began_s >= self._rules.back_within_s + self._rules.soak_s:
            late = f"{(now_s - self._began_s) / 60:.3g} min after it was due"
            self._decide("ill", f"{self._trouble_was or 'was never well for long'}, {late}")
        return self.verdict

    def _decide(self, verdict: Verdict, why: str) -> None:
        self.verdict, self.why = verdict, why

    def _trouble(self, desk: Desk, health: Health | None, now_s: float) -> str:
        """Why it is not well now; empty when it is."""
        if not desk.online:
            return "is offline"
        if health is None or not desk.speaks(now_s):
            return "is online and says nothing of its health"
        if health.version != self._rules.version:
            return f"still has {health.version}"
        if not health.audio_present and (self._before is None or self._before.audio_present):
            return "has no sound, which it had before" if self._before else "has no sound"
        if grown := self._overruns(health):
            return f"lost sound {grown} times, more often than before"
        return ""

    def _overruns(self, health: Health) -> int:
        """Those beyond what the version before would have had, since it is looked at."""
        if self._first is None:
            return 0
        grown = health.overruns - self._first.overruns
        per_hour = self._before.overruns_per_hour if self._before else 0.0
        allowed = math.ceil(per_hour * (health.uptime_s - self._first.uptime_s) / HOUR_S)
        return grown if grown > allowed else 0

    def _follow(self, health: Health) -> None:
        last, self._last = self._last, health
        if last is None or last.version != self._rules.version:
            return
        if health.version != last.version:
            self._went_back = True
        elif health.uptime_s < last.uptime_s:
            self._restarts += 1
            self._first = None
