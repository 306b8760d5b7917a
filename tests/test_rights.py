"""The agent's rights over the own desk, and the doorway through which they are asked for."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import turnlight
from desk import until
from other_users import needs_other_users
from sounds import Pcm
from turnlight.config import (
    Config,
    DeskSettings,
    LampSettings,
    StrainSettings,
    UplinkSettings,
)
from turnlight.doorway import LINE_MOST, DoorError, Doorway, ask
from turnlight.lamps import GuardedLamp, RecordingLamp
from turnlight.live import Desk
from turnlight.recording import open_recording
from turnlight.rights import Refused, Rights, against_coaching


def test_a_desk_of_which_nothing_was_asked_shines_and_measures() -> None:
    rights = Rights()
    assert (rights.brightness, rights.muted(0), rights.paused(0)) == (1.0, False, False)
    assert rights.ask("show", 0) == "The lamp shines as it is set."


def test_the_lamp_is_dimmed() -> None:
    rights = Rights()
    assert rights.ask("dim 30", 0) == "The lamp shines at 30 %."
    assert rights.brightness == 0.3
    assert rights.ask("dim 100", 0) == "The lamp shines as it is set."


def test_muted_until_unmuted() -> None:
    rights = Rights()
    assert rights.ask("mute", 0) == "Muted: the lamp is dark."
    assert rights.muted(1e12)
    assert not rights.paused(0)
    rights.ask("unmute", 1)
    assert not rights.muted(1)


def test_paused_for_ten_minutes() -> None:
    rights = Rights()
    told = rights.ask("pause 10", 5_000)
    assert told == "Paused for 10 more minutes: nothing is measured, and the lamp is dark."
    assert rights.paused(604_999)
    assert rights.ask("show", 600_000).startswith("Paused for 1 more minute:")
    assert not rights.paused(605_000)


def test_resumed_before_the_time_is_over() -> None:
    rights = Rights()
    rights.ask("pause 10", 0)
    rights.ask("resume", 1)
    assert not rights.paused(1)


def test_coaching_is_off_until_the_agent_asks_for_it() -> None:
    rights = Rights()
    assert not rights.coached
    told = rights.ask("coach on", 0)
    assert told.endswith(
        "It also tells when your own voice is strained; nobody else learns of that."
    )
    assert rights.coached
    assert rights.ask("coach off", 0) == "The lamp shines as it is set."
    assert not rights.coached


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"lamp": LampSettings(kind="mqtt")}, "others could read this desk's lamp"),
        ({"lamp": LampSettings(kind="lines")}, "others could read this desk's lamp"),
        ({"strain": StrainSettings(coaching=False)}, "this site does not coach: strain.coaching"),
    ],
    ids=["a light on the network", "lines of text", "not at this site"],
)
def test_where_others_could_learn_of_it_or_the_site_says_no_nobody_is_coached(
    settings: dict[str, Any], why: str
) -> None:
    rights = Rights(against_coaching(Config(**settings)))
    with pytest.raises(Refused, match=why):
        rights.ask("coach on", 0)
    assert not rights.coached


def test_a_desk_with_a_lamp_of_its_own_may_coach() -> None:
    assert against_coaching(Config(lamp=LampSettings(kind="usb"))) == ""


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("", "is none of: dim PERCENT"),
        ("sing", "is none of: dim PERCENT"),
        ("dim", "is none of: dim PERCENT"),
        ("coach", "is none of: dim PERCENT"),
        ("pause 1 2", "is none of: dim PERCENT"),
        ("dim 101", "`101` is not a brightness in per cent from 0 to 100"),
        ("dim nan", "`nan` is not a brightness in per cent"),
        ("mute -1", "`-1` is not a time in minutes from 0.1 to 1440"),
        ("pause later", "`later` is not a time in minutes"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(words: str, remedy: str) -> None:
    rights = Rights()
    with pytest.raises(Refused, match=remedy):
        rights.ask(words, 0)
    assert rights.ask("show", 0) == "The lamp shines as it is set."


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "desk.sock"


@pytest.fixture(name="heard")
def _heard(path: Path) -> Iterator[list[str]]:
    heard: list[str] = []

    def answer(line: str) -> str:
        heard.append(line)
        return f"you said {line}"

    doorway = Doorway(path, answer)
    yield heard
    doorway.close()


def test_a_line_in_and_a_line_out(path: Path, heard: list[str]) -> None:
    assert [ask(path, f"wish {i}") for i in range(3)] == [f"you said wish {i}" for i in range(3)]
    assert heard == ["wish 0", "wish 1", "wish 2"]


def test_only_the_user_and_the_group_may_ask(path: Path, heard: list[str]) -> None:
    assert heard == []
    assert path.stat().st_mode & 0o777 == 0o660


def test_a_visitor_who_goes_or_shouts_stops_nobody(path: Path, heard: list[str]) -> None:
    for shout in (b"", b"x" * 10 * LINE_MOST, b"\xff\n"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
            visitor.connect(str(path))
            visitor.sendall(shout)
    assert ask(path, "wish") == "you said wish"
    assert all(len(line) <= 2 * LINE_MOST for line in heard)


def test_what_is_private_is_told_to_the_user_who_runs_the_desk(path: Path) -> None:
    doorway = Doorway(path, str.upper, private={"now"})
    assert ask(path, "now") == "NOW"
    doorway.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
@needs_other_users
def test_what_is_private_is_told_to_nobody_else_who_may_open_the_door() -> None:
    # short and open to everybody on the way: what is asked here is not the file's rights
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "desk.sock"
        doorway = Doorway(path, str.upper, private={"now"})
        Path(folder).chmod(0o755)
        path.chmod(0o666)
        told = []
        for wish in ("now", "show"):
            program = (
                "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX);"
                "s.connect(sys.argv[1]); s.sendall(sys.argv[2].encode() + b'\\n');"
                "print(s.recv(1000).decode())"
            )
            asked = [sys.executable, "-c", program, str(path), wish]
            told.append(subprocess.run(asked, capture_output=True, text=True).stdout.strip())
        doorway.close()
    assert told == ["! only the user who runs this desk may ask for `now`", "SHOW"]


def test_a_long_answer_comes_whole(path: Path) -> None:
    doorway = Doorway(path, lambda line: line * 5_000)
    assert ask(path, "now") == "now" * 5_000
    doorway.close()


def test_what_a_dead_process_left_is_taken_over(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    doorway = Doorway(path, str.upper)
    assert ask(path, "wish") == "WISH"
    doorway.close()
    assert not path.exists()


@pytest.mark.usefixtures("heard")
def test_a_second_desk_is_told_that_one_listens(path: Path) -> None:
    with pytest.raises(DoorError, match="another desk listens there; stop it, or set"):
        Doorway(path, str)
    assert ask(path, "still") == "you said still"


def test_without_a_desk_the_remedy_is_told(path: Path) -> None:
    with pytest.raises(DoorError, match="no desk listens there; start it with `turnlight run`"):
        ask(path, "show")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DoorError, match=r"desk\.sock: cannot listen there .*; set desk.socket"):
        Doorway(tmp_path / "file" / "desk.sock", str)


class Call:
    """A source that plays a call, or silence, without waiting; then the desk is stopped."""

    rate_hz = 16_000
    overruns = 0

    def __init__(self, pcm: Pcm, stopping: threading.Event) -> None:
        self._pieces = np.array_split(pcm, 200)
        self._stopping = stopping

    def read(self) -> Pcm:
        if not self._pieces:
            self._stopping.set()
            return np.zeros((160, 2), np.int16)
        return self._pieces.pop(0)

    def close(self) -> None:
        """Nothing to give back."""


MINUTE_S = 1_764_000_000.0
"""Some full minute."""


def seen_from_outside(
    folder: Path, pcm: Pcm, wishes: list[str], caplog: pytest.LogCaptureFixture
) -> dict[str, object]:
    """All that a desk leaves behind it: messages, files, lines of its log.

    It starts on a full minute, since windows end where the wall clock says.
    """
    config = Config(
        desk=DeskSettings(state_dir=str(folder)),
        uplink=UplinkSettings(host="127.0.0.1", port=9),  # nobody there: windows stay in the outbox
    )
    caplog.clear()
    rights, stopping, lamp = Rights(), threading.Event(), RecordingLamp()
    for wish in wishes:
        rights.ask(wish, time.monotonic() * 1000)
    wall_s, late_s = time.time, time.time() - MINUTE_S
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: wall_s() - late_s)
        desk = Desk(config, GuardedLamp(lamp, rights=rights), rights, stopping)
        desk.run(Call(pcm, stopping))
        desk.close()
    with closing(sqlite3.connect(folder / "outbox.sqlite")) as outbox:
        made = "SELECT name FROM sqlite_master WHERE type = 'table'"
        tables = [name for (name,) in outbox.execute(made)]
        rows = {name: outbox.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables}
    return {
        "rows": rows,
        "files": sorted(path.name for path in folder.iterdir()),
        "log": [record.getMessage() for record in caplog.records],
    }


def recorded_call() -> Pcm:
    path = Path(turnlight.__file__).with_name("calls") / "short.opus"
    return np.concatenate(list(open_recording(path).blocks()))


def test_a_paused_desk_and_an_idle_desk_look_the_same_from_outside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One hears a call and is paused, one hears silence; a third shows what a call leaves."""
    call = recorded_call()
    paused, idle, talking = (
        seen_from_outside(tmp_path / name, pcm, wishes, caplog)
        for name, pcm, wishes in (
            ("paused", call, ["dim 30", "mute", "pause"]),
            ("idle", np.zeros_like(call), []),
            ("talking", call, []),
        )
    )
    assert paused == idle
    assert talking["rows"] != idle["rows"]


