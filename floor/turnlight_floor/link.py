"""The connection to the broker: one visible loop that connects, listens, and tries again.

Both `turnlight floor` and `turnlight page` use it; neither ever ends because the broker is away.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from turnlight_floor.intake import Intake
from turnlight_floor.settings import BrokerSettings, read

log = logging.getLogger("turnlight.floor")

ANSWER_S = 10.0
"""A broker that accepts the connection must have answered within this."""
SESSION_S = 86_400
"""For how long the broker keeps messages for a named client that is away."""
EXPIRY_S = 86_400
"""For how long the broker keeps what is published: `today` means nothing after a day."""
BACKOFF_S = (0.5, 30.0)

Heard = Callable[[str, bytes], bool | None]
"""Takes topic and payload; False leaves the message with the broker, which will send it again."""


class Link:
    """A client of the broker, in a thread of its own."""

    def __init__(
        self,
        settings: BrokerSettings,
        topics: Sequence[str],
        heard: Heard,
        client_id: str = "",
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; nothing happens until `start`.

        Args:
            settings: where the broker is.
            topics: subscribed at QoS 1 on every connection.
            heard: called in the link's thread with topic and payload; it may block.
            client_id: with a name the broker keeps messages while the client is away.
            changed: called in the link's thread when `up` changes.

        Raises:
            SettingsError: a password or certificate file cannot be read.
        """
        self._settings = settings
        self._topics = topics
        self._heard = heard
        self._client_id = client_id
        self._changed = changed
        self._password = (
            read(Path(settings.password_file)).strip() if settings.password_file else None
        )
        for file in (settings.ca_file, settings.cert_file, settings.key_file):
            if file:
                read(Path(file))
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._client: mqtt.Client | None = None
        self._protocol = mqtt.MQTTv5
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._said = self._mute = False
        self.up = False
        self.since_s = time.time()
        """When `up` last changed."""

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return f"{self._settings.host}:{self._settings.port}"

    def start(self) -> None:
        """Connect, and keep connecting."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect and end the thread."""
        self._stopping.set()
        self._ended.set()
        self._thread.join(timeout=15)

    def mention(self, topic: str, payload: bytes) -> None:
        """Publish what is of no use later: once at most, not retained."""
        client = self._client
        if client is not None and self.up:
            client.publish(topic, payload, qos=0)

    def publish(self, topic: str, payload: bytes) -> mqtt.MQTTMessageInfo | None:
        """Publish a retained message; None while the broker is away."""
        client = self._client
        if client is None or not self.up:
            return None
        properties = None
        if self._protocol == mqtt.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = EXPIRY_S
        return client.publish(topic, payload, qos=1, retain=True, properties=properties)

    def _run(self) -> None:
        pause_s = BACKOFF_S[0]
        while not self._stopping.is_set():
            self._ended.clear()
            connected_for_s = self._connection()
            if connected_for_s > BACKOFF_S[1]:
                pause_s = BACKOFF_S[0]
            # Jitter, so that all that lost one broker do not come back in one moment.
            self._stopping.wait(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, BACKOFF_S[1])

    def _connection(self) -> float:
        """One connection from CONNECT to its end; seconds it was up."""
        self._said = self._mute = False
        client = self._make_client()
        try:
            client.connect(
                self._settings.host,
                self._settings.port,
                self._settings.keepalive_s,
                clean_start=self._clean_start(),
                properties=self._properties(),
            )
        except (OSError, ValueError) as error:
            self._away(str(error))
            return 0.0
        self._client = client
        client.loop_start()
        asked_s = time.monotonic()
        # A TLS broker that wants a certificate may accept and then never answer.
        while not self._ended.wait(0.2):
            if not self.up and time.monotonic() - asked_s > ANSWER_S:
                self._away("it does not answer")
                break
        client.disconnect()
        client.loop_stop()
        self._client = None
        self._set(False)
        return time.monotonic() - asked_s

    def _make_client(self) -> mqtt.Client:
        settings = self._settings
        modern = self._protocol == mqtt.MQTTv5
        client = Intake(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=self._protocol,
            reconnect_on_failure=False,
            clean_session=None if modern else not self._client_id,
            manual_ack=True,
        )
        if settings.username:
            client.username_pw_set(settings.username, self._password)
        if settings.tls:
            client.tls_set(
                ca_certs=settings.ca_file or None,
                certfile=settings.cert_file or None,
                keyfile=settings.key_file or None,
            )
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _clean_start(self) -> bool | Literal[3]:
        if self._protocol != mqtt.MQTTv5:
            return mqtt.MQTT_CLEAN_START_FIRST_ONLY
        return not self._client_id

    def _properties(self) -> Properties | None:
        if self._protocol != mqtt.MQTTv5:
            return None
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_S if self._client_id else 0
        return properties

    def _on_connect(
        self, client: mqtt.Client, _data: object, _flags: object, reason: object, _props: object
    ) -> None:
        if getattr(reason, "is_failure", False):
            if str(reason) == "Unsupported protocol version":
                self._protocol = mqtt.MQTTv311
            self._away(str(reason))
            self._ended.set()
            return
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(
        self,
        _client: mqtt.Client,
        _data: object,
        _number: int,
        reasons: Sequence[object],
        _props: object,
    ) -> None:
        refused = [
            topic
            for topic, reason in zip(self._topics, reasons, strict=True)
            if getattr(reason, "is_failure", False)
        ]
        if refused:
            self._away(f"it refuses {' and '.join(refused)}; give this user the right to read it")
            self._ended.set()
            return
        log.info("broker %s: connected", self.address)
        self._set(True)

    def _on_message(self, client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if self._heard(message.topic, bytes(message.payload)) is not False:
            client.ack(message.mid, message.qos)

    def _on_publish(
        self, _client: mqtt.Client, _data: object, _number: int, reason: object, _props: object
    ) -> None:
        if getattr(reason, "is_failure", False) and not self._mute:
            self._mute = True
            log.error(
                "broker %s does not take what is published (%s); give this user the right to write",
                self.address,
                reason,
            )

    def _on_disconnect(
        self, _client: mqtt.Client, _data: object, _flags: object, reason: object, _props: object
    ) -> None:
        if not (self._said or self._stopping.is_set()):
            self._away(str(reason))
        self._ended.set()

    def _away(self, why: str) -> None:
        self._said = True
        log.warning("broker %s is away (%s): trying again", self.address, why)
        self._set(False)

    def _set(self, up: bool) -> None:
        if up != self.up:
            self.up = up
            self.since_s = time.time()
        self._changed()
