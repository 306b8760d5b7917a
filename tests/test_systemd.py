"""What systemd is told, on a real datagram socket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sounds import Pcm
from turnlight.audio import SourceStalled
from turnlight.config import Config, DeskSettings
from turnlight.lamps import GuardedLamp, RecordingLamp
from turnlight.live import Desk
from turnlight.recording import InputError
from turnlight.rights import Rights
from turnlight.systemd import Notifier


class Manager:
    """The other end, as systemd has it."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)

    def told(self) -> list[str]:
        """What came since the last time."""
        found = []
        while True:
            try:
                found.append(self._socket.recv(100).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{'@' if request.param == 'abstract' else ''}{tmp_path}/notify"


@pytest.fixture
def manager(address: str) -> Iterator[Manager]:
    made = Manager(address)
    yield made
    made.close()


def test_ready_is_said_once_and_the_watchdog_at_half_its_time(
    manager: Manager, address: str
) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"})
    assert manager.told() == []
    notifier.hears(1_000)
    assert manager.told() == ["READY=1", "WATCHDOG=1"]
    notifier.hears(15_999)
    assert manager.told() == []
    notifier.hears(16_000)
    assert manager.told() == ["WATCHDOG=1"]


def test_without_a_watchdog_it_is_only_ready(manager: Manager, address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    for now_ms in range(0, 100_000, 40):
        notifier.hears(now_ms)
    assert manager.told() == ["READY=1"]


def test_without_systemd_nothing_is_said() -> None:
    Notifier({}).hears(0)


def test_a_systemd_that_does_not_listen_stops_nobody(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": f"{tmp_path}/nobody", "WATCHDOG_USEC": "1000"}).hears(0)


# ---- a desk


class Tap:
    """Gives so many blocks of 40 ms, and then stalls or ends."""

    rate_hz = 16_000
    overruns = 0

    def __init__(self, blocks: int, stopping: threading.Event) -> None:
        self._left = blocks
        self._stopping = stopping

    def read(self) -> Pcm:
        self._left -= 1
        if self._left < 0:
            self._stopping.set()
            raise SourceStalled("no sound")
        return np.zeros((640, 2), np.int16)

    def close(self) -> None:
        """Nothing to give back."""


@pytest.mark.parametrize(
    ("blocks", "wish", "told"),
    [
        (0, "show", set()),
        (50, "show", {"READY=1", "WATCHDOG=1"}),
        # a paused desk must not be restarted, and must look like an idle one
        (50, "pause", {"READY=1", "WATCHDOG=1"}),
    ],
    ids=["no sound", "sound", "paused"],
)
def test_a_desk_is_alive_only_while_sound_comes_through(
    manager: Manager,
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    blocks: int,
    wish: str,
    told: set[str],
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "1")
    rights, stopping = Rights(), threading.Event()
    rights.ask(wish, time.monotonic() * 1000)
    config = Config(desk=DeskSettings(state_dir=str(tmp_path / "state")))
    desk = Desk(config, GuardedLamp(RecordingLamp(), rights=rights), rights, stopping)
    desk.run(Tap(blocks, stopping))
    desk.close()
    assert set(manager.told()) == told


def test_while_the_tap_is_lost_nothing_is_said(
    manager: Manager, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The desk waits for its tap, and systemd may give it a new start meanwhile."""
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "1")
    monkeypatch.setattr("turnlight.live.REOPEN_EVERY_S", 0.01)
    stopping, tries = threading.Event(), 0

    def never(_settings: object) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            manager.told()
        if tries == 5:
            stopping.set()
        raise InputError("no such input")

    monkeypatch.setattr("turnlight.live.open_source", never)
    config = Config(desk=DeskSettings(state_dir=str(tmp_path / "state")))
    desk = Desk(config, GuardedLamp(RecordingLamp()), Rights(), stopping)
    desk.run(Tap(50, threading.Event()))
    assert tries == 5
    assert manager.told() == []
