from __future__ import annotations

import re

import msgspec
import pytest

from command import run
from turnlight.config import Config, CueSettings, LampSettings, UplinkSettings, keys, parse
from turnlight.settings_file import SERVICE, render

CHANGED = Config(
    cues=CueSettings(share_over=0.7),
    lamp=LampSettings(kind="mqtt", mqtt_host="lamp.example", mqtt_topic='a "b", c\\d'),
    uplink=UplinkSettings(host="h", shift_hours=(5, 13)),
)


@pytest.mark.parametrize("settings", [Config(), SERVICE, CHANGED])
def test_the_file_gives_the_same_settings_again(settings: Config) -> None:
    assert parse(render(settings), "turnlight.toml") == settings


def test_every_key_is_there_once_with_its_section() -> None:
    found, section = [], ""
    for line in render(CHANGED).splitlines():
        if table := re.fullmatch(r"\[(\w+)\]", line):
            section = table[1]
        elif key := re.fullmatch(r"#?(\w+) = .*", line):
            found.append(f"{section}.{key[1]}")
    assert found == list(keys())


def test_a_default_is_shown_and_not_set() -> None:
    lines = render(CHANGED).splitlines()
    assert "share_over = 0.7" in lines
    assert "#share_back = 0.55" in lines
    assert "#spacing_s = 15.0" in lines


def test_a_key_is_explained() -> None:
    text = render(Config())
    assert "# Both silent for so long ends the call (hold music is not silence)." in text
    assert "# Valid: a number from 0 up to 1.\n#share_over = 0.65" in text


def test_uncommented_every_default_is_valid() -> None:
    text = re.sub(r"^#(\w+ = )", r"\1", render(Config()), flags=re.M)
    assert parse(text, "turnlight.toml") == Config()


def test_the_command_keeps_what_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "settings", "--service")
    assert code == 0
    assert parse(out, "x").desk.state_dir == "/var/lib/turnlight"
    assert msgspec.structs.asdict(parse(out, "x").cues) == msgspec.structs.asdict(Config().cues)
