from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import Broker, Subscriber
from floor_feed import NOON_S, Publisher, await_line, child, end, pid, window
from turnlight.messages import Aggregate, Clock, decode, encode, floor_topic, window_topic
from turnlight_floor.aggregate import Picture
from turnlight_floor.service import Floor

SERVICE = window_topic("home", "service")


def floor() -> Floor:
    return Floor("home", Picture("home", None), 5)


@pytest.mark.parametrize(
    ("topic", "payload", "why"),
    [
        (SERVICE, b"", "malformed"),
        (SERVICE, b"{", "malformed"),
        (SERVICE, b"\xff\xfe", "malformed"),
        (SERVICE, b"[1, 2]", "malformed"),
        (SERVICE, encode(window(1)).replace(b'"agent_ms":3000', b'"agent_ms":-100'), "malformed"),
        (SERVICE, encode(window(1)).replace(b'"agent_ms":3000', b'"agent_ms":3050'), "malformed"),
        (SERVICE, encode(window(1)).replace(b"{", b'{"device":"desk-1",', 1), "malformed"),
        (SERVICE, encode(window(1)).replace(b'"schema":1', b'"schema":2'), "malformed"),
        (SERVICE, b" " * 5000 + encode(window(1)), "too large"),
        (window_topic("home", "floor"), encode(window(1)), "bad team"),
        (window_topic("home", "device"), encode(window(1)), "bad team"),
        (window_topic("home", "_site"), encode(window(1)), "bad team"),
        (SERVICE, encode(window(1, start_s=NOON_S + 3600)), "future"),
        (SERVICE, encode(window(1, start_s=NOON_S - 172_800)), "late"),
        (SERVICE, encode(window(1, agent_ms=9000, customer_ms=9000)), "absurd"),
        (SERVICE, encode(window(1, overtalks=0, floor_changes=101)), "absurd"),
    ],
)
def test_a_bad_window_is_counted_by_reason_and_reaches_no_aggregate(
    topic: str, payload: bytes, why: str
) -> None:
    at_work = floor()
    at_work.take(topic, payload, NOON_S + 12)
    assert at_work.counters.received == 1
    assert at_work.counters.accepted == 0
    assert at_work.counters.refused == {why: 1}
    assert at_work.tick(NOON_S + 12) == []


def test_a_team_that_is_over_is_cleared_from_the_broker() -> None:
    at_work = floor()
    for desk in range(5):
        at_work.take(SERVICE, encode(window(desk)), NOON_S + 12)
    shown = dict(at_work.tick(NOON_S + 12))
    assert set(shown) == {floor_topic("home", "service"), floor_topic("home", "_site")}
    assert at_work.counters.accepted == 5
    assert dict(at_work.tick(NOON_S + 2 * 86_400)) == dict.fromkeys(shown, b"")
    assert at_work.tick(NOON_S + 2 * 86_400) == []


def write(folder: Path, port: int, publish_every_s: float = 1) -> Path:
    config = folder / "floor.toml"
    config.write_text(f"publish_every_s = {publish_every_s}\n[broker]\nport = {port}\n")
    return config


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path) as running:
        yield running


def newest(heard: Subscriber, team: str) -> Aggregate | None:
    found = heard.on(f"/floor/{team}")
    return decode(found[-1].payload, Aggregate) if found else None


def shows(heard: Subscriber, team: str, desks: int) -> bool:
    cell = newest(heard, team)
    return cell is not None and cell.now is not None and cell.now.desks == desks


def test_windows_in_aggregates_out_and_a_restart_forgets_nothing(
    broker: Broker, tmp_path: Path
) -> None:
    config = write(tmp_path, broker.port)
    start_s = int(time.time()) // 10 * 10 - 50
    with Subscriber(broker) as heard, Publisher(broker.host, broker.port) as desks:
        with child("service", config) as first:
            await_line(first, "connected")
            heard.wait(lambda: bool(heard.on("/home/clock")))
            clock = decode(heard.on("/home/clock")[0].payload, Clock)
            assert abs(clock.at_s - time.time()) < 60
            for desk in range(6):
                for seq in range(4):
                    desks.send(SERVICE, window(desk, seq, start_s + 10 * seq))
                    desks.send(SERVICE, window(desk, seq, start_s + 10 * seq))
            desks.send(SERVICE, b"nonsense")
            heard.wait(lambda: shows(heard, "service", 6))
            code, out, err = end(first)
        assert code == 0, err
        counted = json.loads(out)
        assert counted["received"] == 49
        assert counted["accepted"] == counted["duplicate"] == 24
        assert counted["refused"] == {"malformed": 1}
        assert counted["published"] >= 2

        cell = newest(heard, "service")
        assert cell is not None
        assert cell.now is not None
        assert cell.now.talk_share == 0.4
        assert all(message.retain for message in heard.on("/floor/service"))
        everything = b"".join(
            message.payload for message in heard.messages if "/floor/" in message.topic
        )
        assert pid(1).encode() not in everything

        # While the floor is away the broker keeps what desks send; afterwards all is there once.
        for desk in range(6, 11):
            desks.send(SERVICE, window(desk, 0, start_s))
        desks.send(SERVICE, window(0, 0, start_s))
        with child("service", config) as second:
            heard.wait(lambda: shows(heard, "service", 11))
            code, out, err = end(second)
        counted = json.loads(out)
        assert (code, counted["accepted"], counted["duplicate"]) == (0, 5, 1), err


def test_a_floor_without_a_broker_says_so_and_finds_it_when_it_comes(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    with child("service", write(tmp_path, broker.port)) as running:
        assert "trying again" in await_line(running, f"broker 127.0.0.1:{broker.port} is away")
        with broker:
            await_line(running, "connected")
            code, out, err = end(running)
    assert code == 0, err
    assert json.loads(out)["received"] == 0


def test_a_broker_that_refuses_the_floor_is_named_with_its_reason(tmp_path: Path) -> None:
    broker = Broker(tmp_path, users=True)
    broker.allow("floor", "secret", "read turnlight/1/home/+/window")
    broker.allow("desk", "secret", "write turnlight/1/home/service/window")
    config = write(tmp_path, broker.port)
    with broker:
        with child("service", config) as running:
            await_line(running, "is away (Not authorized): trying again")
        (tmp_path / "word").write_text("secret\n")
        with config.open("a") as file:
            file.write('username = "floor"\npassword_file = "word"\n')
        with (
            Publisher(broker.host, broker.port, "desk", "secret") as desk,
            child("service", config) as running,
        ):
            await_line(running, "connected")
            desk.send(SERVICE, window(start_s=int(time.time()) // 10 * 10))
            await_line(running, "does not take what is published (Not authorized)")


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("privacy_file = 'low.toml'\n", 2, "never lower"),
        ("bad = 1\n", 2, "unknown field `bad`"),
        ("database = '/proc/none/floor.sqlite'\n", 1, "set `database` to a file"),
        ("[broker]\npassword_file = 'none'\n", 2, "none: cannot be read"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(
    tmp_path: Path, text: str, code: int, says: str
) -> None:
    (tmp_path / "low.toml").write_text("k = 3\n")
    config = tmp_path / "floor.toml"
    config.write_text(text)
    with child("service", config) as running:
        _, err = running.communicate(timeout=20)
    assert running.returncode == code
    assert says in err
    assert len(err.strip().splitlines()) == 1
