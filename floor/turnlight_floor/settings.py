"""Settings of the floor and its page: frozen types with the unit in the name, one TOML file.

docs/floor.md lists every key; a test fails when one is missing there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from turnlight.messages import Name
from turnlight_floor.words import ENGLISH, catalogues

Port = Annotated[int, Meta(ge=1, le=65_535)]


class SettingsError(ValueError):
    """A setting is unknown, missing or out of range; the text names it and the valid form."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all settings: frozen, and an unknown key is refused."""


class BrokerSettings(Settings, frozen=True, kw_only=True):
    """How to reach the broker."""

    host: str = "127.0.0.1"
    port: Port = 1883
    username: str = ""
    password_file: str = ""
    tls: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30


class OidcSettings(Settings, frozen=True, kw_only=True):
    """An identity provider at which one may sign in to the page, by OpenID Connect."""

    issuer: str
    """As its discovery document names it."""
    client_id: Annotated[str, Meta(min_length=1)]
    url: str
    """The page's own address as browsers know it; `/oidc` after it is registered there."""
    client_secret_file: str = ""
    """Left out, the page is a public client, and PKCE alone guards the code."""
    ca_file: str = ""
    """Certificate authority of a provider on site."""
    name: Annotated[str, Meta(min_length=1, max_length=40)] = "OpenID Connect"
    """What the sign-in calls the provider."""
    scope: str = "openid profile"
    name_claim: str = "preferred_username"
    roles_claim: str = "groups"
    manager: tuple[str, ...] = ()
    """Values of the roles' claim that make a manager."""
    it: tuple[str, ...] = ()
    """Values of the roles' claim that make one of IT."""


class PageSettings(Settings, frozen=True, kw_only=True):
    """The manager's page."""

    host: str = "127.0.0.1"
    port: Port = 8080
    cert_file: str = ""
    """With `key_file`: the page is served over TLS."""
    key_file: str = ""
    users: str = "users.json"
    """Who may sign in; without a user the page listens on loopback alone and asks nobody."""
    session_hours: Annotated[float, Meta(gt=0, le=8760)] = 12.0
    language: str = ENGLISH
    """For browsers that ask for none that there is."""
    database: str = "page.sqlite"
    """The aggregates that the page has seen, for its trends."""
    oidc: OidcSettings | None = None
    """Signing in at an identity provider, beside the users or instead of them."""
    broker: BrokerSettings | None = None
    """The page's own credential, which needs to read aggregates and device status only;
    left out, the page uses the floor's."""


class MetricsSettings(Settings, frozen=True, kw_only=True):
    """Where the service's own counters are served for Prometheus."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    """0 serves nothing."""


class FloorSettings(Settings, frozen=True, kw_only=True):
    """All settings of `turnlight floor` and `turnlight page`; every key may be left out.

    Files are looked for beside the settings file unless their path is absolute.
    """

    site: Name = "home"
    time_zone: str = ""
    """Whose midnight begins the day, like `Europe/Stockholm`; empty takes the system's."""
    database: str = "floor.sqlite"
    """The history: a file (SQLite), or `postgresql://user@host/name`, without a password."""
    database_password_file: str = ""
    """With a URL: empty leaves the password to libpq, so to PGPASSFILE or ~/.pgpass."""
    snapshot_file: str = ""
    """With a URL: the local file with the snapshot, where minutes wait too; else it is `database`.
    Empty takes floor.sqlite."""
    privacy_file: str = ""
    """TOML with `k`; empty takes the default of 5."""
    publish_every_s: Annotated[float, Meta(ge=0.1, le=60)] = 0.5
    broker: BrokerSettings = BrokerSettings()
    metrics: MetricsSettings = MetricsSettings()
    page: PageSettings = PageSettings()

    @property
    def shared(self) -> bool:
        """Whether `database` is a URL."""
        return "://" in self.database

    def zone(self) -> ZoneInfo | None:
        """The site's time zone; None is the system's."""
        return ZoneInfo(self.time_zone) if self.time_zone else None


