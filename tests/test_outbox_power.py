"""The power fails at any byte: what a disk may then hold, and what the outbox makes of it."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from turnlight.outbox import Outbox

NOW_S = 1_764_000_000.0
PAGE = 4096
SYNCED, LATER = 40, 25


def payload(number: int) -> bytes:
    return b"%d " % number + b"x" * 500


class Disk:
    """An outbox's files as they were at one moment."""

    def __init__(self, path: Path) -> None:
        self.db = path.read_bytes()
        self.wal = path.with_name(path.name + "-wal").read_bytes()


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> tuple[Disk, Disk]:
    """Before and after the second `sync`: forty windows were synced, twenty-five came later."""
    path = tmp_path_factory.mktemp("before") / "outbox.db"
    outbox = Outbox(path, 7)
    for number in range(SYNCED):
        outbox.put("t", payload(number), NOW_S)
    outbox.sync()
    for number in range(SYNCED, SYNCED + LATER):
        outbox.put("t", payload(number), NOW_S)
    before = Disk(path)
    outbox.sync()
    after = Disk(path)
    outbox.close()
    assert before.db != after.db
    return before, after


def found(folder: Path, db: bytes, wal: bytes) -> list[bytes]:
    """What an outbox finds on such a disk; it goes on working."""
    path = folder / "outbox.db"
    for file in folder.iterdir():
        file.unlink()
    path.write_bytes(db)
    path.with_name("outbox.db-wal").write_bytes(wal)
    outbox = Outbox(path, 7)
    rows = [row.payload for row in outbox.pending(NOW_S, 1000)]
    assert outbox.depth == len(rows)
    outbox.put("t", b"after", NOW_S)
    assert outbox.pending(NOW_S, 1000)[-1].payload == b"after"
    outbox.close()
    assert not (folder / "outbox.db.damaged").exists()
    return rows


def is_whole(rows: list[bytes]) -> bool:
    """The windows in order, none but the latest missing, and of the synced ones none."""
    return rows == [payload(n) for n in range(len(rows))] and len(rows) >= SYNCED


def cuts(length: int) -> list[int]:
    """Every byte around the edges of the last frames, and many between."""
    dice = random.Random(1)
    frames = range(length, 31, -(PAGE + 24))
    near = [frame + n for frame in frames[:8] for n in (-1, 0, 1, 24, 25)]
    inside = [dice.randrange(length) for _ in range(30)]
    return sorted({0, 1, 31, *(cut for cut in (*near, *inside) if 0 <= cut <= length)})


def test_a_log_that_ends_at_any_byte_costs_the_last_windows_and_no_other(
    moments: tuple[Disk, Disk], tmp_path: Path
) -> None:
    before, _ = moments
    counts = [
        len(rows)
        for cut in cuts(len(before.wal))
        if is_whole(rows := found(tmp_path, before.db, before.wal[:cut]))
    ]
    assert len(counts) == len(cuts(len(before.wal)))
    assert counts[-1] == SYNCED + LATER
    assert counts == sorted(counts)


def test_a_log_whose_end_was_never_written_but_has_its_length_is_the_same(
    moments: tuple[Disk, Disk], tmp_path: Path
) -> None:
    before, _ = moments
    dice = random.Random(2)
    for cut in cuts(len(before.wal))[::3]:
        rest = len(before.wal) - cut
        for filler in (bytes(rest), dice.randbytes(rest)):
            assert is_whole(found(tmp_path, before.db, before.wal[:cut] + filler)), cut


def test_a_sync_that_was_cut_in_the_middle_of_a_page_costs_nothing(
    moments: tuple[Disk, Disk], tmp_path: Path
) -> None:
    before, after = moments
    dice = random.Random(3)
    for _ in range(60):
        torn = bytearray(before.db.ljust(len(after.db), b"\0"))
        for at in range(0, len(torn), PAGE):
            if dice.random() < 0.5:
                torn[at : at + PAGE] = after.db[at : at + PAGE]
        at = dice.randrange(0, len(torn), PAGE)
        written = dice.randrange(PAGE)
        torn[at : at + written] = after.db[at : at + written]
        assert len(found(tmp_path, bytes(torn), before.wal)) == SYNCED + LATER


def test_the_disk_is_what_this_test_thinks_it_is(moments: tuple[Disk, Disk]) -> None:
    before, _ = moments
    assert before.wal[:4] in (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
    assert len(before.wal) > 10 * PAGE
    assert sqlite3.sqlite_version_info >= (3, 40)
