"""The history in PostgreSQL, in a schema of its own; needs psycopg."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict

from turnlight_floor.minutes import Minutes, StoreError

MIGRATIONS = (
    """
CREATE TABLE minute (
    site text NOT NULL, team text NOT NULL, start_s bigint NOT NULL,
    figures jsonb, withheld text NOT NULL,
    PRIMARY KEY (site, start_s, team));
""",
)
"""From an empty schema to this version; a step that was released never changes."""

SCHEMA = "turnlight"
LOCK = 0x7475726E
"""Two floors that begin at once must not both migrate."""
LIMITS = {
    "connect_timeout": "5",
    # A cut cable or a dead machine ends the connection within half a minute, whoever's turn it is.
    "tcp_user_timeout": "10000",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "application_name": "turnlight-floor",
}
STATEMENT_MS = 60_000


class Address:
    """Where the database is, without its password."""

    def __init__(self, url: str, password_file: Path | None) -> None:
        """Take the URL apart.

        Raises:
            StoreError: it is none.
        """
        try:
            given = {key: str(value) for key, value in conninfo_to_dict(url).items()}
        except psycopg.Error as error:
            raise StoreError(
                f"`database` is not a URL of PostgreSQL ({_sentence(error)}); "
                "write it like postgresql://floor@host/turnlight"
            ) from None
        self._password_file = password_file
        hosts = given.get("host") or given.get("hostaddr") or os.environ.get("PGHOST", "")
        # libpq's own default would neither ask who the server is nor insist on encryption.
        checked = {} if _near(hosts) or "PGSSLMODE" in os.environ else {"sslmode": "verify-full"}
        self._parameters = LIMITS | checked | given
        self.name = f"PostgreSQL database {given.get('dbname', '')} at {hosts or 'this machine'}"

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A new connection; the password is read anew."""
        if self._password_file is None:
            return psycopg.connect(autocommit=True, **cast(Any, self._parameters))
        try:
            password = self._password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8 text"
            raise StoreError(
                f"{self._password_file}: cannot be read ({reason}); "
                "`database_password_file` names a file whose only content is the password"
            ) from None
        return psycopg.connect(
            autocommit=True, **cast(Any, self._parameters | {"password": password})
        )


class Postgres(Minutes):
    """One connection, used from one thread and dropped after its first error."""

    def __init__(self, address: Address, site: str) -> None:
        """Connect, and bring the tables to this version.

        Raises:
            StoreError: it cannot be reached or used, or a newer version made its tables.
        """
        super().__init__(site)
        self._name = address.name
        with self._told():
            self._db = address.connect()
        try:
            with self._told():
                self._db.execute(f"SET search_path TO {SCHEMA}")
                self._db.execute(f"SET statement_timeout TO {STATEMENT_MS}")
                self._migrate()
        except StoreError:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def _write(self, *steps: tuple[str, Sequence[Sequence[Any]]]) -> None:
        with self._told(), self._db.transaction(), self._db.cursor() as cursor:
            for statement, rows in steps:
                cursor.executemany(_dialect(statement), rows)

    def _read(self, statement: str, values: Sequence[Any]) -> Iterator[Sequence[Any]]:
        # With a name the rows stay at the server and come by the thousand: ninety days of a large
        # floor do not fit into memory.
        with self._told(), self._db.transaction(), self._db.cursor("minutes") as cursor:
            cursor.itersize = 1000
            cursor.execute(_dialect(statement), values)
            yield from cursor

    def _migrate(self) -> None:
        if self._version() == len(MIGRATIONS):
            return  # one who may only read comes as far as this
        with self._db.transaction():
            self._db.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            version = self._version()
            if version > len(MIGRATIONS):
                raise StoreError(
                    f"{self._name}: made by a newer version of Turnlight (schema {version}, this "
                    f"one reads {len(MIGRATIONS)}); use that version, or another database"
                )
            if not version:
                self._begin()
            for step in MIGRATIONS[version:]:
                self._db.execute(step)
            self._db.execute("UPDATE version SET number = %s", (len(MIGRATIONS),))

    def _begin(self) -> None:
        # CREATE SCHEMA IF NOT EXISTS would ask for rights that are not needed where it exists.
        if self._one("SELECT 1 FROM pg_namespace WHERE nspname = %s", SCHEMA) is None:
            self._db.execute(f"CREATE SCHEMA {SCHEMA}")
        self._db.execute("CREATE TABLE version (number integer NOT NULL)")
        self._db.execute("INSERT INTO version VALUES (0)")

    def _version(self) -> int:
        # From the table and not by to_regclass, which may not yet know what another just made.
        made = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'version'"
        if self._one(made, SCHEMA) is None:
            return 0
        return int(self._one(f"SELECT number FROM {SCHEMA}.version"))

    def _one(self, statement: str, *values: str) -> Any:
        row = self._db.execute(statement, values).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise StoreError(
                f"{self._name}: cannot be used ({_sentence(error)}); see that the server runs, and "
                "that `database`, its password and the rights of its user are as docs/floor.md says"
            ) from None


def _dialect(statement: str) -> str:
    return statement.replace("?", "%s")


def _sentence(error: psycopg.Error) -> str:
    return " ".join(str(error).split())


def _near(hosts: str) -> bool:
    here = ("", "localhost", "127.0.0.1", "::1")
    return all(host in here or host.startswith(("/", "@")) for host in hosts.split(","))
