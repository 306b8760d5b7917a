"""A Mosquitto of one's own on a free loopback port, and a client that collects what it says."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from turnlight.mosquitto import HOST, free_port, loopback_config, program


def broker_config(
    port: int, folder: Path, *, users: bool = False, tls: bool = False, extra: Sequence[str] = ()
) -> str:
    """Mosquitto's configuration for loopback, in `folder`.

    Args:
        port: bound on 127.0.0.1 only, which is why anonymous clients may be allowed.
        folder: holds the persistent state and, where asked for, `passwords`, `acl`,
            `ca.crt`, `server.crt` and `server.key`.
        users: only users of `passwords`, with the rights in `acl`.
        tls: server certificate, and client certificates are required.
        extra: further lines.
    """
    lines = [f"allow_anonymous {'false' if users else 'true'}"]
    if users:
        lines += [f"password_file {folder}/passwords", f"acl_file {folder}/acl"]
    if tls:
        lines += [
            f"cafile {folder}/ca.crt",
            f"certfile {folder}/server.crt",
            f"keyfile {folder}/server.key",
            "require_certificate true",
        ]
    return loopback_config(port, folder, [*lines, *extra])


class Broker:
    """One Mosquitto process; keeps its port over restarts."""

    host = HOST

    def __init__(
        self, folder: Path, *, users: bool = False, tls: bool = False, extra: Sequence[str] = ()
    ) -> None:
        self.folder = folder / "broker"
        self.folder.mkdir()
        self.port = free_port()
        self.log = self.folder / "log"
        self._config = self.folder / "mosquitto.conf"
        self._config.write_text(
            broker_config(self.port, self.folder, users=users, tls=tls, extra=extra)
        )
        self._process: subprocess.Popen[bytes] | None = None

    def allow(self, user: str, password: str, *rights: str) -> None:
        """Add a user with lines of Mosquitto's access list, as `write turnlight/#`."""
        passwords = self.folder / "passwords"
        passwords.touch()
        subprocess.run(
            ["mosquitto_passwd", "-b", str(passwords), user, password],
            check=True,
            capture_output=True,
        )
        with (self.folder / "acl").open("a") as acl:
            acl.write("\n".join([f"user {user}", *(f"topic {right}" for right in rights)]) + "\n")

    def start(self) -> Broker:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program(), "-c", str(self._config)],
                stdin=subprocess.DEVNULL,
                stderr=log,
                stdout=log,
            )
        deadline = time.monotonic() + 10
        while True:
            assert self._process.poll() is None, self.log.read_text()
            try:
                socket.create_connection((self.host, self.port), 1).close()
                return self
            except OSError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.01)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Subscriber:
    """Collects what a broker publishes; its session outlives a restart of the broker."""

    def __init__(
        self, broker: Broker, topic: str = "turnlight/#", user: str = "", password: str = ""
    ) -> None:
        self.messages: list[MQTTMessage] = []
        self._news = threading.Condition()
        ready = threading.Event()
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"test-{os.getpid()}-{id(self)}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        if user:
            self.client.username_pw_set(user, password)
        self.client.reconnect_delay_set(0.05, 0.2)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = self._collect
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 600
        self.client.connect(broker.host, broker.port, clean_start=False, properties=session)
        self.client.subscribe(topic, options=SubscribeOptions(qos=1, retainAsPublished=True))
        self.client.loop_start()
        assert ready.wait(5), "no SUBACK"

    def _collect(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        with self._news:
            self.messages.append(message)
            self._news.notify_all()

    def on(self, ending: str) -> list[MQTTMessage]:
        """What came on topics that end so."""
        return [message for message in list(self.messages) if message.topic.endswith(ending)]

    def wait(self, until: Callable[[], bool], timeout_s: float = 10) -> None:
        """Return as soon as what came makes `until` true."""
        with self._news:
            assert self._news.wait_for(until, timeout_s), [
                (message.topic, message.payload) for message in self.messages
            ]

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()
