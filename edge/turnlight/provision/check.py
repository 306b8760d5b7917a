"""Proof of the rights against the running broker: every role tries every topic.

What should hold comes from roles.py; what does hold is tried. Each message goes to a topic of two
devices and teams that exist for this only, is not retained, and is not a valid message of the wire,
so nothing that runs takes it for more than noise.
"""

from __future__ import annotations

import secrets
import ssl
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
from paho.mqtt.client import Client

from turnlight.messages import (
    clock_topic,
    device_topic,
    discovery_topic,
    floor_topic,
    window_topic,
)
from turnlight.provision import roles
from turnlight.provision.authority import Authority, Key, certificate_pem, key_pem, new_key
from turnlight.provision.files import PRIVATE, put
from turnlight.provision.probe import Probe, lets_in
from turnlight.provision.roles import Role
from turnlight.provision.site import PROBES, Site
from turnlight.provision.trouble import ProvisionError

Action = Literal["connect", "write", "read"]


class Finding(msgspec.Struct, frozen=True):
    """One try."""

    who: str
    action: Action
    topic: str
    allowed: bool
    """What should be."""
    happened: bool | None
    """What was; None where it could not be tried, since nobody wrote to that topic."""

    @property
    def right(self) -> bool:
        """Whether the broker does as it should."""
        return self.happened is self.allowed or (self.happened is None and not self.allowed)


def topics(site: str) -> tuple[str, ...]:
    """What every role tries: each kind of topic, of the own device and of another one."""
    own = [
        topic
        for name in PROBES
        for topic in (
            window_topic(site, name),
            device_topic(site, name, "status"),
            device_topic(site, name, "health"),
            device_topic(site, name, "call"),
            discovery_topic(site, name),
        )
    ]
    return (
        *own,
        clock_topic(site),
        floor_topic(site, PROBES[0]),
        floor_topic(site, "_site"),
        window_topic(f"not-{site}"[:63], PROBES[0]),
        "turnlight/anything",
        "$SYS/broker/version",
    )


def check(site: Site, now: datetime) -> list[Finding]:
    """Try everything.

    Raises:
        ProvisionError: the broker cannot be reached, or a role cannot connect at all.
    """
    settings = site.settings
    with tempfile.TemporaryDirectory(prefix="turnlight-check-") as folder, ExitStack() as stack:
        contexts = _contexts(site, Path(folder), now)
        found = [
            Finding(who, "connect", "", False, lets_in(settings.hosts[0], settings.port, context))
            for who, context in _strangers(site, Path(folder), now)
        ]
        known = _roles(settings.site)
        probes = {
            role.user: stack.enter_context(
                Probe(
                    role.user,
                    settings.hosts[0],
                    settings.port,
                    partial(Client.tls_set_context, context=contexts[role.user]),
                )
            )
            for role in known
        }
        found += [Finding(role.user, "connect", "", True, True) for role in known]
        return found + _tried(known, probes, topics(settings.site))


def _tried(
    known: Sequence[Role], probes: Mapping[str, Probe], tried: Sequence[str]
) -> list[Finding]:
    for role in known:
        # more than it may, so that what it gets is the broker's decision
        probes[role.user].listen([*role.reads, "#", "$SYS/#"])
    nonce = f"rights-{secrets.token_hex(8)}"
    wrote = {
        (role.user, topic): probes[role.user].write(topic, f"{nonce} {role.user}".encode())
        for role in known
        for topic in tried
    }
    found = []
    for role in known:
        heard = {
            topic
            for topic, payload in probes[role.user].heard()
            if payload.startswith(nonce.encode()) or topic.startswith("$SYS/")
        }
        for topic in tried:
            happened = wrote[role.user, topic]
            found.append(Finding(role.user, "write", topic, role.may_write(topic), happened))
            written = any(wrote[other.user, topic] for other in known)
            got: bool | None = topic in heard
            if not (got or written or topic.startswith("$SYS/")):
                got = None
            found.append(Finding(role.user, "read", topic, role.may_read(topic), got))
    return found


def _roles(site: str) -> list[Role]:
    return [*(roles.device(site, name, name) for name in PROBES), *roles.services(site)]


def _contexts(site: Site, folder: Path, now: datetime) -> dict[str, ssl.SSLContext]:
    contexts = {}
    for name in PROBES:
        key = new_key()
        certificate = site.authority().client(key.public_key(), name, now, 1)
        contexts[name] = _context(site, *_written(folder, name, key, certificate_pem(certificate)))
    for user in (role.user for role in roles.services(site.settings.site)):
        contexts[user] = _context(site, *site.credential(user))
    return contexts


def _strangers(
    site: Site, folder: Path, now: datetime
) -> Iterator[tuple[str, ssl.SSLContext | None]]:
    """Those whom the broker must not let in."""
    yield "nobody, not encrypted", None
    yield "nobody, no certificate", _context(site)
    key = new_key()
    foreign, _ = Authority.make("foreign", now)
    past = now - timedelta(days=10)
    for who, certificate in (
        ("a foreign authority's", foreign.client(key.public_key(), roles.AGGREGATOR, now, 1)),
        ("an expired certificate's", site.authority().client(key.public_key(), PROBES[0], past, 1)),
    ):
        file = f"stranger-{certificate.serial_number:x}"
        pem = certificate_pem(certificate)
        yield f"{who} owner", _context(site, *_written(folder, file, key, pem))


def _context(
    site: Site, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(site.ca_file))
    if certificate is not None:
        with _readable():
            context.load_cert_chain(certificate, key)
    return context


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ProvisionError(
            f"{error.filename or 'a credential of the site'}: {error.strerror or error}; run "
            "`turnlight provision site` again, as the user who made the site"
        ) from None


def _written(folder: Path, name: str, key: Key, certificate: bytes) -> tuple[Path, Path]:
    files = folder / f"{name}.crt", folder / f"{name}.key"
    put(files[0], certificate)
    put(files[1], key_pem(key), PRIVATE)
    return files
