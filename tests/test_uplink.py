from __future__ import annotations

import contextlib
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from broker import Broker, Subscriber
from desk import DESK, STATUS, Desk, MakeDesk, arrived, statuses, until, window
from turnlight.messages import Clock, Health, Status, decode, device_topic, encode
from turnlight.mosquitto import free_port


class Gateway:
    """A TCP relay before the broker, to be a broker that is older, slower or worse.

    Args:
        broker: behind it.
        refuse_5: what it says to an MQTT 5 CONNECT: `answers`, `hangs up`, or nothing special.
    """

    def __init__(self, broker: Broker, refuse_5: str = "") -> None:
        self.levels: list[int] = []
        self.deaf = threading.Event()
        """Set: what the broker says no longer reaches the device."""
        self._broker = broker
        self._refuse_5 = refuse_5
        self._server = socket.create_server((Broker.host, 0))
        self.port = int(self._server.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._spawn(self._accept)

    def _spawn(self, work: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                device, _ = self._server.accept()
            except OSError:
                return
            connect = device.recv(4096)
            level = connect[connect.index(b"MQTT") + 4]
            self.levels.append(level)
            if level == 5 and self._refuse_5:
                if self._refuse_5 == "answers":
                    device.sendall(bytes((0x20, 2, 0, 1)))  # 3.1.1: unacceptable protocol version
                device.close()
                continue
            behind = socket.create_connection((Broker.host, self._broker.port))
            behind.sendall(connect)
            self._sockets += [device, behind]
            for source, sink, lossy in ((device, behind, False), (behind, device, True)):
                threading.Thread(
                    target=self._relay, args=(source, sink, lossy), daemon=True
                ).start()

    def _relay(self, source: socket.socket, sink: socket.socket, lossy: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if not (lossy and self.deaf.is_set()):
                    sink.sendall(data)
        self._end(source, sink)

    @staticmethod
    def _end(*sockets: socket.socket) -> None:
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Break every connection."""
        self._end(*self._sockets)

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self._end(self._server)
        self.cut()
        for thread in self._threads:
            thread.join(5)
        for one in (self._server, *self._sockets):
            one.close()


# ---- windows


def test_a_window_arrives_exactly_as_it_was_encoded(
    broker: Broker, floor: Subscriber, make_desk: MakeDesk
) -> None:
    desk = make_desk(broker.port)
    desk.uplink.start()
    desk.send(3)
    floor.wait(lambda: len(floor.on("/window")) == 3)
    for sent, message in zip(desk.sent, floor.on("/window"), strict=True):
        assert message.payload == encode(sent)
        assert message.topic == "turnlight/1/home/billing/window"
        assert message.qos == 1
        assert not message.retain
        assert 6.9 * 86_400 < message.properties.MessageExpiryInterval <= 7 * 86_400
    until(lambda: desk.outbox.depth == 0)
    assert desk.uplink.state == "online"


def test_with_the_broker_down_at_the_start_nothing_is_lost_and_nobody_waits(
    tmp_path: Path, make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Broker(tmp_path)
    desk = make_desk(broker.port)
    desk.uplink.start()
    begun = time.monotonic()
    desk.send(100)
    assert time.monotonic() - begun < 1
    until(lambda: "connection refused; is the broker running" in caplog.text)
    assert desk.uplink.state == "offline"
    with broker, Subscriber(broker) as floor:
        floor.wait(lambda: len(floor.on("/window")) == 100)
        assert arrived(floor) == desk.sent


def test_a_restart_of_the_broker_in_the_middle_loses_nothing(
    broker: Broker, floor: Subscriber, make_desk: MakeDesk
) -> None:
    desk = make_desk(broker.port)
    desk.uplink.start()
    desk.send(200)
    floor.wait(lambda: len(floor.on("/window")) > 20)
    broker.stop()
    desk.send(100)
    broker.start()
    desk.send(100)
    floor.wait(lambda: {w.seq for w in arrived(floor)} == set(range(400)))
    until(lambda: desk.outbox.depth == 0)


def test_a_window_is_kept_until_the_broker_acknowledged_it_and_few_are_in_flight(
    broker: Broker, floor: Subscriber, make_desk: MakeDesk
) -> None:
    with Gateway(broker) as gateway:
        desk = make_desk(gateway.port)
        desk.uplink.start()
        until(lambda: desk.uplink.state == "online")
        floor.wait(lambda: len(floor.on("/health")) == 1)
        gateway.deaf.set()
        desk.send(50)
        floor.wait(lambda: len(floor.on("/window")) == 16)
        with pytest.raises(AssertionError):
            floor.wait(lambda: len(floor.on("/window")) > 16, 0.7)
        assert desk.outbox.depth == 50
        gateway.deaf.clear()
        gateway.cut()
        floor.wait(lambda: {w.seq for w in arrived(floor)} == set(range(50)))
        until(lambda: desk.outbox.depth == 0)
    # What was in flight came twice, and pid with seq tells it.
    assert len(arrived(floor)) == 66
    assert len({(w.pid, w.seq) for w in arrived(floor)}) == 50


def test_the_moment_a_window_leaves_is_drawn_when_it_is_put(make_desk: MakeDesk) -> None:
    desk = make_desk(free_port(), publish_jitter_s=2.0)
    for seq in range(200):
        one = msgspec.structs.replace(window(seq), pid=f"{seq:016x}")
        desk.uplink.send(one, 1000.0)
    counts = [len(desk.outbox.pending(1000.0 + tenth / 10, 200)) for tenth in range(21)]
    assert counts[20] == 200
    assert 60 < counts[10] < 140
    assert counts[0] < 10


def test_what_is_not_sent_at_the_end_is_sent_after_the_next_start(
    broker: Broker, floor: Subscriber, make_desk: MakeDesk
) -> None:
    before = make_desk(free_port())
    before.send(5)
    before.outbox.close()
    after = make_desk(broker.port)
    after.uplink.start()
    floor.wait(lambda: arrived(floor) == before.sent)


def test_the_end_does_not_wait_for_a_broker_that_says_nothing(make_desk: MakeDesk) -> None:
    with socket.create_server((Broker.host, 0)) as server:
        desk = make_desk(server.getsockname()[1])
        desk.uplink.start()
        device, _ = server.accept()
        with device:
            begun = time.monotonic()
            desk.uplink.stop()
            assert not desk.uplink.alive
            assert time.monotonic() - begun < 2


# ---- status and health


def test_status_is_retained_online_and_offline_after_a_clean_end(
    broker: Broker, floor: Subscriber, make_desk: MakeDesk
) -> None:
    desk = make_desk(broker.port)
    desk.uplink.start()
    floor.wait(lambda: len(statuses(floor)) == 1)
    desk.uplink.stop()
    assert desk.uplink.state == "offline"
    floor.wait(lambda: len(statuses(floor)) == 2)
    online, offline = statuses(floor)
    assert (online.state, offline.state) == ("online", "offline")
    assert online.session == offline.session
    assert [message.topic for message in floor.on("/status")] == [STATUS, STATUS]
    with Subscriber(broker, STATUS) as late:
        late.wait(lambda: len(late.messages) == 1)
        assert late.messages[0].retain
        assert decode(late.messages[0].payload, Status) == offline


CHILD = """
import sys, time
from pathlib import Path
from turnlight.config import DeskSettings, UplinkSettings
from turnlight.outbox import Outbox
from turnlight.uplink import Uplink
desk = DeskSettings(site="home", team="billing", device="desk-7")
outbox = Outbox(Path(sys.argv[2]), 7)
uplink = Uplink(UplinkSettings(host="127.0.0.1", port=int(sys.argv[1])), desk, outbox, lambda: None)
uplink.start()
time.sleep(60)
"""


def test_the_will_says_offline_when_the_device_is_killed(
    broker: Broker, floor: Subscriber, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(broker.port), str(tmp_path / "outbox.db")],
        stderr=subprocess.DEVNULL,
    ) as child:
        floor.wait(lambda: bool(statuses(floor)))
        child.send_signal(signal.SIGKILL)
    floor.wait(lambda: statuses(floor)[-1].state == "offline")
    assert statuses(floor)[-1].session == statuses(floor)[-2].session


def test_each_connection_has_its_own_session_id(
    broker: Broker, floor: Subscriber, make_desk: MakeDesk
) -> None:
    with Gateway(broker) as gateway:
        desk = make_desk(gateway.port)
        desk.uplink.start()
        floor.wait(lambda: len(statuses(floor)) == 1)
        gateway.cut()
        floor.wait(lambda: [s.state for s in statuses(floor)] == ["online", "offline", "online"])
        first, will, second = statuses(floor)
    assert first.session == will.session != second.session


def test_an_old_will_does_not_leave_a_device_that_is_online_shown_as_offline(
    broker: Broker, floor: Subscriber, make_desk: MakeDesk
) -> None:
    old = Client(CallbackAPIVersion.VERSION2, client_id="the-same-desk-long-ago")
    old.will_set(STATUS, encode(Status(state="offline", session="00000001")), qos=1, retain=True)
    old.connect(broker.host, broker.port)
    old.loop_start()
    until(old.is_connected)
    desk = make_desk(broker.port)
    desk.uplink.start()
    floor.wait(lambda: len(floor.on("/health")) == 1)
    gone = old.socket()
    assert gone is not None
    gone.shutdown(socket.SHUT_RDWR)
    old.loop_stop()
    floor.wait(lambda: len(statuses(floor)) == 3)
    online, will, again = statuses(floor)
    assert will.session == "00000001"
    assert again == online
    with Subscriber(broker, STATUS) as late:
        late.wait(lambda: len(late.messages) == 1)
        assert decode(late.messages[0].payload, Status) == online


def test_two_desks_of_one_name_are_told_so(
    broker: Broker, make_desk: MakeDesk, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    first = make_desk(broker.port)
    first.uplink.start()
    until(lambda: first.uplink.state == "online")
    (tmp_path / "other").mkdir()
    second = Desk(tmp_path / "other", broker.host, broker.port, DESK)
    second.uplink.start()
    # Newer brokers say that the session was taken over, older ones just hang up.
    until(lambda: "another desk" in caplog.text and "desk.device" in caplog.text)
    second.uplink.stop()
    second.outbox.close()


def test_health_comes_at_once_and_is_not_retained(
    broker: Broker, floor: Subscriber, make_desk: MakeDesk
) -> None:
    desk = make_desk(broker.port)
    desk.uplink.start()
    floor.wait(lambda: len(floor.on("/health")) == 1)
    message = floor.on("/health")[0]
    assert message.topic == device_topic("home", "desk-7", "health")
    assert decode(message.payload, Health) == desk.health()
    assert not message.retain


def test_the_floors_clock_tells_a_device_that_its_own_is_wrong(
    broker: Broker, floor: Subscriber, make_desk: MakeDesk
) -> None:
    desk = make_desk(broker.port)
    desk.uplink.start()
    floor.wait(lambda: len(floor.on("/health")) == 1)
    assert desk.uplink.clock_skew_s is None
    for behind_s in (90.0, 97.0, 90.4):  # it came late once
        clock = encode(Clock(at_s=time.time() - behind_s))
        floor.client.publish("turnlight/1/home/clock", clock, qos=1).wait_for_publish(10)
    floor.client.publish("turnlight/1/home/clock", b"nonsense", qos=1).wait_for_publish(10)
    until(lambda: desk.uplink.clock_skew_s is not None)
    assert 90 <= (desk.uplink.clock_skew_s or 0) <= 97


# ---- brokers that say no


@pytest.mark.parametrize("manner", ["answers", "hangs up"])
def test_a_broker_that_knows_only_3_1_1_is_spoken_to_in_it(
    broker: Broker,
    floor: Subscriber,
    make_desk: MakeDesk,
    manner: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with Gateway(broker, refuse_5=manner) as gateway:
        desk = make_desk(gateway.port)
        desk.send(3)
        desk.uplink.start()
        floor.wait(lambda: len(floor.on("/window")) == 3)
        assert arrived(floor) == desk.sent
        assert gateway.levels == [5, 4]
        desk.uplink.stop()
        floor.wait(lambda: statuses(floor)[-1].state == "offline")
    assert "MQTT 3.1.1" in caplog.text


def test_a_topic_that_is_not_allowed_is_said_once_and_its_windows_wait(
    tmp_path: Path, make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Broker(tmp_path, users=True, extra=["log_type debug"])
    broker.allow("desk-7", "secret", "readwrite turnlight/1/home/device/desk-7/#")
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    with broker:
        desk = make_desk(broker.port, username="desk-7", password_file=str(secret))
        desk.send(40)
        desk.uplink.start()
        until(lambda: "does not take" in caplog.text)
        desk.send(40)
        time.sleep(1)  # time in which it could spin
        desk.uplink.stop()
        assert desk.outbox.depth == 80
        assert broker.log.read_text().count("Denied PUBLISH") <= 16
    lines = [r.getMessage() for r in caplog.records if "does not take" in r.getMessage()]
    assert len(lines) == 1
    assert "does not take `turnlight/1/home/billing/window` (Not authorized); let this" in lines[0]


def test_a_wrong_password_is_one_sentence_with_the_remedy(
    tmp_path: Path, make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Broker(tmp_path, users=True)
    broker.allow("desk-7", "secret", "readwrite turnlight/#")
    with broker:
        desk = make_desk(broker.port, username="desk-7")
        desk.uplink.start()
        until(lambda: bool(caplog.records))
        assert desk.uplink.state == "offline"
    assert "the broker refuses this desk (Not authorized): let this desk's user" in caplog.text


def test_a_missing_password_file_is_one_sentence(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    desk = make_desk(free_port(), username="a", password_file=str(tmp_path / "none"))
    desk.uplink.start()
    until(lambda: "none cannot be read: No such file or directory; windows are" in caplog.text)


def test_a_name_that_does_not_exist_is_one_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path, "broker.invalid", 1883, DESK)
    desk.uplink.start()
    until(lambda: "the name cannot be resolved; is uplink.host right" in caplog.text)
    desk.uplink.stop()
    desk.outbox.close()


def test_the_same_trouble_is_logged_once(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    server = socket.create_server((Broker.host, 0))
    attempts: list[socket.socket] = []

    def hang_up() -> None:
        while len(attempts) < 3:
            attempts.append(server.accept()[0])
            attempts[-1].close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    make_desk(server.getsockname()[1]).uplink.start()
    thread.join(15)
    server.close()
    assert len(attempts) == 3
    assert len(caplog.records) == 1
