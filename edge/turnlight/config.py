"""Settings of one desk: frozen types with the unit in the name, read from one TOML file.

docs/config.md lists every key; a test fails when one is missing there.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, inspect

from turnlight.messages import Name

Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Ratio = Annotated[float, Meta(ge=0, le=1)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
Pin = Annotated[int, Meta(ge=0, le=27)]
Topic = Annotated[
    str,
    Meta(
        pattern=r"^[^+#\0]{0,200}\Z",
        description="a topic of at most 200 characters without + and #",
    ),
]

LampKind = Literal["terminal", "lines", "none", "gpio", "spi", "usb", "mqtt"]


class ConfigError(ValueError):
    """A setting is unknown, missing or out of range; the text names key, value and valid form."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all settings: frozen, and an unknown key is refused."""


class DeskSettings(Settings, frozen=True, kw_only=True):
    """Which desk this is. Teams `device` and `floor` are reserved for the wire."""

    site: Name = "home"
    team: Name = "team"
    device: Name = "desk"
    state_dir: str = "~/.local/state/turnlight"
    """Where the outbox and the shift's pid live."""
    socket: str = ""
    """Where the agent's wishes are heard; empty takes desk.sock in the state_dir."""

    @property
    def door(self) -> Path:
        """The path of that socket."""
        return Path(self.socket or f"{self.state_dir}/desk.sock").expanduser()


class AudioSettings(Settings, frozen=True, kw_only=True):
    """Where the two channels come from."""

    source: Literal["portaudio", "file"] = "portaudio"
    device: str = ""
    """Part of a PortAudio device's name; empty takes the default input."""
    rate_hz: Literal[16_000, 48_000] = 16_000
    agent_channel: Literal[0, 1] = 0
    trust_channels: bool = False
    """`agent_channel` is right, whatever the channels sound like."""
    file: str = ""
    """With source `file`: a two-channel recording, played at real-time pace."""
    loop: bool = False
    loop_pause_s: Seconds = 0.0
    """With `loop`: silence between two rounds."""
    pace: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    """With source `file`: times real time."""


class CallSettings(Settings, frozen=True, kw_only=True):
    """Where a call begins and ends, from sound."""

    end_after_silence_s: Seconds = 20.0
    """Both silent for so long ends the call (hold music is not silence)."""
    line_delay_ms: Annotated[int, Meta(ge=0, le=2000)] = 0
    """One-way delay of the line, by which the customer is heard late; corrects overlaps. Counts in
    whole frames of 10 ms."""

    @property
    def line_ms(self) -> int:
        """`line_delay_ms` in whole frames."""
        return self.line_delay_ms // 10 * 10


class CueSettings(Settings, frozen=True, kw_only=True):
    """When the lamp speaks. docs/cues.md explains each."""

    spacing_s: Seconds = 15.0
    daily_budget: Annotated[int, Meta(ge=1, le=1000)] = 60
    """Cues that may be shown within any 24 hours."""
    share_over: Ratio = 0.65
    share_back: Ratio = 0.55
    """Hysteresis: the share cue arms again once the share has fallen below this."""
    share_window_s: Seconds = 60.0
    share_after_speech_s: Seconds = 30.0
    long_turn_s: Seconds = 60.0
    interruptions_in_s: Seconds = 30.0
    strain_high: Annotated[float, Meta(ge=0, le=100)] = 60.0
    strain_calm: Annotated[float, Meta(ge=0, le=100)] = 35.0
    strain_for_s: Seconds = 5.0
    silence_s: Seconds = 5.0
    breathe_s: Seconds = 90.0
    listening_light: bool = True


class StrainSettings(Settings, frozen=True, kw_only=True):
    """Whether the customers' vocal strain is measured at all."""

    customer: bool = True
    """Without it nothing computes strain: no model is loaded, no value and no cue is made."""


