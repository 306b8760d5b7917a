from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path

import pytest

from floor_feed import NOON_S, figures, shown_cell
from turnlight.messages import Aggregate, Health, Status, device_topic, encode, floor_topic
from turnlight_floor import cards, devices, parts, wall
from turnlight_floor.board import STALE_AFTER_S, Board, freshness
from turnlight_floor.history import Day
from turnlight_floor.words import Words

DOCUMENT = Path(__file__).parent.parent / "docs" / "floor.md"
BROKER = "127.0.0.1:1883"
ENGLISH, PERSIAN = Words("en", UTC), Words("fa", UTC)
NO_DAY = Day(weekday=0, slot=144, today={}, usual={}, weeks=0)


def heard(*cells: object, up: bool = True) -> Board:
    board = Board("home", BROKER)
    board.connection(up, NOON_S)
    for cell in cells:
        board.hear(floor_topic("home", cell.team), encode(cell))
    return board


def value(html: str, testid: str) -> str:
    found = re.search(rf'data-testid="{testid}" data-value="([^"]*)"', html)
    assert found, testid
    return found[1]


def said(cell: Aggregate, words: Words = ENGLISH) -> str:
    return cards.card(cell, NO_DAY, False, NOON_S, words).html()


def whole(board: Board, words: Words = ENGLISH) -> str:
    return parts.html(cards.board(board.shown(NOON_S), lambda _: NO_DAY, NOON_S, words))


def age(newest_s: int | None, up: bool, now_s: float) -> tuple[str, str, str]:
    fresh = freshness(newest_s, up, NOON_S, now_s)
    return (fresh.kind, *cards.freshness(fresh, BROKER, now_s, ENGLISH))


def test_without_a_broker_nothing_is_live() -> None:
    kind, headline, detail = age(NOON_S, False, NOON_S + 5)
    assert (kind, headline) == ("away", "Broker away since 12:00:00")
    assert BROKER in detail
    assert "trying again" in detail
    assert "from 12:00:00" in detail


@pytest.mark.parametrize(
    ("age_s", "kind"), [(0, "live"), (STALE_AFTER_S, "live"), (STALE_AFTER_S + 1, "stale")]
)
def test_figures_are_live_for_a_minute(age_s: int, kind: str) -> None:
    assert freshness(NOON_S, True, NOON_S, NOON_S + age_s).kind == kind


def test_stale_says_since_when_and_on_another_day_which() -> None:
    _, headline, detail = age(NOON_S, True, NOON_S + 300)
    assert headline == "Stale since 12:00:00"
    assert "5 min" in detail
    _, headline, _ = age(NOON_S, True, NOON_S + 2 * 86_400)
    assert re.fullmatch(r"Stale since \d{4}-\d\d-\d\d 12:00:00", headline)


def test_teams_stand_in_the_order_of_their_names_whatever_their_figures() -> None:
    cells = [shown_cell(team, now=figures(talk_share=s)) for team, s in [("b", 0.2), ("a", 0.9)]]
    shown = heard(*cells).shown(NOON_S)
    assert [cell.team for cell in shown.teams] == ["a", "b"]


def test_a_cleared_team_leaves_the_board() -> None:
    board = heard(shown_cell("a"))
    board.hear(floor_topic("home", "a"), b"")
    assert board.shown(NOON_S).teams == ()


@pytest.mark.parametrize(
    "payload",
    [b"{", b"{}", encode(shown_cell("other")), encode(Status(state="online", session="0" * 8))],
)
def test_what_is_no_aggregate_of_this_topic_is_ignored(payload: bytes) -> None:
    board = heard()
    board.hear(floor_topic("home", "a"), payload)
    assert board.shown(NOON_S).teams == ()
    assert board.ignored == 1


def test_desks_are_counted_and_told_anew_by_a_broker_that_returns() -> None:
    board = heard()
    for desk, state in [("a", "online"), ("b", "offline"), ("c", "online")]:
        message = encode(Status(state=state, session="0" * 8))
        board.hear(device_topic("home", desk, "status"), message)
    shown = board.shown(NOON_S)
    assert (shown.desks_online, shown.desks_known) == (2, 3)
    board.connection(False, NOON_S)
    assert "Desks online: unknown" in cards.header(
        "home", board.shown(NOON_S), BROKER, NOON_S, ENGLISH
    )
    board.connection(True, NOON_S)
    assert board.shown(NOON_S).desks_known == 0


