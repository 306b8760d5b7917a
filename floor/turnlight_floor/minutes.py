"""The floor's history: one row a minute for each cell, aggregates alone.

SQLite and PostgreSQL take the same statements; store.py and postgres.py only open them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from turnlight.messages import Figures
from turnlight_floor.privacy import Withheld

KEEP_S = 90 * 86_400
"""How long a minute is kept."""

Cell = tuple[Figures | None, Withheld]
Minute = tuple[int, str, Cell]
"""Start in Unix seconds, team or `_site`, and what was shown of it."""

_KEEP = (
    "INSERT INTO minute (site, team, start_s, figures, withheld) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (start_s, site, team)"
    " DO UPDATE SET figures = excluded.figures, withheld = excluded.withheld"
)
_DROP = "DELETE FROM minute WHERE site = ? AND start_s < ?"
_ALL = (
    "SELECT start_s, team, CAST(figures AS TEXT), withheld FROM minute"
    " WHERE site = ? AND start_s >= ? AND start_s < ? ORDER BY start_s, team"
)
_NEWEST = "SELECT max(start_s) FROM minute WHERE site = ?"
_OLDEST = "SELECT min(start_s) FROM minute WHERE site = ? AND start_s >= ?"

Step = tuple[str, Sequence[Sequence[Any]]]
"""A statement, and the rows of values with which it is carried out."""


class StoreError(OSError):
    """A database cannot be used; the text names it and the remedy."""


class Minutes(ABC):
    """The history of one site, used from one thread.

    Every method raises StoreError when the database cannot be used.
    """

    def __init__(self, site: str) -> None:
        self._site = site

    @abstractmethod
    def _write(self, *steps: Step) -> None:
        """All steps or none."""

    @abstractmethod
    def _read(self, statement: str, values: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """Rows, as they come."""

    @abstractmethod
    def close(self) -> None:
        """Close the database."""

    def keep(self, minutes: Iterable[Minute], oldest_s: int) -> None:
        """Write minutes, each in the place of the same one before; those before `oldest_s` go."""
        rows = [
            (self._site, team, start_s, _text(figures), withheld)
            for start_s, team, (figures, withheld) in minutes
        ]
        self._write((_KEEP, rows), (_DROP, [(self._site, oldest_s)]))

    def drop(self, before_s: int) -> None:
        """Remove what is older."""
        self._write((_DROP, [(self._site, before_s)]))

    def history(self, start_s: int, end_s: int) -> Iterator[Minute]:
        """All minutes from `start_s` until `end_s`, by time and team."""
        for at_s, team, body, withheld in self._read(_ALL, (self._site, start_s, end_s)):
            figures = None if body is None else msgspec.json.decode(body, type=Figures)
            yield at_s, team, (figures, withheld)

    def newest_minute(self) -> int | None:
        """Start of the newest minute, in Unix seconds."""
        return self._start(_NEWEST, (self._site,))

    def oldest_minute(self, since_s: int) -> int | None:
        """Start of the first minute that does not begin before `since_s`."""
        return self._start(_OLDEST, (self._site, since_s))

    def _start(self, statement: str, values: Sequence[Any]) -> int | None:
        ((start_s,),) = self._read(statement, values)
        return None if start_s is None else int(start_s)


def shared(url: str, password_file: str, site: str) -> Callable[[], Minutes]:
    """What connects to the history in PostgreSQL, each time it is called.

    Args:
        url: as libpq takes it, without a password.
        password_file: read at each connection; empty leaves the password to libpq.
        site: whose minutes.

    Raises:
        StoreError: the URL is wrong, or the package that speaks to PostgreSQL is not there.
    """
    try:
        # Not at the head: it is optional, and a floor with a file does without.
        from turnlight_floor.postgres import Address, Postgres
    except ImportError as error:
        raise StoreError(
            f"a history in PostgreSQL needs psycopg and the library libpq ({error}); "
            "run `pip install turnlight[postgres]` and `apt-get install libpq5`"
        ) from None
    address = Address(url, Path(password_file) if password_file else None)
    return lambda: Postgres(address, site)


def _text(figures: Figures | None) -> str | None:
    return None if figures is None else msgspec.json.encode(figures).decode()
