"""The device's side of MQTT: one thread that connects, sends what waits, and comes back.

What to do is decided in delivery.py, done in link.py; windows wait in outbox.py.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from turnlight.config import DeskSettings, UplinkSettings
from turnlight.delivery import STEADY_MS, Protocol, backoff_ms, next_protocol
from turnlight.link import Link, State, now_ms
from turnlight.messages import Health, Window, encode, window_topic
from turnlight.outbox import Outbox
from turnlight.telephone import Telephone
from turnlight.trouble import LinkError

_LOG = logging.getLogger(__name__)


class Uplink:
    """Sends one desk's windows, status and health; never blocks the caller, loses no window.

    Args:
        settings: the broker.
        desk: names in the topics.
        outbox: where windows wait until the broker acknowledged them.
        health: gives the device's health, called each minute from the uplink's thread.
        telephone: told what the telephone system says, from the uplink's thread.
    """

    def __init__(
        self,
        settings: UplinkSettings,
        desk: DeskSettings,
        outbox: Outbox,
        health: Callable[[], Health],
        telephone: Telephone | None = None,
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._outbox = outbox
        self._health = health
        self._telephone = telephone or Telephone()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)
        self._state: State = "offline"
        self._away_since_s: float | None = None
        self._said: set[str] = set()
        self._denied: set[str] = set()

    @property
    def state(self) -> State:
        """Whether the broker has accepted this desk."""
        return self._state

    @property
    def away_s(self) -> float:
        """How long the broker has been out of reach; 0 while it is not."""
        since_s = self._away_since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to connect, in the uplink's own thread."""
        self._away_since_s = time.monotonic()
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Say goodbye and end; what was not sent stays in the outbox."""
        self._stopping.set()
        self._thread.join(timeout_s)

    def send(self, window: Window, now_s: float) -> None:
        """Let a window leave within `publish_jitter_s`, or whenever the broker is back."""
        due_s = now_s + random.uniform(0, self._settings.publish_jitter_s)
        topic = window_topic(self._desk.site, self._desk.team)
        self._outbox.put(topic, encode(window), now_s, due_s)

    def _run(self) -> None:
        failures = 0
        protocol: Protocol = "5"
        while not self._stopping.is_set():
            link = Link(
                self._settings,
                self._desk,
                self._outbox,
                self._health,
                self._telephone,
                protocol,
                self._denied,
            )
            begun_ms = now_ms()
            try:
                link.open(self._stopping)
                self._state, self._away_since_s = "online", None
                _LOG.info("connected to %s, MQTT %s", link.broker, protocol)
                link.serve(self._stopping)
                return
            except LinkError as error:
                reason = str(error)
            except Exception as error:
                # The thread must outlive whatever one connection runs into.
                _LOG.debug("uplink", exc_info=True)
                reason = f"{type(error).__name__}: {error}"
            finally:
                link.drop()
                if self._state == "online":
                    self._state, self._away_since_s = "offline", time.monotonic()
                self._telephone.gone()
            self._outbox.sync()
            if now_ms() - begun_ms >= STEADY_MS:
                failures = 0
                self._said.clear()
            failures += 1
            asked, protocol = protocol, next_protocol(protocol, link.answer)
            if link.answer == "wrong protocol" and asked == "5":
                continue
            self._say(f"{link.broker}: {reason}; windows are kept and sent later")
            self._stopping.wait(backoff_ms(failures, random.random()) / 1000)

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            _LOG.warning("%s", text)
