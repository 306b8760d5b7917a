"""Files that are there whole or not at all, and touched only when something changes."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from turnlight.provision.trouble import ProvisionError

PRIVATE, PUBLIC = 0o600, 0o644
R = TypeVar("R", bound=msgspec.Struct)


def put(path: Path, content: str | bytes, mode: int = PUBLIC) -> bool:
    """Make this the content of a file, in one step; says whether anything changed.

    The owner of the folder becomes the file's owner where this process may give files away, so
    that a service can read what root put there for it.
    """
    data = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == data and path.stat().st_mode & 0o777 == mode:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = path.parent.stat()
    # mkstemp opens with 0600: a key is at no moment readable by others
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return True


def read_record(path: Path, kind: type[R], remedy: str) -> R | None:
    """What a file of JSON holds; None where there is no file.

    Raises:
        ProvisionError: it is damaged; the sentence ends with the remedy.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise ProvisionError(f"{path}: damaged ({error}); {remedy}") from None


def put_record(path: Path, record: msgspec.Struct, mode: int = PUBLIC) -> None:
    """Make this the content of a file of JSON that people can read, too."""
    put(path, msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n", mode)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until no other process holds this lock, and hold it."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
