"""Takes the minutes from the local file to the shared database, whenever that can be reached.

In a thread of its own: a database that is away or hangs delays nothing that the floor shows. What
waits is in the file, so it outlives a restart and ends after ninety days as all history does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from turnlight_floor.minutes import KEEP_S, Minutes, StoreError
from turnlight_floor.store import Store

log = logging.getLogger("turnlight.floor")

EVERY_S = 10.0
BATCH_S = 3600
"""How much history goes in one transaction."""
DROP_EVERY_S = 3600
"""A floor on which nobody talks still forgets what is too old."""


class Mover:
    """The way from one file to one shared database."""

    def __init__(self, file: Path, site: str, connect: Callable[[], Minutes]) -> None:
        self._file = file
        self._site = site
        self._connect = connect
        self._local: Store | None = None
        self._target: Minutes | None = None
        self._moved_s = -1
        """Start of the newest minute that is over there; after a start it goes once more."""
        self._dropped_s = -1
        self._told = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mover", daemon=True)
        self.up = False
        """Whether the last attempt came through."""
        self.waiting_s = 0
        """Span of the minutes that wait."""

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Move once more and end; what cannot be moved so fast waits for the next start."""
        self._stopping.set()
        self._thread.join(timeout_s)

    def step(self, now_s: float) -> None:
        """Move all that waits. An error is told once, and the next call tries again."""
        try:
            self._local = self._local or Store(self._file, self._site)
            self._step(self._local, int(now_s))
        except StoreError as error:
            self._fail(str(error))
        except Exception as error:
            # The thread must outlive whatever it runs into, or the history would end unnoticed.
            log.debug("mover", exc_info=True)
            self._fail(f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Close both ends."""
        self._disconnect()
        if self._local is not None:
            self._local.close()
            self._local = None

    def _step(self, local: Store, now_s: int) -> None:
        while (oldest_s := local.oldest_minute(self._moved_s + 1)) is not None:
            newest_s = local.newest_minute() or oldest_s
            self.waiting_s = newest_s - oldest_s + 60
            batch = list(local.history(oldest_s, oldest_s + BATCH_S))
            self._over_there().keep(batch, now_s - KEEP_S)
            self._moved_s = batch[-1][0]
            self._arrived(now_s)
            # The newest stays: by it the floor knows which minute comes next.
            local.drop(min(self._moved_s, newest_s))
        self.waiting_s = 0
        if now_s - self._dropped_s >= DROP_EVERY_S:
            self._over_there().drop(now_s - KEEP_S)
            self._arrived(now_s)

    def _arrived(self, now_s: int) -> None:
        self._dropped_s = now_s
        self.up = True
        if self._told:
            self._told = ""
            log.info("the history's database is back; what waited is being written")

    def _fail(self, why: str) -> None:
        self.up = False
        self._disconnect()
        if why != self._told:
            self._told = why
            log.error(
                "%s; minutes wait in %s, at most %d days of them, and are written later",
                why,
                self._file,
                KEEP_S // 86_400,
            )

    def _over_there(self) -> Minutes:
        if self._target is None:
            self._target = self._connect()
        return self._target

    def _disconnect(self) -> None:
        if self._target is not None:
            self._target.close()
            self._target = None

    def _run(self) -> None:
        while True:
            # asked before, so that the last step takes what came last
            last = self._stopping.is_set()
            self.step(time.time())
            if last:
                break
            self._stopping.wait(EVERY_S)
        self.close()
