"""A PostgreSQL of one's own, in a temporary folder, on a Unix socket and a free loopback port."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from turnlight.mosquitto import HOST, free_port

USER, WORD = "floor", "spring-tide-23"


def programs() -> Path | None:
    """Where Debian's package `postgresql` put the server's programs; None where it is missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class PostgresServer:
    """One cluster; keeps its port and its data over restarts."""

    def __init__(self) -> None:
        found = programs()
        assert found
        self._programs = found
        self.port = free_port()
        self._databases = 0
        # The server refuses to be root's; whose it is must be able to walk there.
        self._user = "nobody" if os.getuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="turnlight-pg-"))
        self._data = self._folder / "data"
        if self._user:
            who = pwd.getpwnam(self._user)
            os.chown(self._folder, who.pw_uid, who.pw_gid)
        self.word_file.write_text(f"{WORD}\n")
        words = ("-A", "scram-sha-256", f"--pwfile={self.word_file}")
        self._run("initdb", "-U", USER, *words, "--no-sync")
        self.start()

    @property
    def word_file(self) -> Path:
        return self._folder / "word"

    def database(self) -> str:
        """The URL of a new, empty database."""
        self._databases += 1
        name = f"floor_{self._databases}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name: str, user: str = USER) -> str:
        return f"postgresql://{user}@{HOST}:{self.port}/{name}"

    def execute(self, url_or_name: str, statement: str) -> list[tuple[Any, ...]]:
        """One statement as the owner, and what it gives."""
        import psycopg  # needs libpq, which a machine without a server need not have

        url = url_or_name if "://" in url_or_name else self.url(url_or_name)
        with psycopg.connect(url, password=WORD, autocommit=True) as db:
            found = db.execute(statement)
            return found.fetchall() if found.description else []

    def start(self) -> None:
        options = f"-c listen_addresses={HOST} -c port={self.port} -c fsync=off -k {self._folder}"
        self._run("pg_ctl", "-w", "-o", options, "-l", str(self._folder / "log"), "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def freeze(self) -> None:
        """From now on it takes connections and answers nothing."""
        self._tell(signal.SIGSTOP)

    def thaw(self) -> None:
        self._tell(signal.SIGCONT)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def _tell(self, what: signal.Signals) -> None:
        """The postmaster first, so that a frozen one starts nobody; a child may just have ended."""
        postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, what)
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text()
        for child in map(int, children.split()):
            with suppress(ProcessLookupError):
                os.kill(child, what)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), "-D", str(self._data), *arguments],
            user=self._user,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
