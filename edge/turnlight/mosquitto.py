"""A Mosquitto of one's own on this machine's loopback, for the demo and the tests."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

HOST = "127.0.0.1"
PORTS = range(20_000, 32_768)


class MosquittoError(RuntimeError):
    """No broker can be had; the text names the remedy or the cause."""


def program() -> str:
    """Where Mosquitto is.

    Raises:
        MosquittoError: nowhere.
    """
    # Debian puts it where only root's path looks.
    found = shutil.which(
        "mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    )
    if found is None:
        raise MosquittoError("mosquitto is not installed; run `apt-get install mosquitto`")
    return found


def loopback_config(port: int, folder: Path, extra: Sequence[str] = ()) -> str:
    """Configuration of a broker that listens on loopback only and keeps its state in `folder`."""
    lines = [
        f"listener {port} {HOST}",
        # Started by root Mosquitto becomes another user, who cannot read the folder.
        f"user {pwd.getpwuid(os.getuid()).pw_name}",
        "set_tcp_nodelay true",
        "max_packet_size 65536",
        # What waits for an aggregator that is busy or away; the broker drops what is beyond.
        "max_queued_messages 1000000",
        "persistence true",
        f"persistence_location {folder}/",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
    ]
    return "\n".join([*lines, *extra]) + "\n"


def free_port() -> int:
    """A TCP port on loopback that nobody uses at this moment.

    Systems give outgoing connections ports from 32768 up: one from there could be taken, by the
    very program that is to listen, before it listens.

    Raises:
        MosquittoError: of many ports none is free.
    """
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise MosquittoError(f"of 100 ports from {PORTS[0]} to {PORTS[-1]} on {HOST} none is free")
