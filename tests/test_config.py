from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from turnlight.config import Config, ConfigError, keys, load, parse, valid_form


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "desk.toml")
    return str(caught.value)


def test_an_empty_file_gives_the_defaults() -> None:
    assert parse("", "desk.toml") == Config()


def test_what_is_set_is_used_and_the_rest_keeps_its_default() -> None:
    config = parse('[desk]\nteam = "billing"\n[cues]\nshare_over = 1\n', "desk.toml")
    assert config.desk.team == "billing"
    assert config.cues.share_over == 1.0
    assert config.cues.spacing_s == 15.0


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(AttributeError):
        Config().desk.team = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[cues]\nspacng_s = 9", "cues.spacng_s is not a setting; did you mean cues.spacing_s?"),
        ("[cue]\nspacing_s = 9", "cue is not a setting; did you mean cues?"),
        ("port = 1883", "port is not a setting; did you mean uplink.port?"),
        ('[desk]\nhost = "a"', "desk.host is not a setting; did you mean uplink.host?"),
        ("[cues]\nxyzzy = 1", "cues.xyzzy is not a setting; docs/config.md lists every key"),
        ('[cues]\n"a.b" = 1', "cues.a.b is not a setting; docs/config.md lists every key"),
    ],
)
def test_an_unknown_key_is_refused_by_its_full_name_with_the_nearest_known(
    text: str, sentence: str
) -> None:
    assert refusal(text) == f"desk.toml: {sentence}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[cues]\nshare_over = 3", "cues.share_over is 3, but must be a number from 0 up to 1"),
        ("[cues]\nshare_over = nan", "cues.share_over is nan, but must be a number from 0 up to 1"),
        ("[cues]\nspacing_s = inf", "cues.spacing_s is inf, but must be a number from 0 up to"),
        ('[uplink]\nport = "x"', 'uplink.port is "x", but must be a whole number from 1 up to'),
        ("[audio]\npace = 0", "audio.pace is 0, but must be a number above 0 up to 1000"),
        ("[audio]\nrate_hz = 8000", "audio.rate_hz is 8000, but must be one of 16000, 48000"),
        ("[lamp]\nbrightness = true", "lamp.brightness is true, but must be a number from 0 up"),
        ("[uplink]\ntls = 1", "uplink.tls is 1, but must be true or false"),
        ("[uplink]\nhost = 1", "uplink.host is 1, but must be a text in quotes"),
        (
            "[uplink]\nshift_hours = [6, 25]",
            "uplink.shift_hours is [6, 25], but must be a list of one or more, "
            "each a whole number from 0 up to 23",
        ),
        ("[uplink]\nshift_hours = []", "uplink.shift_hours is [], but must be a list of one or"),
        ('[desk]\nsite = "A B"', 'desk.site is "A B", but must be a name of a-z, 0-9 and -'),
        ('[desk]\nsite = "ab\\n"', 'desk.site is "ab\n", but must be a name of a-z, 0-9 and -'),
        ('[desk]\nteam = "a/b"', 'desk.team is "a/b", but must be a name of a-z, 0-9 and -'),
        ("cues = 3", "cues is 3, but must be a table of settings"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_the_valid_form(text: str, sentence: str) -> None:
    assert refusal(text).startswith(f"desk.toml: {sentence}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[desk]\nteam = "device"', 'desk.team is "device", which the wire reserves'),
        ('[desk]\nteam = "floor"', 'desk.team is "floor", which the wire reserves'),
        ('[audio]\nsource = "file"', "audio.file must name a recording"),
        ("[cues]\nshare_back = 0.7", "must not be above cues.share_over, which is 0.65"),
        ("[cues]\nstrain_calm = 70", "must not be above cues.strain_high, which is 60"),
        ('[uplink]\npassword_file = "p"', "uplink.username must say whose password it is"),
        ('[uplink]\ntls = true\ncert_file = "c"', "set both or neither"),
        ('[uplink]\nca_file = "c"', "need uplink.tls = true"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(text: str, words: str) -> None:
    assert words in refusal(text)


def test_text_that_is_not_toml_is_refused_with_the_place() -> None:
    assert refusal("[desk]\nteam =\n").startswith("desk.toml: not valid TOML: Invalid value")
    assert "line 2" in refusal("[desk]\nteam =\n")


def test_a_missing_file_is_one_sentence_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"desk\.toml: there is no such file; name another with"):
        load(tmp_path / "desk.toml")


def test_a_file_that_is_not_text_or_not_a_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "desk.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"desk\.toml: not UTF-8 text; save it as UTF-8"):
        load(path)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "desk.toml"
    path.write_text('[desk]\ndevice = "desk-7"\n', encoding="utf-8")
    assert load(path).desk.device == "desk-7"


@pytest.mark.parametrize("key", keys())
def test_every_setting_has_a_valid_form_that_its_default_has(key: str) -> None:
    field = keys()[key]
    section, _, name = key.partition(".")
    assert valid_form(field.type)
    assert msgspec.convert({section: {name: field.default}}, Config) == Config()
