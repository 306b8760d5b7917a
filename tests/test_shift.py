from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from turnlight.messages import Sides, Window
from turnlight.shift import Shift, ShiftError, shift_name

HOURS = (6, 14, 22)
FIELDS = {"start_s": 1_764_000_000, "agent_ms": 400, "interruptions": Sides(agent=1)}


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


MORNING = at("2025-11-24T09:00:00")


@contextmanager
def opened(state_dir: Path) -> Iterator[Shift]:
    shift = Shift(state_dir, HOURS, UTC)
    try:
        yield shift
    finally:
        shift.close()


@pytest.mark.parametrize(
    ("local", "name"),
    [
        ("2025-11-24T06:00:00", "2025-11-24T06"),
        ("2025-11-24T13:59:59", "2025-11-24T06"),
        ("2025-11-24T14:00:00", "2025-11-24T14"),
        ("2025-11-24T22:00:00", "2025-11-24T22"),
        ("2025-11-25T05:59:59", "2025-11-24T22"),
        ("2025-12-01T00:00:00", "2025-11-30T22"),
    ],
)
def test_a_shift_lasts_from_its_hour_to_the_next(local: str, name: str) -> None:
    assert shift_name(datetime.fromisoformat(local), HOURS) == name
    assert shift_name(datetime.fromisoformat(local), HOURS[::-1]) == name


def test_with_one_hour_a_shift_lasts_a_day() -> None:
    assert shift_name(datetime(2025, 11, 24, 3), (4,)) == "2025-11-23T04"
    assert shift_name(datetime(2025, 11, 24, 5), (4,)) == "2025-11-24T04"


def test_the_hour_that_comes_twice_in_autumn_begins_one_shift(tmp_path: Path) -> None:
    shift = Shift(tmp_path, (2,), ZoneInfo("Europe/Amsterdam"))
    first = shift.stamp(FIELDS, at("2025-10-26T00:30:00"))  # 02:30 summer time
    second = shift.stamp(FIELDS, at("2025-10-26T01:30:00"))  # 02:30 winter time
    assert first.pid == second.pid
    shift.close()


def test_windows_of_a_shift_are_numbered_under_one_pid(tmp_path: Path) -> None:
    with opened(tmp_path) as shift:
        windows = [shift.stamp(FIELDS, MORNING + 10 * n) for n in range(200)]
    assert len({window.pid for window in windows}) == 1
    assert [window.seq for window in windows] == list(range(200))
    assert windows[0] == Window(
        pid=windows[0].pid,
        seq=0,
        start_s=1_764_000_000,
        agent_ms=400,
        interruptions=Sides(agent=1, customer=0),
    )


def test_a_new_shift_has_a_new_pid_and_numbers_from_zero(tmp_path: Path) -> None:
    with opened(tmp_path) as shift:
        before = shift.stamp(FIELDS, at("2025-11-24T13:59:59"))
        after = shift.stamp(FIELDS, at("2025-11-24T14:05:00"))
    assert before.pid != after.pid
    assert after.seq == 0


def sent(shift: Shift, *times: str) -> list[str]:
    return [time for time in times if shift.stamp(FIELDS, at(f"2025-11-24T{time}")) is not None]


def test_the_first_minutes_of_a_shift_are_left_out(tmp_path: Path) -> None:
    with opened(tmp_path) as shift:
        assert sent(shift, "13:59:50", "14:00:00", "14:02:00", "14:04:50") == ["13:59:50"]
        assert sent(shift, "14:05:10") == ["14:05:10"]


def test_a_call_that_goes_on_into_a_shift_is_left_out_to_its_end(tmp_path: Path) -> None:
    with opened(tmp_path) as shift:
        assert sent(shift, "13:59:50")
        assert not sent(shift, *(f"14:{s // 60:02}:{s % 60:02}" for s in range(0, 900, 10)))
        assert sent(shift, "14:15:30", "14:15:40") == ["14:15:30", "14:15:40"]


def test_a_desk_that_never_pauses_is_back_after_half_an_hour(tmp_path: Path) -> None:
    with opened(tmp_path) as shift:
        assert sent(shift, "13:59:50")
        every = [f"14:{s // 60:02}:{s % 60:02}" for s in range(0, 2400, 10)]
        assert sent(shift, *every)[0] == "14:30:00"


def test_after_a_restart_between_two_shifts_the_rule_is_the_same(tmp_path: Path) -> None:
    with opened(tmp_path) as shift:
        assert sent(shift, "13:59:50")
    with opened(tmp_path) as shift:
        assert sent(shift, "14:03:00", "14:05:30") == ["14:05:30"]


