"""A desk's bundle: one tar file with certificate, key and settings, for `turnlight enroll`."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from turnlight import config
from turnlight.config import Config, ConfigError
from turnlight.provision.files import PRIVATE, put
from turnlight.provision.grant import CA, CERTIFICATE, FOLDER, KEY, SETTINGS, Grant
from turnlight.provision.trouble import ProvisionError
from turnlight.settings_file import SERVICE, render

_BIGGEST = 65_536
"""Bytes of one file in a bundle; there is none near it."""


def pack(path: Path, grant: Grant, key: bytes) -> None:
    """Write a bundle. It holds a private key, so only its owner can read it."""
    files = {
        CA: grant.ca.encode(),
        CERTIFICATE: grant.certificate.encode(),
        KEY: key,
        SETTINGS: render(grant.settings(SERVICE, FOLDER)).encode(),
    }
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = PRIVATE if name == KEY else 0o644
            tar.addfile(member, io.BytesIO(content))
    put(path, held.getvalue(), PRIVATE)


def unpack(path: Path) -> tuple[Grant, bytes]:
    """What a bundle grants, and its key. Nothing is written anywhere.

    Raises:
        ProvisionError: the file cannot be read or is no bundle.
    """
    try:
        files = _files(path)
        settings = config.parse(files[SETTINGS].decode(), SETTINGS)
        return _grant(settings, files), files[KEY]
    except OSError as error:
        raise ProvisionError(f"{path}: cannot be read: {error.strerror}") from None
    except (tarfile.TarError, KeyError, UnicodeDecodeError, ConfigError):
        raise ProvisionError(
            f"{path}: is no desk's bundle; make one with `turnlight provision device`"
        ) from None


def _files(path: Path) -> dict[str, bytes]:
    files = {}
    with tarfile.open(path) as tar:
        for name in (CA, CERTIFICATE, KEY, SETTINGS):
            member = tar.getmember(name)
            held = tar.extractfile(member) if member.size <= _BIGGEST else None
            if held is None:
                raise KeyError(name)
            files[name] = held.read()
    return files


def _grant(settings: Config, files: dict[str, bytes]) -> Grant:
    desk, uplink = settings.desk, settings.uplink
    return Grant(
        site=desk.site,
        team=desk.team,
        device=desk.device,
        host=uplink.host,
        port=uplink.port,
        ca=files[CA].decode(),
        certificate=files[CERTIFICATE].decode(),
    )
