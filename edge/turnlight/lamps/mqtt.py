"""A light on the local network that takes its colour over MQTT: WLED, or Home Assistant's JSON.

The colour tells the cue, so it must stay with the agent: the broker is one of the desk's own or of
the agent's home, never the floor's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from turnlight.config import LampSettings
from turnlight.lamps.effects import Rgb
from turnlight.lamps.light import LampError

KEEPALIVE_S = 10
"""The broker puts the light out 15 s after a desk has lost its network."""

_ANSWER_S = 5.0
_GOODBYE_S = 2.0


class Schema(NamedTuple):
    """How a kind of light is told its colour."""

    subtopic: str
    lit: Callable[[Rgb, float], dict[str, Any]]
    """The command for a colour that is not black, and the seconds in which to fade to it."""
    dark: dict[str, Any]


def _wled(rgb: Rgb, fade_s: float) -> dict[str, Any]:
    return {
        "on": True,
        "bri": 255,
        "tt": round(fade_s * 10),  # tenths of a second
        "udpn": {"nn": True},  # other WLED lights in sync with this one are not this desk's
        "seg": {"fx": 0, "col": [list(rgb)]},
    }


def _homeassistant(rgb: Rgb, fade_s: float) -> dict[str, Any]:
    # Many lights take only the hue from the colour, so that its strength has to be told apart.
    most = max(rgb)
    red, green, blue = (round(part * 255 / most) for part in rgb)
    return {
        "state": "ON",
        "brightness": most,
        "color": {"r": red, "g": green, "b": blue},
        "transition": fade_s,
    }


SCHEMAS = {
    "wled": Schema("/api", _wled, {"on": False, "tt": 0, "udpn": {"nn": True}}),
    "homeassistant": Schema("", _homeassistant, {"state": "OFF"}),
}


class MqttLight:
    """The light that listens at `mqtt_topic`.

    Raises:
        LampError: the broker cannot be reached or refuses.
    """

    refresh_ms = 10_000

    def __init__(self, settings: LampSettings) -> None:
        self.spacing_ms = round(1000 / settings.mqtt_rate_hz)
        self._fade_s = round(1 / settings.mqtt_rate_hz, 3)
        self._schema = SCHEMAS[settings.mqtt_schema]
        self._topic = settings.mqtt_topic + self._schema.subtopic
        self._broker = f"{settings.mqtt_host}:{settings.mqtt_port}"
        self._dark = json.dumps(self._schema.dark)
        self._client = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        # A dead process leaves no light: its broker says the last word.
        self._client.will_set(self._topic, self._dark, qos=1)
        _connect(self._client, settings, self._broker)

    def set(self, rgb: Rgb, _now_ms: int) -> None:
        """Take this colour."""
        if not self._client.is_connected():
            raise LampError(f"the lamp's broker {self._broker} is gone")
        lit = any(rgb)
        command = json.dumps(self._schema.lit(rgb, self._fade_s)) if lit else self._dark
        self._client.publish(self._topic, command)

    def close(self) -> None:
        """Put it out and leave the broker; where that fails, the will does it."""
        try:
            if self._client.is_connected():
                word = self._client.publish(self._topic, self._dark, qos=1)
                word.wait_for_publish(_GOODBYE_S)
                if word.is_published():
                    self._client.disconnect()
        except RuntimeError as error:
            raise LampError(f"the lamp's broker {self._broker} is gone ({error})") from None
        finally:
            self._client.loop_stop()


def found(settings: LampSettings) -> str:
    """The broker. Whether a light listens there, it does not tell.

    Raises:
        LampError: it cannot be reached or refuses.
    """
    broker = f"{settings.mqtt_host}:{settings.mqtt_port}"
    client = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
    _connect(client, settings, broker)
    client.disconnect()
    client.loop_stop()
    return f"broker {broker}, {settings.mqtt_schema} light at {settings.mqtt_topic}"


def _connect(client: Client, settings: LampSettings, broker: str) -> None:
    """Connect and be accepted; the network has a thread of its own from here on."""
    answered = threading.Event()
    refused: list[str] = []

    def on_connect(
        _client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        if reason.is_failure:
            refused.append(str(reason))
        answered.set()

    client.on_connect = on_connect
    client.connect_timeout = _ANSWER_S
    try:
        if settings.mqtt_username:
            client.username_pw_set(settings.mqtt_username, _password(settings.mqtt_password_file))
        client.connect(settings.mqtt_host, settings.mqtt_port, KEEPALIVE_S)
    except OSError as error:
        refused.append(str(error.strerror or error))
    else:
        client.loop_start()
        if not answered.wait(_ANSWER_S):
            refused.append("no answer")
    if refused:
        client.loop_stop()
        raise LampError(
            f"the lamp's broker {broker} cannot be used ({refused[0]}); see lamp.mqtt_host, "
            "mqtt_port, mqtt_username and mqtt_password_file"
        )


def _password(file: str) -> str | None:
    return Path(file).expanduser().read_text(encoding="utf-8").rstrip("\r\n") if file else None
