"""Bundles for desks: new ones, and new certificates for old ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from turnlight.provision.authority import certificate_pem, key_pem, new_key
from turnlight.provision.batch import Wanted, refuse_taken
from turnlight.provision.bundle import pack
from turnlight.provision.grant import Grant
from turnlight.provision.site import Site
from turnlight.provision.trouble import ProvisionError


class Given(msgspec.Struct, frozen=True):
    """A row of what was given."""

    device: str
    team: str
    serial: str
    ends: str
    """Day on which the certificate ends, as 2027-01-31."""
    bundle: str


def give(site: Site, wanted: Sequence[Wanted], out: Path, now: datetime) -> Iterator[Given]:
    """A bundle for each of these desks, in order; nothing at all when one of them cannot be.

    Raises:
        ProvisionError: a desk has a certificate already, or comes twice.
    """
    with site.changing():
        refuse_taken(wanted, site.register())
        yield from _bundles(site, wanted, out, now)


def rotate(site: Site, device: str, out: Path, now: datetime) -> Given:
    """A new key and certificate for a desk; the old one stays good until it is revoked or ends.

    Raises:
        ProvisionError: there is no such desk.
    """
    with site.changing():
        current = site.register().current(device)
        if current is None or not current.team:
            raise ProvisionError(
                f"{device}: no desk of this name has a certificate; see `turnlight provision list`"
            )
        (given,) = _bundles(site, [Wanted(device, current.team)], out, now)
        return given


def grant(site: Site, one: Wanted, public_key: ec.EllipticCurvePublicKey, now: datetime) -> Grant:
    """Register a desk under this key; inside `site.changing`."""
    certificate = site.issue(public_key, one.device, one.team, now)
    return Grant(
        site=site.settings.site,
        team=one.team,
        device=one.device,
        host=site.settings.hosts[0],
        port=site.settings.port,
        ca=site.ca_file.read_text(),
        certificate=certificate_pem(certificate).decode(),
    )


def _bundles(site: Site, wanted: Iterable[Wanted], out: Path, now: datetime) -> Iterator[Given]:
    for one in wanted:
        key = new_key()
        granted = grant(site, one, key.public_key(), now)
        path = out / f"{one.device}.tar"
        pack(path, granted, key_pem(key))
        entry = site.register().issued[-1]
        ends = datetime.fromtimestamp(entry.ends_s, now.tzinfo).date().isoformat()
        yield Given(one.device, one.team, entry.serial, ends, str(path))
