"""How the desks of a site are, as far as their status and health say it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from turnlight.messages import Health, Status, decode

SILENT_S = 150.0
"""Health comes each 60 s; a desk that said nothing for so long is silent."""


class Desk(msgspec.Struct, frozen=True):
    """One desk."""

    name: str
    team: str
    online: bool = False
    health: Health | None = None
    """The last that came while it was online."""
    heard_s: float = float("-inf")
    """When that was, on the clock of whoever looks."""

    def speaks(self, now_s: float) -> bool:
        """Whether it is there and says how it is."""
        return self.online and self.health is not None and now_s - self.heard_s < SILENT_S

    @property
    def version(self) -> str:
        """The last one it said; empty when it never did."""
        return self.health.version if self.health else ""


class Fleet:
    """All desks of a site.

    Args:
        teams: each desk's team, from the register.
    """

    def __init__(self, teams: dict[str, str]) -> None:
        self._desks = {name: Desk(name, team) for name, team in sorted(teams.items())}

    def __getitem__(self, name: str) -> Desk:
        return self._desks[name]

    def __iter__(self) -> Iterator[Desk]:
        return iter(self._desks.values())

    def __contains__(self, name: str) -> bool:
        return name in self._desks

    def __len__(self) -> int:
        return len(self._desks)

    def take(self, topic: str, payload: bytes, now_s: float) -> Desk | None:
        """What came on a status or health topic; gives the desk as it is now.

        None for what is of no desk of the register, or no valid message.
        """
        name, leaf = topic.split("/")[-2:]
        before = self._desks.get(name)
        if before is None:
            return None
        try:
            if leaf == "status":
                online = decode(payload, Status).state == "online"
                after = msgspec.structs.replace(before, online=online)
            else:
                health = decode(payload, Health)
                after = msgspec.structs.replace(before, health=health, heard_s=now_s)
        except msgspec.DecodeError:
            return None
        self._desks[name] = after
        return after
