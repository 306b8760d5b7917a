"""The process `turnlight floor`: joins broker, picture, store and feed."""

from __future__ import annotations

import logging
import queue
import re
import signal
import sys
import threading
import time
from collections import Counter
from functools import lru_cache
from pathlib import Path

import msgspec

from turnlight import messages
from turnlight.messages import Aggregate, Window
from turnlight_floor import privacy, settings
from turnlight_floor.aggregate import LATE_S, Picture, ring_start
from turnlight_floor.link import Link
from turnlight_floor.metrics import MetricsServer, Samples
from turnlight_floor.minutes import KEEP_S, StoreError, shared
from turnlight_floor.mover import Mover
from turnlight_floor.release import Release
from turnlight_floor.store import Store

log = logging.getLogger("turnlight.floor")

QUEUE_WINDOWS = 20_000
"""When the worker falls this far behind, the broker has to wait."""
BATCH = 500
TEAM = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
RESERVED = ("device", "floor")
BIGGEST_PAYLOAD = 4096
"""Bytes. The largest window there can be is far below."""
SAVE_EVERY_S = 10.0
CLOCK_EVERY_S = 20.0
REPEAT_S = 10.0
"""A cell that did not change is published again after this, so that its age can be told."""


class Counters(msgspec.Struct):
    """What the service did, since it started."""

    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    refused: dict[str, int] = {}
    published: int = 0
    teams: int = 0


class Floor:
    """Windows in by `take`, aggregates out by `tick`. Without a broker, without a clock."""

    def __init__(self, site: str, picture: Picture, k: int) -> None:
        self.site = site
        self.picture = picture
        self.release = Release(picture, k)
        self.counters = Counters()
        self._refused: Counter[str] = Counter()
        self._published: dict[str, Aggregate] = {}
        self._team = lru_cache(maxsize=4096)(_team_of)

    def take(self, topic: str, payload: bytes, now_s: float) -> None:
        """Count one message from the window feed; whatever it is, it does no harm."""
        self.counters.received += 1
        outcome = self._outcome(topic, payload, now_s)
        if outcome == "accepted":
            self.counters.accepted += 1
        elif outcome == "duplicate":
            self.counters.duplicate += 1
        else:
            self._refused[outcome] += 1
            self.counters.refused = dict(self._refused)

    def tick(self, now_s: float) -> list[tuple[str, bytes]]:
        """Topics and payloads to publish, retained; a team that is over is cleared (empty)."""
        self.picture.forget(now_s)
        cells = {cell.team: cell for cell in self.release.aggregates(now_s)}
        over = sorted(self._published.keys() - cells.keys())
        due = [cell for cell in cells.values() if self._due(cell)]
        for name in over:
            del self._published[name]
        self._published.update((cell.team, cell) for cell in due)
        self.counters.teams = max(0, len(cells) - 1)
        return [
            (messages.floor_topic(self.site, cell.team), messages.encode(cell)) for cell in due
        ] + [(messages.floor_topic(self.site, name), b"") for name in over]

    def _due(self, cell: Aggregate) -> bool:
        before = self._published.get(cell.team)
        if before is None or cell.made_at_s - before.made_at_s >= REPEAT_S:
            return True
        return msgspec.structs.replace(before, made_at_s=cell.made_at_s) != cell

    def _outcome(self, topic: str, payload: bytes, now_s: float) -> str:
        team = self._team(topic)
        if team is None:
            return "bad team"
        if len(payload) > BIGGEST_PAYLOAD:
            return "too large"
        try:
            window = messages.decode(payload, Window)
        except msgspec.MsgspecError as error:
            # Once a reason: a flood of bad payloads must not become a flood of lines.
            if not self._refused["malformed"]:
                log.warning("team %s: a window is refused: %s; the rest are counted", team, error)
            return "malformed"
        return self.picture.apply(team, window, now_s)


def _team_of(topic: str) -> str | None:
    team = topic.split("/")[3]
    return team if TEAM.fullmatch(team) and team not in RESERVED else None


