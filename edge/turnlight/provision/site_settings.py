"""`site.toml`: what a site is called, and where its broker is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from turnlight.config import Port
from turnlight.messages import Name
from turnlight.provision.authority import AUTHORITY_DAYS
from turnlight.provision.trouble import ProvisionError

Host = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}\Z",
        description="a host's name or address",
    ),
]


class SiteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`site.toml`."""

    site: Name
    hosts: Annotated[tuple[Host, ...], Meta(min_length=1)]
    """Names and addresses of the broker; desks use the first."""
    port: Port = 8883
    bind: str = ""
    """Address at which the broker listens; empty is every one."""
    device_days: Annotated[int, Meta(ge=1, le=AUTHORITY_DAYS)] = 730
    broker_state: str = "/var/lib/turnlight-broker"
    database: str = ""
    """URL of a PostgreSQL for the floor's history, without a password; empty keeps a file."""


def differences(found: SiteSettings, asked: SiteSettings) -> str:
    """What the first has otherwise than the second, in words."""
    return ", ".join(
        f"{key} is {getattr(found, key)!r}"
        for key in SiteSettings.__struct_fields__
        if getattr(found, key) != getattr(asked, key)
    )


def load(file: Path) -> SiteSettings:
    """The settings in a file.

    Raises:
        ProvisionError: it is not there or holds a wrong one.
    """
    try:
        return msgspec.toml.decode(file.read_bytes(), type=SiteSettings)
    except FileNotFoundError:
        raise ProvisionError(
            f"{file.parent}: no site is there; make one with `turnlight provision site NAME`, "
            "or name its folder with --site"
        ) from None
    except OSError as error:
        raise ProvisionError(f"{file}: cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise ProvisionError(f"{file}: {error}") from None


def toml(settings: SiteSettings) -> str:
    """The content of the file."""
    hosts = ", ".join(f'"{host}"' for host in settings.hosts)
    return (
        f'site = "{settings.site}"\nhosts = [{hosts}]\nport = {settings.port}\n'
        f'bind = "{settings.bind}"\ndevice_days = {settings.device_days}\n'
        f'broker_state = "{settings.broker_state}"\n'
    )
