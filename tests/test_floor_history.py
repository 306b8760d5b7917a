"""What the page remembers of what it was shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from floor_feed import NOON_S, figures, shown_cell
from turnlight.messages import Aggregate
from turnlight_floor.history import KEEP_DAYS, History, HistoryError

WEEK_S = 7 * 86_400
NOON = 144
"""The slot that begins at noon."""


def cell(at_s: float, share: float | None, team: str = "a", **fields: object) -> Aggregate:
    now = None if share is None else figures(talk_share=share, **fields)
    why = "too few desks" if share is None else ""
    return shown_cell(team, made_at_s=float(at_s), now=now, now_withheld=why)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "page.sqlite"


@pytest.fixture
def history(path: Path) -> Iterator[History]:
    with closing(History(path, UTC)) as made:
        yield made


def asked(path: Path, question: str) -> list[tuple[Any, ...]]:
    """What a file holds."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute(question).fetchall()


def test_the_last_figures_of_each_five_minutes_stay(history: History) -> None:
    history.note(
        [cell(NOON_S, 0.4), cell(NOON_S + 290, 0.5), cell(NOON_S + 300, 0.6)], NOON_S + 300
    )
    assert history.day("a", NOON_S + 300).line("talk-share") == [(NOON, 0.5), (NOON + 1, 0.6)]


def test_what_was_withheld_is_a_gap(history: History) -> None:
    history.note(
        [cell(NOON_S, 0.4), cell(NOON_S + 300, None), cell(NOON_S + 600, 0.6)], NOON_S + 600
    )
    assert [slot for slot, _ in history.day("a", NOON_S + 600).line("silence")] == [NOON, NOON + 2]


def test_what_was_not_measured_is_no_nought(history: History) -> None:
    history.note([cell(NOON_S, 0.4, response_latency_ms=None, strain_bins=())], NOON_S)
    day = history.day("a", NOON_S)
    assert day.line("talk-share") != []
    assert day.line("response-latency") == day.line("strain-high") == []


def test_the_usual_weekday_is_the_median_of_the_weeks_before(history: History) -> None:
    for weeks, share in ((4, 0.3), (3, 0.9), (2, 0.4), (1, 0.5)):
        history.note([cell(NOON_S - weeks * WEEK_S, share)], NOON_S)
    history.note([cell(NOON_S - 86_400, 0.99), cell(NOON_S, 0.2)], NOON_S)
    day = history.day("a", NOON_S)
    assert day.usual_line("talk-share") == [(NOON, 0.45)]
    assert day.usual_until_now("talk-share") == 0.45
    assert day.weeks == 4
    assert day.line("talk-share") == [(NOON, 0.2)]


def test_a_restart_forgets_nothing(path: Path) -> None:
    with closing(History(path, UTC)) as history:
        history.note([cell(NOON_S, 0.4), cell(NOON_S + 300, 0.5)], NOON_S + 300)
    with closing(History(path, UTC)) as again:
        line = again.day("a", NOON_S + 300).line("talk-share")
    assert line == [(NOON, 0.4), (NOON + 1, 0.5)]


def test_teams_are_kept_apart(history: History) -> None:
    history.note([cell(NOON_S, 0.4), cell(NOON_S, 0.5, "b")], NOON_S)
    assert history.day("b", NOON_S).line("talk-share") == [(NOON, 0.5)]


@pytest.mark.parametrize("at_s", [NOON_S + 120, NOON_S - (KEEP_DAYS + 1) * 86_400])
def test_what_is_of_tomorrow_or_too_old_is_not_taken(path: Path, at_s: int) -> None:
    with closing(History(path, UTC)) as history:
        history.note([cell(at_s, 0.4)], NOON_S)
    assert asked(path, "SELECT count(*) FROM seen") == [(0,)]


def test_after_four_weeks_it_is_deleted(path: Path) -> None:
    with closing(History(path, UTC)) as history:
        for day in range(KEEP_DAYS + 2):
            at_s = NOON_S + day * 86_400
            history.note([cell(at_s, 0.4)], at_s)
    assert asked(path, "SELECT count(*) FROM seen") == [(KEEP_DAYS + 1,)]


def test_it_holds_published_measures_and_nothing_else(path: Path) -> None:
    with closing(History(path, UTC)) as history:
        history.note([cell(NOON_S, 0.4)], NOON_S)
    columns = [row[1] for row in asked(path, "PRAGMA table_info(seen)")]
    assert columns == ["day", "team", "slot", "figures"]
    [(text,)] = asked(path, "SELECT figures FROM seen")
    assert '"talk-share":0.4' in text
    assert "desks" not in text


def test_a_database_that_cannot_be_used_is_said_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"set `database` under \[page\]"):
        History(tmp_path, UTC)
    path = tmp_path / "newer.sqlite"
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version=9")
    database.close()
    with pytest.raises(HistoryError, match="another version"):
        History(path, UTC)
