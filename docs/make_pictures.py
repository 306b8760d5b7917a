"""Makes docs/page.png and docs/desks.png from a running demo: `python docs/make_pictures.py`.

The demo runs for a minute with its real processes; Chromium and Playwright take the pictures.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from rich.console import Console

from turnlight import demo
from turnlight.cues import STATES

DOCS = Path(__file__).parent
SECONDS = 68
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TERMINAL = """<html><style>a {{ color: #8ab4f8 !important }}</style>
<body style="margin:0;background:#16181d;color:#d8dbe2">
<pre style="margin:0;padding:22px 26px;font:15px/1.6 'DejaVu Sans Mono',monospace">{code}</pre>
</body></html>"""


def shoot(browser: Browser, address: str, target: Path, width: int, height: int) -> None:
    page = browser.new_page(
        viewport={"width": width, "height": height}, device_scale_factor=1.5, color_scheme="dark"
    )
    page.goto(address)
    page.wait_for_timeout(2500)
    page.screenshot(path=target)
    page.close()


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
        time.sleep(max(0.0, SECONDS - (time.monotonic() - started_s)))
        shoot(browser, floor.url, DOCS / "page.png", 1280, 760)
        browser.close()


if __name__ == "__main__":
    main()
