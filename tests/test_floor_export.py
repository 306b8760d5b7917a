from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

from floor_feed import NOON_S, shown, window
from turnlight.cli import main
from turnlight.messages import Sides
from turnlight_floor.aggregate import Picture
from turnlight_floor.store import Store


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A floor with one minute of six desks in one team and three in another."""
    seen = Picture("home", None)
    for desk in range(9):
        team = "service" if desk < 6 else "sales"
        talk = window(desk, interruptions=Sides(1, 0), latency_bins=(1, 1, 0, 0, 0, 0, 0, 0, 0))
        seen.apply(team, talk, NOON_S + 20)
    store = Store(tmp_path / "floor.sqlite", "home")
    store.keep(shown(seen, NOON_S), 0)
    store.close()
    file = tmp_path / "floor.toml"
    file.write_text('time_zone = "UTC"\n')
    return file


def exported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["turnlight", "floor", "export", *arguments])
    code = main()
    out, err = capsys.readouterr()
    return code, out, err


def test_a_row_for_each_cell_with_what_was_withheld_left_empty(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = exported(monkeypatch, capsys, "--config", str(config))
    assert (code, err) == (0, "")
    site, sales, service = csv.DictReader(out.splitlines())
    assert (site["team"], sales["team"], service["team"]) == ("_site", "sales", "service")
    assert (sales["withheld"], sales["desks"], sales["talk_share"]) == ("too few desks", "", "")
    assert site["withheld"] == "protects another cell"
    assert (service["desks"], service["talk_share"], service["withheld"]) == ("6", "0.4", "")
    assert service["start"] == "2026-09-21T12:00:00Z"
    assert service["interruptions_per_customer_min_agent"] == "13.3"
    assert service["latency_bins_2"] == "0.5"
    assert not [name for name in service if "pid" in name or "device" in name]


@pytest.mark.parametrize(
    ("limits", "rows"),
    [
        (("--since", "2026-09-21"), 3),
        (("--since", "2026-09-21 12:00:01"), 0),
        (("--until", "2026-09-21 12:00:00"), 0),
        (("--since", "2026-09-21 12:00:00", "--until", "2026-09-21 12:00:01"), 3),
    ],
)
def test_limits_are_local_times(
    config: Path,
    limits: tuple[str, ...],
    rows: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "history.csv"
    assert exported(monkeypatch, capsys, "--config", str(config), "--out", str(file), *limits) == (
        0,
        "",
        "",
    )
    assert len(list(csv.DictReader(file.read_text().splitlines()))) == rows


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("history.xlsx", "its name must end in .csv or .parquet"),
        ("none/history.csv", "cannot be written: No such file or directory"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(
    config: Path,
    name: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = exported(
        monkeypatch, capsys, "--config", str(config), "--out", str(tmp_path / name)
    )
    assert (code, out) == (1, "")
    assert says in err
    assert len(err.splitlines()) == 1


def test_parquet_without_its_package_says_which(
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    file = str(tmp_path / "history.parquet")
    code, _, err = exported(monkeypatch, capsys, "--config", str(config), "--out", file)
    assert code == 1
    assert "pip install turnlight[parquet]" in err


def test_parquet_holds_the_same(
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is optional")
    file = tmp_path / "history.parquet"
    assert exported(monkeypatch, capsys, "--config", str(config), "--out", str(file))[0] == 0
    rows = parquet.read_table(file).to_pylist()
    assert [row["team"] for row in rows] == ["_site", "sales", "service"]
    assert (rows[1]["desks"], rows[2]["desks"], rows[2]["talk_share"]) == (None, 6, 0.4)


def test_without_a_history_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "floor.toml").write_text("")
    code, _, err = exported(monkeypatch, capsys, "--config", str(tmp_path / "floor.toml"))
    assert code == 1
    assert "there is no history yet" in err
