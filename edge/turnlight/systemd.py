"""Tells systemd that the desk hears (sd_notify(3)): it restarts one that no longer does."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress


class Notifier:
    """Says READY once and WATCHDOG again and again; nothing where no systemd asked for it.

    Args:
        environment: of the process: NOTIFY_SOCKET and WATCHDOG_USEC.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        # twice as often as it must be, as systemd asks for
        self._every_ms = int(environment.get("WATCHDOG_USEC", "0")) / 2000
        self._due_ms: float | None = None

    def hears(self, now_ms: float) -> None:
        """Sound has come through the core, at this time of a monotonic clock."""
        if self._due_ms is None:
            self._due_ms = now_ms
            self._say("READY=1")
        if self._every_ms and now_ms >= self._due_ms:
            self._due_ms = now_ms + self._every_ms
            self._say("WATCHDOG=1")

    def _say(self, state: str) -> None:
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
                datagrams.setblocking(False)
                datagrams.sendto(state.encode(), self._address)
