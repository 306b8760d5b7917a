"""The real page behind a real Mosquitto: first paint, 50 open pages, and how late a value is shown.

    .venv/bin/python -m bench.page_load SECONDS

The feed is ten teams and the site, all of them changed every half second, over a page whose
history holds four weeks: no real floor changes so fast. One open page is a tab of Chromium, in
which paint and delay are measured; the others are page_clients.py, because fifty browsers on the
machine that is measured would be the load.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.chromium import CHROMIUM, chromium
from bench.floor_load import broker, client, ended, processor_s, resident_mb
from bench.table import Row, progress
from turnlight.messages import (
    Aggregate,
    Figures,
    Health,
    Status,
    device_topic,
    encode,
    floor_topic,
)
from turnlight.mosquitto import HOST, free_port
from turnlight_floor.history import History

SITE = "bench"
CELLS = ("_site", *(f"team-{n:02}" for n in range(1, 11)))
WATCHED = "team-05"
DESKS = 100
EVERY_S = 0.5
PAGES = 50
LOADS = 20
STEP, START = 0.0001, 0.3
"""The watched share goes up by a step each time, so that it tells which publication it is."""
WATCH = """name => {
  window.seen = [];
  const look = () => {
    const one = document.querySelector(`#app [data-testid="team-${name}-talk-share"]`);
    const value = one && one.dataset.value;
    if (!value || value === window.last) return;
    window.last = value;
    // The frame after this one is on the screen.
    requestAnimationFrame(() => window.seen.push([Number(value), Date.now()]));
  };
  new MutationObserver(look).observe(document.getElementById("app"),
    {childList: true, subtree: true, attributes: true, characterData: true});
}"""
PAINTED = (
    """() => performance.getEntriesByName("first-contentful-paint").map(e => e.startTime)[0]"""
)
LIVE = """() => !document.getElementById("first") && performance.now()"""


def figures(dice: random.Random, share: float) -> Figures:
    """Figures of a believable cell."""
    return Figures(
        desks=dice.randint(5, 30),
        agent_talk_pct=float(dice.randint(30, 45)),
        customer_talk_pct=float(dice.randint(40, 55)),
        talk_share=share,
        overtalk_pct=dice.randint(0, 10) / 2,
        silence_pct=float(dice.randint(5, 20)),
        hold_pct=float(dice.randint(0, 9)),
        interruptions_per_customer_min=(dice.randint(0, 9) / 10, dice.randint(0, 9) / 10),
        interruptions_taken_per_customer_min=(0.1, 0.1),
        backchannels_per_customer_min=(2.1, 0.6),
        long_silences_per_hour=dice.randint(0, 30) / 10,
        turnarounds_per_hour=dice.randint(0, 9) / 10,
        interactivity_per_min=8.0,
        response_latency_ms=50 * dice.randint(8, 20),
        latency_bins=(0.1, 0.15, 0.25, 0.2, 0.15, 0.1, 0.03, 0.02, 0.0),
        overlap_bins=(0.4, 0.3, 0.2, 0.1, 0.0, 0.0),
        strain_bins=(0.4, 0.3, 0.2, 0.07, 0.03),
    )


def cell(team: str, dice: random.Random, share: float, now_s: float) -> Aggregate:
    """An aggregate as the floor publishes it."""
    return Aggregate(
        site=SITE,
        team=team,
        made_at_s=now_s,
        newest_window_s=int(now_s),
        k=5,
        now=figures(dice, share),
        today=figures(dice, 0.45),
    )


def remember(path: Path) -> None:
    """Four weeks of every cell, nine hours a day until now, in the page's database."""
    dice, now_s = random.Random(2), time.time()
    history = History(path, None)
    for team in CELLS:
        for back in range(4, -1, -1):
            for slot in range(108, 0, -1):
                at_s = now_s - back * 7 * 86_400 - slot * 300
                history.note([cell(team, dice, dice.randint(35, 50) / 100, at_s)], now_s)
    history.close()


@contextmanager
def page(folder: Path) -> Iterator[tuple[int, int, int]]:
    """Broker and page in a folder: the broker's port, the page's port and its process."""
    web = free_port()
    settings = folder / "floor.toml"
    remember(folder / "page.sqlite")
    with broker(folder) as port:
        settings.write_text(
            f'site = "{SITE}"\n[broker]\nport = {port}\n[page]\nport = {web}\n', encoding="utf-8"
        )
        served = subprocess.Popen(
            [sys.executable, "-m", "turnlight", "page", "--config", str(settings)],
            stderr=subprocess.PIPE,
        )
        try:
            assert served.stderr
            if not any(b"connected" in line for line in served.stderr):
                raise RuntimeError("the page ended at once")
            threading.Thread(target=served.stderr.read, daemon=True).start()
            yield port, web, served.pid
        finally:
            ended(served)


