from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from turnlight.watchdog import EVERY_S, Watchdog

CALL = Path(__file__).parents[1] / "edge" / "turnlight" / "calls" / "short.opus"


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(60)
        yield listener


def test_it_is_ready_once_and_then_alive_at_a_calm_pace(systemd: socket.socket) -> None:
    dog = Watchdog(systemd.getsockname())
    for now_s in (0.0, 0.04, EVERY_S - 0.01, EVERY_S, EVERY_S + 0.04):
        dog.alive(now_s)
    dog.close()
    systemd.settimeout(0)
    assert [systemd.recv(100), systemd.recv(100)] == [b"READY=1\nWATCHDOG=1", b"WATCHDOG=1"]
    with pytest.raises(BlockingIOError):
        systemd.recv(100)


def test_nobody_who_listens_is_no_trouble(tmp_path: Path) -> None:
    for address in ("", str(tmp_path / "gone"), "@turnlight-nobody"):
        dog = Watchdog(address)
        dog.alive(0.0)
        dog.close()


def test_a_running_desk_says_that_it_hears(systemd: socket.socket, tmp_path: Path) -> None:
    config = tmp_path / "desk.toml"
    config.write_text(
        f'[desk]\nstate_dir = "{tmp_path}/state"\n[lamp]\nkind = "none"\n'
        f'[audio]\nsource = "file"\nfile = "{CALL}"\npace = 100\n'
    )
    subprocess.run(
        [sys.executable, "-m", "turnlight", "run", "--config", config],
        env=os.environ | {"NOTIFY_SOCKET": systemd.getsockname()},
        check=True,
        timeout=120,
    )
    assert systemd.recv(100).startswith(b"READY=1")