def test_a_coached_desk_looks_from_outside_like_any_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    call = recorded_call()
    coached, plain = (
        seen_from_outside(tmp_path / name, call, wishes, caplog)
        for name, wishes in (("coached", ["coach on"]), ("plain", []))
    )
    assert coached == plain
    assert plain["rows"]["waiting"] != (0,)


def test_the_running_desk_hears_the_commands_and_takes_its_socket_away(tmp_path: Path) -> None:
    call = Path(turnlight.__file__).with_name("calls") / "short.opus"
    config = tmp_path / "desk.toml"
    config.write_text(
        f'[desk]\nstate_dir = "{tmp_path}"\n[audio]\nsource = "file"\nfile = "{call}"\n'
        '[lamp]\nkind = "lines"\n'
    )
    program = [sys.executable, "-m", "turnlight"]
    door = tmp_path / "desk.sock"

    def say(*words: str) -> tuple[int, str]:
        asked = [*program, *words, "--config", str(config)]
        result = subprocess.run(asked, capture_output=True, text=True, timeout=30)
        return result.returncode, (result.stdout or result.stderr).strip()

    run = [*program, "run", "--config", str(config)]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as desk:
        until(door.exists)
        assert say("dim", "30") == (0, "The lamp shines at 30 %.")
        until(lambda: say("now", "--json")[1] != "{}")
        now = json.loads(say("now", "--json")[1])
        assert list(now) == ["last_60_s", "last_5_min", "call"]
        assert now["call"]["agent_talk_pct"] is not None
        assert "backchannels" in say("now")[1].splitlines()[0]
        assert say("pause")[1].startswith("Paused: nothing is measured")
        assert say("now") == (0, "No call is on.")
        assert say("resume") == (0, "The lamp shines at 30 %.")
        code, sentence = say("mute", "5000")
        assert (code, sentence[:40]) == (2, "turnlight: `5000` is not a time in minut")
        desk.terminate()
    assert not door.exists()
    code, sentence = say("unmute")
    assert code == 1
    assert "no desk listens there" in sentence
