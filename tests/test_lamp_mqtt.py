"""Lights on the network, against a real Mosquitto: what they are told, and that they go out."""

from __future__ import annotations

import itertools
import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import turnlight
from broker import Broker, Subscriber
from turnlight.config import ConfigError, LampSettings, parse
from turnlight.cues import Cue, CueShown
from turnlight.lamps import ColourLamp, LampError, driver, found
from turnlight.lamps.effects import colour

CALL = Path(turnlight.__file__).with_name("calls") / "short.opus"
TOPICS = {"wled": "wled/desk/api", "homeassistant": "home/desk/set"}
OFF = {
    "wled": {"on": False, "tt": 0, "udpn": {"nn": True}},
    "homeassistant": {"state": "OFF"},
}


@pytest.fixture
def lights(broker: Broker) -> Iterator[Subscriber]:
    with Subscriber(broker, "#") as subscriber:
        yield subscriber


def settings(broker: Broker, schema: str = "wled", **more: Any) -> LampSettings:
    topic = TOPICS[schema].removesuffix("/api")
    return LampSettings(
        kind="mqtt",
        mqtt_host=broker.host,
        mqtt_port=broker.port,
        mqtt_topic=topic,
        mqtt_schema=schema,  # type: ignore[arg-type]
        **more,
    )


def lamp(settings: LampSettings, cue: Cue = "share_floor") -> ColourLamp:
    made = driver(settings)
    assert isinstance(made, ColourLamp)
    made.show(CueShown(at_ms=0, cue=cue, reason=""))
    return made


def commands(lights: Subscriber, schema: str = "wled") -> list[Any]:
    return [json.loads(message.payload) for message in lights.on(TOPICS[schema])]


def told(lights: Subscriber, count: int, schema: str = "wled") -> list[Any]:
    lights.wait(lambda: len(lights.on(TOPICS[schema])) >= count)
    return commands(lights, schema)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_wled_gets_the_colour_of_the_effect_for_its_whole_row(
    broker: Broker, lights: Subscriber
) -> None:
    shining = lamp(settings(broker))
    shining.tick(0)
    shining.tick(3000)
    _, command = told(lights, 2)
    assert command == {
        "on": True,
        "bri": 255,
        "tt": 1,
        "udpn": {"nn": True},
        "seg": {"fx": 0, "col": [list(colour("share_floor", 3000))]},
    }
    shining.close()


def test_home_assistant_gets_hue_and_strength_apart(broker: Broker, lights: Subscriber) -> None:
    shining = lamp(settings(broker, "homeassistant", mqtt_rate_hz=4))
    shining.tick(0)
    shining.tick(3000)
    first, command = told(lights, 2, "homeassistant")
    # amber is (255, 150, 0)
    assert command == {
        "state": "ON",
        "brightness": max(colour("share_floor", 3000)),
        "color": {"r": 255, "g": 150, "b": 0},
        "transition": 0.25,
    }
    assert first["brightness"] == max(colour("share_floor", 0)) < 50
    assert first["color"]["r"] == 255
    shining.close()


@pytest.mark.parametrize("schema", TOPICS)
def test_black_is_off_and_not_a_dark_colour(
    broker: Broker, lights: Subscriber, schema: str
) -> None:
    shining = lamp(settings(broker, schema), "idle")
    shining.tick(0)
    assert told(lights, 1, schema) == [OFF[schema]]
    shining.close()


def test_no_more_colours_a_second_than_the_light_takes(broker: Broker, lights: Subscriber) -> None:
    shining = lamp(settings(broker, mqtt_rate_hz=5))
    for now_ms in range(0, 3000, 40):
        shining.tick(now_ms)
    shining.close()
    lights.wait(lambda: commands(lights)[-1:] == [OFF["wled"]])
    assert 12 <= len(commands(lights)) <= 16


def test_commands_are_not_retained_so_none_of_them_lights_the_lamp_tomorrow(
    broker: Broker, lights: Subscriber
) -> None:
    shining = lamp(settings(broker))
    shining.tick(0)
    shining.close()
    told(lights, 2)
    assert not any(message.retain for message in lights.on(TOPICS["wled"]))


@pytest.mark.parametrize("schema", TOPICS)
def test_closing_puts_the_light_out(broker: Broker, lights: Subscriber, schema: str) -> None:
    shining = lamp(settings(broker, schema))
    shining.tick(0)
    shining.close()
    assert told(lights, 2, schema)[-1] == OFF[schema]
    time.sleep(0.2)
    assert len(commands(lights, schema)) == 2, "a clean end leaves no will"


def config_file(folder: Path, broker: Broker, schema: str) -> Path:
    path = folder / "desk.toml"
    topic = TOPICS[schema].removesuffix("/api")
    path.write_text(
        f'[lamp]\nkind = "mqtt"\nmqtt_host = "{broker.host}"\nmqtt_port = {broker.port}\n'
        f'mqtt_topic = "{topic}"\nmqtt_schema = "{schema}"\n'
    )
    return path