def parse(text: str, origin: str, beside: Path) -> FloorSettings:
    """Settings from TOML text; relative files are taken to lie in `beside`.

    Raises:
        SettingsError: names the origin, the key and what would be valid.
    """
    try:
        settings = msgspec.toml.decode(text, type=FloorSettings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{origin}: {error}; docs/floor.md lists every key") from None
    except msgspec.DecodeError as error:
        raise SettingsError(f"{origin}: not valid TOML: {error}") from None
    try:
        settings.zone()
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingsError(
            f"{origin}: time_zone `{settings.time_zone}` is unknown; "
            "give one like `Europe/Stockholm`, or leave it out for the system's"
        ) from None
    for fault in _database_faults(settings):
        raise SettingsError(f"{origin}: {fault}")
    page = settings.page
    if bool(page.cert_file) != bool(page.key_file):
        raise SettingsError(f"{origin}: page.cert_file and page.key_file go together")
    if page.language not in catalogues():
        raise SettingsError(
            f"{origin}: page.language `{page.language}` is unknown; "
            f"there are {', '.join(catalogues())}"
        )
    if page.oidc:
        _check(page.oidc, origin)
    page = msgspec.structs.replace(
        page,
        cert_file=page.cert_file and str(beside / page.cert_file),
        key_file=page.key_file and str(beside / page.key_file),
        users=str(beside / page.users),
        database=str(beside / page.database),
        broker=page.broker and _resolved(page.broker, beside),
        oidc=page.oidc and _beside(page.oidc, beside, "client_secret_file", "ca_file"),
    )
    return msgspec.structs.replace(
        settings,
        **_database(settings, beside),
        privacy_file=settings.privacy_file and str(beside / settings.privacy_file),
        broker=_resolved(settings.broker, beside),
        page=page,
    )


def load(path: Path) -> FloorSettings:
    """Settings from a TOML file.

    Raises:
        SettingsError: the file cannot be read or holds a wrong setting.
    """
    return parse(read(path), str(path), path.resolve().parent)


def read(path: Path) -> str:
    """Text of one settings file.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: not UTF-8 text") from None


def _database_faults(settings: FloorSettings) -> Iterator[str]:
    if not settings.shared:
        for key in ("database_password_file", "snapshot_file"):
            if getattr(settings, key):
                yield f"{key} goes with a `database` that is a URL like postgresql://user@host/name"
        return
    try:
        url = urlsplit(settings.database)
        keys = [key.lower() for key, _ in parse_qsl(url.query, keep_blank_values=True)]
    except ValueError:
        yield "`database` is not a URL; write it like postgresql://user@host/name"
        return
    if url.scheme != "postgresql":
        yield "`database` must be a file, or a URL like postgresql://user@host/name"
    # Of the URL nothing is repeated here: this text goes to a log.
    if ":" in url.netloc.rpartition("@")[0] or any("password" in key for key in keys):
        yield (
            "`database` holds a password, where others can read it; "
            "take it out and name a file of its own with database_password_file"
        )


def _database(settings: FloorSettings, beside: Path) -> dict[str, str]:
    if not settings.shared:
        file = str(beside / settings.database)
        return {"database": file, "snapshot_file": file}
    word = settings.database_password_file
    return {
        "database_password_file": word and str(beside / word),
        "snapshot_file": str(beside / (settings.snapshot_file or "floor.sqlite")),
    }


def is_guarded(url: str) -> bool:
    """Is this an address over TLS, or one that never leaves this machine?"""
    try:
        at = urlsplit(url)
        host = at.hostname or ""
    except ValueError:
        return False
    return bool(host) and (at.scheme == "https" or (at.scheme == "http" and is_loopback(host)))


def is_loopback(host: str) -> bool:
    """Is this a name or an address of this very machine?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check(oidc: OidcSettings, origin: str) -> None:
    for key in ("issuer", "url"):
        value = getattr(oidc, key)
        if not is_guarded(value):
            raise SettingsError(
                f"{origin}: page.oidc.{key} `{value}` must be an https address; "
                "http is for this machine's own addresses alone"
            )
    at = urlsplit(oidc.url)
    if at.path not in ("", "/") or at.query or at.fragment:
        raise SettingsError(
            f"{origin}: page.oidc.url `{oidc.url}` is more than scheme, host and port; "
            "the page is served from the root, like `https://lamps.example:8080`"
        )
    if "openid" not in oidc.scope.split():
        raise SettingsError(f"{origin}: page.oidc.scope `{oidc.scope}` must hold `openid`")
    if not (oidc.manager or oidc.it):
        raise SettingsError(
            f"{origin}: page.oidc gives nobody a role: name values of the claim "
            f'`{oidc.roles_claim}` in `manager` or `it`, like manager = ["floor-managers"]'
        )


T = TypeVar("T", bound=Settings)


def _resolved(broker: BrokerSettings, beside: Path) -> BrokerSettings:
    return _beside(broker, beside, "password_file", "ca_file", "cert_file", "key_file")


def _beside(settings: T, beside: Path, *keys: str) -> T:
    """The same, with its files looked for in a folder."""
    files = {key: str(beside / getattr(settings, key)) for key in keys if getattr(settings, key)}
    return msgspec.structs.replace(settings, **files)