class LampSettings(Settings, frozen=True, kw_only=True):
    """Which light shows the cues. docs/lamps.md tells how to wire and set up each."""

    kind: LampKind = "terminal"
    brightness: Ratio = 1.0
    gpio_red: Pin = 17
    """Number of the GPIO, as in GPIO17; not of the pin on the header."""
    gpio_green: Pin = 27
    gpio_blue: Pin = 22
    gpio_common_anode: bool = False
    """The LEDs share their plus, so a low pin lights them."""
    gpio_button: Annotated[int, Meta(ge=-1, le=27)] = -1
    """The agent's own button, with any kind of lamp; -1 is none."""
    spi_device: str = "/dev/spidev0.0"
    spi_leds: Annotated[int, Meta(ge=1, le=300)] = 8
    mqtt_host: str = ""
    """The light's broker, not the floor's: the colour tells the cue."""
    mqtt_port: Port = 1883
    mqtt_username: str = ""
    mqtt_password_file: str = ""
    mqtt_topic: Topic = ""
    mqtt_schema: Literal["wled", "homeassistant"] = "wled"
    mqtt_rate_hz: Annotated[int, Meta(ge=1, le=25)] = 10
    """Most colours a second; the light fades from one to the next."""


class UplinkSettings(Settings, frozen=True, kw_only=True):
    """The broker. Without a host nothing is sent and the lamp works alone."""

    host: str = ""
    port: Port = 1883
    username: str = ""
    password_file: str = ""
    tls: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    fault_after_s: Seconds = 300.0
    """The lamp shows the fault while the broker has been out of reach for so long."""
    publish_jitter_s: Seconds = 2.0
    """A window leaves at a random moment within this time after it is complete."""
    shift_hours: Annotated[
        tuple[Annotated[int, Meta(ge=0, le=23)], ...], Meta(min_length=1, max_length=24)
    ] = (6, 14, 22)
    """Local hours at which a new shift, and so a new pid, begins."""
    keep_days: Annotated[int, Meta(ge=1, le=30)] = 7


class Config(Settings, frozen=True, kw_only=True):
    """All settings of a desk; every section may be left out."""

    desk: DeskSettings = DeskSettings()
    audio: AudioSettings = AudioSettings()
    call: CallSettings = CallSettings()
    cues: CueSettings = CueSettings()
    strain: StrainSettings = StrainSettings()
    lamp: LampSettings = LampSettings()
    uplink: UplinkSettings = UplinkSettings()


def parse(text: str, origin: str) -> Config:
    """Settings from TOML text.

    Raises:
        ConfigError: names the origin, the key, its value and what would be valid.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin}: not valid TOML: {error}") from None
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{origin}: {_explain(str(error), raw)}") from None
    for fault in _contradictions(config):
        raise ConfigError(f"{origin}: {fault}")
    return config


def load(path: Path) -> Config:
    """Settings from a TOML file.

    Raises:
        ConfigError: the file cannot be read or holds a wrong setting.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file; name another with --config, "
            "or leave --config out for the defaults"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    return parse(text, str(path))


def with_lamp(config: Config, kind: LampKind) -> Config:
    """The same desk with another kind of lamp.

    Raises:
        ConfigError: that kind needs settings which are not there.
    """
    lamp = msgspec.structs.replace(config.lamp, kind=kind)
    for fault in _lamp_contradictions(lamp, config.uplink):
        raise ConfigError(fault)
    return msgspec.structs.replace(config, lamp=lamp)


def keys() -> dict[str, inspect.Field]:
    """Every setting by its full key, as in `cues.spacing_s`."""
    return {
        f"{section.name}.{field.name}": field
        for section in _fields(inspect.type_info(Config))
        for field in _fields(section.type)
    }


def valid_form(kind: inspect.Type) -> str:
    """What a setting's value may be, in words."""
    match kind:
        case inspect.Metadata(extra_json_schema=dict(extra)):
            return str(extra["description"])
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType():
            return "one of " + ", ".join(_toml(value) for value in kind.values)
        case inspect.IntType() | inspect.FloatType():
            noun = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
            above = f"above {kind.gt:g}" if kind.gt is not None else f"from {kind.ge:g}"
            return f"{noun} {above} up to {kind.le:g}"
        case inspect.VarTupleType():
            return f"a list of one or more, each {valid_form(kind.item_type)}"
        case inspect.StructType():
            return "a table of settings"
        case _:
            return "a text in quotes"


