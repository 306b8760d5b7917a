"""How desks were before a version came: kept beside the site, for the run after this one."""

from __future__ import annotations

from pathlib import Path

import msgspec

from turnlight.messages import Name
from turnlight.provision.files import put_record, read_record
from turnlight.provision.waves import Before


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    before: dict[Name, Before]


def load(path: Path, version: str) -> dict[str, Before]:
    """Those of this version; none where the file is of another one.

    Raises:
        ProvisionError: it is damaged.
    """
    found = read_record(path, _File, "remove it to begin anew")
    return found.before if found and found.version == version else {}


def save(path: Path, version: str, before: dict[str, Before]) -> None:
    """Keep them."""
    put_record(path, _File(version, before))
