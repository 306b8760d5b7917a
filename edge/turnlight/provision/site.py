"""A site: one folder with its authority, its broker's files, and a credential for each role.

site.toml                what the site is called and where its broker is
authority/               ca.key, the register and the open invitations: the one secret place
broker/                  all that the broker's machine needs
floor/                   all that aggregator and page need
services/                credentials for the telephone system, a bridge, IT's eyes, Home Assistant
rollout.json             how desks were before the version that is being rolled out
units/                   for systemd
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from turnlight.provision import register as register_file
from turnlight.provision import roles, site_settings
from turnlight.provision.authority import (
    Authority,
    certificate_pem,
    key_pem,
    new_key,
)
from turnlight.provision.broker_config import broker_config
from turnlight.provision.files import PRIVATE, locked, put
from turnlight.provision.floor_config import DATABASE_WORD, PRIVACY, floor_config
from turnlight.provision.register import DAY_S, WARN_DAYS, Issued, Register
from turnlight.provision.site_settings import SiteSettings
from turnlight.provision.trouble import ProvisionError
from turnlight.provision.units import units

SERVICE_DAYS = 1095
PROBES = ("turnlight-check", "turnlight-check-2")
"""Two devices, each in a team of its own name, as which `provision check` tries the rights. They
have an entry in the access list and no certificate outside that check."""
_FOLDERS = {roles.AGGREGATOR: "floor", roles.PAGE: "floor"}


class Site:
    """An existing site's folder.

    Raises:
        ProvisionError: there is none, or a file of it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.settings = site_settings.load(self.folder / "site.toml")

    @property
    def ca_file(self) -> Path:
        """The authority's certificate, which everybody may know."""
        return self.folder / "broker" / "ca.crt"

    def ca(self) -> x509.Certificate:
        """The authority's certificate."""
        return _certificate(self.ca_file)

    def server(self) -> x509.Certificate:
        """The broker's certificate."""
        return _certificate(self.folder / "broker" / "broker.crt")

    def credential(self, user: str) -> tuple[Path, Path]:
        """Files of a service's certificate and of its key."""
        name = user.removeprefix("_")
        folder = self.folder / _FOLDERS.get(user, "services")
        return folder / f"{name}.crt", folder / f"{name}.key"

    def authority(self) -> Authority:
        """The authority with its key.

        Raises:
            ProvisionError: this user may not read the key, or it is damaged.
        """
        where = self.folder / "authority"
        try:
            key = (where / "ca.key").read_bytes()
            return Authority.load(self.ca_file.read_bytes(), key, str(where))
        except OSError as error:
            raise ProvisionError(
                f"{error.filename}: {error.strerror}; run this as the user who made the site, "
                "on the machine that has its authority"
            ) from None

    def register(self) -> Register:
        """What was issued so far."""
        return register_file.load(self.folder / "authority" / "register.json")

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the site for oneself, so that two who issue at once both get their turn."""
        with locked(self.folder / "authority" / "lock"):
            yield

    def issue(
        self,
        public_key: ec.EllipticCurvePublicKey,
        user: str,
        team: str,
        now: datetime,
        days: int | None = None,
    ) -> x509.Certificate:
        """Sign and register a client's certificate, and give it its rights; inside `changing`."""
        authority = self.authority()
        days = days or self.settings.device_days
        left = (authority.certificate.not_valid_after_utc - now).days
        certificate = authority.client(public_key, user, now, max(1, min(days, left)))
        entry = Issued(
            user=user,
            team=team,
            serial=f"{certificate.serial_number:x}",
            issued_s=int(now.timestamp()),
            ends_s=int(certificate.not_valid_after_utc.timestamp()),
        )
        self._keep(self.register().with_one(entry))
        return certificate

    def revoke(self, user: str, now: datetime, *, old_only: bool = False) -> tuple[Issued, ...]:
        """Revoke a user's certificates, or all but the newest; inside `changing`.

        Raises:
            ProvisionError: there is nothing to revoke.
        """
        before = self.register()
        after = before.without(user, int(now.timestamp()), old_only=old_only)
        self._keep(after)
        self._write_crl(after, now)
        return tuple(one for one in after.issued if one not in before.issued)

    def build(self, now: datetime) -> list[str]:
        """Make what is missing or has run out, and write what is derived; gives what changed."""
        site, folder = self.settings, self.folder
        changed: list[str] = []

        def write(name: str, content: str | bytes, mode: int = 0o644) -> None:
            if put(folder / name, content, mode):
                changed.append(name)

        (folder / "authority").mkdir(mode=0o700, exist_ok=True)
        with self.changing():
            if not self.ca_file.exists():
                self._refuse_orphans()
                made, key = Authority.make(site.site, now)
                # the key first: a certificate without its key would look like a whole site
                write("authority/ca.key", key_pem(key), PRIVATE)
                write("broker/ca.crt", certificate_pem(made.certificate))
            authority = self.authority()
            for name in ("floor/ca.crt", "services/ca.crt"):
                write(name, self.ca_file.read_bytes())
            if not self._serves(authority, now):
                key = new_key()
                server = authority.server(key.public_key(), site.hosts, now, SERVICE_DAYS)
                write("broker/broker.key", key_pem(key), PRIVATE)
                write("broker/broker.crt", certificate_pem(server))
            for role in roles.services(site.site):
                if not self._credential_stands(role.user, now):
                    key = new_key()
                    certificate = self.issue(key.public_key(), role.user, "", now, SERVICE_DAYS)
                    files = [str(file.relative_to(folder)) for file in self.credential(role.user)]
                    write(files[1], key_pem(key), PRIVATE)
                    write(files[0], certificate_pem(certificate))
            if not (folder / "broker" / "crl.pem").exists():
                self._write_crl(self.register(), now)
                changed.append("broker/crl.pem")
            write("broker/acl", self._access_list(self.register()))
            write(
                "broker/mosquitto.conf",
                broker_config(
                    folder / "broker", bind=site.bind, port=site.port, state=site.broker_state
                ),
            )
            settings = floor_config(site.site, site.hosts[0], site.port, site.database)
            write("floor/floor.toml", settings)
            if site.database and not (folder / "floor" / DATABASE_WORD).exists():
                write(f"floor/{DATABASE_WORD}", "", PRIVATE)
            if not (folder / "floor" / "privacy.toml").exists():
                write("floor/privacy.toml", PRIVACY)
            for name, text in units(folder, bool(site.database)).items():
                write(f"units/{name}", text)
        return changed

    def _keep(self, register: Register) -> None:
        register_file.save(self.folder / "authority" / "register.json", register)
        put(self.folder / "broker" / "acl", self._access_list(register))

    def _access_list(self, register: Register) -> str:
        site = self.settings.site
        desks = [roles.device(site, team, name) for name, team in register.teams().items()]
        probes = [roles.device(site, name, name) for name in PROBES]
        return roles.access_list([*roles.services(site), *probes, *desks])

    def _write_crl(self, register: Register, now: datetime) -> None:
        revoked = [
            (int(one.serial, 16), datetime.fromtimestamp(one.revoked_s, UTC))
            for one in register.issued
            if one.revoked_s is not None
        ]
        put(self.folder / "broker" / "crl.pem", self.authority().crl(revoked, now))

    def _serves(self, authority: Authority, now: datetime) -> bool:
        """Whether the broker has a certificate for its hosts that lasts a while."""
        broker = self.folder / "broker"
        if not (broker / "broker.key").exists() or not (broker / "broker.crt").exists():
            return False
        certificate = self.server()
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        hosts = {str(name.value) for name in extension.value}
        days_left = (certificate.not_valid_after_utc - now).days
        return (
            hosts == set(self.settings.hosts)
            and days_left > WARN_DAYS
            and authority.signed(certificate)
        )

    def _credential_stands(self, user: str, now: datetime) -> bool:
        current = self.register().current(user)
        files = self.credential(user)
        if current is None or not all(file.exists() for file in files):
            return False
        held = f"{_certificate(files[0]).serial_number:x}"
        return held == current.serial and current.ends_s - now.timestamp() > WARN_DAYS * DAY_S

    def _refuse_orphans(self) -> None:
        for name in ("authority/ca.key", "authority/register.json"):
            if (self.folder / name).exists():
                raise ProvisionError(
                    f"{self.folder}: {name} is there and broker/ca.crt is not; restore it from "
                    "its backup, or remove the folder to begin anew"
                )


def make(folder: Path, settings: SiteSettings) -> Site:
    """The site in this folder, which gets its `site.toml` if it has none.

    Raises:
        ProvisionError: another site is there.
    """
    file = folder / "site.toml"
    if file.exists():
        found = site_settings.load(file)
        if found != settings:
            raise ProvisionError(
                f"{file}: this site has other settings "
                f"({site_settings.differences(found, settings)}); edit "
                "that file and run the command without options, or name another --folder"
            )
    else:
        if folder.exists() and any(folder.iterdir()):
            raise ProvisionError(f"{folder}: is not empty and no site; name another with --folder")
        put(file, "# The site; docs/install.md explains it.\n" + site_settings.toml(settings))
    return Site(folder)


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        raise ProvisionError(
            f"{path}: missing or damaged; remove it and run `turnlight provision site` again"
        ) from None