@pytest.mark.parametrize("schema", TOPICS)
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_light_of_a_process_that_is_ended_goes_out(
    broker: Broker, lights: Subscriber, tmp_path: Path, schema: str, end: signal.Signals
) -> None:
    """However it is ended: by the process itself, or by the broker, which has its last will."""
    program = subprocess.Popen(
        [
            *(
                sys.executable,
                "-c",
                "import sys; from turnlight.cli import main; sys.exit(main())",
                "lamp",
                "test",
            ),
            *("--config", str(config_file(tmp_path, broker, schema)), "--seconds", "60"),
        ],
        stdout=subprocess.DEVNULL,
        # a suite that runs in the background inherits an ignored Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    told(lights, 1, schema)
    before = len(commands(lights, schema))
    program.send_signal(end)
    lights.wait(lambda: len(commands(lights, schema)) > before, 5)
    assert commands(lights, schema)[-1] == OFF[schema]
    assert program.wait(10) == (-signal.SIGKILL if end == signal.SIGKILL else 130)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGHUP])
def test_the_light_of_a_running_desk_that_is_ended_goes_out(
    broker: Broker, lights: Subscriber, tmp_path: Path, end: signal.Signals
) -> None:
    config = config_file(tmp_path, broker, "wled")
    sound = f'[audio]\nsource = "file"\nfile = "{CALL}"\nloop = true\n'
    config.write_text(config.read_text() + sound)
    program = subprocess.Popen(
        [
            *(sys.executable, "-m", "turnlight"),
            *("run", "--config", str(config)),
        ]
    )
    lights.wait(lambda: any(command["on"] for command in commands(lights)), 30)
    program.send_signal(end)
    lights.wait(lambda: commands(lights)[-1] == OFF["wled"], 5)
    assert program.wait(10) == (-signal.SIGKILL if end == signal.SIGKILL else 0)


def test_a_broker_that_goes_and_comes_back_is_survived_with_the_cue(
    broker: Broker, lights: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    shining = lamp(settings(broker), "listening")
    shining.tick(0)
    told(lights, 1)
    broker.stop()
    seconds = itertools.count(1)

    def once(true: Callable[[], bool]) -> None:
        """Tick, a second of the lamp's own clock each, until it is so."""

        def ticked() -> bool:
            shining.tick(next(seconds) * 1000)
            return true()

        until(ticked)

    def said(words: str) -> bool:
        return any(words in record.message for record in caplog.records)

    once(lambda: said("is gone; the lamp is looked for every second"))
    broker.start()
    once(lambda: said("the lamp is back"))
    # the subscriber too has to find the broker again, so the colour may come with a refresh
    once(lambda: sum(command["on"] for command in commands(lights)) >= 2)
    assert commands(lights)[-1]["seg"]["col"] == [list(colour("listening", 0))]
    assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 2
    shining.close()


def test_a_broker_that_is_not_there_is_one_sentence(broker: Broker) -> None:
    there = settings(broker)
    broker.stop()
    for ask in (lambda: lamp(there).open(), lambda: found(there)):
        with pytest.raises(LampError) as caught:
            ask()
        assert str(caught.value) == (
            f"the lamp's broker {broker.host}:{broker.port} cannot be used (Connection refused); "
            "see lamp.mqtt_host, mqtt_port, mqtt_username and mqtt_password_file"
        )


def test_a_broker_that_wants_a_password_gets_it_from_its_file(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("right\n")
    broker = Broker(tmp_path, users=True)
    broker.allow("lamp", "right", "readwrite wled/#")
    with broker:
        with pytest.raises(LampError, match="Not authorized"):
            lamp(settings(broker)).open()
        known = settings(broker, mqtt_username="lamp", mqtt_password_file=str(password))
        with Subscriber(broker, "wled/#", "lamp", "right") as lights:
            shining = lamp(known)
            shining.tick(0)
            told(lights, 1)
            shining.close()


def test_the_list_names_broker_and_topic_and_lights_nothing(
    broker: Broker, lights: Subscriber
) -> None:
    assert found(settings(broker)) == (
        f"broker {broker.host}:{broker.port}, wled light at wled/desk"
    )
    shining = lamp(settings(broker))
    shining.tick(0)
    assert len(told(lights, 1)) == 1
    shining.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('kind = "mqtt"\nmqtt_host = "h"', "lamp.mqtt_host and lamp.mqtt_topic must name the"),
        ('mqtt_topic = "wled/#"', "must be a topic of at most 200 characters without + and #"),
        ('mqtt_password_file = "p"', "lamp.mqtt_username must say whose password it is"),
        ("gpio_red = 22", "must be three different pins"),
        (
            'kind = "mqtt"\nmqtt_host = "h"\nmqtt_topic = "t"\n[uplink]\nhost = "h"',
            "lamp.mqtt_host is the floor's broker, where others could see this agent's cues",
        ),
    ],
)
def test_settings_of_a_lamp_that_contradict_each_other_are_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"[lamp]\n{text}", "desk.toml")
    assert words in str(caught.value)


def test_another_port_of_the_floors_machine_may_be_a_broker_of_its_own() -> None:
    text = '[lamp]\nkind = "mqtt"\nmqtt_host = "h"\nmqtt_port = 1884\nmqtt_topic = "t"\n'
    assert parse(f'{text}[uplink]\nhost = "h"', "desk.toml").lamp.mqtt_port == 1884
