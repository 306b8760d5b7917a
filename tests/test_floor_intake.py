"""The floor's client at a real broker: nothing lost, nothing acknowledged that was not taken."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from broker import Broker
from turnlight_floor.intake import Intake

MANY = 3_000


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    # all of them at once, so that what is read ends in the middle of packets
    with Broker(tmp_path, extra=["max_inflight_messages 0", "max_queued_messages 100000"]) as one:
        yield one


class Floor:
    """Takes messages under one name, and refuses those from `until` on."""

    def __init__(self, broker: Broker, until: int = MANY) -> None:
        self.heard: list[int] = []
        self._until = until
        self.settled = threading.Event()
        self._enough = threading.Event()
        self._client = Intake(
            CallbackAPIVersion.VERSION2, client_id="floor", clean_session=False, manual_ack=True
        )
        self._client.on_message = self._take
        self._client.on_connect = lambda client, *_: client.subscribe("windows", qos=1)
        self._client.on_subscribe = lambda *_: self.settled.set()
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        assert self.settled.wait(10)

    def _take(self, client: Client, _data: object, message: MQTTMessage) -> None:
        number = int(message.payload[:6])
        self.heard.append(number)
        if number < self._until:
            client.ack(message.mid, message.qos)
        if number == MANY - 1:
            self._enough.set()

    def hears_all(self) -> bool:
        return self._enough.wait(20)

    def ends(self) -> None:
        # the broker answers in order: what was acknowledged before it came first
        done = threading.Event()
        self._client.on_subscribe = lambda *_: done.set()
        self._client.subscribe("nothing", qos=0)
        assert done.wait(10)
        self._client.disconnect()
        self._client.loop_stop()


def published(broker: Broker) -> None:
    sender = Client(CallbackAPIVersion.VERSION2)
    sender.max_inflight_messages_set(MANY)
    sender.connect(broker.host, broker.port)
    sender.loop_start()
    # of many lengths, also ones whose length takes two bytes
    sent = [
        sender.publish("windows", f"{n:06d}".encode() + b"x" * (n % 300), qos=1)
        for n in range(MANY)
    ]
    for one in sent:
        one.wait_for_publish(20)
    sender.disconnect()
    sender.loop_stop()


def test_a_flood_is_heard_whole_and_in_order_and_does_not_come_again(broker: Broker) -> None:
    floor = Floor(broker)
    published(broker)
    assert floor.hears_all()
    assert floor.heard == list(range(MANY))
    floor.ends()
    again = Floor(broker)
    again.ends()
    assert again.heard == []


def test_what_was_not_taken_comes_again(broker: Broker) -> None:
    floor = Floor(broker, until=MANY - 500)
    published(broker)
    assert floor.hears_all()
    floor.ends()
    again = Floor(broker)
    assert again.hears_all()
    again.ends()
    assert again.heard == list(range(MANY - 500, MANY))


def test_a_broker_that_goes_is_noticed(broker: Broker) -> None:
    gone = threading.Event()
    client = Intake(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
    client.on_disconnect = lambda *_: gone.set()
    up = threading.Event()
    client.on_connect = lambda *_: up.set()
    client.connect(broker.host, broker.port)
    client.loop_start()
    assert up.wait(10)
    broker.stop()
    assert gone.wait(10)
    client.loop_stop()
