"""One client of the broker that tries things and waits for the answer, each within a time limit."""

from __future__ import annotations

import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from turnlight.provision.trouble import ProvisionError, why

ANSWER_S = 15.0
"""Within this time a broker has answered, on a slow machine too."""
_CONNECT = bytes.fromhex("101500044d515454040200140009") + b"turnlight"


class Probe:
    """A connection under one certificate, with a client id that takes no one else's place.

    Args:
        name: whose certificate it is, for people.
        host: of the broker.
        port: of the broker.
        authenticate: gives the client its certificate.

    Raises:
        ProvisionError: the broker cannot be reached or does not accept it.
    """

    def __init__(
        self, name: str, host: str, port: int, authenticate: Callable[[Client], object]
    ) -> None:
        self._name = name
        self._news = threading.Condition()
        self._answers: dict[int, Sequence[ReasonCode]] = {}
        self._heard: set[tuple[str, bytes]] = set()
        self._accepted: ReasonCode | None = None
        self._lost = False
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"turnlight-probe-{secrets.token_hex(6)}",
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        authenticate(self._client)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self._lose()
        self._client.on_publish = lambda _c, _d, mid, reason, _p: self._answer(mid, [reason])
        self._client.on_subscribe = lambda _c, _d, mid, reasons, _p: self._answer(mid, reasons)
        self._client.on_message = self._on_message
        try:
            self._client.connect(host, port)
        except OSError as error:
            raise ProvisionError(f"broker {host}:{port}: {why(error)}") from None
        self._client.loop_start()
        if not self._wait(lambda: self._accepted is not None):
            self.close()
            # under TLS 1.3 a refused certificate looks like this, and not like an error
            raise ProvisionError(
                f"broker {host}:{port}: does not accept the certificate of {name}; is it still "
                "good (`turnlight provision list`), and is the broker this site's?"
            )
        if self._accepted is not None and self._accepted.is_failure:
            self.close()
            raise ProvisionError(f"broker {host}:{port}: refuses {name} ({self._accepted})")

    def write(self, topic: str, payload: bytes) -> bool:
        """Whether the broker takes this message; it is not retained."""
        (reason,) = self._answered(self._client.publish(topic, payload, qos=1).mid)
        return not reason.is_failure

    def listen(self, filters: Iterable[str]) -> None:
        """Ask for topics; what the broker says to that is not believed, only what it sends."""
        _, mid = self._client.subscribe([(pattern, 0) for pattern in filters])
        self._answered(mid or 0)

    def heard(self) -> set[tuple[str, bytes]]:
        """All topics and payloads that came by now.

        What the broker sent before this call is in it: its answer to one more subscription comes
        after everything that it had to send.
        """
        _, mid = self._client.subscribe("turnlight/barrier", 0)
        self._answered(mid or 0)
        with self._news:
            return set(self._heard)

    def close(self) -> None:
        """End the connection."""
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Probe:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _answered(self, mid: int) -> Sequence[ReasonCode]:
        if not self._wait(lambda: mid in self._answers):
            raise ProvisionError(
                f"the broker did not answer {self._name} within {ANSWER_S:.0f} s; see its log"
            )
        return self._answers[mid]

    def _wait(self, until: Callable[[], bool]) -> bool:
        with self._news:
            self._news.wait_for(lambda: until() or self._lost, ANSWER_S)
            return until()

    def _lose(self) -> None:
        with self._news:
            self._lost = True
            self._news.notify_all()

    def _on_connect(
        self, _client: Client, _data: Any, _flags: object, reason: ReasonCode, _props: object
    ) -> None:
        with self._news:
            self._accepted = reason
            self._news.notify_all()

    def _answer(self, mid: int, reasons: Sequence[ReasonCode]) -> None:
        with self._news:
            self._answers[mid] = reasons
            self._news.notify_all()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        with self._news:
            self._heard.add((message.topic, bytes(message.payload)))


def lets_in(host: str, port: int, context: ssl.SSLContext | None) -> bool:
    """Whether the broker accepts a connection; without a context one that is not encrypted.

    It speaks a few bytes of MQTT 3.1.1 itself: under TLS 1.3 a refused certificate shows only when
    something is read, and a client library may wait for ever then.

    Raises:
        ProvisionError: nobody listens there.
    """
    try:
        bare = socket.create_connection((host, port), ANSWER_S)
    except OSError as error:
        raise ProvisionError(f"broker {host}:{port}: {why(error)}") from None
    with bare:
        try:
            talk = context.wrap_socket(bare, server_hostname=host) if context else bare
            with talk:
                talk.sendall(_CONNECT)
                answer = talk.recv(4)
        except OSError:
            return False
    # CONNACK, two bytes, its flags, and 0 for welcome
    return len(answer) == 4 and answer[0] == 0x20 and answer[3] == 0
