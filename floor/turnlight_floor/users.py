"""Who may see the page: a file of names, roles and password hashes.

Passwords are hashed with scrypt, memory-hard and in the standard library; each hash carries its
own cost, so that a later version can raise it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

Role = Literal["manager", "it"]
ROLES: tuple[Role, ...] = get_args(Role)
SHORTEST = 12
"""Characters of a password."""
LOG2_N, BLOCK, LANES = 15, 8, 3
"""scrypt's cost: 32 MiB, about a quarter of a second on a small server."""


class UsersError(ValueError):
    """A user or the file cannot be used; the text names it and the remedy."""


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One who may sign in."""

    name: Annotated[str, Meta(pattern=r"^[\w.@-]{1,64}\Z")]
    roles: tuple[Role, ...]
    password: str
    """Its hash, as `hashed` makes it."""


Users = dict[str, User]


def load(path: Path) -> Users:
    """Users by name; none where there is no file.

    Raises:
        UsersError: the file cannot be read, or holds something else.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=list[User])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsersError(f"{path}: cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsersError(
            f"{path}: not a file of users ({error}); `turnlight page user add` makes one"
        ) from None
    return {user.name: user for user in found}


def save(path: Path, users: Users) -> None:
    """Replace the file in one step; only its owner may read it.

    Raises:
        UsersError: it cannot be written.
    """
    text = msgspec.json.format(msgspec.json.encode([users[name] for name in sorted(users)]))
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(text + b"\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise UsersError(f"{path}: cannot be written: {error.strerror}") from None


def user(name: str, roles: Iterable[str], password: str) -> User:
    """A user with a fresh hash.

    Raises:
        UsersError: the name, a role or the password will not do.
    """
    wrong = [role for role in roles if role not in ROLES]
    if wrong or not roles:
        raise UsersError(f"a role is one of {', '.join(ROLES)}, not `{', '.join(wrong)}`")
    if len(password) < SHORTEST:
        raise UsersError(f"the password is too short: at least {SHORTEST} characters")
    made = User(name, tuple(role for role in ROLES if role in roles), hashed(password))
    try:
        return msgspec.convert(msgspec.to_builtins(made), User)
    except msgspec.ValidationError:
        raise UsersError(
            f"`{name}` cannot be a name: letters, digits, `.`, `@`, `_` and `-`, at most 64"
        ) from None


def hashed(password: str) -> str:
    """A salted hash: `scrypt$log2(n)$r$p$salt$key`."""
    salt = secrets.token_bytes(16)
    key = _key(password, salt, LOG2_N, BLOCK, LANES)
    return f"scrypt${LOG2_N}${BLOCK}${LANES}${_text(salt)}${_text(key)}"


def matches(password: str, kept: str) -> bool:
    """Is this the password that `kept` is the hash of? Takes as long when it is not."""
    try:
        kind, log2_n, block, lanes, salt, key = kept.split("$")
        made = _key(password, _bytes(salt), int(log2_n), int(block), int(lanes))
        return kind == "scrypt" and hmac.compare_digest(made, _bytes(key))
    except ValueError:
        return False


def _key(password: str, salt: bytes, log2_n: int, block: int, lanes: int) -> bytes:
    n = 1 << log2_n
    return hashlib.scrypt(
        password.encode(), salt=salt, n=n, r=block, p=lanes, maxmem=256 * n * block, dklen=32
    )


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
