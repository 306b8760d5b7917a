from __future__ import annotations

import logging
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from turnlight.outbox import Outbox, OutboxError

DAY_S = 86_400.0
NOW_S = 1_764_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outbox.db"


@contextmanager
def opened(path: Path, keep_days: int = 7, max_rows: int = 1000) -> Iterator[Outbox]:
    outbox = Outbox(path, keep_days, max_rows)
    try:
        yield outbox
    finally:
        outbox.close()


def payloads(outbox: Outbox, now_s: float = NOW_S) -> list[bytes]:
    return [row.payload for row in outbox.pending(now_s, 10_000)]


def test_messages_wait_in_order_until_they_are_deleted(path: Path) -> None:
    with opened(path) as outbox:
        for number in range(3):
            outbox.put(f"topic/{number}", b"%d" % number, NOW_S)
        first, second = outbox.pending(NOW_S, 2)
        assert (first.topic, first.payload, first.put_ms) == ("topic/0", b"0", 1_764_000_000_000)
        outbox.delete(second.id)
        assert payloads(outbox) == [b"0", b"2"]
        assert outbox.depth == 2
        assert outbox.dropped == 0


def test_deleting_twice_deletes_once(path: Path) -> None:
    with opened(path) as outbox:
        outbox.put("t", b"a", NOW_S)
        outbox.put("t", b"b", NOW_S)
        row = outbox.pending(NOW_S, 1)[0]
        outbox.delete(row.id)
        outbox.delete(row.id)
        assert outbox.depth == 1


def test_a_message_waits_for_its_moment(path: Path) -> None:
    with opened(path) as outbox:
        outbox.put("t", b"late", NOW_S, due_s=NOW_S + 1.5)
        outbox.put("t", b"now", NOW_S)
        assert payloads(outbox, NOW_S) == [b"now"]
        assert payloads(outbox, NOW_S + 1.499) == [b"now"]
        assert payloads(outbox, NOW_S + 1.5) == [b"late", b"now"]


def test_a_clock_that_is_set_back_holds_nothing_up(path: Path) -> None:
    with opened(path) as outbox:
        outbox.put("t", b"a", NOW_S, due_s=NOW_S + 2)
        assert payloads(outbox, NOW_S - 30 * DAY_S) == [b"a"]


def test_what_waits_survives_a_restart(path: Path) -> None:
    with opened(path) as outbox:
        outbox.put("t", b"a", NOW_S)
    with opened(path) as outbox:
        assert outbox.depth == 1
        assert payloads(outbox) == [b"a"]


def test_what_is_too_old_is_dropped_and_counted(path: Path) -> None:
    with opened(path, keep_days=2) as outbox:
        outbox.put("t", b"old", NOW_S)
        outbox.put("t", b"new", NOW_S + DAY_S)
        assert payloads(outbox, NOW_S + 2 * DAY_S) == [b"old", b"new"]
        assert payloads(outbox, NOW_S + 2 * DAY_S + 1) == [b"new"]
        assert (outbox.depth, outbox.dropped) == (1, 1)


def test_beyond_the_size_the_oldest_are_dropped_and_counted(path: Path) -> None:
    with opened(path, max_rows=3) as outbox:
        for number in range(5):
            outbox.put("t", b"%d" % number, NOW_S)
        assert payloads(outbox) == [b"2", b"3", b"4"]
        assert (outbox.depth, outbox.dropped) == (3, 2)


def test_an_id_is_never_given_again(path: Path) -> None:
    with opened(path) as outbox:
        outbox.put("t", b"a", NOW_S)
        old = outbox.pending(NOW_S, 1)[0].id
        outbox.delete(old)
        outbox.put("t", b"b", NOW_S)
        outbox.delete(old)
        assert payloads(outbox) == [b"b"]


def test_only_the_owner_can_read_the_file(path: Path) -> None:
    with opened(path) as outbox:
        outbox.put("t", b"a", NOW_S)
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_threads_may_put_send_and_sync_at_once(path: Path) -> None:
    with opened(path, max_rows=10_000) as outbox:
        putters = [
            threading.Thread(
                target=lambda n=n: [outbox.put("t", b"%d" % n, NOW_S) for _ in range(200)]
            )
            for n in range(3)
        ]
        for thread in putters:
            thread.start()
        sent: set[int] = set()
        while len(sent) < 600:
            for row in outbox.pending(NOW_S, 16):
                assert row.id not in sent
                sent.add(row.id)
                outbox.delete(row.id)
            outbox.sync()
        for thread in putters:
            thread.join()
        assert (outbox.depth, outbox.dropped) == (0, 0)


