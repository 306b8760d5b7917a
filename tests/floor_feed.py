"""Windows as desks of a believable floor send them, and the floor's processes as children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from turnlight.messages import Aggregate, Figures, Message, Window, encode
from turnlight_floor.aggregate import Picture
from turnlight_floor.minutes import Minute
from turnlight_floor.release import Release

NOON_S = 1_790_000_000 // 86_400 * 86_400 + 12 * 3600
"""A noon, UTC."""


def pid(number: int) -> str:
    return f"{number:016x}"


def window(desk: int = 1, seq: int = 0, start_s: int = NOON_S, **fields: object) -> Window:
    """One window of a desk in a call where the agent talks 40 % of the speech."""
    usual: dict[str, object] = {"agent_ms": 3000, "customer_ms": 4500, "silence_ms": 2500}
    return Window(pid=pid(desk), seq=seq, start_s=start_s, **{**usual, **fields})


@contextmanager
def child(process: str, config: Path) -> Iterator[subprocess.Popen[str]]:
    """`service` or `page` as a process of its own, ended politely."""
    code = (
        "import sys; from pathlib import Path;"
        f"from turnlight_floor.{process} import main;"
        f"sys.exit(main(Path(sys.argv[1]){', True' if process == 'service' else ''}))"
    )
    with started(sys.executable, "-c", code, str(config)) as running:
        yield running


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A process that may serve a page, ended politely."""
    # A server started by pytest must not take itself for a test.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    running = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield running
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGTERM)
        try:
            running.wait(20)
        finally:
            running.kill()
            for pipe in (running.stdout, running.stderr):
                if pipe is not None:
                    pipe.close()


def await_line(running: subprocess.Popen[str], *parts: str) -> str:
    """The next lines of the child's log that say `parts`, in any order."""
    assert running.stderr is not None
    missing, found, log = set(parts), "", ""
    for line in running.stderr:
        log += line
        if said := {part for part in missing if part in line}:
            missing -= said
            found += line
        if not missing:
            return found
    raise AssertionError(f"the child ended without saying {missing}; it said:\n{log}")


def await_port(port: int) -> None:
    """The page looks for its broker before it listens."""
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"nobody listens at port {port}"
            time.sleep(0.05)


def end(running: subprocess.Popen[str]) -> tuple[int, str, str]:
    """End a child politely: its code, what it printed, what it logged."""
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=20)
    return running.returncode, out, err


def shown(seen: Picture, start_s: int, k: int = 5) -> list[Minute]:
    """One minute of a picture, as the history takes it."""
    cells = Release(seen, k).minute(start_s)
    return [(start_s, team, cell) for team, cell in cells.items()]


class Publisher:
    """A client that publishes as devices or the floor do."""

    def __init__(self, host: str, port: int, user: str = "", password: str = "") -> None:
        self._client = Client(CallbackAPIVersion.VERSION2)
        if user:
            self._client.username_pw_set(user, password)
        self._client.reconnect_delay_set(0.05, 0.2)
        self._client.connect(host, port)
        self._client.loop_start()

    def send(self, topic: str, message: Message | bytes, retain: bool = False) -> None:
        deadline = time.monotonic() + 10
        while not self._client.is_connected():
            assert time.monotonic() < deadline, "no broker to publish to"
            time.sleep(0.01)
        payload = message if isinstance(message, bytes) else encode(message)
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def figures(**fields: object) -> Figures:
    usual: dict[str, object] = {
        "desks": 7,
        "agent_talk_pct": 38.0,
        "customer_talk_pct": 52.0,
        "talk_share": 0.42,
        "overtalk_pct": 2.5,
        "silence_pct": 12.0,
        "hold_pct": 4.0,
        "interruptions_per_customer_min": (0.4, 0.2),
        "interruptions_taken_per_customer_min": (0.1, 0.1),
        "backchannels_per_customer_min": (2.1, 0.6),
        "long_silences_per_hour": 1.5,
        "turnarounds_per_hour": 0.5,
        "interactivity_per_min": 8.0,
        "response_latency_ms": 750,
        "latency_bins": (0.1, 0.15, 0.25, 0.2, 0.15, 0.1, 0.03, 0.02, 0.0),
        "overlap_bins": (0.4, 0.3, 0.2, 0.1, 0.0, 0.0),
        "strain_bins": (0.4, 0.3, 0.2, 0.07, 0.03),
    }
    return Figures(**{**usual, **fields})


def shown_cell(team: str, **fields: object) -> Aggregate:
    """An aggregate as the floor publishes it."""
    usual: dict[str, object] = {
        "site": "home",
        "team": team,
        "made_at_s": float(NOON_S),
        "newest_window_s": NOON_S,
        "k": 5,
        "now": figures(),
        "today": figures(talk_share=0.45, desks=9),
    }
    return Aggregate(**{**usual, **fields})
