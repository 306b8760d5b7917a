"""What stands on each screen: every view in every language, drawn once for all who look."""

from __future__ import annotations

import time
import zlib
from html import escape
from typing import Literal

import msgspec

from turnlight_floor import cards, devices, wall
from turnlight_floor.board import Board
from turnlight_floor.history import Day, History
from turnlight_floor.parts import Parts, whole
from turnlight_floor.sessions import Session
from turnlight_floor.words import ENGLISH, Words, catalogues

View = Literal["floor", "wall", "devices"]
PATHS: dict[View, str] = {"floor": "", "wall": "/wall", "devices": "/devices"}
"""What follows the language in a view's path."""

REDRAWN_EVERY_S = 20
"""The plots of a day are two thirds of a view, and half a minute of one hardly shows in them."""

Screen = tuple[str, str, Parts]
"""HTML of the header, the headline alone, and the parts of the body."""


class Screens:
    """Drawn from the board and the history, at most once a tick."""

    def __init__(self, board: Board, history: History, words: dict[str, Words]) -> None:
        self.board = board
        self._history = history
        self._words = words
        self._made: dict[tuple[View, str], Screen] = {}
        self._plots: dict[tuple[str, str], tuple[object, str]] = {}
        self._now_s = time.time()
        self._shown = board.shown(self._now_s)

    def tick(self) -> None:
        """Take in what came; what was drawn is of the moment before."""
        self._now_s = time.time()
        self._shown = self.board.shown(self._now_s)
        self._made.clear()
        if news := self.board.news():
            self._history.note(news, self._now_s)

    def html(self, view: View, code: str) -> Screen:
        """Header, headline alone, and body of this moment."""
        made = self._made.get((view, code))
        if made is None:
            made = self._made[view, code] = self._draw(view, self._words[code])
        return made

    def words(self, code: str) -> Words:
        """One language at this site."""
        return self._words[code]

    def document(self) -> bytes:
        """What the page shows, for a program."""
        self.tick()
        shown, words = self._shown, self._words[ENGLISH]
        cells = [cell for cell in (shown.site, *shown.teams) if cell is not None]
        headline, detail = self._freshness(words)
        return msgspec.json.encode(
            {
                "site": self.board.site,
                "state": shown.freshness.kind,
                "text": f"{headline}. {detail}",
                "desks_online": shown.desks_online,
                "desks_known": shown.desks_known,
                "aggregates": cells,
            }
        )

    def _freshness(self, words: Words) -> tuple[str, str]:
        return cards.freshness(self._shown.freshness, self.board.broker, self._now_s, words)

    def _draw(self, view: View, words: Words) -> Screen:
        shown, now_s, site = self._shown, self._now_s, self.board.site
        header = cards.header(site, shown, self.board.broker, now_s, words)
        match view:
            case "floor":
                body = cards.board(
                    shown, lambda t: self._history.day(t, now_s), now_s, words, self._trends
                )
            case "wall":
                body = whole(wall.wall(shown, now_s, words))
            case "devices":
                body = whole(devices.table(site, shown, now_s, words))
        return header, escape(self._freshness(words)[0]), body

    def _trends(self, name: str, day: Day, words: Words) -> str:
        """A cell's plots, drawn when they have another point, and else at times of its own."""
        at = int(self._now_s + zlib.crc32(name.encode())) // REDRAWN_EVERY_S
        of = (at, day.weekday, day.weeks, len(day.today))
        before = self._plots.get((name, words.code))
        if before is None or before[0] != of:
            before = self._plots[name, words.code] = (of, cards.trends(name, day, words))
        return before[1]


def ways(words: Words, view: View, session: Session | None, open_to_all: bool) -> str:
    """The links between views and languages, and the way out."""
    code = words.code
    roles = session.user.roles if session else ()
    views = [
        (one, path)
        for one, path in PATHS.items()
        if open_to_all or ("it" if one == "devices" else "manager") in roles
    ]

    def link(path: str, text: str, current: bool, more: str = "") -> str:
        here = ' aria-current="page"' if current else ""
        return f'<li><a href="{path}"{here}{more}>{text}</a></li>'

    if view == "wall":
        return f'<ul class="views">{link(f"/{code}", words("wall-leave"), False)}</ul>'
    seen = "".join(link(f"/{code}{path}", words(one), one == view) for one, path in views)
    spoken = "".join(
        link(f"/{other}{PATHS[view]}", one.name, other == code, f' lang="{other}"')
        for other, one in catalogues().items()
    )
    out = (
        f'<form method="post" action="/logout"><span>'
        f"{words('signed-in', name=escape(session.user.name))}</span>"
        f'<input type="hidden" name="form" value="{session.form}">'
        f"<button>{words('sign-out')}</button></form>"
        if session
        else ""
    )
    return (
        f'<a class="skip" href="#figures">{words("skip")}</a>'
        f'<ul class="views" aria-label="{words("views")}">{seen}</ul>'
        f'<ul class="languages" aria-label="{words("languages")}">{spoken}</ul>{out}'
    )
