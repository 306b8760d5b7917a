"""Every certificate that the site's authority has given to a client, in one file of JSON."""

from __future__ import annotations

from pathlib import Path

import msgspec

from turnlight.provision.files import PRIVATE, put_record, read_record
from turnlight.provision.trouble import ProvisionError

DAY_S = 86_400
WARN_DAYS = 30
"""A certificate that ends within so many days is worth a warning."""


class Issued(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One certificate."""

    user: str
    """A device's name, or that of a service, which begins with _."""
    team: str
    """Of a device; empty for a service."""
    serial: str
    """In hexadecimal."""
    issued_s: int
    """Unix seconds, as all times here."""
    ends_s: int
    revoked_s: int | None = None

    def state(self, now_s: float) -> str:
        """`valid`, `ends soon`, `expired` or `revoked`."""
        if self.revoked_s is not None:
            return "revoked"
        if now_s >= self.ends_s:
            return "expired"
        return "ends soon" if now_s >= self.ends_s - WARN_DAYS * DAY_S else "valid"


class Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them, oldest first."""

    issued: tuple[Issued, ...] = ()

    def of(self, user: str) -> tuple[Issued, ...]:
        """Those of one user."""
        return tuple(one for one in self.issued if one.user == user)

    def current(self, user: str) -> Issued | None:
        """The newest of a user that is not revoked."""
        return next((one for one in reversed(self.of(user)) if one.revoked_s is None), None)

    def teams(self) -> dict[str, str]:
        """Each device that has a certificate which is not revoked, with its team; by name."""
        kept = {one.user: one.team for one in self.issued if one.team and one.revoked_s is None}
        return dict(sorted(kept.items()))

    def with_one(self, new: Issued) -> Register:
        """And this one."""
        return Register((*self.issued, new))

    def without(self, user: str, now_s: int, *, old_only: bool) -> Register:
        """All of a user's certificates revoked, or all but the newest.

        Raises:
            ProvisionError: there is nothing to revoke.
        """
        if not self.of(user):
            raise ProvisionError(f"{user}: has no certificate; see `turnlight provision list`")
        newest = self.current(user) if old_only else None
        hit = {one.serial for one in self.of(user) if one.revoked_s is None and one is not newest}
        if not hit:
            which = "older certificate" if old_only else "certificate"
            raise ProvisionError(f"{user}: no {which} is left to revoke")
        return Register(
            tuple(
                msgspec.structs.replace(one, revoked_s=now_s) if one.serial in hit else one
                for one in self.issued
            )
        )


def load(path: Path) -> Register:
    """The register; an empty one where there is none yet.

    Raises:
        ProvisionError: it is damaged.
    """
    return read_record(path, Register, "restore it from its backup") or Register()


def save(path: Path, register: Register) -> None:
    """Keep it."""
    put_record(path, register, PRIVATE)
