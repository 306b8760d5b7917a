"""The history is the same in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from floor_feed import NOON_S, figures, shown, window
from postgres_server import PostgresServer
from turnlight_floor.aggregate import Picture
from turnlight_floor.minutes import Minute, Minutes, shared
from turnlight_floor.store import Store

Open = Callable[[str], Minutes]
"""A new connection to one database, for a site."""


def picture(desks: int) -> Picture:
    seen = Picture("home", None)
    for desk in range(desks):
        seen.apply("service", window(desk), NOON_S + 20)
    return seen


@pytest.fixture(params=["sqlite", "postgres"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    opened: list[Minutes] = []
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.database()

    def one(site: str) -> Minutes:
        if request.param == "sqlite":
            opened.append(Store(tmp_path / "floor.sqlite", site))
        else:
            opened.append(shared(url, str(server.word_file), site)())
        return opened[-1]

    yield one
    for minutes in opened:
        minutes.close()


@pytest.fixture
def minutes(connect: Open) -> Minutes:
    return connect("home")


def all_of(minutes: Minutes) -> list[Minute]:
    return list(minutes.history(0, 1 << 40))


def test_a_minute_is_kept_as_it_was_shown(minutes: Minutes, connect: Open) -> None:
    cells = shown(picture(6), NOON_S)
    minutes.keep(cells, 0)
    assert sorted(all_of(minutes)) == sorted(cells)
    assert {team for _, team, (shows, _) in cells if shows} == {"service", "_site"}
    assert all_of(connect("home")) == all_of(minutes)


def test_what_was_withheld_is_not_in_the_history(minutes: Minutes) -> None:
    minutes.keep(shown(picture(4), NOON_S), 0)
    cells = {team: cell for _, team, cell in all_of(minutes)}
    assert cells["service"] == (None, "too few desks")


def test_every_figure_comes_back_as_it_was(minutes: Minutes) -> None:
    cell = figures(talk_share=None, response_latency_ms=None, overtalk_pct=0.0, latency_bins=())
    minutes.keep([(NOON_S, "service", (cell, ""))], 0)
    assert all_of(minutes) == [(NOON_S, "service", (cell, ""))]


def test_a_minute_that_comes_again_takes_the_place_of_the_first(minutes: Minutes) -> None:
    minutes.keep([(NOON_S, "service", (None, "no data"))], 0)
    minutes.keep([(NOON_S, "service", (figures(), ""))], 0)
    assert all_of(minutes) == [(NOON_S, "service", (figures(), ""))]


def test_what_is_too_old_goes_with_the_next_minute(minutes: Minutes) -> None:
    old = [(NOON_S + 60 * n, "service", (None, "no data")) for n in range(3)]
    minutes.keep(old[:2], 0)
    minutes.keep(old[2:], NOON_S + 60)
    assert all_of(minutes) == old[1:]
    minutes.drop(NOON_S + 120)
    assert all_of(minutes) == old[2:]


def test_minutes_come_by_time_and_team_within_their_limits(minutes: Minutes) -> None:
    cells: list[Minute] = [
        (NOON_S + 60 * n, team, (None, "no data")) for n in range(3) for team in ("a", "b")
    ]
    minutes.keep(reversed(cells), 0)
    assert all_of(minutes) == cells
    assert list(minutes.history(NOON_S + 60, NOON_S + 120)) == cells[2:4]


def test_the_newest_and_the_oldest_minute_are_told(minutes: Minutes) -> None:
    assert minutes.newest_minute() is None
    assert minutes.oldest_minute(0) is None
    minutes.keep([(NOON_S + 60 * n, "service", (None, "no data")) for n in range(3)], 0)
    assert minutes.newest_minute() == NOON_S + 120
    assert minutes.oldest_minute(0) == NOON_S
    assert minutes.oldest_minute(NOON_S + 1) == NOON_S + 60


def test_sites_do_not_see_each_other(minutes: Minutes, connect: Open) -> None:
    other = connect("other")
    minutes.keep([(NOON_S, "service", (None, "no data"))], 0)
    other.keep([(NOON_S + 60, "service", (None, "too few desks"))], NOON_S + 60)
    assert len(all_of(minutes)) == len(all_of(other)) == 1
    assert (minutes.newest_minute(), other.newest_minute()) == (NOON_S, NOON_S + 60)
