"""Dead, doubled and swapped channels of a running desk."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

import sounds
import turnlight
from frames import rows
from sounds import Pcm
from turnlight.audio import Source
from turnlight.channel_watch import DEAD, DEAD_AFTER_MS, SAME, SWAPPED, ChannelWatch
from turnlight.config import AudioSettings, Config, DeskSettings, UplinkSettings
from turnlight.dsp import DB_NONE, Core, Frames
from turnlight.lamps import GuardedLamp, RecordingLamp
from turnlight.live import Desk
from turnlight.messages import Quality, Window
from turnlight.recording import open_recording
from turnlight.rights import Rights

CALLS = Path(turnlight.__file__).with_name("calls")
NO_SOUND = np.empty((0, 2), np.int16)


def a_call(name: str = "interrupting") -> Pcm:
    return np.concatenate(list(open_recording(CALLS / f"{name}.opus").blocks()))


def watched(pcm: Pcm, rate_hz: int = 16_000, trusted: bool = False) -> list[tuple[float, str]]:
    """What was wrong from when on, in seconds."""
    watch, core, found = ChannelWatch(rate_hz, trusted), Core(rate_hz), [(0.0, "")]
    for start in range(0, len(pcm), rate_hz // 25):
        block = pcm[start : start + rate_hz // 25]
        watch.hear(block, core.process(block))
        if watch.fault != found[-1][1]:
            found.append((start / rate_hz, watch.fault))
    return found[1:]


@pytest.mark.parametrize("name", ["interrupting", "bad-line", "hold", "backchannels"])
def test_of_a_good_desk_nothing_is_said(name: str) -> None:
    assert watched(a_call(name)) == []


@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_a_doubled_channel_is_told_within_ten_seconds_and_taken_back(gain: float) -> None:
    call = a_call()
    mono = np.stack([call[:, 0], np.round(gain * call[:, 0])], 1).astype(np.int16)
    (told_s, told), (back_s, nothing) = watched(np.concatenate([mono[: 16_000 * 30], call]))
    assert (told, nothing) == (SAME, "")
    assert told_s <= 10
    assert 30 < back_s <= 50


def test_swapped_channels_are_told_and_taken_back() -> None:
    call = a_call()
    pieces = [call[:, ::-1], call[:, ::-1], call, call]
    (told_s, told), (back_s, nothing) = watched(np.concatenate(pieces))
    assert (told, nothing) == (SWAPPED, "")
    assert told_s < len(call) / 16_000
    assert 2 * len(call) / 16_000 < back_s


def test_swapped_channels_are_told_at_48_khz() -> None:
    call = np.concatenate([a_call()] * 2)[:, ::-1]
    assert [told for _, told in watched(sounds.at_48_khz(call), 48_000)] == [SWAPPED]


def test_who_trusts_the_channels_is_not_told_that_they_are_swapped() -> None:
    assert watched(np.concatenate([a_call()] * 2)[:, ::-1], trusted=True) == []


def alone(party: int, seconds: float) -> Frames:
    """One party talks, and of the other there is digital silence."""
    made = rows(*([(0, seconds)] if party == side else [] for side in (0, 1)))
    made["customer_level_db_q8" if party == 0 else "agent_level_db_q8"] = DB_NONE
    return made


@pytest.mark.parametrize("silent", [0, 1])
def test_a_channel_without_any_sound_is_dead_once_the_other_has_talked_for_long(
    silent: int,
) -> None:
    watch = ChannelWatch(16_000, trusted=False)
    made = alone(1 - silent, DEAD_AFTER_MS / 1000)
    watch.hear(NO_SOUND, made[:-1])
    assert watch.fault == ""
    watch.hear(NO_SOUND, made[-1:])
    assert watch.fault == DEAD[silent]
    # any sound from it, be it a breath, is a sign of life
    breath = alone(1 - silent, 0.01)
    breath[("agent", "customer")[silent] + "_level_db_q8"] = -60 * 256
    watch.hear(NO_SOUND, breath)
    assert watch.fault == ""


def test_an_idle_desk_in_a_loud_room_has_no_dead_channel() -> None:
    watch = ChannelWatch(16_000, trusted=False)
    made = rows([], [], length_s=3 * DEAD_AFTER_MS / 1000)
    made["agent_level_db_q8"], made["customer_level_db_q8"] = -35 * 256, DB_NONE
    watch.hear(NO_SOUND, made)
    assert watch.fault == ""


class Call:
    """A source that plays a call without waiting; then the desk is stopped."""

    rate_hz = 16_000
    overruns = 0

    def __init__(self, pcm: Pcm) -> None:
        self._pieces = np.array_split(pcm, len(pcm) // 640)
        self._blocks = len(self._pieces)

    def read(self) -> Pcm:
        return self._pieces.pop(0) if self._pieces else NO_SOUND

    def close(self) -> None:
        """Nothing to give back."""


def desk_hears(folder: Path, source: Source, **audio: bool) -> tuple[list[str], list[Window]]:
    """What the lamp was told, and the windows that wait for the broker."""
    config = Config(
        desk=DeskSettings(state_dir=str(folder)),
        audio=AudioSettings(**audio),  # type: ignore[arg-type]
        uplink=UplinkSettings(host="127.0.0.1", port=9),  # nobody there
    )
    shown: list[str] = []
    lamp = GuardedLamp(RecordingLamp())
    lamp.show = lambda cue: shown.append(cue.reason or cue.cue)  # type: ignore[method-assign]
    desk = Desk(config, lamp, Rights(), threading.Event())
    desk.run(source)
    desk.close()
    with closing(sqlite3.connect(folder / "outbox.sqlite")) as outbox:
        payloads = outbox.execute("SELECT payload FROM waiting ORDER BY id").fetchall()
    return shown, [msgspec.json.decode(payload, type=Window) for (payload,) in payloads]


def test_the_lamp_of_a_desk_with_swapped_channels_shows_the_fault_and_its_windows_do_not_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    swapped = np.concatenate([a_call()] * 3)[:, ::-1]
    shown, windows = desk_hears(tmp_path, Call(swapped))
    assert shown[-1] == SWAPPED
    assert shown.count(SWAPPED) == 1
    assert windows[-1].quality & Quality.CHANNELS_DOUBTFUL
    assert sum(window.strain_bins != (0,) * 5 for window in windows[-3:]) == 0
    assert [r.getMessage() for r in caplog.records].count(SWAPPED) == 1


def test_the_same_desk_works_for_who_trusts_the_channels(tmp_path: Path) -> None:
    swapped = np.concatenate([a_call()] * 3)[:, ::-1]
    shown, windows = desk_hears(tmp_path, Call(swapped), trust_channels=True)
    assert SWAPPED not in shown
    assert all(window.quality == 0 for window in windows)


def test_lost_sound_marks_the_windows_that_lack_it(tmp_path: Path) -> None:
    class Losing(Call):
        """Loses three blocks in each second from 10 s on, for 10 s."""

        @property
        def overruns(self) -> int:  # type: ignore[override]
            heard = self._blocks - len(self._pieces)
            return min(max(0, heard - 250), 250) * 3 // 25

    call = np.concatenate([a_call()] * 2)
    _, fine = desk_hears(tmp_path / "fine", Call(call))
    assert all(window.quality == 0 for window in fine)
    _, windows = desk_hears(tmp_path / "losing", Losing(call))
    marked = {window.start_s for window in windows if window.quality & Quality.OVERRUN}
    assert 0 < len(marked) <= 3
    assert len(marked) < len(windows)
