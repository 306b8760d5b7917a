"""The real floor behind a real Mosquitto: how much it takes, loses, remembers, and how late it is.

    .venv/bin/python -m bench.floor_load SECONDS

Desks are simulated (floor_desks.py), broker and aggregator are the product's own processes on this
machine. A probe is a window of each of five desks of a team of its own;
it is late by the time from its publishing until the team's aggregate that holds it arrives.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from bench.floor_desks import SITE
from bench.table import Row, progress
from turnlight.messages import Aggregate, Window, decode, encode, floor_topic, window_topic
from turnlight.mosquitto import HOST, free_port, loopback_config, program

RATE = 5_000
EVERY_S = 10
"""A desk sends so often."""
TEAM_OF = 250
PROBES = 20
"""Teams of five desks, each probed again and again."""
HOUR_DESKS = 500


def under_load(seconds: int) -> Row:
    """RATE windows a second for so long, then a restart."""
    desks = RATE * EVERY_S
    teams = desks // TEAM_OF
    with tempfile.TemporaryDirectory(prefix="turnlight-bench-") as name, floor(Path(name)) as at:
        port, settings, service = at
        with Probes(port) as probes:
            load = subprocess.Popen(
                [sys.executable, "-m", "bench.floor_desks"]
                + [str(n) for n in (port, RATE, seconds, desks, teams)],
                stdout=subprocess.PIPE,
            )
            before_s, begun_s = processor_s(service.pid), time.monotonic()
            memory = []
            while load.poll() is None:
                probes.send()
                memory.append(resident_mb(service.pid))
                time.sleep(0.25)
            used_s = processor_s(service.pid) - before_s
            cores = used_s / (time.monotonic() - begun_s)
            assert load.stdout
            sent = json.loads(load.stdout.read())
            probes.settle()
            drained_s = drained(settings, sent["sent"] + 5 * probes.sent)
            delays = probes.delays_s
            stop_s, counted = stopped(service)
            restart_s = restarted(settings, port, desks * 9 // 10)
    accepted = counted["accepted"] - 5 * probes.sent
    return {
        "what": "under load",
        "desks": desks,
        "seconds": seconds,
        "windows/s": sent["per_s"],
        "lost": sent["sent"] - accepted,
        "delay p50, s": float(np.percentile(delays, 50)),
        "delay p99, s": float(np.percentile(delays, 99)),
        "probes": len(delays),
        "unanswered": probes.sent - len(delays),
        "behind at the end, s": drained_s,
        "cores": cores,
        "processor, us a window": 1e6 * used_s / counted["accepted"],
        "MB, first half": max(memory[: len(memory) // 2]),
        "MB, end": memory[-1],
        "stop, s": stop_s,
        "restart, s": restart_s,
    }


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    """Mosquitto in a folder: its port."""
    port = free_port()
    (folder / "mosquitto.conf").write_text(loopback_config(port, folder, ["allow_anonymous true"]))
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [program(), "-c", str(folder / "mosquitto.conf")], stdout=log, stderr=log
        )
        try:
            time.sleep(0.5)
            yield port
        finally:
            ended(running)


def ended(process: subprocess.Popen[bytes]) -> None:
    """See that it has."""
    if process.poll() is None:
        process.terminate()
        process.wait(30)


@contextmanager
def floor(folder: Path) -> Iterator[tuple[int, Path, subprocess.Popen[bytes]]]:
    """Broker and aggregator in a folder: port, settings file, the aggregator."""
    with broker(folder) as port:
        settings = folder / "floor.toml"
        settings.write_text(
            f'site = "{SITE}"\n[metrics]\nport = {free_port()}\n[broker]\nport = {port}\n'
        )
        service = started(settings)
        try:
            yield port, settings, service
        finally:
            ended(service)


def started(settings: Path) -> subprocess.Popen[bytes]:
    """`turnlight floor`, connected."""
    service = subprocess.Popen(
        [sys.executable, "-m", "turnlight", "floor", "--config", str(settings), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert service.stderr
    for line in service.stderr:
        if b"connected" in line:
            threading.Thread(target=service.stderr.read, daemon=True).start()
            return service
    raise RuntimeError("the floor ended at once")


def stopped(service: subprocess.Popen[bytes]) -> tuple[float, dict[str, Any]]:
    """How long a polite end takes, and the counters."""
    begun_s = time.monotonic()
    service.send_signal(signal.SIGTERM)
    assert service.stdout
    counted = json.loads(service.stdout.read())
    service.wait(60)
    return time.monotonic() - begun_s, counted


def drained(settings: Path, windows: int) -> float:
    """Seconds until so many windows are counted, or no more come."""
    port = next(line for line in settings.read_text().splitlines() if line.startswith("port = "))
    address = f"http://{HOST}:{port.removeprefix('port = ')}/metrics"
    begun_s = changed_s = time.monotonic()
    before = -1
    while time.monotonic() - changed_s < 10:
        with urllib.request.urlopen(address, timeout=30) as answer:
            text = answer.read().decode()
        counted = int(text.split("\nturnlight_floor_accepted_total ")[1].split()[0])
        if counted >= windows:
            break
        if counted != before:
            before, changed_s = counted, time.monotonic()
        time.sleep(0.1)
    return changed_s - begun_s


def restarted(settings: Path, port: int, desks: int) -> float:
    """Seconds from a start until today's aggregate of the site is there again."""
    again = threading.Event()

    def heard(_client: Client, _data: object, message: MQTTMessage) -> None:
        cell = decode(bytes(message.payload), Aggregate)
        whole = cell.today is not None and cell.today.desks >= desks
        if whole and not message.retain and cell.made_at_s > begun_wall_s:
            again.set()

    with client(port, heard, floor_topic(SITE, "_site")):
        begun_wall_s, begun_s = time.time(), time.monotonic()
        service = started(settings)
        found = again.wait(60)
        took_s = time.monotonic() - begun_s
        stopped(service)
    return took_s if found else float("nan")


