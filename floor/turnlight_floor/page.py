"""The process `turnlight page`: the manager's page, a client of the aggregate feed alone."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from nicegui import app, ui

from turnlight_floor import gate, parts, settings, users
from turnlight_floor.board import Board
from turnlight_floor.gate import Gate, Guard
from turnlight_floor.history import History, HistoryError
from turnlight_floor.link import Link
from turnlight_floor.parts import Parts
from turnlight_floor.screens import PATHS, Screens, View, ways
from turnlight_floor.sessions import Session
from turnlight_floor.settings import OidcSettings, PageSettings
from turnlight_floor.words import Words, catalogues

STYLE = Path(__file__).with_name("page.css")
LOOK_EVERY_S = 0.5
SCRIPT = """
document.documentElement.dir = "%(direction)s";
// The figures stand in the document already; they make way for those that follow the feed.
new MutationObserver((_, one) => {
  if (!document.querySelector("#app .board > *")) return;
  document.getElementById("first").remove();
  one.disconnect();
}).observe(document, {childList: true, subtree: true});
document.addEventListener("DOMContentLoaded", () => {
  const popup = document.getElementById("popup");
  popup.children[0].textContent = "%(lost)s";
  popup.children[1].textContent = "%(trying)s";
  const late = document.querySelector("#first .late");
  if (late) late.textContent = "%(lost)s";
  // NiceGUI tells of a connection that was lost; this tells of one that never came about, and of
  // one that is there while nothing comes: the age of live figures is another each second.
  let was = false, text = "", since = Date.now();
  setInterval(() => {
    const live = document.querySelector("#app .state.live");
    if (!live || live.textContent !== text) since = Date.now();
    text = live ? live.textContent : "";
    const cut = !(window.socket && window.socket.connected) || Date.now() - since > 12000;
    if (cut !== was) popup.ariaHidden = String(!cut);
    was = cut;
  }, 3000);
});
"""


def show(screens: Screens, door: Gate, view: View, words: Words, session: Session | None) -> None:
    """Build a view for one who opens it, and keep it up to date."""
    role = gate.role_of(f"/{words.code}{PATHS[view]}")
    links = ways(words, view, session, not door.required)
    header_now, _, body_now = screens.html(view, words.code)
    ui.add_head_html('<link rel="stylesheet" href="/page.css">')
    ui.add_head_html(f"<script>{_script(words)}</script>")
    ui.add_body_html(
        f'<div id="first" class="nicegui-content {view}"><nav class="ways">{links}</nav>'
        f'<header class="top">{header_now}</header><div class="board">{parts.html(body_now)}</div>'
        f'<p class="late">{words("no-script")}</p></div>'
    )
    ui.context.client.content.classes(view)
    # All below is empty until the browser is connected: it stands in the document already, and a
    # second time it would make that twice as long to build and to read.
    # Not sanitized in the browser: it is made here, of checked messages, with names escaped.
    nav = ui.html("", sanitize=False, tag="nav").classes("ways")
    nav.props(f'aria-label="{words("views")}"')
    header = ui.html("", sanitize=False, tag="header").classes("top")
    # Alone, so that a screen reader speaks when the headline changes and not each second.
    headline = ui.html("", sanitize=False, tag="p").classes("spoken")
    headline.props("role=status")
    board = ui.element("div").classes("board").props("id=figures tabindex=-1")
    body = Grown(board, ())

    def look() -> None:
        if not door.allows(door.sessions.current(session, time.time()), role):
            header.content = headline.content = ""
            board.clear()
            ui.navigate.to(f"/{words.code}{PATHS[view]}")
            clock.cancel()
            return
        nav.content = links
        header.content, headline.content, shown = screens.html(view, words.code)
        body.show(shown)

    clock = ui.timer(LOOK_EVERY_S, look)


class Grown:
    """Parts as elements of one open page; those that stay as they are send nothing."""

    def __init__(self, place: ui.element, shown: Parts) -> None:
        """Build `shown` inside `place`."""
        self._place = place
        self._shown = shown
        self._made: list[tuple[Any, Grown | None]] = []
        self._grow(shown)

    def show(self, shown: Parts) -> None:
        """Become `shown`."""
        if shown is self._shown:
            return
        if parts.shape(shown) != parts.shape(self._shown):
            self._place.clear()
            self._grow(shown)
            return
        for (element, within), before, now in zip(self._made, self._shown, shown, strict=True):
            for name, value in now.attributes.items():
                if before.attributes[name] == value:
                    continue
                if name == "class":
                    element.classes(replace=value)
                else:
                    element.props[name] = value
            if within is None:
                element.content = now.content
            else:
                assert not isinstance(now.content, str)
                within.show(now.content)
        self._shown = shown

    def _grow(self, shown: Parts) -> None:
        self._shown = shown
        self._made = []
        with self._place:
            for part in shown:
                within = None
                if isinstance(part.content, str):
                    # Not sanitized in the browser: it is made here, with names escaped.
                    element: Any = ui.html(part.content, sanitize=False, tag=part.tag)
                else:
                    element = ui.element(part.tag)
                    within = Grown(element, part.content)
                for name, value in part.attributes.items():
                    if name == "class":
                        element.classes(value)
                    else:
                        element.props[name] = value
                self._made.append((element, within))


def main(config_path: Path) -> int:
    """Serve the page until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("turnlight.floor").setLevel(logging.INFO)
    try:
        config = settings.load(config_path)
        for file in (config.page.cert_file, config.page.key_file):
            if file:
                settings.read(Path(file))
        broker = config.page.broker or config.broker
        board = Board(config.site, f"{broker.host}:{broker.port}")
        link = Link(
            broker,
            board.topics,
            board.hear,
            changed=lambda: board.connection(link.up, link.since_s),
        )
        oidc = config.page.oidc
        provider = _provider(oidc) if oidc else None
        door = Gate(
            Path(config.page.users),
            3600 * config.page.session_hours,
            config.page.language,
            oidc.name if oidc else "",
        )
    except (settings.SettingsError, users.UsersError) as error:
        print(error, file=sys.stderr)
        return 2
    host, port = config.page.host, config.page.port
    if not door.required and not settings.is_loopback(host):
        print(
            f"{host} can be reached from other machines, and nobody would have to sign in: "
            "add a user with `turnlight page user add`, or set `host` under [page] to 127.0.0.1",
            file=sys.stderr,
        )
        return 2
    fault = occupied(host, port)
    if fault:
        print(fault, file=sys.stderr)
        return 1
    try:
        history = History(Path(config.page.database), config.zone())
    except HistoryError as error:
        print(error, file=sys.stderr)
        return 1
    words = {code: Words(code, config.zone()) for code in catalogues()}
    if provider:
        provider(door)
    serve(Screens(board, history, words), link, door, config.page, history.close)
    return 0


