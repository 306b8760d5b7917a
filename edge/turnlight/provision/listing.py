"""Every certificate of a site with its state, and what should be done about it soon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from turnlight.provision.register import Issued
from turnlight.provision.site import Site

Row = dict[str, str]


def rows(site: Site, now: datetime) -> list[Row]:
    """`user`, `team`, `serial`, `issued`, `ends` and `state` of each, oldest first.

    The broker's own certificate and the authority's come first.
    """
    own = [
        Issued(
            user=name,
            team="",
            serial=f"{certificate.serial_number:x}",
            issued_s=int(certificate.not_valid_before_utc.timestamp()),
            ends_s=int(certificate.not_valid_after_utc.timestamp()),
        )
        for name, certificate in (("(authority)", site.ca()), ("(broker)", site.server()))
    ]
    return [_row(one, now) for one in (*own, *site.register().issued)]


def warnings(found: Sequence[Row]) -> list[str]:
    """One sentence for each user whose newest certificate ends soon or has ended."""
    newest = {row["user"]: row for row in found if row["state"] != "revoked"}
    return [
        f"{row['user']}: its certificate {row['state'].replace('ends soon', 'ends')} "
        f"({row['ends']}); {_remedy(row)}"
        for row in newest.values()
        if row["state"] in ("ends soon", "expired")
    ]


def _remedy(row: Row) -> str:
    if row["team"]:
        return f"run `turnlight provision rotate {row['user']}`"
    if row["user"] == "(authority)":
        return "make a new site beside this one, and let the desks enroll there"
    return "run `turnlight provision site NAME` again and restart its service"


def _row(one: Issued, now: datetime) -> Row:
    return {
        "user": one.user,
        "team": one.team,
        "serial": one.serial,
        "issued": _day(one.issued_s),
        "ends": _day(one.ends_s),
        "state": one.state(now.timestamp()),
    }


def _day(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()
