"""Hears the status and the health of a site's desks under IT's own credential."""

from __future__ import annotations

import queue
import secrets
import ssl
import threading
import time
from types import TracebackType
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from turnlight.provision import roles
from turnlight.provision.fleet import Fleet
from turnlight.provision.site import Site
from turnlight.provision.trouble import ProvisionError, why

ANSWER_S = 15.0
RETAINED_S = 2.0


class FleetFeed:
    """A connection that comes back by itself, and a fleet that follows it.

    Its clock stands still while the broker is away: that is no fault of a desk.

    Raises:
        ProvisionError: the broker cannot be reached or does not accept the credential.
    """

    def __init__(self, site: Site) -> None:
        settings = site.settings
        self.fleet = Fleet(site.register().teams())
        self._topics = roles.fleet(settings.site).reads
        self._news: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._away_s = 0.0
        self._lost_s: float | None = None
        self._accepted: queue.SimpleQueue[ReasonCode] = queue.SimpleQueue()
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"turnlight-fleet-{secrets.token_hex(6)}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self._lose()
        self._client.on_message = self._on_message
        self._client.tls_set_context(_context(site))
        broker = f"broker {settings.hosts[0]}:{settings.port}"
        try:
            self._client.connect(settings.hosts[0], settings.port)
        except OSError as error:
            raise ProvisionError(f"{broker}: {why(error)}") from None
        self._client.loop_start()
        try:
            reason = self._accepted.get(timeout=ANSWER_S)
        except queue.Empty:
            self.close()
            # under TLS 1.3 a refused certificate looks like this, and not like an error
            raise ProvisionError(
                f"{broker}: does not accept the certificate of {roles.FLEET}; is it still good "
                "(`turnlight provision list`), and is the broker this site's?"
            ) from None
        if reason.is_failure:
            self.close()
            raise ProvisionError(f"{broker}: refuses {roles.FLEET} ({reason})")

    def now_s(self) -> float:
        """Seconds in which the broker could be heard."""
        with self._lock:
            return (self._lost_s or time.monotonic()) - self._away_s

    def listen(self, seconds: float) -> bool:
        """Take the next thing that comes, within this time; whether one came."""
        try:
            topic, payload = self._news.get(timeout=seconds)
        except queue.Empty:
            return False
        self.fleet.take(topic, payload, self.now_s())
        return True

    def look(self, seconds: float) -> None:
        """Listen until every desk that is online said how it is, at most so long."""
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < seconds:
            # what is retained comes within moments of the connection
            if passed > RETAINED_S and all(desk.health for desk in self.fleet if desk.online):
                return
            self.listen(min(0.5, seconds - passed))

    def close(self) -> None:
        """End the connection."""
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> FleetFeed:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _on_connect(
        self, client: Client, _data: Any, _flags: object, reason: ReasonCode, _props: object
    ) -> None:
        if not reason.is_failure:
            with self._lock:
                if self._lost_s is not None:
                    self._away_s += time.monotonic() - self._lost_s
                self._lost_s = None
            client.subscribe([(topic, 1) for topic in self._topics])
        self._accepted.put(reason)

    def _lose(self) -> None:
        with self._lock:
            self._lost_s = self._lost_s or time.monotonic()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._news.put((message.topic, bytes(message.payload)))


def _context(site: Site) -> ssl.SSLContext:
    certificate, key = site.credential(roles.FLEET)
    try:
        context = ssl.create_default_context(cafile=str(site.ca_file))
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise ProvisionError(
            f"{error.filename or certificate}: {error.strerror or error}; run "
            f"`turnlight provision site {site.settings.site}` again, as the user who made the site"
        ) from None
    return context
