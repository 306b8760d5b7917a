from __future__ import annotations

import re
from pathlib import Path

import pytest

from floor_feed import NOON_S, figures, shown_cell
from turnlight.messages import Status, device_topic, encode, floor_topic
from turnlight_floor import cards
from turnlight_floor.board import STALE_AFTER_S, Board, freshness

DOCUMENT = Path(__file__).parent.parent / "docs" / "floor.md"
BROKER = "127.0.0.1:1883"


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


def test_without_a_broker_nothing_is_live() -> None:
    fresh = freshness(NOON_S, False, NOON_S, BROKER, NOON_S + 5)
    assert fresh.kind == "away"
    assert BROKER in fresh.detail
    assert "trying again" in fresh.detail


@pytest.mark.parametrize(
    ("age_s", "kind"), [(0, "live"), (STALE_AFTER_S, "live"), (STALE_AFTER_S + 1, "stale")]
)
def test_figures_are_live_for_a_minute(age_s: int, kind: str) -> None:
    assert freshness(NOON_S, True, NOON_S, BROKER, NOON_S + age_s).kind == kind


def test_stale_says_since_when_and_on_another_day_which() -> None:
    today = freshness(NOON_S, True, NOON_S, BROKER, NOON_S + 300)
    assert re.fullmatch(r"Stale since \d\d:\d\d:\d\d", today.headline)
    assert "5 min" in today.detail
    later = freshness(NOON_S, True, NOON_S, BROKER, NOON_S + 2 * 86_400)
    assert re.fullmatch(r"Stale since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", later.headline)


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
    assert "Desks unknown" in cards.header("home", board.shown(NOON_S))
    board.connection(True, NOON_S)
    assert board.shown(NOON_S).desks_known == 0


def test_a_card_carries_the_numbers_of_its_aggregate() -> None:
    html = cards.board(heard(shown_cell("service")).shown(NOON_S), NOON_S)
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
    assert words in cards.card(cell, False, NOON_S)


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("too few desks", "Fewer than 5 desks were in calls in the last 5 minutes"),
        ("protects another cell", "found by subtraction"),
        ("no data", "No calls in the last 5 minutes"),
    ],
)
def test_a_withheld_cell_says_why_and_still_shows_today(why: str, words: str) -> None:
    html = cards.card(shown_cell("service", now=None, now_withheld=why), False, NOON_S)
    assert value(html, "team-service-withheld") == why
    assert words in html
    assert value(html, "team-service-today-silence") == "12"
    assert value(html, "team-service-silence") == ""


def test_a_cell_that_is_withheld_altogether_says_both() -> None:
    cell = shown_cell(
        "service", now=None, today=None, now_withheld="no data", today_withheld="too few desks"
    )
    html = cards.card(cell, False, NOON_S)
    assert value(html, "team-service-today-withheld") == "too few desks"
    assert "Fewer than 5 desks were in calls today" in html
    assert "<table" not in html


def test_one_old_team_is_not_live_beside_a_live_one() -> None:
    fresh, old = shown_cell("a"), shown_cell("b", newest_window_s=NOON_S - 120)
    html = cards.board(heard(fresh, old).shown(NOON_S), NOON_S)
    assert 'data-testid="team-a" data-stale="false"' in html
    assert 'data-testid="team-b" data-stale="true"' in html
    live, stale = html.split('data-testid="team-b"')
    assert '<th scope="col">now</th>' in live
    assert '<th scope="col">now</th>' not in stale


def test_nothing_measured_is_not_nought() -> None:
    cell = shown_cell(
        "a", now=figures(talk_share=None, response_latency_ms=None, latency_bins=(), strain_bins=())
    )
    html = cards.card(cell, False, NOON_S)
    assert value(html, "team-a-talk-share") == ""
    assert value(html, "team-a-response-latency") == ""
    assert html.count("nothing measured") == 2


def test_every_figure_of_a_card_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    html = cards.board(heard(shown_cell("_site")).shown(NOON_S), NOON_S)
    ids = set(re.findall(r'data-testid="site-(?:today-)?([\w-]+)"', html))
    assert len(ids) > 10
    assert [name for name in sorted(ids) if f"`C-{name}`" not in text] == []
