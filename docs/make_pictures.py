"""Makes the pictures in docs/: `python docs/make_pictures.py`, or `... page` for the page's alone.

The desks are those of a running demo, a minute long. The page is the real one behind a real
broker, fed by the floor of `simulated.py`, since a minute has no day to draw. Chromium and
Playwright take the pictures.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import simulated
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console

from turnlight import demo
from turnlight.cues import STATES
from turnlight.messages import Message, Status, device_topic, encode, floor_topic
from turnlight.mosquitto import HOST, free_port, loopback_config, program
from turnlight_floor.wall import TURN_S

DOCS = Path(__file__).parent
SECONDS = 68
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TERMINAL = """<html><style>a {{ color: #8ab4f8 !important }}</style>
<body style="margin:0;background:#16181d;color:#d8dbe2">
<pre style="margin:0;padding:22px 26px;font:15px/1.6 'DejaVu Sans Mono',monospace">{code}</pre>
</body></html>"""


PAGES = {
    "page.png": ("en", 1440, 925, "dark"),
    "page-persian.png": ("fa", 1440, 925, "light"),
    "wall.png": ("en/wall", 1920, 1080, "dark"),
    "devices.png": ("en/devices", 1280, 640, "light"),
}


def shoot(
    browser: Browser, address: str, target: Path, width: int, height: int, scheme: str = "dark"
) -> None:
    page = browser.new_page(
        viewport={"width": width, "height": height},
        device_scale_factor=1.5 if width < 1900 else 1,
        color_scheme=scheme,
    )
    page.goto(address)
    page.wait_for_timeout(2500)
    page.screenshot(path=target)
    page.close()


def pages(browser: Browser, folder: Path, stack: ExitStack) -> None:
    """The page, fed with a simulated floor as `turnlight floor` would publish it."""
    port, page_port, zone = free_port(), free_port(), simulated.zone_at_three()
    broker, settings = folder / "mosquitto.conf", folder / "floor.toml"
    broker.write_text(loopback_config(port, folder, ["allow_anonymous true"]))
    settings.write_text(
        f'site = "{simulated.SITE}"\ntime_zone = "{zone}"\n'
        f"[broker]\nport = {port}\n[page]\nport = {page_port}\n"
    )
    for command in (
        [program(), "-c", str(broker)],
        [sys.executable, "-m", "turnlight", "page", "--config", str(settings)],
    ):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.terminate)
    api = f"http://{HOST}:{page_port}/api/aggregates"
    while _state(api) != "waiting":
        time.sleep(0.2)
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect(HOST, port)
    client.loop_start()
    stack.callback(client.loop_stop)
    stack.callback(client.disconnect)

    def send(topic: str, message: Message) -> None:
        client.publish(topic, encode(message), qos=1, retain=True).wait_for_publish(10)

    for number in range(1, 13):
        desk = f"desk-{number:02}"
        state = Status(state="offline" if number == 8 else "online", session="0" * 8)
        send(device_topic(simulated.SITE, desk, "status"), state)
        send(device_topic(simulated.SITE, desk, "health"), simulated.health(number))
    for cells in simulated.story(datetime.now(ZoneInfo(zone))):
        for cell in cells:
            send(floor_topic(cell.site, cell.team), cell)
    for name, (path, width, height, scheme) in PAGES.items():
        while time.time() % (2 * TURN_S) > TURN_S / 2:  # the wall's first part
            time.sleep(0.5)
        for cell in cells:
            now_s = time.time()
            fresh = msgspec.structs.replace(cell, made_at_s=now_s, newest_window_s=int(now_s) - 2)
            send(floor_topic(cell.site, cell.team), fresh)
        address = f"http://{HOST}:{page_port}/{path}"
        shoot(browser, address, DOCS / name, width, height, scheme)


def _state(api: str) -> str:
    try:
        with urllib.request.urlopen(api, timeout=5) as answer:
            return str(json.load(answer)["state"])
    except OSError:
        return ""


def busy(desks: list[demo.DeskProcess]) -> int:
    return sum(desk.shown.cue not in STATES for desk in desks)


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        ExitStack() as stack,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        pages(browser, Path(folder), stack)
        if sys.argv[1:] == ["page"]:
            return
        floor = demo.Floor(Path(folder), stack)
        floor.await_ready()
        desks = demo.start_desks(Path(folder), floor.port, stack)
        started_s = time.monotonic()
        while busy(desks) < 3 and time.monotonic() - started_s < SECONDS:
            time.sleep(0.2)
        time.sleep(0.5)
        console = Console(record=True, width=118, force_terminal=True, color_system="truecolor")
        console.print(demo.picture(floor, desks, started_s))
        terminal = Path(folder) / "desks.html"
        terminal.write_text(console.export_html(code_format=TERMINAL, inline_styles=True))
        shoot(browser, terminal.as_uri(), DOCS / "desks.png", 1180, 340)


if __name__ == "__main__":
    main()
