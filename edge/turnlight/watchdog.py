"""A sign of life for systemd, which starts a desk again that has stopped to hear (sd_notify)."""

from __future__ import annotations

import os
import socket
import time

EVERY_S = 5.0
"""Often enough for the 30 s that the unit waits."""


class Watchdog:
    """Says that the desk is ready, and then that it lives; without systemd it says nothing.

    Args:
        address: of the socket that systemd listens at; empty where nobody does.
    """

    def __init__(self, address: str) -> None:
        # the first letter of an abstract socket is written as @
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._said_s: float | None = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if address else None

    @classmethod
    def of_this_process(cls) -> Watchdog:
        """The one that systemd asks for, if it does."""
        return cls(os.environ.get("NOTIFY_SOCKET", ""))

    def alive(self, now_s: float | None = None) -> None:
        """Called with every block of sound; never waits and never fails."""
        if self._socket is None:
            return
        now_s = time.monotonic() if now_s is None else now_s
        if self._said_s is not None and now_s - self._said_s < EVERY_S:
            return
        word = b"READY=1\nWATCHDOG=1" if self._said_s is None else b"WATCHDOG=1"
        self._said_s = now_s
        try:
            self._socket.sendto(word, socket.MSG_DONTWAIT, self._address)
        except OSError:
            return

    def close(self) -> None:
        """Say no more."""
        if self._socket:
            self._socket.close()
