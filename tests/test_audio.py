"""Sources of sound: pace, ends and losses, without a sound card; test_live.py has the real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from turnlight.audio import BLOCK_MS, FileSource, choose_input, open_source
from turnlight.channels import Pcm
from turnlight.config import AudioSettings
from turnlight.recording import InputError, open_recording
from turnlight.ring import Ring


class Clock:
    """Time that passes only in `sleep`, and each sleep lasts a little longer than asked."""

    def __init__(self, late_s: float = 0.0) -> None:
        self.now_s = 1000.0
        self._late_s = late_s

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds + self._late_s


@pytest.fixture
def pcm() -> Pcm:
    return np.random.default_rng(1).integers(-9000, 9000, (80_000, 2)).astype(np.int16)


@pytest.fixture
def path(tmp_path: Path, pcm: Pcm) -> Path:
    path = tmp_path / "call.wav"
    soundfile.write(path, pcm, 16_000, subtype="PCM_16")
    return path


def source(path: Path, clock: Clock, pace: float = 1.0, loop: bool = False) -> FileSource:
    return FileSource(open_recording(path), pace=pace, loop=loop, clock=clock, sleep=clock.sleep)


def test_a_file_is_given_whole_and_then_ends(path: Path, pcm: Pcm) -> None:
    tap = source(path, Clock())
    blocks = []
    while len(block := tap.read()):
        assert len(block) <= 16 * BLOCK_MS
        blocks.append(block)
    assert np.array_equal(np.concatenate(blocks), pcm)
    assert len(tap.read()) == 0
    assert (tap.rate_hz, tap.overruns) == (16_000, 0)


@pytest.mark.parametrize("pace", [1.0, 4.0, 0.5])
def test_a_file_takes_its_time(path: Path, pace: float) -> None:
    clock = Clock()
    tap = source(path, clock, pace)
    while len(tap.read()):
        pass
    assert clock.now_s - 1000 == pytest.approx(5 / pace)


def test_no_block_is_given_before_it_was_spoken(path: Path) -> None:
    clock = Clock()
    tap = source(path, clock)
    given = 0
    while len(block := tap.read()):
        given += len(block)
        assert clock.now_s - 1000 >= given / 16_000 - 1e-9


def test_late_sleeps_do_not_add_up(path: Path) -> None:
    clock = Clock(late_s=0.003)
    tap = source(path, clock)
    while len(tap.read()):
        pass
    assert clock.now_s - 1000 == pytest.approx(5, abs=0.0031)


def test_a_reader_that_was_away_gets_what_is_due_at_once(path: Path) -> None:
    clock = Clock()
    tap = source(path, clock)
    tap.read()
    clock.now_s += 2
    at_s = clock.now_s
    for _ in range(40):
        tap.read()
    assert clock.now_s == at_s


def test_a_loop_begins_again_without_a_gap(path: Path, pcm: Pcm) -> None:
    tap = source(path, Clock(), loop=True)
    blocks, given = [], 0
    while given < 200_000:
        blocks.append(tap.read())
        given += len(blocks[-1])
    assert np.array_equal(np.concatenate(blocks), np.tile(pcm, (3, 1))[:given])


def test_settings_name_the_file_and_the_agents_channel(path: Path, pcm: Pcm) -> None:
    tap = open_source(AudioSettings(source="file", file=str(path), pace=1000, agent_channel=1))
    assert np.array_equal(tap.read(), pcm[: 16 * BLOCK_MS, ::-1])
    tap.close()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"away\.wav: no such file"):
        open_source(AudioSettings(source="file", file=str(tmp_path / "away.wav")))


def test_the_ring_gives_blocks_in_order() -> None:
    ring = Ring(4, 2)
    for turn in range(10):
        ring.put(bytes([turn, 1]))
        ring.put(bytes([turn, 2]))
        assert [ring.take(), ring.take()] == [bytes([turn, 1]), bytes([turn, 2])]
    assert ring.take() is None
    assert ring.dropped == 0


def test_a_full_ring_drops_the_newest_block_and_counts_it() -> None:
    ring = Ring(3, 1)
    for number in range(5):
        ring.put(bytes([number]))
    assert ring.dropped == 2
    assert [ring.take() for _ in range(4)] == [b"\0", b"\1", b"\2", None]
    ring.put(b"\7")
    assert ring.take() == b"\7"


def test_a_block_of_another_size_is_counted_as_lost() -> None:
    ring = Ring(3, 4)
    ring.put(b"123")
    assert ring.dropped == 1
    assert ring.take() is None


def test_what_was_taken_stays_when_the_ring_goes_round() -> None:
    ring = Ring(1, 1)
    ring.put(b"a")
    taken = ring.take()
    ring.put(b"b")
    assert taken == b"a"


def device(name: str, channels: int) -> dict[str, Any]:
    return {"index": 0, "name": name, "maxInputChannels": channels}


DEVICES = [device("Webcam", 1), device("USB Headset Tap: Audio (hw:1,0)", 2), device("Line", 2)]


def test_a_device_is_found_by_part_of_its_name() -> None:
    assert choose_input(DEVICES, DEVICES[0], "headset tap") is DEVICES[1]


def test_without_a_name_the_default_input_is_taken() -> None:
    assert choose_input(DEVICES, DEVICES[2], "") is DEVICES[2]


def test_of_two_that_fit_the_one_with_two_channels_is_taken() -> None:
    mono, stereo = device("Headset Mono", 1), device("Headset Stereo", 2)
    assert choose_input([mono, stereo], None, "headset") is stereo


@pytest.mark.parametrize(
    ("devices", "default", "wanted", "sentence"),
    [
        (
            DEVICES,
            None,
            "jabra",
            "no sound input is named like `jabra`; set audio.device to part of one of "
            "`USB Headset Tap: Audio (hw:1,0)`, `Line`",
        ),
        (
            DEVICES,
            DEVICES[0],
            "",
            "sound input `Webcam` has one channel, and a tap needs two; set audio.device to part "
            "of one of `USB Headset Tap: Audio (hw:1,0)`, `Line`",
        ),
        ([], None, "", "no default sound input; connect the headset tap"),
        (DEVICES[:1], None, "line", "no sound input is named like `line`; connect the headset tap"),
    ],
)
def test_a_device_that_cannot_be_used_is_named_with_those_that_can(
    devices: list[dict[str, Any]], default: dict[str, Any] | None, wanted: str, sentence: str
) -> None:
    with pytest.raises(InputError) as error:
        choose_input(devices, default, wanted)
    assert str(error.value) == sentence
