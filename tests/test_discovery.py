"""What Home Assistant is told, and what it then reads from the device's own messages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_type_hints

import jinja2
import msgspec
import pytest

from broker import Broker, Subscriber
from desk import DESK, MakeDesk, until
from turnlight.config import DeskSettings
from turnlight.discovery import discovery
from turnlight.messages import (
    Discovery,
    Health,
    HealthSensors,
    Status,
    decode,
    device_topic,
    discovery_topic,
    encode,
)

TOPIC = discovery_topic(DESK.site, DESK.device)
HERE = "homeassistant/#"
END = "homeassistant/end"


def end(heard: Subscriber) -> None:
    """Whatever the broker took before this has come when this has come."""
    heard.client.publish(END, b"x", qos=1).wait_for_publish(5)
    heard.wait(lambda: bool(heard.on(END)))


def told(desk: DeskSettings = DESK) -> dict[str, Any]:
    return msgspec.json.decode(encode(discovery(desk)))


def shown(component: dict[str, Any], message: Status | Health) -> str:
    """What Home Assistant makes of a message: it renders the template over the JSON."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    template = environment.from_string(component["value_template"])
    return template.render(value_json=msgspec.json.decode(encode(message)))


def test_each_sensor_shows_what_the_device_says() -> None:
    health = Health(
        version="1.2.3",
        uptime_s=60,
        overruns=3,
        outbox_depth=17,
        outbox_dropped=0,
        temperature_c=48.5,
        audio_present=True,
    )
    sensors = told()["components"]
    topics = {name: one.pop("state_topic") for name, one in sensors.items()}
    assert topics.pop("online") == device_topic(DESK.site, DESK.device, "status")
    assert set(topics.values()) == {device_topic(DESK.site, DESK.device, "health")}
    assert {name: shown(sensors[name], health) for name in topics} == {
        "audio_present": "ON",
        "overruns": "3",
        "outbox_depth": "17",
        "temperature_c": "48.5",
        "version": "1.2.3",
    }
    cold = msgspec.structs.replace(health, temperature_c=None, audio_present=False)
    # "None" is Home Assistant's word for unknown
    assert shown(sensors["temperature_c"], cold) == "None"
    assert shown(sensors["audio_present"], cold) == "OFF"
    status = Status(state="online", session="0a1b2c3d")
    assert shown(sensors["online"], status) == "ON"
    assert shown(sensors["online"], msgspec.structs.replace(status, state="offline")) == "OFF"


def test_it_has_what_home_assistant_refuses_to_do_without() -> None:
    assert re.fullmatch(r"homeassistant/device/([\w-]+/)?[\w-]+/config", TOPIC)
    message = told()
    assert message["device"]["identifiers"]
    assert message["origin"]["name"]
    for component in message["components"].values():
        assert {"platform", "unique_id", "state_topic", "value_template"} <= component.keys()
        assert None not in component.values()
    identities = [component["unique_id"] for component in message["components"].values()]
    assert len(set(identities)) == len(identities) == 6


def test_no_device_is_taken_for_another() -> None:
    desks = [DeskSettings(site=site, device=name) for site, name in (("a-b", "c"), ("a", "b-c"))]
    assert len({discovery_topic(desk.site, desk.device) for desk in desks}) == 2
    assert len({told(desk)["device"]["identifiers"][0] for desk in desks}) == 2


def test_there_are_six_sensors_and_none_of_behaviour() -> None:
    assert HealthSensors.__struct_fields__ == (
        "online",
        "audio_present",
        "overruns",
        "outbox_depth",
        "temperature_c",
        "version",
    )
    known = {*get_type_hints(Health), *get_type_hints(Status)}
    for component in told()["components"].values():
        read = set(re.findall(r"value_json\.(\w+)", component["value_template"]))
        assert len(read) == 1
        assert read <= known
    whole = msgspec.json.decode(encode(discovery(DESK)))
    whole["components"]["talk_share"] = whole["components"]["overruns"]
    with pytest.raises(msgspec.ValidationError, match="unknown field `talk_share`"):
        decode(msgspec.json.encode(whole), Discovery)


def test_by_default_nothing_is_said(broker: Broker, floor: Subscriber, make_desk: MakeDesk) -> None:
    with Subscriber(broker, HERE) as heard:
        desk = make_desk(broker.port)
        desk.uplink.start()
        floor.wait(lambda: len(floor.on("/health")) == 1)
        end(heard)
        assert [message.topic for message in heard.messages] == [END]


def test_it_is_there_for_one_who_comes_later_and_can_be_taken_back(
    broker: Broker, floor: Subscriber, make_desk: MakeDesk
) -> None:
    desk = make_desk(broker.port, home_assistant="on")
    desk.uplink.start()
    floor.wait(lambda: len(floor.on("/health")) == 1)
    with Subscriber(broker, HERE) as late:
        late.wait(lambda: len(late.messages) == 1)
        (message,) = late.messages
        assert (message.topic, message.retain) == (TOPIC, True)
        assert decode(message.payload, Discovery) == discovery(DESK)
        desk.uplink.stop()
        again = make_desk(broker.port, home_assistant="remove")
        again.uplink.start()
        late.wait(lambda: len(late.messages) == 2)
        assert (late.messages[1].topic, late.messages[1].payload) == (TOPIC, b"")
    floor.wait(lambda: len(floor.on("/health")) == 2)
    with Subscriber(broker, HERE) as later:
        end(later)
        assert [message.topic for message in later.messages] == [END]


def test_a_broker_that_does_not_allow_it_is_told_of_and_all_else_goes_on(
    tmp_path: Path, make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Broker(tmp_path, users=True)
    broker.allow("desk-7", "secret", "readwrite turnlight/#")
    (tmp_path / "secret").write_text("secret\n")
    with broker:
        desk = make_desk(
            broker.port,
            username="desk-7",
            password_file=str(tmp_path / "secret"),
            home_assistant="on",
        )
        desk.send(3)
        desk.uplink.start()
        until(lambda: f"does not take `{TOPIC}` (Not authorized)" in caplog.text)
        until(lambda: desk.outbox.depth == 0)
