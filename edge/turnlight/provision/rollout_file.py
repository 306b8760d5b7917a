"""How desks were before a version came: kept beside the site, for the run after this one."""

from __future__ import annotations

from pathlib import Path

import msgspec

from turnlight.messages import Name
from turnlight.provision.files import put
from turnlight.provision.trouble import ProvisionError
from turnlight.provision.waves import Before


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    before: dict[Name, Before]


def load(path: Path, version: str) -> dict[str, Before]:
    """Those of this version; none where the file is of another one.

    Raises:
        ProvisionError: it is damaged.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_File)
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise ProvisionError(f"{path}: damaged ({error}); remove it to begin anew") from None
    return found.before if found.version == version else {}


def save(path: Path, version: str, before: dict[str, Before]) -> None:
    """Keep them."""
    put(path, msgspec.json.format(msgspec.json.encode(_File(version, before)), indent=1) + b"\n")