def test_a_desk_that_is_new_waits_for_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as shift:
        assert sent(shift, "14:00:00") == ["14:00:00"]


def test_the_same_shift_on_another_day_has_another_pid(tmp_path: Path) -> None:
    with opened(tmp_path) as shift:
        pids = {shift.stamp(FIELDS, MORNING + 86_400 * day).pid for day in range(10)}
    assert len(pids) == 10


def test_a_pid_comes_from_no_name_and_no_place(tmp_path: Path) -> None:
    """Two desks with the same everything still differ, so the pid is made from nothing."""
    pids = set()
    for name in "ab":
        with opened(tmp_path / name) as shift:
            pids.add(shift.stamp(FIELDS, MORNING).pid)
    assert len(pids) == 2


def test_a_restart_within_a_shift_goes_on_with_the_pid_and_skips_to_unused_numbers(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as shift:
        before = [shift.stamp(FIELDS, MORNING) for _ in range(3)]
    with opened(tmp_path) as shift:
        after = shift.stamp(FIELDS, MORNING + 60)
    assert after.pid == before[0].pid
    assert before[-1].seq < after.seq <= 64


def test_a_restart_in_the_next_shift_begins_a_new_pid(tmp_path: Path) -> None:
    with opened(tmp_path) as shift:
        before = shift.stamp(FIELDS, MORNING)
    with opened(tmp_path) as shift:
        after = shift.stamp(FIELDS, MORNING + 8 * 3600)
    assert after.pid != before.pid


CHILD = """
import os, signal, sys
from datetime import UTC
from pathlib import Path
from turnlight.shift import Shift
shift = Shift(Path(sys.argv[1]), (6, 14, 22), UTC)
for _ in range(int(sys.argv[2])):
    window = shift.stamp({"start_s": 1_764_000_000}, float(sys.argv[3]))
    print(window.pid, window.seq, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_no_number_is_used_twice_over_crashes(tmp_path: Path) -> None:
    seen: list[str] = []
    for count in (1, 64, 65, 130, 3):
        child = subprocess.run(
            [sys.executable, "-c", CHILD, str(tmp_path), str(count), str(MORNING)],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        lines = child.stdout.splitlines()
        assert len(lines) == count
        seen += lines
    assert len(set(seen)) == len(seen)
    assert len({line.split()[0] for line in seen}) == 1


@pytest.mark.parametrize("rubbish", [b"", b"{", b'{"shift":1}', b"\xff", b"[]"])
def test_a_damaged_file_begins_a_new_pid_with_a_log_line(
    tmp_path: Path, rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as shift:
        before = shift.stamp(FIELDS, MORNING)
    (tmp_path / "shift.json").write_bytes(rubbish)
    with opened(tmp_path) as shift:
        after = shift.stamp(FIELDS, MORNING)
    assert after.pid != before.pid
    assert "a new pid begins" in caplog.text


def test_when_nothing_can_be_kept_no_number_is_reused_after_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as shift:
        used = [shift.stamp(FIELDS, MORNING) for _ in range(64)]
        (tmp_path / "shift.new").mkdir()  # no file of that name can be written
        used += [shift.stamp(FIELDS, MORNING) for _ in range(70)]
    (tmp_path / "shift.new").rmdir()
    with opened(tmp_path) as shift:
        used += [shift.stamp(FIELDS, MORNING) for _ in range(70)]
    assert len({(window.pid, window.seq) for window in used}) == len(used)
    assert "each restart begins a new pid" in caplog.text


def test_two_processes_cannot_share_a_state_directory(tmp_path: Path) -> None:
    with (
        opened(tmp_path),
        pytest.raises(ShiftError, match=r"another running desk uses it; give each desk its own"),
    ):
        Shift(tmp_path, HOURS)


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ShiftError, match=r"cannot be written .* set desk.state_dir to"):
        Shift(tmp_path / "file" / "state", HOURS)


def test_a_field_that_the_wire_does_not_know_is_refused_and_uses_no_number(tmp_path: Path) -> None:
    with opened(tmp_path) as shift:
        with pytest.raises(msgspec.ValidationError, match="agent_strain"):
            shift.stamp({**FIELDS, "agent_strain": 70}, MORNING)
        assert shift.stamp(FIELDS, MORNING).seq == 0


def test_the_file_holds_pid_and_number_alone_and_is_the_owners(tmp_path: Path) -> None:
    with opened(tmp_path) as shift:
        window = shift.stamp(FIELDS, MORNING)
    path = tmp_path / "shift.json"
    assert json.loads(path.read_text()) == {
        "shift": "2025-11-24T06",
        "pid": window.pid,
        "unused": 64,
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
