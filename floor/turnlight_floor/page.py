"""The process `turnlight page`: the manager's page, a client of the aggregate feed alone."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import time
from pathlib import Path

import msgspec
from fastapi.responses import Response
from nicegui import app, ui

from turnlight_floor import cards, settings
from turnlight_floor.board import Board
from turnlight_floor.link import Link

STYLE = Path(__file__).with_name("page.css")
LOOK_EVERY_S = 0.5
CUT_OFF = """
// NiceGUI tells of a connection that was lost; this tells of one that never came about.
setInterval(() => {
  const cut = window.socket && !window.socket.connected;
  if (cut) document.getElementById("popup").ariaHidden = false;
}, 3000);
"""


class Page:
    """The board as HTML, made once for all who look."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.header = ""
        self.body = ""

    def render(self) -> None:
        """Make the HTML of this moment."""
        now_s = time.time()
        shown = self.board.shown(now_s)
        self.header = cards.header(self.board.site, shown)
        self.body = cards.board(shown, now_s)

    def show(self) -> None:
        """Build the page for one who opens it, and keep it up to date."""
        self.render()
        # Not sanitized in the browser: it is made here, of checked messages, with names escaped.
        header = ui.html(self.header, sanitize=False, tag="header").classes("top")
        body = ui.html(self.body, sanitize=False, tag="div").classes("board")

        def look() -> None:
            header.content = self.header
            body.content = self.body

        ui.timer(LOOK_EVERY_S, look)

    def document(self) -> bytes:
        """What the page shows, for a program."""
        shown = self.board.shown(time.time())
        cells = [cell for cell in (shown.site, *shown.teams) if cell is not None]
        return msgspec.json.encode(
            {
                "site": self.board.site,
                "state": shown.freshness.kind,
                "text": f"{shown.freshness.headline}. {shown.freshness.detail}",
                "desks_online": shown.desks_online,
                "desks_known": shown.desks_known,
                "aggregates": cells,
            }
        )


def main(config_path: Path) -> int:
    """Serve the page until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("turnlight.floor").setLevel(logging.INFO)
    try:
        config = settings.load(config_path)
        broker = config.page.broker or config.broker
        board = Board(config.site, f"{broker.host}:{broker.port}")
        link = Link(
            broker,
            board.topics,
            board.hear,
            changed=lambda: board.connection(link.up, link.since_s),
        )
    except settings.SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    host, port = config.page.host, config.page.port
    fault = occupied(host, port)
    if fault:
        print(fault, file=sys.stderr)
        return 1
    serve(Page(board), link, host, port)
    return 0


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


def serve(page: Page, link: Link, host: str, port: int) -> None:
    """Serve until told to end."""
    app.add_static_file(url_path="/page.css", local_file=STYLE)

    @app.get("/api/aggregates")
    def aggregates() -> Response:
        return Response(page.document(), media_type="application/json")

    @ui.page("/")
    def index() -> None:
        ui.add_head_html('<link rel="stylesheet" href="/page.css">')
        ui.add_head_html(f"<script>{CUT_OFF}</script>")
        page.show()

    # The server ends in good order on these and then raises them once more, for us.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: sys.exit(0))
    app.timer(LOOK_EVERY_S, page.render)
    app.on_startup(link.start)
    app.on_shutdown(link.stop)
    print(f"the page is at http://{host}:{port}/", file=sys.stderr, flush=True)
    ui.run(
        host=host,
        port=port,
        title="Turnlight",
        favicon=LAMP,
        dark=None,
        language="en-GB",
        show=False,
        reload=False,
        tailwind=False,
        show_welcome_message=False,
        timeout_graceful_shutdown=2,
    )


LAMP = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<circle cx="16" cy="16" r="14" fill="#1f6f78"/>'
    '<path d="M16 2a14 14 0 0 1 0 28z" fill="#e59a54"/></svg>'
)