def _provider(oidc: OidcSettings) -> Callable[[Gate], None]:
    """What lets people in who come from the identity provider.

    Raises:
        SettingsError: a file of it cannot be read, or the package for it is not there.
    """
    try:
        from turnlight_floor import oidc_door
        from turnlight_floor.oidc import Provider
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        raise settings.SettingsError(
            f"[page.oidc] needs the package {missing}; run `pip install turnlight[oidc]`"
        ) from None
    made = Provider(oidc)
    return lambda door: oidc_door.add_routes(app, door, made)


def occupied(host: str, port: int) -> str:
    """Why the page cannot be served there, with the remedy; empty when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return (
                f"port {port} on {host} cannot be used for the page ({error.strerror}); "
                "end the program that uses it, or set another `port` under [page]"
            )
    return ""


def serve(
    screens: Screens, link: Link, door: Gate, config: PageSettings, after: Callable[[], None]
) -> None:
    """Serve until told to end."""
    app.add_static_file(url_path="/page.css", local_file=STYLE)
    app.add_middleware(Guard, gate=door)
    gate.add_routes(app, door)

    @app.get("/api/aggregates")
    async def aggregates() -> Response:
        return Response(
            screens.document(), media_type="application/json", headers={"Cache-Control": "no-store"}
        )

    for code in catalogues():
        for view in PATHS:
            _add_view(screens, door, view, code)

    def tick() -> None:
        door.look()
        screens.tick()

    def end() -> None:
        link.stop()
        after()

    # The server ends in good order on these and then raises them once more, for us.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: sys.exit(0))
    app.timer(LOOK_EVERY_S, tick)
    app.on_startup(link.start)
    app.on_shutdown(end)
    scheme = "https" if config.cert_file else "http"
    address = f"[{config.host}]" if ":" in config.host else config.host
    print(f"the page is at {scheme}://{address}:{config.port}/", file=sys.stderr, flush=True)
    ui.run(
        host=config.host,
        port=config.port,
        title="Turnlight",
        favicon=LAMP,
        dark=None,
        show=False,
        reload=False,
        tailwind=False,
        show_welcome_message=False,
        timeout_graceful_shutdown=2,
        ssl_certfile=config.cert_file or None,
        ssl_keyfile=config.key_file or None,
    )


def _add_view(screens: Screens, door: Gate, view: View, code: str) -> None:
    words = screens.words(code)
    interface: Any = words.catalogue.interface

    @ui.page(
        f"/{code}{PATHS[view]}",
        title=f"{words(view)} · Turnlight",
        language=interface,
        viewport="width=device-width, initial-scale=1",
    )
    def draw(request: Request) -> None:
        show(screens, door, view, words, door.session(request))


def _script(words: Words) -> str:
    return SCRIPT % {
        "direction": words.catalogue.direction,
        "lost": words("connection-lost"),
        "trying": words("reconnecting"),
    }


LAMP = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<circle cx="16" cy="16" r="14" fill="#1f6f78"/>'
    '<path d="M16 2a14 14 0 0 1 0 28z" fill="#e59a54"/></svg>'
)