class Feed:
    """Publishes every cell again and again, and knows when."""

    def __init__(self, port: int) -> None:
        self.sent: list[tuple[float, float]] = []
        """The watched share and when it was published, s."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._context = client(port, lambda *_: None, "none")

    def __enter__(self) -> Feed:
        self._client = self._context.__enter__()
        for n in range(DESKS):
            status = encode(Status(state="online", session=f"{n:08}"))
            health = encode(
                Health(
                    version="0.1.0",
                    uptime_s=7200,
                    overruns=0,
                    outbox_depth=0,
                    outbox_dropped=0,
                    temperature_c=51.0,
                    audio_present=True,
                )
            )
            name = f"desk-{n}"
            self._client.publish(device_topic(SITE, name, "status"), status, 1, True)
            self._client.publish(device_topic(SITE, name, "health"), health, 1)
        self._thread.start()
        return self

    def __exit__(self, *about: object) -> None:
        self._stop.set()
        self._thread.join()
        self._context.__exit__(None, None, None)

    def _run(self) -> None:
        dice, share = random.Random(3), START
        while not self._stop.wait(EVERY_S * dice.uniform(0.9, 1.1)):
            # Not in step with the page's own looks, or one lucky phase would be measured.
            share = round(share + STEP, 4)
            for team in CELLS:
                shown = share if team == WATCHED else dice.randint(35, 50) / 100
                about = encode(cell(team, dice, shown, time.time()))
                self._client.publish(floor_topic(SITE, team), about, 1, True)
                if team == WATCHED:
                    self.sent.append((share, time.time()))


def delays(sent: list[tuple[float, float]], seen: list[tuple[float, float]]) -> list[float]:
    """Seconds from each publication until it or a later one was shown.

    Args:
        sent: value, which only rises, and when it was published in s.
        seen: value and when it was shown in s.
    """
    found = []
    for value, at_s in sent:
        shown_s = next((s for later, s in seen if later >= value - STEP / 2), None)
        # What was there when the watching began was shown before.
        if shown_s is not None and seen[0][1] <= at_s:
            found.append(shown_s - at_s)
    return found


def loads(browser: Any, url: str, times: int) -> tuple[list[float], list[float]]:
    """First contentful paint and until the figures follow the feed, s; each with an empty cache."""
    painted, live = [], []
    for _ in range(times):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        opened = context.new_page()
        opened.goto(url)
        opened.wait_for_function(f"({PAINTED})() !== undefined")
        live.append(opened.wait_for_function(LIVE).json_value() / 1000)
        painted.append(opened.evaluate(PAINTED) / 1000)
        context.close()
    return painted, live


def paint(what: str, browser: Any, url: str, times: int) -> Row:
    """One row on opening a page."""
    painted, live = loads(browser, url, times)
    return {
        "what": what,
        "loads": times,
        "first paint median, s": float(np.median(painted)),
        "first paint p95, s": float(np.percentile(painted, 95)),
        "follows the feed, median, s": float(np.median(live)),
    }


@contextmanager
def others(url: str, number: int) -> Iterator[subprocess.Popen[str]]:
    """So many open pages that are no browsers."""
    running = subprocess.Popen(
        [sys.executable, "-m", "bench.page_clients", url, str(number)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdout
        if running.stdout.readline().strip() != "open":
            raise RuntimeError("the pages could not be opened")
        yield running
    finally:
        if running.poll() is None:
            running.terminate()
        running.wait(30)


def open_pages(browser: Any, url: str, feed: Feed, process: int, seconds: int) -> list[Row]:
    """What PAGES open pages cost the page's process, and what one of them sees."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    tab.goto(url)
    tab.wait_for_function(LIVE)
    alone_mb = resident_mb(process)
    with others(url, PAGES - 1) as clients:
        time.sleep(5)
        tab.evaluate(WATCH, WATCHED)
        before_s, begun_s, mb = processor_s(process), time.monotonic(), resident_mb(process)
        first = len(feed.sent)
        time.sleep(seconds)
        used_s, took_s = processor_s(process) - before_s, time.monotonic() - begun_s
        after_mb = resident_mb(process)
        late_s = delays(
            feed.sent[first:], [(value, ms / 1000) for value, ms in tab.evaluate("window.seen")]
        )
        busy = paint(f"opening one more beside {PAGES}", browser, url, max(3, LOADS // 4))
        assert clients.stdin
        assert clients.stdout
        clients.stdin.close()
        heard = json.loads(clients.stdout.read())
    context.close()
    row: Row = {
        "what": f"{PAGES} open pages",
        "seconds": took_s,
        "processor, % of a core": 100 * used_s / took_s,
        "MB, one page": alone_mb,
        "MB": mb,
        "MB, end": after_mb,
        "delay p50, s": float(np.percentile(late_s, 50)),
        "delay p99, s": float(np.percentile(late_s, 99)),
        "delays": len(late_s),
        "pages that heard all along": heard["alive"] + 1,
        "kB/s a page": heard["bytes_per_s"] / 1000,
    }
    return [row, busy]


def main(seconds: int) -> list[Row]:
    """All rows."""
    if CHROMIUM is None:
        sys.exit("page: there is no Chromium; apt install chromium")
    with (
        tempfile.TemporaryDirectory(prefix="turnlight-bench-") as name,
        page(Path(name)) as (port, web, process),
        Feed(port) as feed,
        chromium() as browser,
    ):
        url = f"http://{HOST}:{web}/en"
        progress("  paint")
        loads(browser, url, 1)  # Chromium itself is cold
        rows = [paint("opening a page", browser, url, LOADS)]
        progress(f"  {PAGES} open pages")
        rows += open_pages(browser, url, feed, process, seconds)
    return rows


if __name__ == "__main__":
    try:
        print(json.dumps(main(int(sys.argv[1]))))
    except ModuleNotFoundError as error:
        sys.exit(f"page: this needs the package {error.name}")
