"""Desks that may enroll by a code: who, until when. A code works once."""

from __future__ import annotations

import hmac
from pathlib import Path

import msgspec

from turnlight.provision.batch import Wanted
from turnlight.provision.code import digest
from turnlight.provision.files import PRIVATE, put_record, read_record


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One code, as its digest."""

    digest: str
    desk: Wanted
    ends_s: int


class Invitations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Those that are open."""

    open: tuple[Invitation, ...] = ()

    def with_one(self, secret: str, desk: Wanted, ends_s: int) -> Invitations:
        """One more; an older one for the same desk ends."""
        kept = (one for one in self.open if one.desk.device != desk.device)
        return Invitations((*kept, Invitation(digest(secret), desk, ends_s)))

    def take(self, secret: str, now_s: float) -> tuple[Wanted | None, Invitations]:
        """The desk that this code is for, and what is open after that; None for a wrong code.

        What has ended goes away as well.
        """
        asked = digest(secret)
        alive = [one for one in self.open if now_s < one.ends_s]
        # in the same time for each, so that time tells nothing
        hits = [hmac.compare_digest(one.digest, asked) for one in alive]
        left = tuple(one for one, hit in zip(alive, hits, strict=True) if not hit)
        desk = next((one.desk for one, hit in zip(alive, hits, strict=True) if hit), None)
        return desk, Invitations(left)


def load(path: Path) -> Invitations:
    """The open invitations; none where there is no file yet.

    Raises:
        ProvisionError: it is damaged.
    """
    remedy = "remove it, and invite the desks anew"
    return read_record(path, Invitations, remedy) or Invitations()


def save(path: Path, invitations: Invitations) -> None:
    """Keep them."""
    put_record(path, invitations, PRIVATE)
