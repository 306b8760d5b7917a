"""The demo as a newcomer runs it: real processes, two minutes, and a browser on the page.

What the page shows is held against the scripts of the calls that the desks played.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import truth
from bench.chromium import CHROMIUM, chromium
from floor_feed import await_line, started
from turnlight.demo import PAUSE_S

DEMO = (sys.executable, "-m", "turnlight", "demo")
SECONDS = 132
"""The longest call ends after 115 s; its last window leaves some 15 s later."""


def talk_share(until_s: float) -> float:
    """A / (A + C) over all desks, each of which plays its call again and again."""
    talked = dict.fromkeys(("agent", "customer"), 0.0)
    for path in truth.CALLS:
        script = truth.of(path)
        period_s = script["duration_s"] + PAUSE_S
        for party in talked:
            start_s = 0.0
            while start_s < until_s:
                talked[party] += truth.talk_s(script, party, until_s - start_s)
                start_s += period_s
    return talked["agent"] / sum(talked.values())


def interruptions_per_customer_min() -> tuple[float, float]:
    customer_min = sum(truth.talk_s(truth.of(p), "customer", 1e9) for p in truth.CALLS) / 60
    counts = [
        sum(e["by"] == by for p in truth.CALLS for e in truth.events(truth.of(p), "interruption"))
        for by in ("agent", "customer")
    ]
    return counts[0] / customer_min, counts[1] / customer_min


@pytest.fixture(scope="module")
def ran() -> tuple[dict[str, Any], dict[str, float]]:
    """The demo's JSON line, and what a browser read from the page shortly before."""
    with started(*DEMO, "--seconds", str(SECONDS), "--headless") as demo:
        line = await_line(demo, "http")
        url = next(word for word in line.split() if word.startswith("http"))
        shown = read(url, time.monotonic() + SECONDS - 8)
        out, err = demo.communicate(timeout=60)
        assert demo.returncode == 0, err
    return json.loads(out), shown


def read(url: str, at_s: float) -> dict[str, float]:
    """What a browser shows at that monotonic time, to which it was opened long before."""
    keys = ("talk-share", "overlap", "interruptions-agent", "interruptions-customer")
    testids = [f"{name}-{key}" for name in ("site", "team-service") for key in keys]
    with chromium() as browser:
        page = browser.new_page()
        page.goto(url)
        page.wait_for_timeout(1000 * max(0.0, at_s - time.monotonic()))
        found = page.evaluate(VALUES)
    shown = {testid: float(found.get(testid) or "nan") for testid in testids}
    shown["live"] = found["state"] == "live"
    shown["desks"] = float(found["desks-online"] or "nan")
    return shown


VALUES = """() => Object.fromEntries([...document.querySelectorAll('[data-testid]')]
  .map(one => [one.dataset.testid, one.dataset.value]))"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt install chromium")
class TestTwoMinutes:
    """Every desk has played its call once."""

    def test_every_window_published_was_aggregated(self, ran: Any) -> None:
        summary, _ = ran
        assert summary["desks"] == 8
        assert summary["windows_published"] == summary["windows_aggregated"] >= 70
        assert summary["page_status"] == 200

    def test_the_lamps_spoke(self, ran: Any) -> None:
        assert ran[0]["cues_shown"] >= 8

    def test_the_page_shows_the_scripts_talk_share_within_two_points(self, ran: Any) -> None:
        _, shown = ran
        assert shown["live"]
        assert shown["desks"] == 8
        assert shown["site-talk-share"] == pytest.approx(talk_share(SECONDS - 15), abs=0.02)
        assert shown["team-service-talk-share"] == shown["site-talk-share"]

    def test_the_page_shows_the_scripts_interruptions(self, ran: Any) -> None:
        _, shown = ran
        agent, customer = interruptions_per_customer_min()
        assert shown["site-interruptions-agent"] == pytest.approx(agent, rel=0.3)
        assert shown["site-interruptions-customer"] == pytest.approx(customer, abs=0.2)


def test_ctrl_c_ends_everything_it_started() -> None:
    with started(*DEMO) as demo:
        children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children")
        deadline = time.monotonic() + 60
        while len(pids := children.read_text().split()) < 11:
            assert demo.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=40)
        assert demo.returncode == 0
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
