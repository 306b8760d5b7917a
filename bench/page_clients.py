"""Open pages that are no browsers: each fetches the document, opens NiceGUI's socket, and hears.

    .venv/bin/python -m bench.page_clients URL NUMBER

Over the wire they are what a browser is: the handshake with the document's own client, compression
of the socket, answers to pings, and an acknowledgement every three seconds, without which NiceGUI
would keep what it sent. They draw nothing. It says `open` when all are open, and when its standard
input ends one line of JSON: how many heard something in the last two seconds, and how much.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import uuid
from asyncio import FIRST_COMPLETED
from urllib.parse import urlencode, urlsplit

import aiohttp

ACK_S = 3.0
DOCUMENT = re.compile(r"query: *(\{[^}]*\})")
PAIR = re.compile(r"""["'](\w+)["']: *["']?([\w-]+)""")


class Page:
    """One open page."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._next_id = 0
        self.heard_s = 0.0
        """Since when it has heard nothing, on the monotonic clock."""
        self.chars = 0
        """Before compression."""
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Open it and hear until cancelled."""
        async with self._session.get(self._url) as answer:
            text = await answer.text()
        found = DOCUMENT.search(text)
        if found is None:
            raise RuntimeError("the document names no client: is this page NiceGUI's?")
        query = dict(PAIR.findall(found[1]))
        query |= {name: str(uuid.uuid4()) for name in ("document_id", "tab_id")}
        query["implicit_handshake"] = "true"
        at = urlsplit(self._url)
        address = f"ws://{at.netloc}/_nicegui_ws/socket.io/?" + urlencode(
            {**query, "EIO": 4, "transport": "websocket"}
        )
        origin = f"{at.scheme}://{at.netloc}"
        async with self._session.ws_connect(
            address, compress=15, origin=origin, max_msg_size=0
        ) as socket:
            acked_s = time.monotonic()
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    raise RuntimeError(f"{message.type.name}: {message.data!r}")
                said = message.data
                if said.startswith("0"):
                    await socket.send_str("40")
                elif said == "2":
                    await socket.send_str("3")
                elif said.startswith("44"):
                    raise RuntimeError("the handshake was refused")
                elif said.startswith("42"):
                    self._hear(said)
                    self.ready.set()
                    if time.monotonic() - acked_s > ACK_S:
                        acked_s = time.monotonic()
                        about = {"client_id": query["client_id"], "next_message_id": self._next_id}
                        await socket.send_str("42" + json.dumps(["ack", about]))

    def _hear(self, said: str) -> None:
        self.heard_s = time.monotonic()
        self.chars += len(said)
        at = said.rfind('"_id":')
        if at >= 0:
            self._next_id = int(said[at + 6 :].rstrip("]}")) + 1


async def main(url: str, number: int) -> None:
    """Open all, a few at a time, and hear until the standard input ends."""
    # A browser's websocket has a connection of its own.
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        pages = [Page(session, url) for _ in range(number)]
        tasks = []
        for page in pages:
            tasks.append(asyncio.create_task(page.run()))
            first = asyncio.create_task(page.ready.wait())
            done, _ = await asyncio.wait(
                (first, tasks[-1]), timeout=30, return_when=FIRST_COMPLETED
            )
            if first not in done:
                sys.exit(f"a page did not open: {tasks[-1]}")
        print("open", flush=True)
        begun_s, before = time.monotonic(), sum(page.chars for page in pages)
        await asyncio.to_thread(sys.stdin.read)
        now_s = time.monotonic()
        told = sum(page.chars for page in pages) - before
        alive = sum(now_s - page.heard_s < 2 for page in pages)
        print(json.dumps({"alive": alive, "bytes_per_s": told / number / (now_s - begun_s)}))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