class Service:
    """The floor at work: a queue from the broker's thread, one worker, one file on the disk."""

    def __init__(self, config: settings.FloorSettings) -> None:
        """Read what is needed to start.

        Raises:
            SettingsError: a file named in the settings is missing or wrong.
            StoreError: the file cannot be used, or the URL of the database is wrong. A database
                that cannot be reached is no reason not to start.
        """
        self._every_s = config.publish_every_s
        k = privacy.load(config.privacy_file).k
        privacy.guard(config.privacy_file)
        self._inbox: queue.Queue[tuple[str, bytes]] = queue.Queue(QUEUE_WINDOWS)
        self._link = Link(
            config.broker,
            [messages.window_topic(config.site, "+")],
            self._heard,
            client_id=f"turnlight-floor-{config.site}",
        )
        file = Path(config.snapshot_file)
        self._mover = self._moving(config, file) if config.shared else None
        self._store = Store(file, config.site)
        self.floor = Floor(config.site, self._restored(config), k)
        self.stopping = threading.Event()
        self._look_s = self._save_s = 0.0
        self._metrics = self._serve(config.metrics)

    def _moving(self, config: settings.FloorSettings, file: Path) -> Mover:
        connect = shared(config.database, config.database_password_file, config.site)
        return Mover(file, config.site, connect)

    def _serve(self, where: settings.MetricsSettings) -> MetricsServer | None:
        if not where.port:
            return None
        try:
            return MetricsServer(where, self._samples)
        except OSError as error:
            raise settings.SettingsError(
                f"metrics.port {where.port} on {where.host} cannot be used ({error.strerror}); "
                "set another, or 0 for none"
            ) from None

    def _samples(self) -> Samples:
        counters = self.floor.counters
        return {
            "received_total": counters.received,
            "accepted_total": counters.accepted,
            "duplicate_total": counters.duplicate,
            "refused_total": counters.refused,
            "published_total": counters.published,
            "teams": counters.teams,
            "pids": len(self.floor.picture.desks),
            "queue_windows": self._inbox.qsize(),
            "broker_up": self._link.up,
            "database_up": self._mover is None or self._mover.up,
            "history_waiting_seconds": self._mover.waiting_s if self._mover else 0,
            "look_seconds": self._look_s,
            "save_seconds": self._save_s,
        }

    def _restored(self, config: settings.FloorSettings) -> Picture:
        if (found := self._store.restore()) is not None:
            try:
                return Picture(config.site, config.zone(), *found)
            except ValueError as error:
                log.error("the snapshot cannot be used (%s): today begins anew", error)
        return Picture(config.site, config.zone())

    def run(self) -> Counters:
        """Work until `stopping` is set, then settle what is open."""
        self._link.start()
        if self._mover:
            self._mover.start()
        publish_s = save_s = clock_s = time.monotonic()
        while not self.stopping.is_set():
            self._drain(min(0.2, max(0.0, publish_s - time.monotonic())))
            if time.monotonic() >= publish_s:
                publish_s = max(publish_s + self._every_s, time.monotonic())
                self._publish()
            if time.monotonic() >= clock_s and self._link.up:
                clock_s = time.monotonic() + CLOCK_EVERY_S
                clock = messages.Clock(at_s=round(time.time(), 3))
                self._link.mention(messages.clock_topic(self.floor.site), messages.encode(clock))
            if time.monotonic() >= save_s:
                save_s = time.monotonic() + SAVE_EVERY_S
                self._save()
        self._settle()
        return self.floor.counters

    def _heard(self, topic: str, payload: bytes) -> bool:
        while not self.stopping.is_set():
            try:
                self._inbox.put((topic, payload), timeout=0.5)
            except queue.Full:
                continue
            return True
        # It was acknowledged to nobody, and comes again when the floor is back.
        return False

    def _drain(self, wait_s: float) -> None:
        try:
            item = self._inbox.get(timeout=wait_s) if wait_s else self._inbox.get_nowait()
            for _ in range(BATCH):
                self.floor.take(*item, time.time())
                item = self._inbox.get_nowait()
            self.floor.take(*item, time.time())
        except queue.Empty:
            pass

    def _publish(self) -> None:
        begun_s = time.monotonic()
        due = self.floor.tick(time.time())
        self._look_s = time.monotonic() - begun_s
        for topic, payload in due:
            if self._link.publish(topic, payload) is not None and payload:
                self.floor.counters.published += 1

    def _save(self) -> None:
        begun_s = time.monotonic()
        picture, now_s = self.floor.picture, time.time()
        done_s = int(now_s - LATE_S) // 60 * 60
        newest_s = self._store.newest_minute()
        first_s = done_s - 60 if newest_s is None else max(newest_s + 60, done_s - 300)
        for start_s in range(first_s, done_s, 60):
            cells = self.floor.release.minute(start_s)
            minutes = [(start_s, team, cell) for team, cell in cells.items()]
            self._store.keep(minutes, start_s - KEEP_S)
        self._store.save(picture.kept(), picture.changed_slots(), ring_start(now_s))
        self._save_s = time.monotonic() - begun_s

    def _settle(self) -> None:
        while not self._inbox.empty():
            self._drain(0.0)
        last = [self._link.publish(*item) for item in self.floor.tick(time.time())]
        until_s = time.monotonic() + 2.0
        for sent in last:
            if sent is not None:
                self.floor.counters.published += 1
                sent.wait_for_publish(max(0.0, until_s - time.monotonic()))
        self._link.stop()
        self._save()
        if self._mover:
            self._mover.stop()
        self._store.close()
        if self._metrics:
            self._metrics.stop()


def main(config_path: Path, as_json: bool = False) -> int:
    """Run the floor until SIGTERM or SIGINT; with `as_json` one line of counters at the end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        service = Service(settings.load(config_path))
    except (settings.SettingsError, StoreError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, settings.SettingsError) else 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: service.stopping.set())
    counters = service.run()
    text = msgspec.json.encode(counters).decode()
    if as_json:
        print(text, flush=True)
    else:
        log.info("ended: %s", text)
    return 0
