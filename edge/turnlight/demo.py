"""The demo: a small floor on this machine, with real processes and recorded calls.

A Mosquitto of its own, the aggregator, the page and eight desks; each desk is `turnlight run`
with a recording in place of the headset. Everything listens on loopback, keeps its files in a
folder that goes away, and ends with the demo.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from turnlight import wording
from turnlight.cues import STATES, CueShown
from turnlight.lamps.effects import colour
from turnlight.lamps.terminal import lamp_line
from turnlight.messages import window_topic
from turnlight.mosquitto import HOST, MosquittoError, free_port, loopback_config, program

SITE, TEAM = "demo", "service"
CALLS = Path(__file__).parent / "calls"
READY_S = 60.0
"""The floor and the page have to answer within this time, on a slow machine too."""
PAUSE_S = 30.0
"""Silence between two rounds of a call, in which the call ends and the lamp rests."""
_PR_SET_PDEATHSIG = 1


class DemoError(RuntimeError):
    """The demo cannot start; the text says why."""


class DeskProcess:
    """One desk: its process, and what its lamp last said."""

    def __init__(self, name: str, config: Path) -> None:
        self.name = name
        self.shown = CueShown(at_ms=0, cue="idle", reason="")
        self.since_s = time.monotonic()
        self.last = CueShown(at_ms=0, cue="idle", reason="")
        """The last cue that was more than a state."""
        self.cues = 0
        self.process = _start("run", "--config", str(config), stdout=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            said = json.loads(line)
            self.shown = CueShown(
                at_ms=round(said["at_s"] * 1000), cue=said["cue"], reason=said["reason"]
            )
            self.since_s = time.monotonic()
            if self.shown.cue not in STATES:
                self.last = self.shown
                self.cues += 1

    def stop(self) -> None:
        """End it in good order."""
        _stop(self.process)
        self._reader.join()


class Floor:
    """Broker, aggregator and page, in a folder of their own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.port, self.page_port = free_port(), free_port()
        self.url = f"http://{HOST}:{self.page_port}/"
        self.published = 0
        self._folder = folder
        broker = folder / "mosquitto.conf"
        broker.write_text(loopback_config(self.port, folder, ["allow_anonymous true"]))
        settings = folder / "floor.toml"
        settings.write_text(
            f'site = "{SITE}"\ndatabase = "floor.sqlite"\npublish_every_s = 1\n'
            f'[broker]\nhost = "{HOST}"\nport = {self.port}\n'
            f"[page]\nport = {self.page_port}\n"
        )
        log = stack.enter_context((folder / "log").open("ab"))
        mosquitto = subprocess.Popen(
            [program(), "-c", str(broker)], stdout=log, stderr=log, **_own_session()
        )
        stack.callback(_stop, mosquitto)
        self._aggregator = _start(
            "floor", "--config", str(settings), "--json", stdout=subprocess.PIPE, stderr=log
        )
        stack.callback(_stop, self._aggregator)
        page = _start("page", "--config", str(settings), stdout=log, stderr=log)
        stack.callback(_stop, page)
        self._children = {"broker": mosquitto, "aggregator": self._aggregator, "page": page}
        self._count_windows(stack)

    def await_ready(self) -> None:
        """Wait until the page answers."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            for name, child in self._children.items():
                if child.poll() is not None:
                    raise DemoError(f"the demo's {name} ended at once: {self._log_tail()}")
            if self.page()[0] == 200:
                return
            time.sleep(0.2)
        raise DemoError(f"the page did not answer within {READY_S:.0f} s: {self._log_tail()}")

    def page(self) -> tuple[int, dict[str, Any]]:
        """HTTP status and content of what the page shows now; 0 where it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.url}api/aggregates", timeout=2) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, {}
        except (OSError, ValueError):
            return 0, {}

    def counters(self) -> dict[str, Any]:
        """End the aggregator and take its counters."""
        self._aggregator.send_signal(signal.SIGTERM)
        out, _ = self._aggregator.communicate(timeout=15)
        counted: dict[str, Any] = json.loads(out)
        return counted

    def _count_windows(self, stack: ExitStack) -> None:
        def heard(_client: Client, _data: object, _message: object) -> None:
            self.published += 1

        client = Client(CallbackAPIVersion.VERSION2)
        client.on_connect = lambda c, *_: c.subscribe(window_topic(SITE, TEAM), 1)
        client.on_message = heard
        client.connect_async(HOST, self.port)
        client.reconnect_delay_set(1, 1)
        client.loop_start()
        stack.callback(client.loop_stop)
        stack.callback(client.disconnect)

    def _log_tail(self) -> str:
        lines = (self._folder / "log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def run(seconds: float | None, headless: bool) -> int:
    """Run the demo.

    Args:
        seconds: how long; None until Ctrl-C.
        headless: no lamps on the terminal; one JSON line at the end.
    """
    console = Console(stderr=headless)
    ending = threading.Event()
    before = {n: signal.signal(n, lambda *_: ending.set()) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        with tempfile.TemporaryDirectory(prefix="turnlight-demo-") as folder, ExitStack() as stack:
            floor = Floor(Path(folder), stack)
            console.print("starting the broker, the aggregator and the page", style="dim")
            floor.await_ready()
            console.print(f"the page is at {floor.url}", style="dim", soft_wrap=True)
            desks = start_desks(Path(folder), floor.port, stack)
            started_s = time.monotonic()
            with _display(console, floor, desks, headless) as draw:
                while not ending.is_set() and (
                    seconds is None or time.monotonic() - started_s < seconds
                ):
                    draw()
                    ending.wait(0.1)
            ran_s = time.monotonic() - started_s
            _end(desks)
            if headless:
                print(json.dumps(_summary(floor, desks, ran_s)), flush=True)
        return 0
    except (DemoError, MosquittoError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start_desks(folder: Path, port: int, stack: ExitStack) -> list[DeskProcess]:
    """One desk for each recorded call; the stack ends them."""
    return [_desk(folder, truth, port, stack) for truth in sorted(CALLS.glob("*.json"))]


def _desk(folder: Path, truth: Path, port: int, stack: ExitStack) -> DeskProcess:
    name = truth.stem
    config = folder / f"{name}.toml"
    config.write_text(
        f'[desk]\nsite = "{SITE}"\nteam = "{TEAM}"\ndevice = "{name}"\n'
        f'state_dir = "{folder / name}"\n'
        f'[audio]\nsource = "file"\nfile = "{truth.with_suffix(".opus")}"\n'
        f"loop = true\nloop_pause_s = {PAUSE_S}\n"
        '[lamp]\nkind = "lines"\n'
        f'[uplink]\nhost = "{HOST}"\nport = {port}\npublish_jitter_s = 0.5\n'
    )
    desk = DeskProcess(name, config)
    stack.callback(desk.stop)
    return desk


@contextlib.contextmanager
def _display(
    console: Console, floor: Floor, desks: list[DeskProcess], headless: bool
) -> Iterator[Callable[[], None]]:
    """Gives a function that draws the lamps as they are now."""
    if headless:
        yield lambda: None
        return
    started_s = time.monotonic()
    with Live(console=console, auto_refresh=False) as live:
        yield lambda: live.update(picture(floor, desks, started_s), refresh=True)


def picture(floor: Floor, desks: list[DeskProcess], started_s: float) -> Group:
    """The lamps as they are now, for the terminal."""
    width = max(len(desk.name) for desk in desks)
    now_s = time.monotonic()
    lines: list[Text] = [
        Text.assemble(
            ("Turnlight demo", "bold"),
            f"   eight recorded calls on eight desks, {now_s - started_s:.0f} s, "
            f"{floor.published} windows published",
        ),
        Text(""),
    ]
    for desk in desks:
        rgb = colour(desk.shown.cue, round((now_s - desk.since_s) * 1000))
        line = lamp_line(desk.shown, rgb, f"{desk.name:<{width}}")
        if desk.shown.cue in STATES and desk.cues:
            line.append(f"   before: {wording.cue(desk.last.cue)} · {desk.last.reason}", "dim")
        lines.append(line)
    lines += [
        Text(""),
        Text.assemble("The floor manager's page  ", (floor.url, f"bold link {floor.url}")),
        Text("Synthetic voices, real processes. Ctrl-C ends everything.", "dim"),
    ]
    return Group(*lines)


def _end(desks: list[DeskProcess]) -> None:
    """All at once, since each waits a moment for its last windows."""
    for desk in desks:
        desk.process.terminate()
    for desk in desks:
        desk.stop()


def _summary(floor: Floor, desks: list[DeskProcess], ran_s: float) -> dict[str, Any]:
    """When the desks have ended: end the aggregator, and count what went where."""
    time.sleep(2.5)  # two rounds of the aggregator and one look of the page
    status, shown = floor.page()
    cells: list[dict[str, Any]] = shown.get("aggregates", [])
    site = next((cell for cell in cells if cell["team"] == "_site"), {})
    counters = floor.counters()
    return {
        "seconds": round(ran_s, 1),
        "desks": len(desks),
        "windows_published": floor.published,
        "windows_aggregated": counters["accepted"],
        "cues_shown": sum(desk.cues for desk in desks),
        "page_status": status,
        "page_url": floor.url,
        "site_now": site.get("now"),
        "site_now_withheld": site.get("now_withheld", "no data"),
    }


def _own_session() -> dict[str, Any]:
    """A child gets no Ctrl-C of the terminal, and ends when its parent is killed (Linux)."""
    libc = ctypes.CDLL(None)
    return {
        "start_new_session": True,
        "preexec_fn": lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM),
    }


def _start(*arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "turnlight", *arguments], **streams, **_own_session()
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