def _explain(error: str, raw: Mapping[str, Any]) -> str:
    text, _, at = error.partition(" - at `$")
    path = at.rstrip("`").removeprefix(".")
    unknown = re.search(r"unknown field `(.*)`", text)
    if unknown:
        return _unknown(path, unknown[1])
    key = path.partition("[")[0]
    value: Any = raw
    for part in key.split("."):
        value = value[part]
    kinds = {name: field.type for name, field in keys().items()}
    kinds |= {field.name: field.type for field in _fields(inspect.type_info(Config))}
    return f"{key} is {_toml(value)}, but must be {valid_form(kinds[key])}"


def _unknown(section: str, name: str) -> str:
    key = f"{section}.{name}" if section else name
    places = [known.partition(".")[::2] for known in keys()]
    inside = [leaf for place, leaf in places if place == section] if section else _sections()
    elsewhere = [f"{place}.{leaf}" for place, leaf in places if leaf == name]
    near = [f"{section}.{leaf}" for leaf in difflib.get_close_matches(name, inside, n=1)]
    guesses = elsewhere or [guess.removeprefix(".") for guess in near]
    hint = f"did you mean {guesses[0]}?" if guesses else "docs/config.md lists every key"
    return f"{key} is not a setting; {hint}"


def _contradictions(config: Config) -> Iterator[str]:
    desk, audio, cues, uplink = config.desk, config.audio, config.cues, config.uplink
    if desk.team in ("device", "floor"):
        yield f'desk.team is "{desk.team}", which the wire reserves; name the team otherwise'
    if audio.source == "file" and not audio.file:
        yield 'audio.source is "file", so audio.file must name a recording'
    if cues.share_back > cues.share_over:
        yield (
            f"cues.share_back is {cues.share_back:g}, but must not be above cues.share_over, "
            f"which is {cues.share_over:g}"
        )
    if cues.strain_calm > cues.strain_high:
        yield (
            f"cues.strain_calm is {cues.strain_calm:g}, but must not be above cues.strain_high, "
            f"which is {cues.strain_high:g}"
        )
    yield from _lamp_contradictions(config.lamp, uplink)
    if uplink.password_file and not uplink.username:
        yield "uplink.password_file is set, so uplink.username must say whose password it is"
    if bool(uplink.cert_file) != bool(uplink.key_file):
        yield "uplink.cert_file and uplink.key_file belong together; set both or neither"
    if not uplink.tls and (uplink.ca_file or uplink.cert_file):
        yield "uplink.ca_file and uplink.cert_file need uplink.tls = true"


def _lamp_contradictions(lamp: LampSettings, uplink: UplinkSettings) -> Iterator[str]:
    if len({lamp.gpio_red, lamp.gpio_green, lamp.gpio_blue}) < 3:
        yield "lamp.gpio_red, gpio_green and gpio_blue must be three different pins"
    if lamp.kind == "gpio" and lamp.gpio_button in (lamp.gpio_red, lamp.gpio_green, lamp.gpio_blue):
        yield f"lamp.gpio_button is {lamp.gpio_button}, which is a pin of the lamp; take another"
    if lamp.kind == "mqtt":
        if not (lamp.mqtt_host and lamp.mqtt_topic):
            yield 'lamp.kind is "mqtt", so lamp.mqtt_host and lamp.mqtt_topic must name the light'
        if (lamp.mqtt_host, lamp.mqtt_port) == (uplink.host, uplink.port):
            yield (
                "lamp.mqtt_host is the floor's broker, where others could see this agent's cues; "
                "give the lamp a broker of its own"
            )
    if lamp.mqtt_password_file and not lamp.mqtt_username:
        yield "lamp.mqtt_password_file is set, so lamp.mqtt_username must say whose password it is"


def _fields(kind: inspect.Type) -> tuple[inspect.Field, ...]:
    assert isinstance(kind, inspect.StructType)
    return kind.fields


def _sections() -> list[str]:
    return [field.name for field in _fields(inspect.type_info(Config))]


def _toml(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)
