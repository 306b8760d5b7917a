"""Who may write and read what at the broker: the table of docs/wire.md as code, and only here."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from paho.mqtt.client import topic_matches_sub

from turnlight.messages import (
    clock_topic,
    device_topic,
    discovery_topic,
    floor_topic,
    window_topic,
)


class Role(msgspec.Struct, frozen=True):
    """A user of the broker and its rights, as topic filters."""

    user: str
    """Common name of the certificate. All but devices begin with _, which no device can."""
    writes: tuple[str, ...]
    reads: tuple[str, ...]

    def may_write(self, topic: str) -> bool:
        """Whether the broker should take what this user publishes there."""
        return _any_matches(self.writes, topic)

    def may_read(self, topic: str) -> bool:
        """Whether the broker should give this user what is published there."""
        return _any_matches(self.reads, topic)


AGGREGATOR, PAGE, TELEPHONE, BRIDGE = "_aggregator", "_page", "_telephone", "_bridge"
FLEET = "_fleet"
HOME_ASSISTANT = "_home-assistant"


def device(site: str, team: str, name: str) -> Role:
    """A desk writes its own windows, status and health, may let Home Assistant find it, and hears
    its calls and the time."""
    status = device_topic(site, name, "status")
    return Role(
        name,
        writes=(
            window_topic(site, team),
            status,
            device_topic(site, name, "health"),
            discovery_topic(site, name),
        ),
        reads=(status, device_topic(site, name, "call"), clock_topic(site)),
    )


def fleet(site: str) -> Role:
    """IT's look at the desks: it sees how they are, and nothing of what is measured."""
    reads = (device_topic(site, "+", "status"), device_topic(site, "+", "health"))
    return Role(FLEET, writes=(), reads=reads)


def services(site: str) -> tuple[Role, ...]:
    """All that are no desks."""
    floor = floor_topic(site, "#")
    return (
        Role(AGGREGATOR, writes=(floor, clock_topic(site)), reads=(window_topic(site, "+"),)),
        Role(
            PAGE,
            writes=(),
            reads=(
                floor,
                device_topic(site, "+", "status"),
                device_topic(site, "+", "health"),
            ),
        ),
        Role(TELEPHONE, writes=(device_topic(site, "+", "call"),), reads=()),
        Role(BRIDGE, writes=(), reads=(floor,)),
        fleet(site),
        Role(
            HOME_ASSISTANT,
            writes=(),
            reads=(
                discovery_topic(site, "+"),
                device_topic(site, "+", "status"),
                device_topic(site, "+", "health"),
            ),
        ),
    )


def access_list(roles: Iterable[Role]) -> str:
    """Mosquitto's access list. What it does not allow is refused."""
    blocks = [
        "# Made by `turnlight provision`; docs/wire.md has the table. What is not here is denied."
    ]
    for role in roles:
        lines = [f"user {role.user}"]
        lines += [f"topic write {topic}" for topic in role.writes]
        lines += [f"topic read {topic}" for topic in role.reads]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _any_matches(filters: Iterable[str], topic: str) -> bool:
    return any(topic_matches_sub(pattern, topic) for pattern in filters)
