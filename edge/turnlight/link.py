"""One connection to the broker, from CONNECT to its end."""

from __future__ import annotations

import logging
import secrets
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from turnlight.config import DeskSettings, UplinkSettings
from turnlight.delivery import INFLIGHT, Answer, Delivery, Protocol
from turnlight.messages import Health, Status, decode, device_topic, encode
from turnlight.outbox import Outbox
from turnlight.telephone import Telephone
from turnlight.trouble import LOST, NO_ANSWER, LinkError, refusal, why

_LOG = logging.getLogger(__name__)

State = Literal["online", "offline"]

_POLL_S = 0.2
_CONNECT_S = 5.0
_CONNACK_MS = 10_000
_GOODBYE_MS = 2_000
_HEALTH_MS = 60_000
_DAY_MS = 86_400_000
_OTHERS_IN_FLIGHT = 4
"""Places kept for status and health among the messages a broker allows in flight."""


class Link:
    """One connection; made, used and dropped by the uplink's thread alone.

    Args:
        settings: the broker.
        desk: names in the topics.
        outbox: where the windows wait.
        health: gives the device's health.
        telephone: told what the telephone system says.
        protocol: version of MQTT to ask for.
        denied: topics already logged as not allowed; kept over connections.
    """

    def __init__(
        self,
        settings: UplinkSettings,
        desk: DeskSettings,
        outbox: Outbox,
        health: Callable[[], Health],
        telephone: Telephone,
        protocol: Protocol,
        denied: set[str],
    ) -> None:
        self.broker = f"broker {settings.host}:{settings.port}"
        self.answer: Answer = "other"
        """What the broker said to CONNECT."""
        self._settings = settings
        self._outbox = outbox
        self._health = health
        self._telephone = telephone
        self._protocol = protocol
        self._session = secrets.token_hex(4)
        self._status_topic = device_topic(desk.site, desk.device, "status")
        self._health_topic = device_topic(desk.site, desk.device, "health")
        self._call_topic = device_topic(desk.site, desk.device, "call")
        self._delivery = Delivery(INFLIGHT)
        self._topics: dict[int, str] = {}
        self._denied = denied
        self._ended: LinkError | None = None
        self._overwritten = False
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            # The same name each time: a broker then ends the old connection, and sends its will,
            # before it accepts the new one.
            client_id=f"turnlight-{desk.site}-{desk.device}",
            protocol=MQTTProtocolVersion.MQTTv5
            if protocol == "5"
            else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = _CONNECT_S
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._client.will_set(self._status_topic, self._status("offline"), qos=1, retain=True)

    def open(self, stopping: threading.Event) -> None:
        """Connect, be accepted, say that the device is online.

        Raises:
            LinkError: it did not come to that.
        """
        self._authenticate()
        try:
            self._client.connect(
                self._settings.host, self._settings.port, self._settings.keepalive_s
            )
        except OSError as error:
            raise LinkError(why(error)) from None
        self.answer = "none"
        self._await_answer(stopping)
        self._announce()
        self._client.subscribe([(self._status_topic, 1), (self._call_topic, 1)])

    def serve(self, stopping: threading.Event) -> None:
        """Send what is due until told to stop.

        Raises:
            LinkError: the connection is lost or of no use.
        """
        health_ms = now_ms()
        while not stopping.is_set():
            at_ms = now_ms()
            if self._overwritten:
                self._overwritten = False
                self._announce()
            if at_ms >= health_ms:
                health_ms = at_ms + _HEALTH_MS
                self._publish(self._health_topic, encode(self._health()))
                self._outbox.sync()
            self._send_windows(at_ms)
            if self._delivery.stalled(at_ms):
                raise LinkError("a window was not acknowledged for 30 s")
            self._turn()
        self._say_goodbye()

    def _await_answer(self, stopping: threading.Event) -> None:
        deadline_ms = now_ms() + _CONNACK_MS
        while self.answer != "accepted":
            self._turn()
            if now_ms() > deadline_ms or stopping.is_set():
                raise LinkError(NO_ANSWER)

    def drop(self) -> None:
        """Close the socket without a DISCONNECT, so that the will is sent if goodbye was not."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _send_windows(self, at_ms: int) -> None:
        now_s = time.time()
        due = self._outbox.pending(now_s, self._delivery.limit)
        for row in self._delivery.choose(due, at_ms):
            properties = None
            if self._protocol == "5":
                age_ms = max(0, round(now_s * 1000) - row.put_ms)
                properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
                properties.MessageExpiryInterval = max(
                    1, (self._settings.keep_days * _DAY_MS - age_ms) // 1000
                )
            mid = self._publish(row.topic, row.payload, properties=properties)
            self._delivery.sent(mid, row.id, at_ms)

    def _say_goodbye(self) -> None:
        mid = self._publish(self._status_topic, self._status("offline"), retain=True)
        deadline_ms = now_ms() + _GOODBYE_MS
        while mid in self._topics and now_ms() < deadline_ms:
            self._turn()
        self._client.disconnect()

    def _announce(self) -> None:
        self._publish(self._status_topic, self._status("online"), retain=True)

    def _status(self, state: State) -> bytes:
        return encode(Status(state=state, session=self._session))

    def _publish(
        self,
        topic: str,
        payload: bytes,
        retain: bool = False,
        properties: Properties | None = None,
    ) -> int:
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        self._topics[info.mid] = topic
        return info.mid

    def _turn(self) -> None:
        code = self._client.loop(_POLL_S)
        if self._ended is not None:
            raise self._ended
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkError(NO_ANSWER if self.answer == "none" else LOST)

    def _authenticate(self) -> None:
        settings = self._settings
        try:
            if settings.username:
                password = None
                if settings.password_file:
                    path = Path(settings.password_file).expanduser()
                    password = path.read_text(encoding="utf-8").rstrip("\r\n")
                self._client.username_pw_set(settings.username, password)
            if settings.tls:
                context = ssl.create_default_context(cafile=settings.ca_file or None)
                if settings.cert_file:
                    context.load_cert_chain(settings.cert_file, settings.key_file or None)
                self._client.tls_set_context(context)
        except ssl.SSLError as error:
            raise LinkError(
                f"uplink.ca_file, cert_file or key_file is not a PEM file of its kind ({error})"
            ) from None
        except OSError as error:
            name = error.filename or "a file of uplink.ca_file, cert_file, key_file"
            raise LinkError(f"{name} cannot be read: {error.strerror}") from None

    def _on_connect(
        self,
        _client: Client,
        _data: Any,
        _flags: ConnectFlags,
        reason: ReasonCode,
        props: Properties | None,
    ) -> None:
        if reason.is_failure:
            unknown = str(reason) == "Unsupported protocol version"
            self.answer = "wrong protocol" if unknown else "other"
            self._ended = refusal("the broker refuses this desk", reason)
            return
        allowed = getattr(props, "ReceiveMaximum", INFLIGHT + _OTHERS_IN_FLIGHT)
        self._delivery.limit = max(1, min(INFLIGHT, allowed - _OTHERS_IN_FLIGHT))
        self.answer = "accepted"

    def _on_disconnect(
        self,
        _client: Client,
        _data: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _props: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server and self._ended is None:
            self._ended = refusal("the broker ended the connection", reason)

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _props: Properties
    ) -> None:
        topic = self._topics.pop(mid, "")
        if reason.is_failure:
            self._delivery.refused(mid, now_ms())
            if topic not in self._denied:
                self._denied.add(topic)
                _LOG.error(
                    "%s does not take `%s` (%s); let this desk's user write that topic in the "
                    "broker's access list; windows are kept",
                    self.broker,
                    topic,
                    reason,
                )
            return
        self._denied.discard(topic)
        row_id = self._delivery.acknowledged(mid)
        if row_id is not None:
            self._outbox.delete(row_id)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        if message.topic == self._call_topic:
            self._telephone.hear(bytes(message.payload), message.retain)
            return
        # The will of a connection that broke long ago may come after this one said online.
        try:
            status = decode(bytes(message.payload), Status)
        except msgspec.MsgspecError:
            return
        self._overwritten = status.state == "offline" and status.session != self._session


def now_ms() -> int:
    """Milliseconds of a clock that is never set."""
    return time.monotonic_ns() // 1_000_000
