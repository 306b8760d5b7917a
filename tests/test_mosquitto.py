"""The broker of the demo and the tests finds its place on a machine where others run."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from turnlight import mosquitto
from turnlight.mosquitto import HOST, MosquittoError, free_port

OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_a_free_port_is_not_one_that_an_outgoing_connection_may_be_given() -> None:
    least, _ = map(int, OUTGOING.read_text().split())
    assert all(1024 < free_port() < least for _ in range(20))


def test_a_free_port_can_be_listened_at() -> None:
    with socket.create_server((HOST, free_port())) as server:
        server.listen()


def test_a_port_in_use_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((HOST, free_port())) as server:
        taken = server.getsockname()[1]
        other = free_port()
        monkeypatch.setattr(mosquitto.random, "sample", lambda *_: [taken, other])
        assert free_port() == other
        monkeypatch.setattr(mosquitto.random, "sample", lambda *_: [taken])
        with pytest.raises(MosquittoError, match="none is free"):
            free_port()
