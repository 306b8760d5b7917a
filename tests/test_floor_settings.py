from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from turnlight_floor import settings
from turnlight_floor.settings import (
    BrokerSettings,
    FloorSettings,
    MetricsSettings,
    OidcSettings,
    PageSettings,
    SettingsError,
)

DOCUMENT = Path(__file__).parent.parent / "docs" / "floor.md"
PACKAGE = Path(settings.__file__).parent


def test_every_key_may_be_left_out(tmp_path: Path) -> None:
    found = settings.parse("", "floor.toml", tmp_path)
    assert found.site == "home"
    assert found.publish_every_s == 0.5
    assert found.page.host == "127.0.0.1"


def test_files_lie_beside_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "floor.toml"
    file.write_text(
        'database = "d.sqlite"\nprivacy_file = "/etc/p.toml"\n[broker]\npassword_file = "word"\n'
    )
    found = settings.load(file)
    assert found.database == str(tmp_path / "d.sqlite")
    assert found.privacy_file == "/etc/p.toml"
    assert found.broker.password_file == str(tmp_path / "word")
    assert found.broker.ca_file == ""
    assert found.page.users == str(tmp_path / "users.json")
    assert found.page.database == str(tmp_path / "page.sqlite")
    assert found.page.cert_file == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sites = 'x'", r"floor.toml: .*unknown field `sites`.*docs/floor.md"),
        ("site = 'A b'", r"site"),
        ("publish_every_s = 0.01", r"publish_every_s"),
        ("[broker]\nport = 99999", r"port"),
        ("[page]\ncert_file = 'a'", r"page.cert_file and page.key_file go together"),
        ("[page]\nlanguage = 'xx'", r"page.language `xx` is unknown; there are en, fa, pl, sv"),
        ("[page]\nsession_hours = 0", r"session_hours"),
        ("time_zone = 'Europe/Atlantis'", r"`Europe/Atlantis` is unknown; give one like"),
        ("time_zone = '../x'", r"is unknown; give one like"),
        ("site = ", r"not valid TOML"),
        ("database = 'mysql://db/t'", r"must be a file, or a URL like postgresql://user@host/name"),
        ("database = 'postgresql://[db/t'", r"`database` is not a URL; write it like"),
        ("snapshot_file = 'x'", r"snapshot_file goes with a `database` that is a URL"),
        ("database_password_file = 'x'", r"database_password_file goes with a `database` that is"),
    ],
)
def test_a_wrong_setting_is_named_with_the_remedy(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        settings.parse(text, "floor.toml", tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://floor:spring-tide@db/turnlight",
        "postgresql://floor:spring-tide@db,other/turnlight",
        "postgresql://floor@db/turnlight?password=spring-tide",
        "postgresql://floor@db/turnlight?sslmode=require&p%61ssword=spring-tide",
        "postgresql://floor@db/turnlight?sslpassword=spring-tide",
    ],
)
def test_a_password_in_the_url_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match=r"holds a password.*database_password_file") as told:
        settings.parse(f"database = '{url}'", "floor.toml", tmp_path)
    assert "spring-tide" not in str(told.value)


def test_with_a_shared_database_the_snapshot_stays_a_local_file(tmp_path: Path) -> None:
    url = "postgresql://floor@db:5433/turnlight?sslrootcert=/etc/ca.crt"
    found = settings.parse(f"database = '{url}'", "floor.toml", tmp_path)
    assert (found.shared, found.database) == (True, url)
    assert found.snapshot_file == str(tmp_path / "floor.sqlite")
    more = f"database = '{url}'\nsnapshot_file = 'day'\ndatabase_password_file = 'word'"
    found = settings.parse(more, "floor.toml", tmp_path)
    assert found.snapshot_file == str(tmp_path / "day")
    assert found.database_password_file == str(tmp_path / "word")


def test_with_a_file_history_and_snapshot_are_one(tmp_path: Path) -> None:
    found = settings.parse("database = 'd.sqlite'", "floor.toml", tmp_path)
    assert (found.shared, found.database) == (False, found.snapshot_file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read: No such file"):
        settings.load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "kind", [FloorSettings, BrokerSettings, PageSettings, OidcSettings, MetricsSettings]
)
def test_every_setting_is_documented(kind: type) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    missing = [name for name in kind.__struct_fields__ if f"`{name}`" not in text]
    assert missing == []


def test_of_the_device_the_floor_knows_the_messages_alone() -> None:
    for source in PACKAGE.glob("*.py"):
        named = re.findall(
            r"^\s*(?:from|import)\s+turnlight(?!_)([.\w]*)(?:\s+import\s+(.+))?",
            source.read_text(encoding="utf-8"),
            re.MULTILINE,
        )
        for module, names in named:
            assert module == ".messages" or (module, names) == ("", "messages"), source.name
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path[:0] = {sys.path!r}\n"
            "import turnlight_floor.service, turnlight_floor.cards\n"
            "print(*sorted(m for m in sys.modules if m.split('.')[0] == 'turnlight'))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.split() == ["turnlight", "turnlight.messages"]