def test_a_card_carries_the_numbers_of_its_aggregate() -> None:
    html = whole(heard(shown_cell("service")))
    assert value(html, "team-service-talk-share") == "0.42"
    assert value(html, "team-service-today-talk-share") == "0.45"
    assert value(html, "team-service-overlap") == "2.5"
    assert value(html, "team-service-interruptions-agent") == "0.4"
    assert value(html, "team-service-response-latency") == "750"
    assert value(html, "team-service-strain-high") == "0.1"
    assert value(html, "team-service-desks") == "7"
    assert "Agents listen more than they talk" in html


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.33, "listen twice as much"),
        (0.34, "listen more"),
        (0.50, "listen more"),
        (0.51, "talk more"),
        (0.65, "talk more"),
        (0.66, "most of the talking"),
    ],
)
def test_bands_in_words(share: float, words: str) -> None:
    cell = shown_cell("service", now=figures(talk_share=share))
    assert words in said(cell)


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("too few desks", "Fewer than 5 desks were in calls in the last 5 minutes"),
        ("protects another cell", "found by subtraction"),
        ("no data", "No calls in the last 5 minutes"),
    ],
)
def test_a_withheld_cell_says_why_and_still_shows_today(why: str, words: str) -> None:
    html = said(shown_cell("service", now=None, now_withheld=why))
    assert value(html, "team-service-withheld") == why
    assert words in html
    assert value(html, "team-service-today-silence") == "12"
    assert value(html, "team-service-silence") == ""


def test_a_cell_that_is_withheld_altogether_says_both() -> None:
    cell = shown_cell(
        "service", now=None, today=None, now_withheld="no data", today_withheld="too few desks"
    )
    html = said(cell)
    assert value(html, "team-service-today-withheld") == "too few desks"
    assert "Fewer than 5 desks were in calls today" in html
    assert "<table" not in html


def test_one_old_team_is_not_live_beside_a_live_one() -> None:
    fresh, old = shown_cell("a"), shown_cell("b", newest_window_s=NOON_S - 120)
    html = whole(heard(fresh, old))
    assert 'data-testid="team-a" data-stale="false"' in html
    assert 'data-testid="team-b" data-stale="true"' in html
    live, stale = html.split('data-testid="team-b"')
    assert '<th scope="col">now</th>' in live
    assert '<th scope="col">now</th>' not in stale


def test_nothing_measured_is_not_nought() -> None:
    cell = shown_cell(
        "a", now=figures(talk_share=None, response_latency_ms=None, latency_bins=(), strain_bins=())
    )
    html = said(cell)
    assert value(html, "team-a-talk-share") == ""
    assert value(html, "team-a-response-latency") == ""
    assert html.count("nothing measured") == 2


def test_the_usual_weekday_stands_beside_today_up_to_this_time_of_day() -> None:
    usual = {100: {"silence": 10.0}, 140: {"silence": 20.0}, 200: {"silence": 90.0}}
    day = Day(weekday=2, slot=144, today={}, usual=usual, weeks=3)
    html = cards.card(shown_cell("a"), day, False, NOON_S, ENGLISH).html()
    assert value(html, "team-a-usual-silence") == "15"
    assert value(html, "team-a-usual-hold") == ""
    assert '<th scope="col">usual Wednesday</th>' in html
    assert "usual Wednesday (median of 3)" in html


def test_the_day_is_drawn_with_its_gaps_and_told_in_words() -> None:
    today = {slot: {"talk-share": 0.4} for slot in (96, 97, 99, 108)}
    html = cards.card(shown_cell("a"), Day(0, 108, today, {}, 0), False, NOON_S, ENGLISH).html()
    [path] = re.findall(r'<path class="today" d="([^"]*)"', html)
    assert (path.count("M"), path.count("L")) == (3, 1)
    assert "today: 08:15 40 %, 09:00 40 %." in html.replace("\N{NO-BREAK SPACE}", " ")
    assert 'data-testid="team-a-trend-talk-share" data-value="0.4" data-points="4"' in html


def test_todays_distribution_stands_beside_that_of_now_drawn_and_in_words() -> None:
    today = figures(strain_bins=(0.2, 0.2, 0.2, 0.2, 0.2))
    html = said(shown_cell("a", today=today)).replace("\N{NO-BREAK SPACE}", " ")
    assert value(html, "team-a-strain-high") == "0.1"
    assert value(html, "team-a-today-strain-high") == "0.4"
    strain = html.split('<figure class="strain">')[1].split("</figure>")[0]
    assert "over 80 3 %; today: under 20 20 %" in strain
    assert re.findall(r'<u style="bottom:(\d+)%">', strain) == ["50"] * 5
    assert re.findall(r'<i style="height:(\d+)%">', strain)[0] == "100"