CHILD = """
import sys
from pathlib import Path
from turnlight.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]), 7)
number = 0
while True:
    outbox.put("t", b"%d" % number, 1.764e9)
    print(number, flush=True)
    number += 1
    if number % 50 == 0:
        outbox.sync()
"""


@pytest.mark.parametrize("acknowledged", [1, 49, 333])
def test_every_acknowledged_put_survives_kill_9(path: Path, acknowledged: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for _ in range(acknowledged):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        last = [line for line in child.stdout.read().split("\n")[:-1] if line]
    promised = int(last[-1]) + 1 if last else acknowledged
    with opened(path, max_rows=100_000) as outbox:
        found = payloads(outbox)
        assert found[:promised] == [b"%d" % number for number in range(promised)]
        assert len(found) - promised <= 1
        outbox.put("t", b"after", NOW_S)
        assert payloads(outbox)[-1] == b"after"


def fill(path: Path) -> None:
    with opened(path, max_rows=5000) as outbox:
        for number in range(300):
            outbox.put("t", b"%d " % number * 200, NOW_S)


def damaged_rubbish(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is not a database at all " * 100)


def damaged_middle(path: Path) -> None:
    fill(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 40_960)


def damaged_truncated(path: Path) -> None:
    fill(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 + 100)


def damaged_newer(path: Path) -> None:
    fill(path)
    with path.open("r+b") as file:
        file.seek(60)  # user_version, big-endian
        file.write((99).to_bytes(4, "big"))


@pytest.mark.parametrize(
    "damage", [damaged_rubbish, damaged_middle, damaged_truncated, damaged_newer]
)
def test_a_damaged_file_is_set_aside_with_a_log_line(
    path: Path, damage: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(damage)
    damage(path)
    with opened(path) as outbox:
        assert outbox.depth == 0
        outbox.put("t", b"a", NOW_S)
        assert payloads(outbox) == [b"a"]
    assert "kept as outbox.db.damaged, starting empty" in caplog.text
    assert (path.parent / "outbox.db.damaged").stat().st_size > 0


def test_an_empty_file_is_a_new_outbox(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.touch()
    with opened(path) as outbox:
        outbox.put("t", b"a", NOW_S)
        assert payloads(outbox) == [b"a"]
    assert not caplog.records


def test_a_file_damaged_while_it_is_open_costs_what_waited_and_nothing_later(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(path, max_rows=5000) as outbox:
        for _ in range(1500):  # more than SQLite keeps in memory
            outbox.put("t", b"x" * 4000, NOW_S)
        outbox.sync()
        with path.open("r+b") as file:
            file.seek(4096 * 3)
            file.write(b"\xa5" * 4096 * 600)
        assert payloads(outbox) == []
        outbox.put("t", b"a", NOW_S)
        assert payloads(outbox) == [b"a"]
        assert (outbox.depth, outbox.dropped) == (1, 1500)
    assert caplog.text.count("starting empty") == 1


def test_a_full_disk_costs_windows_is_counted_and_logged_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with opened(path, max_rows=5000) as outbox:
        outbox.put("t", b"before", NOW_S)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
        try:
            for _ in range(40):
                outbox.put("t", b"x" * 4000, NOW_S)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        lost = outbox.dropped
        assert 0 < lost < 40
        outbox.put("t", b"after", NOW_S)
        found = payloads(outbox)
        assert (found[0], found[-1]) == (b"before", b"after")
        assert len(found) == outbox.depth == 42 - lost
    assert len([r for r in caplog.records if r.levelno >= logging.ERROR]) == 1
    assert "windows are lost until this is mended" in caplog.text


def test_a_state_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutboxError, match=r"outbox cannot be made .* set desk.state_dir to"):
        Outbox(tmp_path / "file" / "outbox.db", 7)


def test_after_closing_nothing_happens_and_nothing_breaks(path: Path) -> None:
    outbox = Outbox(path, 7)
    outbox.put("t", b"a", NOW_S)
    outbox.close()
    assert outbox.pending(NOW_S, 1) == []
    outbox.delete(1)
    outbox.sync()
    with opened(path) as again:
        assert payloads(again) == [b"a"]