@contextmanager
def client(
    port: int, heard: Callable[[Client, object, MQTTMessage], None], topic: str
) -> Iterator[Client]:
    """A client that hears one topic."""
    ready = threading.Event()
    one = Client(CallbackAPIVersion.VERSION2)
    one.on_message = heard
    one.on_subscribe = lambda *_: ready.set()
    one.connect(HOST, port)
    one.loop_start()
    one.subscribe(topic, 1)
    ready.wait(10)
    try:
        yield one
    finally:
        one.disconnect()
        one.loop_stop()


class Probes:
    """Teams of five desks whose windows are followed until their aggregate arrives."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self.delays_s: list[float] = []
        self._open: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._next = {f"probe-{n}": int(time.time()) // 10 * 10 - 590 for n in range(PROBES)}
        self._seq = dict.fromkeys(self._next, 0)
        self._context = client(port, self._heard, floor_topic(SITE, "+"))

    def __enter__(self) -> Probes:
        self._client = self._context.__enter__()
        return self

    def __exit__(self, *about: object) -> None:
        self._context.__exit__(None, None, None)

    def send(self) -> None:
        """Probe the team that waited longest for it, unless its last probe is on its way."""
        team = min(self._seq, key=lambda name: self._seq[name])
        with self._lock:
            if team in self._open:
                return
            start_s, seq = self._next[team], self._seq[team]
            self._open[team] = (start_s + 10, time.monotonic())
        self._next[team] += 10
        self._seq[team] += 1
        self.sent += 1
        for desk in range(5):
            pid = f"{hash((team, desk)) & (2**64 - 1):016x}"
            one = Window(pid=pid, seq=seq, start_s=start_s, agent_ms=4000, customer_ms=4000)
            self._client.publish(window_topic(SITE, team), encode(one), qos=1)

    def settle(self) -> None:
        """Wait a moment for the last answers."""
        deadline_s = time.monotonic() + 10
        while self._open and time.monotonic() < deadline_s:
            time.sleep(0.05)

    def _heard(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        at_s = time.monotonic()
        team = message.topic.rsplit("/", 1)[1]
        if not team.startswith("probe-") or not message.payload:
            return
        newest_s = decode(bytes(message.payload), Aggregate).newest_window_s
        with self._lock:
            waiting = self._open.get(team)
            if waiting and newest_s >= waiting[0]:
                del self._open[team]
                self.delays_s.append(at_s - waiting[1])


def an_hour(desks: int) -> Row:
    """An hour of windows through the same code, with a clock of its own: does memory stay?"""
    progress(f"  an hour of {desks} desks")
    code = HOUR.replace("DESKS", str(desks))
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after_s, mb = zip(*json.loads(out.stdout), strict=True)
    return {
        "what": "an hour, simulated clock",
        "desks": desks,
        "seconds": after_s[-1],
        "MB, first half": max(mb[: len(mb) // 2]),
        "MB, end": mb[-1],
        "growth": mb[-1] / max(mb[: len(mb) // 2]),
    }


HOUR = """
import json, os, random
from bench.floor_load import resident_mb
from bench.floor_desks import contents
from turnlight.messages import window_topic
from turnlight_floor.aggregate import Picture
from turnlight_floor.service import Floor
dice = random.Random(1)
rests = [contents(dice) for _ in range(64)]
floor = Floor("bench", Picture("bench", None), 5)
topics = [window_topic("bench", f"team-{n}") for n in range(max(1, DESKS // 50))]
base_s = 1_790_000_000 // 86_400 * 86_400 + 43_200
memory = []
for seq in range(360):
    now_s = base_s + 10 * seq + 12
    for desk in range(DESKS):
        payload = b'{"schema":1,"pid":"%016x","seq":%d,"start_s":%d,%b' % (
            desk, seq, base_s + 10 * seq, rests[(desk + seq) % 64])
        floor.take(topics[desk % len(topics)], payload, now_s)
    floor.tick(now_s)
    if seq % 30 == 29:
        memory.append((now_s - base_s, resident_mb(os.getpid())))
assert floor.counters.accepted == 360 * DESKS
print(json.dumps(memory))
"""


def resident_mb(pid: int) -> float:
    """Memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def processor_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(json.dumps([under_load(int(sys.argv[1])), an_hour(HOUR_DESKS)]))
