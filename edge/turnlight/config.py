"""Settings of one desk: frozen types with the unit in the name, read from one TOML file.

docs/config.md lists every key; a test fails when one is missing there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from turnlight.messages import Name

Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Ratio = Annotated[float, Meta(ge=0, le=1)]


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


class AudioSettings(Settings, frozen=True, kw_only=True):
    """Where the two channels come from."""

    source: Literal["portaudio", "file"] = "portaudio"
    device: str = ""
    """Part of a PortAudio device's name; empty takes the default input."""
    rate_hz: Literal[16_000, 48_000] = 16_000
    agent_channel: Literal[0, 1] = 0
    file: str = ""
    """With source `file`: a two-channel recording, played at real-time pace."""
    loop: bool = False
    pace: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    """With source `file`: times real time."""


class CallSettings(Settings, frozen=True, kw_only=True):
    """Where a call begins and ends, from sound."""

    end_after_silence_s: Seconds = 20.0
    """Both silent for so long ends the call (hold music is not silence)."""
    line_delay_ms: Annotated[int, Meta(ge=0, le=2000)] = 0
    """One-way delay of the line, by which the customer is heard late; corrects overlaps."""


class CueSettings(Settings, frozen=True, kw_only=True):
    """When the lamp speaks. docs/cues.md explains each."""

    spacing_s: Seconds = 15.0
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


class LampSettings(Settings, frozen=True, kw_only=True):
    """Which light shows the cues."""

    kind: Literal["terminal", "lines", "none"] = "terminal"
    brightness: Ratio = 1.0


class UplinkSettings(Settings, frozen=True, kw_only=True):
    """The broker. Without a host nothing is sent and the lamp works alone."""

    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65_535)] = 1883
    username: str = ""
    password_file: str = ""
    tls: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    publish_jitter_s: Seconds = 2.0
    """A window leaves at a random moment within this time after it is complete."""
    shift_hours: tuple[Annotated[int, Meta(ge=0, le=23)], ...] = (6, 14, 22)
    """Local hours at which a new shift, and so a new pid, begins."""
    keep_days: Annotated[int, Meta(ge=1, le=30)] = 7


class Config(Settings, frozen=True, kw_only=True):
    """All settings of a desk; every section may be left out."""

    desk: DeskSettings = DeskSettings()
    audio: AudioSettings = AudioSettings()
    call: CallSettings = CallSettings()
    cues: CueSettings = CueSettings()
    lamp: LampSettings = LampSettings()
    uplink: UplinkSettings = UplinkSettings()


def parse(text: str, origin: str) -> Config:
    """Settings from TOML text.

    Raises:
        ConfigError: names the origin, the key and what would be valid.
    """
    try:
        config = msgspec.toml.decode(text, type=Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{origin}: {error}; docs/config.md lists every key") from None
    except msgspec.DecodeError as error:
        raise ConfigError(f"{origin}: not valid TOML: {error}") from None
    if config.desk.team in ("device", "floor"):
        raise ConfigError(f"{origin}: desk.team `{config.desk.team}` is reserved; name it otherwise")
    if config.audio.source == "file" and not config.audio.file:
        raise ConfigError(f"{origin}: audio.source is `file`, so audio.file must name a recording")
    return config


def load(path: Path) -> Config:
    """Settings from a TOML file.

    Raises:
        ConfigError: the file cannot be read or holds a wrong setting.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None
    return parse(text, str(path))