def test_persian_says_it_from_right_to_left_with_its_own_digits() -> None:
    html = said(shown_cell("service"), PERSIAN)
    assert value(html, "team-service-talk-share") == "0.42"
    assert ">۴۲<small>٪</small>" in html
    assert "۲٫۵٪" in html
    assert not re.search(r"[A-Za-z0-9%]", re.sub(r"<[^>]*>", "", html).replace("Service", ""))


def test_the_wall_shows_four_cells_at_most_and_the_rest_in_turn() -> None:
    board = heard(*(shown_cell(name) for name in ("_site", "a", "b", "c", "d", "e")))
    seen = [
        re.findall(r'data-testid="wall-(site|team-\w)"', wall.wall(board.shown(at), at, ENGLISH))
        for at in (NOON_S, NOON_S + wall.TURN_S, NOON_S + 2 * wall.TURN_S)
    ]
    assert sorted(seen[:2]) == [["site", "team-a", "team-b"], ["team-c", "team-d", "team-e"]]
    assert seen[0] == seen[2]


def test_the_wall_withholds_and_greys_what_the_floor_view_does() -> None:
    cell = shown_cell("a", now=None, now_withheld="too few desks")
    old = shown_cell("b", newest_window_s=NOON_S - 120)
    html = wall.wall(heard(cell, old, shown_cell("c")).shown(NOON_S), NOON_S, ENGLISH)
    assert value(html, "wall-team-a-withheld") == "too few desks"
    assert 'data-testid="wall-team-b" data-stale="true"' in html
    assert 'data-testid="wall-team-c" data-stale="false"' in html


def health(**fields: object) -> Health:
    usual: dict[str, object] = {
        "version": "0.1.0",
        "uptime_s": 7200,
        "overruns": 2,
        "outbox_depth": 0,
        "outbox_dropped": 0,
        "temperature_c": 51.0,
        "audio_present": True,
    }
    return Health(**{**usual, **fields})


@pytest.mark.parametrize(
    ("told", "later_s", "words"),
    [
        ({}, 0, []),
        ({"audio_present": False}, 0, ["has no audio"]),
        ({"outbox_depth": 31}, 0, ["cannot deliver"]),
        ({"outbox_dropped": 1}, 0, ["lost windows"]),
        ({"temperature_c": 80.0}, 0, ["is hot"]),
        ({"temperature_c": None}, 0, []),
        ({}, 200, ["has said nothing for 3 min"]),
        ({"audio_present": False, "outbox_dropped": 3}, 0, ["has no audio", "lost windows"]),
    ],
)
def test_it_is_told_what_a_device_needs(
    told: dict[str, object], later_s: int, words: list[str]
) -> None:
    board = heard()
    board.hear(device_topic("home", "d", "status"), encode(Status(state="online", session="0" * 8)))
    board.hear(device_topic("home", "d", "health"), encode(health(**told)))
    [device] = board.shown(NOON_S).devices
    assert devices.needs(device, device.heard_s + later_s, ENGLISH) == words


def test_the_devices_stand_by_name_with_what_they_told() -> None:
    board = heard(shown_cell("_site"))
    for name, state in (("b", "offline"), ("a", "online"), ("c", "online")):
        board.hear(
            device_topic("home", name, "status"), encode(Status(state=state, session="0" * 8))
        )
    board.hear(device_topic("home", "a", "health"), encode(health()))
    shown = board.shown(NOON_S)
    html = devices.table("home", shown, shown.devices[0].heard_s, ENGLISH)
    assert re.findall(r'<tr data-testid="device-(\w)"', html) == ["a", "b", "c"]
    assert value(html, "device-a-version") == "0.1.0"
    assert value(html, "device-a-overruns") == "2"
    assert value(html, "device-a-audio") == "present"
    assert value(html, "device-b-state") == "offline"
    assert value(html, "device-c-version") == ""
    assert value(html, "devices-summary") == "1"
    assert "unknown" in html


def test_a_device_that_is_cleared_leaves_with_its_health() -> None:
    board = heard()
    status = device_topic("home", "d", "status")
    board.hear(status, encode(Status(state="online", session="0" * 8)))
    board.hear(device_topic("home", "d", "health"), encode(health()))
    board.hear(status, b"")
    board.hear(status, encode(Status(state="online", session="0" * 8)))
    [device] = board.shown(NOON_S).devices
    assert device.health is None


def test_every_figure_of_a_card_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    day = Day(0, 144, {100: {"silence": 1.0}}, {100: {"silence": 1.0}}, 1)
    html = cards.card(shown_cell("_site"), day, False, NOON_S, ENGLISH).html()
    ids = set(re.findall(r'data-testid="site-(?:today-|usual-)?([\w-]+)"', html))
    assert len(ids) > 10
    assert [name for name in sorted(ids) if f"`C-{name}`" not in text] == []
