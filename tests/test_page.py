"""The page in a real browser, beside a real broker: what it shows is what was published."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from bench.chromium import CHROMIUM
from broker import Broker
from floor_feed import Publisher, await_line, await_port, child, end, figures, shown_cell
from turnlight.messages import Aggregate, Health, Status, device_topic, floor_topic
from turnlight.mosquitto import free_port

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"

# A busy machine may take its time; what is awaited is the same.
expect.set_options(timeout=20_000)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt install chromium")


def write(folder: Path, broker_port: int, page_port: int) -> Path:
    config = folder / "floor.toml"
    config.write_text(f"[broker]\nport = {broker_port}\n[page]\nport = {page_port}\n")
    return config


@dataclass
class Floor:
    broker: Broker
    publisher: Publisher
    url: str

    def publish(self, cell: Aggregate) -> None:
        self.publisher.send(floor_topic(cell.site, cell.team), cell, retain=True)

    def publish_weeks(self, team: str, shares: tuple[float, ...]) -> None:
        """The same time of day week after week, the last of them now."""
        for at, share in enumerate(shares, 1):
            cell = live(team, now=figures(talk_share=share, silence_pct=20.0))
            made_at_s = time.time() - (len(shares) - at) * 7 * 86_400
            self.publish(msgspec.structs.replace(cell, made_at_s=made_at_s))

    def device(self, name: str, state: str, **fields: object) -> None:
        told: dict[str, object] = {
            "version": "0.1.0",
            "uptime_s": 7200,
            "overruns": 2,
            "outbox_depth": 0,
            "outbox_dropped": 0,
            "temperature_c": 51.0,
            "audio_present": True,
        }
        status = Status(state=state, session="0" * 8)
        self.publisher.send(device_topic("home", name, "status"), status, retain=True)
        self.publisher.send(device_topic("home", name, "health"), Health(**{**told, **fields}))

    def clear(self, team: str) -> None:
        self.publisher.send(floor_topic("home", team), b"", retain=True)

    def text(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return str(answer.read().decode())

    def document(self) -> dict[str, object]:
        with urllib.request.urlopen(f"{self.url}api/aggregates", timeout=5) as answer:
            found = json.load(answer)
        assert isinstance(found, dict)
        return found


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    folder = tmp_path_factory.mktemp("page")
    port = free_port()
    with (
        Broker(folder) as broker,
        Publisher(broker.host, broker.port) as publisher,
        child("page", write(folder, broker.port, port)) as running,
    ):
        await_line(running, "connected")
        await_port(port)
        yield Floor(broker, publisher, f"http://127.0.0.1:{port}/")


@pytest.fixture
def page(browser: Browser, floor: Floor) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    opened.set_default_timeout(10_000)
    asked: list[str] = []
    faults: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("pageerror", lambda fault: faults.append(str(fault)))
    opened.goto(floor.url)
    yield opened
    context.close()
    for team in ("_site", "service", "sales", "billing", "returns"):
        floor.clear(team)
    assert faults == []
    # Nothing is fetched from anywhere else.
    assert [url for url in asked if not url.startswith((floor.url, "data:"))] == []


def live(team: str, **fields: object) -> Aggregate:
    now_s = int(time.time())
    return shown_cell(team, made_at_s=float(now_s), newest_window_s=now_s, **fields)


def has(page: Page, testid: str, value: str) -> None:
    expect(page.get_by_test_id(testid)).to_have_attribute("data-value", value)


def test_before_anything_has_come_the_page_says_what_it_waits_for(page: Page) -> None:
    has(page, "state", "waiting")
    expect(page.get_by_test_id("empty")).to_contain_text("No aggregate has come yet")
    expect(page.get_by_test_id("empty")).to_contain_text("turnlight floor")


def test_the_numbers_shown_are_those_published_and_follow_them(page: Page, floor: Floor) -> None:
    status = Status(state="online", session="0" * 8)
    floor.publisher.send(device_topic("home", "desk-1", "status"), status, retain=True)
    floor.publish(live("_site", now=figures(talk_share=0.47, desks=12)))
    floor.publish(live("service"))
    has(page, "state", "live")
    has(page, "desks-online", "1")
    has(page, "site-talk-share", "0.47")
    for key, value in {
        "talk-share": "0.42",
        "today-talk-share": "0.45",
        "overlap": "2.5",
        "silence": "12",
        "hold": "4",
        "interruptions-agent": "0.4",
        "interruptions-customer": "0.2",
        "backchannels": "2.1",
        "response-latency": "750",
        "turnarounds": "0.5",
        "strain-high": "0.1",
        "desks": "7",
    }.items():
        has(page, f"team-service-{key}", value)
    expect(page.get_by_test_id("team-service-talk-share")).to_have_text("42 %")
    expect(page.get_by_test_id("team-service-overlap")).to_have_text("2.5 %")

    floor.publish(live("service", now=figures(talk_share=0.61)))
    expect(page.get_by_test_id("team-service-talk-share")).to_have_text("61 %", timeout=2000)
    document = floor.document()
    assert document["state"] == "live"
    assert [cell["team"] for cell in document["aggregates"]] == ["_site", "service"]


def test_a_withheld_team_says_why(page: Page, floor: Floor) -> None:
    withheld = "too few desks"
    floor.publish(live("_site"))
    floor.publish(
        live("sales", now=None, today=None, now_withheld=withheld, today_withheld=withheld)
    )
    has(page, "team-sales-withheld", withheld)
    expect(page.get_by_test_id("team-sales")).to_contain_text("Fewer than 5 desks")
    assert page.get_by_test_id("team-sales-talk-share").count() == 0


def test_what_is_old_turns_grey_and_says_since_when(page: Page, floor: Floor) -> None:
    then_s = int(time.time()) - 58
    floor.publish(shown_cell("_site", newest_window_s=then_s, made_at_s=float(then_s)))
    body = page.get_by_test_id("site").locator(".body")
    expect(page.get_by_test_id("site")).to_have_attribute("data-stale", "false")
    expect(body).to_have_css("filter", "none")
    has(page, "state", "stale")
    expect(page.get_by_test_id("state")).to_contain_text(
        "Stale since " + time.strftime("%H:%M:%S", time.localtime(then_s))
    )
    expect(page.get_by_test_id("site")).to_have_attribute("data-stale", "true")
    expect(body).to_have_css("filter", "grayscale(1)")


def test_a_broker_that_goes_away_is_said_at_once_and_found_again(page: Page, floor: Floor) -> None:
    floor.publish(live("_site"))
    has(page, "state", "live")
    floor.broker.stop()
    try:
        has(page, "state", "away")
        expect(page.get_by_test_id("state")).to_contain_text("trying again")
        expect(page.get_by_test_id("desks-online")).to_contain_text("unknown")
        expect(page.get_by_test_id("site")).to_have_attribute("data-stale", "true")
        assert floor.document()["state"] == "away"
    finally:
        floor.broker.start()
    has(page, "state", "live")


def test_it_fits_every_width_in_light_and_dark(page: Page, floor: Floor) -> None:
    for team in ("_site", "service", "sales"):
        floor.publish(live(team))
    has(page, "team-service-talk-share", "0.42")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (390, 768, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(TOO_WIDE) == []
        # Contrast of the words against their card, as WCAG counts it.
        assert page.get_by_test_id("team-service").evaluate(CONTRAST) >= 4.5


TOO_WIDE = """() => [...document.querySelectorAll('main *')]
  .filter(one => !one.closest('.ticks, .plot, .skip, .spoken'))
  .filter(one => getComputedStyle(one).display !== 'inline')
  .filter(one => one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 2)
  .map(one => one.className || one.tagName)"""

CONTRAST = """card => {
  const light = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(Number)
      .map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = light(getComputedStyle(card).backgroundColor);
  return Math.min(...[...card.querySelectorAll('h2, p, th, td, span, li, small')]
    .filter(one => one.textContent.trim())
    .map(one => light(getComputedStyle(one).color))
    .map(l => (Math.max(l, ground) + 0.05) / (Math.min(l, ground) + 0.05)));
}"""


def test_a_screen_reader_hears_headings_states_and_pictures(page: Page, floor: Floor) -> None:
    floor.publish(live("_site"))
    floor.publish(live("service"))
    expect(page.get_by_role("heading", name="Service", exact=True)).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("Live")
    card = page.get_by_role("article", name="Service")
    bar = card.get_by_role("img", name="Of all speech, agents 42 %, customers 58 %")
    expect(bar).to_be_visible()
    expect(card.get_by_role("img", name="Agents’ answering times")).to_be_visible()
    expect(card.get_by_role("row", name="Both talk 2.5 %")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "en-GB"


def test_a_screen_reader_is_told_of_a_change_once(page: Page, floor: Floor) -> None:
    """The age of the figures changes each second, and nobody wants to hear that."""
    floor.publish(live("_site", now=figures(talk_share=0.37)))
    has(page, "site-talk-share", "0.37")
    expect(page.locator("#first")).to_have_count(0)
    status = page.get_by_role("status")
    expect(status).to_have_text("Live")
    page.evaluate(WATCH, status.element_handle())
    detail = page.locator(".state .detail")
    before = detail.inner_text()
    expect(detail).not_to_have_text(before)
    assert page.evaluate("[window.said, window.one.isConnected]") == [0, True]
    floor.broker.stop()
    try:
        expect(status).to_contain_text("Broker away since")
        assert page.evaluate("window.said > 0 && window.one.isConnected")
    finally:
        floor.broker.start()
    expect(status).to_have_text("Live")


WATCH = """one => {
  window.one = one;
  window.said = 0;
  new MutationObserver(() => { window.said += 1; })
    .observe(one, {childList: true, subtree: true, characterData: true});
}"""


def test_without_scripts_no_figure_stays_that_would_grow_old(
    browser: Browser, floor: Floor
) -> None:
    floor.publish(live("_site"))
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(floor.url)
    expect(opened.get_by_text("does not run here")).to_be_visible()
    expect(opened.locator(".board")).to_be_hidden()
    context.close()
    floor.clear("_site")


def test_the_first_document_shows_the_figures_before_any_script(floor: Floor) -> None:
    floor.publish(live("_site", now=figures(talk_share=0.47)))
    deadline = time.monotonic() + 20
    while 'data-testid="site-talk-share" data-value="0.47"' not in floor.text("en"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    floor.clear("_site")


@pytest.mark.parametrize("path", ["en", "fa", "en/wall", "fa/wall", "en/devices", "sv/devices"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, floor: Floor, path: str, scheme: str) -> None:
    floor.publish(live("_site"))
    floor.publish(live("service"))
    why = "too few desks"
    floor.publish(live("sales", now=None, today=None, now_withheld=why, today_withheld=why))
    floor.publish_weeks("billing", (0.5, 0.44))
    floor.device("desk-1", "online", audio_present=False)
    page.emulate_media(color_scheme=scheme)
    page.goto(floor.url + path)
    has(page, "state", "live")
    if path in ("en", "fa"):
        has(page, "team-billing-trend-talk-share", "0.44")
    expect(page.locator("#first")).to_have_count(0)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [
        (one["id"], one["help"], [node["html"][:120] for node in one["nodes"]][:3])
        for one in found["violations"]
    ] == []


def test_the_keyboard_reaches_every_way_and_shows_where_it_is(page: Page, floor: Floor) -> None:
    floor.publish(live("_site"))
    has(page, "state", "live")
    expect(page.locator("#first")).to_have_count(0)
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached == [
        "To the figures", "Floor", "Wall", "Devices", "English", "فارسی", "Polski", "Svenska",
    ]  # fmt: skip
    page.get_by_role("link", name="To the figures").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "figures"


def test_persian_is_laid_out_from_right_to_left(page: Page, floor: Floor) -> None:
    floor.publish(live("_site"))
    floor.publish(live("service"))
    page.goto(floor.url)
    page.get_by_role("link", name="فارسی").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("html")).to_have_attribute("lang", "fa")
    expect(page.get_by_test_id("team-service-talk-share")).to_have_text("۴۲٪")
    has(page, "team-service-talk-share", "0.42")
    expect(page.locator("#first")).to_have_count(0)

    def left(selector: str) -> float:
        box = page.get_by_test_id("site").locator(selector).first.bounding_box()
        assert box is not None
        return box["x"]

    # Agents first means on the right; the bar fills from there; time runs to the right as ever.
    assert left(".ends .agent") > left(".ends .customer")
    assert left(".fill") > left(".bar")
    assert (
        page.locator(".histogram").first.evaluate("one => getComputedStyle(one).direction") == "ltr"
    )
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(TOO_WIDE) == []


def test_the_browsers_language_is_taken_where_it_is_known(browser: Browser, floor: Floor) -> None:
    for wish, code in (("pl-PL", "pl"), ("de-DE", "en")):
        context = browser.new_context(locale=wish)
        opened = context.new_page()
        opened.goto(floor.url)
        assert opened.url == f"{floor.url}{code}"
        context.close()


def test_the_wall_is_readable_from_five_metres(page: Page, floor: Floor) -> None:
    for team in ("_site", "service", "sales"):
        floor.publish(live(team))
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(floor.url + "en/wall")
    has(page, "wall-team-service-talk-share", "0.42")
    has(page, "wall-team-service-interruptions-agent", "0.4")
    has(page, "wall-team-service-strain-high", "0.1")
    # Letters of a fortieth of the height are 17 mm high on a screen of 55 inches.
    assert page.evaluate(SMALLEST) >= 1080 / 40
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080
    assert page.evaluate(CUT_OFF) == []


SMALLEST = """() => Math.min(...[...document.querySelectorAll('.wall .top *, .wall .board *')]
  .filter(one => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  .map(one => parseFloat(getComputedStyle(one).fontSize)))"""

CUT_OFF = """() => [...document.querySelectorAll('.tile')]
  .filter(one => one.scrollHeight > one.clientHeight + 1).map(one => one.textContent)"""


def test_devices_are_shown_to_it_by_name_without_behaviour(page: Page, floor: Floor) -> None:
    floor.publish(live("service"))
    floor.device("desk-2", "online", overruns=7, outbox_depth=40)
    floor.device("desk-1", "offline")
    page.goto(floor.url + "en/devices")
    has(page, "device-desk-2-overruns", "7")
    has(page, "device-desk-2-outbox", "40")
    has(page, "device-desk-2-audio", "present")
    has(page, "device-desk-2-version", "0.1.0")
    has(page, "device-desk-1-state", "offline")
    expect(page.get_by_test_id("device-desk-2-attention")).to_contain_text("cannot deliver")
    text = page.locator("main").inner_text().lower()
    assert [word for word in ("talk", "interrupt", "strain", "service") if word in text] == []
    floor.device("desk-2", "online", overruns=8)
    has(page, "device-desk-2-overruns", "8")


def test_the_day_grows_with_the_feed_and_stands_beside_the_usual_one(
    page: Page, floor: Floor
) -> None:
    floor.publish_weeks("returns", (0.54, 0.5, 0.44))
    has(page, "team-returns-trend-talk-share", "0.44")
    has(page, "team-returns-usual-silence", "20")
    trend = page.get_by_test_id("team-returns-trend-talk-share").get_by_role("img")
    weekday = time.strftime("%A")
    expect(trend).to_have_attribute("aria-label", re.compile(rf"usual {weekday}: .* 52\s%\."))


def test_an_occupied_port_is_one_sentence_with_a_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with child("page", write(tmp_path, free_port(), port)) as running:
            _, err = running.communicate(timeout=20)
    assert running.returncode == 1
    assert f"port {port} on 127.0.0.1 cannot be used" in err
    assert "set another `port` under [page]" in err
    assert len(err.strip().splitlines()) == 1


def test_without_a_broker_the_page_is_there_and_says_so(tmp_path: Path, browser: Browser) -> None:
    port = free_port()
    with child("page", write(tmp_path, free_port(), port)) as running:
        await_line(running, "trying again")
        await_port(port)
        opened = browser.new_page()
        opened.goto(f"http://127.0.0.1:{port}/")
        has(opened, "state", "away")
        expect(opened.get_by_test_id("empty")).to_contain_text("Is the broker running")
        code, _, err = end(running)
        assert code == 0, err
        # Without its server the page cannot know anything any more, and looks like it.
        looks_cut_off(opened)
        opened.close()


def test_a_server_that_hangs_is_not_taken_for_live(tmp_path: Path, browser: Browser) -> None:
    """Its connection stands, and nothing comes through it."""
    port = free_port()
    with (
        Broker(tmp_path) as broker,
        Publisher(broker.host, broker.port) as publisher,
        child("page", write(tmp_path, broker.port, port)) as running,
    ):
        await_line(running, "connected")
        await_port(port)
        publisher.send(floor_topic("home", "_site"), live("_site"), retain=True)
        opened = browser.new_page()
        opened.goto(f"http://127.0.0.1:{port}/en")
        has(opened, "state", "live")
        running.send_signal(signal.SIGSTOP)
        try:
            expect(opened.locator("#popup")).to_be_visible(timeout=60_000)
            expect(opened.locator("#popup")).to_contain_text("nothing here is live")
        finally:
            running.send_signal(signal.SIGCONT)
        expect(opened.locator("#popup")).not_to_be_visible(timeout=60_000)
        opened.close()


def looks_cut_off(page: Page) -> None:
    expect(page.locator("#popup")).to_be_visible()
    assert page.locator(".board").first.evaluate("m => getComputedStyle(m).opacity") == "0.4"


def test_a_page_that_never_got_its_connection_does_not_look_live(
    floor: Floor, browser: Browser
) -> None:
    """The document comes through, and what should keep it up to date does not."""
    opened = browser.new_page()
    opened.route("**/_nicegui_ws/**", lambda route: route.abort())
    opened.route_web_socket("**/_nicegui_ws/**", lambda socket: socket.close())
    opened.goto(floor.url)
    looks_cut_off(opened)
    # The figures of the document grow old, and go.
    expect(opened.locator("#first .board")).to_be_hidden()
    expect(opened.locator("#first .late")).to_have_text("Connection lost: nothing here is live.")
    opened.close()
