"""The floor with its history in a real PostgreSQL."""

from __future__ import annotations

import csv
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import Broker, Subscriber
from floor_feed import NOON_S, Publisher, await_line, child, end, figures, pid, window
from postgres_server import WORD, PostgresServer
from turnlight.cli import main
from turnlight.messages import Aggregate, decode, window_topic
from turnlight_floor.minutes import Minute, Minutes, StoreError, shared
from turnlight_floor.store import Store

module = pytest.importorskip(
    "turnlight_floor.postgres",
    exc_type=ImportError,
    reason="the library libpq is missing: apt-get install libpq5",
)
MINUTE: Minute = (NOON_S, "service", (figures(), ""))
SERVICE = window_topic("home", "service")


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.database()


def opened(postgres: PostgresServer, url: str) -> Minutes:
    return shared(url, str(postgres.word_file), "home")()


def all_of(minutes: Minutes) -> list[Minute]:
    return list(minutes.history(0, 1 << 40))


# ---- the tables


def test_a_database_of_an_older_version_is_brought_to_this_one_and_keeps_its_history(
    postgres: PostgresServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(postgres, url)
    first.keep([MINUTE], 0)
    first.close()
    later = (*module.MIGRATIONS, "ALTER TABLE minute ADD COLUMN later integer")
    monkeypatch.setattr(module, "MIGRATIONS", later)
    for _ in range(2):
        again = opened(postgres, url)
        assert all_of(again) == [MINUTE]
        again.close()
    assert postgres.execute(url, "SELECT later FROM turnlight.minute") == [(None,)]
    assert postgres.execute(url, "SELECT number FROM turnlight.version") == [(len(later),)]


def test_a_newer_database_is_left_alone(postgres: PostgresServer, url: str) -> None:
    opened(postgres, url).close()
    postgres.execute(url, "UPDATE turnlight.version SET number = 9")
    with pytest.raises(StoreError, match=r"newer version of Turnlight \(schema 9, this one"):
        opened(postgres, url)
    assert postgres.execute(url, "SELECT number FROM turnlight.version") == [(9,)]


def test_floors_that_begin_at_once_make_the_tables_once(postgres: PostgresServer, url: str) -> None:
    errors: list[StoreError] = []

    def begin() -> None:
        try:
            opened(postgres, url).close()
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert postgres.execute(url, "SELECT count(*) FROM turnlight.version") == [(1,)]


def test_what_is_there_already_stays_and_other_tables_are_not_touched(
    postgres: PostgresServer, url: str
) -> None:
    postgres.execute(url, "CREATE TABLE minute (mine integer)")
    one = opened(postgres, url)
    one.keep([MINUTE], 0)
    one.close()
    assert postgres.execute(url, "SELECT * FROM minute") == []
    made = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'turnlight'"
    assert sorted(postgres.execute(url, made)) == [("minute",), ("version",)]


def test_a_reading_user_needs_no_other_right_and_a_user_without_one_is_told(
    postgres: PostgresServer, url: str, tmp_path: Path
) -> None:
    one = opened(postgres, url)
    one.keep([MINUTE], 0)
    one.close()
    reader = f"reader_{url.rpartition('_')[2]}"
    word = tmp_path / "word"
    word.write_text("readers-word\n")
    postgres.execute(url, f"CREATE USER {reader} PASSWORD 'readers-word'")
    connect = shared(url.replace("floor@", f"{reader}@"), str(word), "home")
    with pytest.raises(StoreError, match=r"permission denied.*the rights of its user"):
        connect()
    postgres.execute(url, f"GRANT USAGE ON SCHEMA turnlight TO {reader}")
    postgres.execute(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA turnlight TO {reader}")
    reading = connect()
    assert all_of(reading) == [MINUTE]
    with pytest.raises(StoreError, match="permission denied"):
        reading.keep([MINUTE], 0)
    reading.close()


def test_a_minute_is_written_whole_or_not_at_all(postgres: PostgresServer, url: str) -> None:
    one = opened(postgres, url)
    bad: Minute = (1 << 70, "service", (None, "no data"))
    with pytest.raises(StoreError, match="out of range"):
        one.keep([MINUTE, bad], 0)
    assert all_of(one) == []
    one.close()


# ---- who may come in


def test_a_wrong_password_is_one_sentence_that_does_not_hold_it(url: str, tmp_path: Path) -> None:
    (tmp_path / "word").write_text("a-wrong-word")
    connect = shared(url, str(tmp_path / "word"), "home")
    with pytest.raises(StoreError, match=r"PostgreSQL database floor_\d+ at 127.*password") as told:
        connect()
    assert "a-wrong-word" not in str(told.value)
    assert "\n" not in str(told.value)
    # the file may be replaced while the floor runs
    (tmp_path / "word").write_text(f"{WORD}\n")
    connect().close()


def test_a_password_file_that_is_not_there_is_named(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none: cannot be read \(No such file.*whose only"):
        shared(url, str(tmp_path / "none"), "home")()


def test_without_a_password_file_libpqs_own_is_read(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"*:*:*:*:{WORD}\n")
    passfile.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    shared(url, "", "home")().close()


@pytest.mark.parametrize(
    ("url", "sslmode"),
    [
        ("postgresql://floor@127.0.0.1/t", None),
        ("postgresql://floor@localhost/t", None),
        ("postgresql:///t?host=/run/postgresql", None),
        ("postgresql://floor@db.example/t", "verify-full"),
        ("postgresql://floor@localhost,db.example/t", "verify-full"),
        ("postgresql://floor@db.example/t?sslmode=require", "require"),
    ],
)
def test_a_server_elsewhere_must_show_who_it_is(url: str, sslmode: str | None) -> None:
    assert module.Address(url, None)._parameters.get("sslmode") == sslmode


@pytest.mark.parametrize("url", ["postgresql://[::1/t", "postgresql://db/t?colour=red"])
def test_a_url_that_is_none_is_told_at_once(url: str) -> None:
    with pytest.raises(StoreError, match=r"`database` is not a URL of PostgreSQL .*write it like"):
        shared(url, "", "home")


def test_without_the_package_the_remedy_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "turnlight_floor.postgres")
    with pytest.raises(StoreError, match=r"pip install turnlight\[postgres\]"):
        shared(url, "", "home")


# ---- the floor at work


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path) as running:
        yield running


@pytest.fixture
def config(broker: Broker, url: str, tmp_path: Path) -> Path:
    file = tmp_path / "floor.toml"
    (tmp_path / "word").write_text(WORD)
    file.write_text(
        f'database = "{url}"\ndatabase_password_file = "word"\npublish_every_s = 0.2\n'
        f'time_zone = "{zone_near_noon()}"\n'
        f"[broker]\nport = {broker.port}\n"
    )
    return file


def zone_near_noon() -> str:
    """Where windows sent now are of today, and so are those of an hour ago."""
    east_h = 12 - time.gmtime().tm_hour
    return f"Etc/GMT{-east_h:+d}"


def exported(config: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    arguments = ["floor", "export", "--config", str(config), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["turnlight", *arguments])
    assert main() == 0
    return list(csv.DictReader(out.read_text().splitlines()))


def test_the_file_of_a_floor_becomes_the_shared_history_and_export_reads_it(
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start_s = int(time.time()) // 60 * 60 - 3600
    local = Store(tmp_path / "floor.sqlite", "home")
    local.keep([(start_s + 60 * n, "service", (figures(), "")) for n in range(5)], 0)
    local.close()
    with child("service", config) as running:
        await_line(running, "connected")
        code, out, err = end(running)
    assert code == 0, err
    rows = exported(config, tmp_path / "history.csv", monkeypatch)
    kept = [row for row in rows if row["team"] == "service"]
    assert [int(row["start_s"]) for row in kept[:5]] == [start_s + 60 * n for n in range(5)]
    assert kept[0]["talk_share"] == "0.42"
    assert WORD not in out + err


def test_no_pid_reaches_the_shared_database(
    broker: Broker, config: Path, postgres: PostgresServer, url: str, tmp_path: Path
) -> None:
    start_s = int(time.time()) // 60 * 60 - 720
    with (
        Subscriber(broker) as heard,
        Publisher(broker.host, broker.port) as desks,
        child("service", config) as running,
    ):
        await_line(running, "connected")
        for desk in range(6):
            for seq in range(6):
                desks.send(SERVICE, window(desk, seq, start_s + 10 * seq))
        heard.wait(lambda: today(heard) == 6)
        code, _, err = end(running)
    assert code == 0, err
    assert pid(1).encode() in (tmp_path / "floor.sqlite").read_bytes()
    columns = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'turnlight'"
    assert {name for (name,) in postgres.execute(url, columns)} == {
        "site",
        "team",
        "start_s",
        "figures",
        "withheld",
        "number",
    }
    everything = repr(postgres.execute(url, "SELECT minute::text FROM turnlight.minute"))
    assert not [desk for desk in range(6) if pid(desk) in everything]


def today(heard: Subscriber) -> int:
    cells = heard.on("/floor/service")
    found = decode(cells[-1].payload, Aggregate).today if cells else None
    return found.desks if found else 0


@pytest.mark.parametrize("manner", ["stops", "hangs"])
def test_while_the_database_is_away_the_floor_goes_on_and_writes_later(
    manner: str,
    broker: Broker,
    config: Path,
    postgres: PostgresServer,
    url: str,
    tmp_path: Path,
) -> None:
    opened(postgres, url).close()
    start_s = int(time.time()) // 60 * 60 - 60
    local = Store(tmp_path / "floor.sqlite", "home")
    local.keep([(start_s - 3600, "service", (figures(), ""))], 0)
    local.close()
    (postgres.stop if manner == "stops" else postgres.freeze)()
    try:
        with (
            Subscriber(broker) as heard,
            Publisher(broker.host, broker.port) as desks,
            child("service", config) as running,
        ):
            # in the order in which they come: the two are told by different threads
            told = await_line(running, "connected", "minutes wait in")
            assert "PostgreSQL database" in told
            assert WORD not in told
            for desk in range(6):
                desks.send(SERVICE, window(desk, 0, start_s))
            heard.wait(lambda: today(heard) == 6)
            begun_s = time.monotonic()
            code, out, err = end(running)
            assert time.monotonic() - begun_s < 15
        assert code == 0, err
        assert json.loads(out)["accepted"] == 6
        waiting = Store(tmp_path / "floor.sqlite", "home")
        assert waiting.oldest_minute(0) == start_s - 3600
        waiting.close()
    finally:
        (postgres.start if manner == "stops" else postgres.thaw)()
    with child("service", config) as running:
        await_line(running, "connected")
        code, _, err = end(running)
    assert code == 0, err
    there = opened(postgres, url)
    assert there.oldest_minute(0) == start_s - 3600
    there.close()


def test_a_connection_that_breaks_is_made_anew(postgres: PostgresServer, url: str) -> None:
    one = opened(postgres, url)
    postgres.execute(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'turnlight-floor' AND datname = current_database()",
    )
    with pytest.raises(StoreError, match="cannot be used"):
        one.keep([MINUTE], 0)
    one.close()
    again = opened(postgres, url)
    again.keep([MINUTE], 0)
    assert all_of(again) == [MINUTE]
    again.close()
