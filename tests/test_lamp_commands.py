"""`turnlight lamp`: which kinds can be driven here, every cue on the lamp, and off."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from broker import Broker, Subscriber
from test_cli import refused, turnlight
from turnlight import wording
from turnlight.config import LampKind
from turnlight.cues import Cue

KINDS = get_args(LampKind)


def listed(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    result = turnlight("lamp", "list", *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return result


def test_the_list_has_one_line_per_kind_with_what_was_found_or_what_is_missing() -> None:
    lines = listed().stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(KINDS)
    assert lines[0] == "terminal  yes  always"
    assert re.fullmatch(r"mqtt      no   .*so lamp.mqtt_host and .* must name the light", lines[-1])


def test_the_list_as_json_says_the_same() -> None:
    documents = [json.loads(line) for line in listed("--json").stdout.splitlines()]
    assert [document["kind"] for document in documents] == list(KINDS)
    for line, document in zip(listed().stdout.splitlines(), documents, strict=True):
        assert line.endswith(document["found"])
        assert line.split()[1] == ("yes" if document["usable"] else "no")


def test_where_no_pin_library_is_found_the_list_says_so() -> None:
    result = turnlight("lamp", "list", "--json", GPIOZERO_PIN_FACTORY="mock")
    [gpio] = [json.loads(line) for line in result.stdout.splitlines() if '"gpio"' in line]
    assert gpio["usable"], "gpiozero's simulated board"
    result = turnlight("lamp", "list", "--json", GPIOZERO_PIN_FACTORY="lgpio")
    [gpio] = [json.loads(line) for line in result.stdout.splitlines() if '"gpio"' in line]
    assert not gpio["usable"]


def test_the_list_asks_the_broker_of_the_settings(broker: Broker, tmp_path: Path) -> None:
    config = tmp_path / "desk.toml"
    config.write_text(
        f'[lamp]\nmqtt_host = "{broker.host}"\nmqtt_port = {broker.port}\nmqtt_topic = "wled/x"\n'
    )
    assert f"mqtt      yes  broker {broker.host}:{broker.port}" in listed("--config", config).stdout


def test_every_cue_is_shown_with_its_name() -> None:
    result = turnlight("lamp", "test", "--seconds", "0.1")
    assert (result.returncode, result.stderr) == (0, "")
    names = [line[2:].rsplit("  ", 1)[0].rstrip() for line in result.stdout.splitlines()]
    assert names == [wording.cue(cue) for cue in get_args(Cue)]


def test_a_real_light_is_shown_beside_the_terminal(broker: Broker, tmp_path: Path) -> None:
    config = tmp_path / "desk.toml"
    config.write_text(
        f'[lamp]\nkind = "mqtt"\nmqtt_host = "{broker.host}"\nmqtt_port = {broker.port}\n'
        'mqtt_topic = "wled/x"\n'
    )
    with Subscriber(broker, "wled/#") as lights:
        result = turnlight("lamp", "test", "--config", config, "--seconds", "0.2")
        assert "slow down" in result.stdout
        told = [json.loads(message.payload) for message in lights.on("/api")]
        assert told[-1] == {"on": False, "tt": 0, "udpn": {"nn": True}}
        assert len([command for command in told if command["on"]]) >= 7

        turnlight("lamp", "off", "--config", config)
        lights.wait(lambda: len(lights.on("/api")) > len(told))
        assert not json.loads(lights.on("/api")[-1].payload)["on"]


@pytest.mark.parametrize("command", ["test", "off"])
def test_a_light_that_is_not_there_fails_with_one_sentence(command: str, tmp_path: Path) -> None:
    config = tmp_path / "desk.toml"
    config.write_text(
        '[lamp]\nkind = "mqtt"\nmqtt_host = "127.0.0.1"\nmqtt_port = 9\nmqtt_topic = "x"\n'
    )
    refused(turnlight("lamp", command, "--config", config), 1, "127.0.0.1:9 cannot be used")


@pytest.mark.parametrize("kind", ["terminal", "lines", "none"])
def test_off_has_nothing_to_do_where_nothing_stays_lit(kind: str) -> None:
    result = turnlight("lamp", "off", "--kind", kind)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
