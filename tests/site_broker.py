"""A site of one's own with a real Mosquitto that runs on its configuration."""

from __future__ import annotations

import getpass
import signal
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from turnlight.mosquitto import HOST, free_port, program
from turnlight.provision import site as sites
from turnlight.provision.probe import lets_in
from turnlight.provision.site import Site
from turnlight.provision.site_settings import SiteSettings

NOW = datetime.now(UTC)


def made(folder: Path) -> Site:
    """A whole site for a broker on loopback."""
    settings = SiteSettings(
        site="utrecht",
        hosts=(HOST,),
        port=free_port(),
        bind=HOST,
        broker_state=str(folder / "broker"),
    )
    site = sites.make(folder, settings)
    site.build(NOW)
    return site


class SiteBroker:
    """Mosquitto as the site's unit starts it, but for the user."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.log = site.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> SiteBroker:
        broker = self._site.folder / "broker"
        # started by root Mosquitto becomes another user, who cannot read the tests' folder
        config = (broker / "mosquitto.conf").read_text() + f"user {getpass.getuser()}\n"
        (self._site.folder / "test.conf").write_text(config)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program(), "-c", "../test.conf"],
                cwd=broker,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while True:
            assert self._process.poll() is None, self.log.read_text()
            try:
                socket.create_connection((HOST, self._site.settings.port), 1).close()
                return self
            except OSError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.01)

    def reload(self) -> None:
        """What turnlight-broker-rights.service does, and then wait until it is done.

        Mosquitto reads its list once in each turn of its loop, and answers a visitor in one: when
        a second visitor was answered, the turn of the first is over.
        """
        assert self._process
        self._process.send_signal(signal.SIGHUP)
        for _ in range(2):
            assert not lets_in(HOST, self._site.settings.port, None)

    def restart(self) -> None:
        """What turnlight-broker-revoked.service does."""
        self.stop()
        self.start()

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def __enter__(self) -> SiteBroker:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
