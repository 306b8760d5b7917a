"""Who is signed in, and how often someone tried. Pure: time is an argument."""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from turnlight_floor.users import User

PER_ADDRESS, PER_NAME = 5, 20
"""Failures from one address, and for one name, before the next has to wait."""
WITHIN_S = 300
MOST = 10_000
"""Addresses and names remembered at once; a flood pushes out the oldest."""


@dataclass(frozen=True)
class Session:
    """One browser of one user."""

    user: User
    until_s: float
    form: str
    """Goes with each form of this session, so that no other site can send it."""
    local: bool = True
    """Is the user one of the page's own, and not an identity provider's?"""


class Sessions:
    """Kept in memory alone, under a hash of their token: a restart ends them all."""

    def __init__(self, lifetime_s: float) -> None:
        self.lifetime_s = lifetime_s
        self._open: dict[str, Session] = {}

    def open(self, user: User, now_s: float, local: bool = True) -> str:
        """Begin a session; the token is for the browser's cookie and kept nowhere."""
        self._open = {key: one for key, one in self._open.items() if one.until_s > now_s}
        token = secrets.token_urlsafe(32)
        until_s, form = now_s + self.lifetime_s, secrets.token_urlsafe(32)
        self._open[_key(token)] = Session(user, until_s, form, local)
        return token

    def find(self, token: str, now_s: float) -> Session | None:
        """The session of a token, while it lasts."""
        found = self._open.get(_key(token)) if token else None
        return found if found and found.until_s > now_s else None

    def current(self, session: Session | None, now_s: float) -> Session | None:
        """This session, while it lasts."""
        lasts = session and session.until_s > now_s and session in self._open.values()
        return session if lasts else None

    def close(self, token: str) -> None:
        """End a session."""
        self._open.pop(_key(token), None)

    def keep(self, users: Mapping[str, User]) -> None:
        """End those of users of the page who are gone, or have another password or other roles."""
        self._open = {
            key: one
            for key, one in self._open.items()
            if not one.local or users.get(one.user.name) == one.user
        }


class Attempts:
    """Failures to sign in, by address and by name."""

    def __init__(self) -> None:
        self._failed: dict[str, deque[float]] = {}

    def wait_s(self, address: str, name: str, now_s: float) -> float:
        """How long the next attempt has to wait; 0 when it need not."""
        return max(
            self._wait_s(f"address {address}", PER_ADDRESS, now_s),
            self._wait_s(f"name {name}", PER_NAME, now_s),
        )

    def failed(self, address: str, name: str, now_s: float) -> None:
        """Count one failure."""
        for key in (f"address {address}", f"name {name}"):
            times = self._failed.pop(key, deque(maxlen=PER_NAME))
            times.append(now_s)
            self._failed[key] = times
        while len(self._failed) > MOST:
            del self._failed[next(iter(self._failed))]

    def cleared(self, address: str, name: str) -> None:
        """Forget the failures that ended in success."""
        self._failed.pop(f"address {address}", None)
        self._failed.pop(f"name {name}", None)

    def _wait_s(self, key: str, most: int, now_s: float) -> float:
        recent = [at for at in self._failed.get(key, ()) if at > now_s - WITHIN_S]
        return recent[-most] + WITHIN_S - now_s if len(recent) >= most else 0.0


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
