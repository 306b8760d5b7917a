"""Recordings: what can be read, bit for bit, and one sentence for what cannot."""

from __future__ import annotations

import os
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from turnlight.channels import Pcm
from turnlight.recording import InputError, Recording, open_pair, open_recording

Sound = npt.NDArray[np.floating]

FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "opus": ("OGG", "OPUS"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}


def call(seconds: float = 3.0, rate_hz: int = 16_000) -> Sound:
    """Two tones that come and go by turns: 500 Hz the agent, 800 Hz the customer."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    first = (t % 1) < 0.5
    agent = np.sin(2 * np.pi * 500 * t) * np.where(first, 0.4, 0.002)
    customer = np.sin(2 * np.pi * 800 * t) * np.where(first, 0.002, 0.3)
    return np.stack([agent, customer], axis=1)


def written(path: Path, sound: Sound | Pcm, rate_hz: int = 16_000, subtype: str = "") -> Path:
    kind, usual = FORMATS[path.suffix[1:]]
    soundfile.write(path, sound, rate_hz, format=kind, subtype=subtype or usual)
    return path


def heard(recording: Recording) -> Pcm:
    return np.concatenate(list(recording.blocks()))


def cut(path: Path, share: float) -> Path:
    """Keep the first part of a file, as an interrupted copy does."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(InputError) as error:
        act()
    sentence = str(error.value)
    assert "\n" not in sentence
    return sentence


def test_16_bit_files_at_16_khz_keep_every_bit(tmp_path: Path) -> None:
    pcm = np.random.default_rng(1).integers(-32_768, 32_768, (40_001, 2)).astype(np.int16)
    for name in ("a.wav", "a.flac"):
        recording = open_recording(written(tmp_path / name, pcm))
        assert np.array_equal(heard(recording), pcm)
        assert recording.samples == len(pcm)
        assert recording.duration_ms == 2500


def test_a_recording_can_be_streamed_again(tmp_path: Path) -> None:
    recording = open_recording(written(tmp_path / "a.ogg", call(rate_hz=48_000), 48_000))
    assert np.array_equal(heard(recording), heard(recording))


def test_blocks_are_small_whatever_the_length(tmp_path: Path) -> None:
    recording = open_recording(written(tmp_path / "a.flac", call(30, 8000), 8000))
    assert max(len(block) for block in recording.blocks()) <= 16_000


def test_a_long_recording_is_never_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 44_100, 2, "PCM_16") as file:
        for _ in range(12):
            file.write(call(10, 44_100))
    recording = open_recording(path)
    tracemalloc.start()
    for _ in recording.blocks():
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6_000_000 < path.stat().st_size / 3


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("rate_hz", [8000, 16_000, 24_000, 48_000])
def test_every_format_at_every_rate_becomes_16_khz(
    tmp_path: Path, suffix: str, rate_hz: int
) -> None:
    recording = open_recording(written(tmp_path / f"a.{suffix}", call(3, rate_hz), rate_hz))
    assert recording.rate_hz == rate_hz
    pcm = heard(recording)
    assert len(pcm) == pytest.approx(48_000, abs=2500 if suffix == "mp3" else 3)
    assert recording.samples == pytest.approx(len(pcm), rel=0.02)
    assert recording.notes == []
    for side, hz in ((0, 500), (1, 800)):
        spectrum = np.abs(np.fft.rfft(pcm[:32_000, side]))
        assert np.argmax(spectrum) / 2 == pytest.approx(hz, abs=2)


@pytest.mark.parametrize("rate_hz", [44_100, 11_025])
def test_odd_rates_keep_time_and_level(tmp_path: Path, rate_hz: int) -> None:
    pcm = heard(open_recording(written(tmp_path / "a.wav", call(20, rate_hz), rate_hz)))
    expected = call(20)
    error = pcm[100:-100] / 32_768 - expected[100:-100]
    assert np.sqrt(np.mean(error**2)) < 0.01  # the steps between loud and faint ring a little
    assert len(pcm) == len(expected)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE", "PCM_24", "PCM_32"])
def test_finer_samples_are_rounded_and_saturate(tmp_path: Path, subtype: str) -> None:
    sound = call()
    sound[100], sound[101], sound[102] = 0.6 / 32_768, -0.6 / 32_768, 1.2
    sound[103] = -1.2
    pcm = heard(open_recording(written(tmp_path / "a.wav", sound, subtype=subtype)))
    assert pcm[100:104, 0].tolist() == [1, -1, 32_767, -32_768]


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "PCM_U8"])
def test_telephone_codings_are_exact(tmp_path: Path, subtype: str) -> None:
    path = written(tmp_path / "a.wav", call(), subtype=subtype)
    assert np.array_equal(heard(open_recording(path)), soundfile.read(path, dtype="int16")[0])


def test_the_agent_may_be_on_the_second_channel(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", call())
    swapped = heard(open_recording(path, agent_channel=1))
    assert np.array_equal(swapped, heard(open_recording(path))[:, ::-1])


def test_two_mono_files_of_different_rate_and_length_make_one_call(tmp_path: Path) -> None:
    agent = written(tmp_path / "agent.wav", call(3)[:, 0])
    customer = written(tmp_path / "customer.flac", call(2, 8000)[:, 1], 8000)
    recording = open_pair(agent, customer)
    pcm = heard(recording)
    assert recording.name == "agent.wav + customer.flac"
    assert recording.samples == len(pcm) == 48_000
    assert np.array_equal(pcm[:, 0], soundfile.read(agent, dtype="int16")[0])
    assert np.abs(pcm[:31_000, 1]).max() > 9000
    assert not pcm[32_000:, 1].any()


def test_a_streamed_flac_that_does_not_say_its_length_is_read_to_its_end(tmp_path: Path) -> None:
    path = written(tmp_path / "a.flac", call())
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # STREAMINFO's 36 bits of total samples: 0 is "unknown"
    data[22:26] = bytes(4)
    path.write_bytes(data)
    recording = open_recording(path)
    assert recording.samples == 0
    assert len(heard(recording)) == 48_000
    assert recording.notes == []


def test_a_streamed_wav_is_not_called_cut_short(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", call())
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    recording = open_recording(path)
    assert len(heard(recording)) == 48_000
    assert recording.notes == []


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_left_of_a_cut_file_is_read_and_the_cut_is_noted(
    tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = cut(written(tmp_path / f"a.{suffix}", call(10)), 0.6)
    recording = open_recording(path)
    pcm = heard(recording)
    assert 2 * 16_000 < len(pcm) < 9 * 16_000
    (note,) = recording.notes
    assert note.startswith(f"a.{suffix}")
    assert "cut short" in note
    assert capfd.readouterr().err == ""


def test_an_mp3_without_a_length_is_doubted(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mp3", call())
    path.write_bytes(path.read_bytes().replace(b"Xing", b"\0\0\0\0").replace(b"Info", b"\0\0\0\0"))
    recording = open_recording(path)
    heard(recording)
    assert "convert it to FLAC" in recording.notes[0]


def test_a_mono_file_asks_for_two(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", call()[:, 0])
    assert refusal(lambda: open_recording(path)) == (
        f"{path}: has one channel; give two mono files with --agent and --customer"
    )


def test_four_channels_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", np.tile(call(), 2))
    assert "has 4 channels; save agent and customer alone" in refusal(lambda: open_recording(path))


def test_a_pair_must_be_mono(tmp_path: Path) -> None:
    mono, stereo = tmp_path / "mono.wav", tmp_path / "stereo.wav"
    written(mono, call()[:, 0])
    written(stereo, call())
    sentence = refusal(lambda: open_pair(mono, stereo))
    assert sentence.startswith(f"{stereo}: has 2 channels")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.wav", b"", "is empty"),
        ("letter.wav", b"Dear customer,\n" * 99, "is not audio that can be read; give WAV, FLAC"),
        ("noise.mp3", bytes(range(1, 128)) * 40, "is not audio that can be read"),
        ("half-a-header.wav", b"RIFF\x24\x00\x00\x00WAVEfmt ", "is not audio that can be read"),
    ],
)
def test_what_is_no_sound_is_refused(
    tmp_path: Path, name: str, content: bytes, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    sentence = refusal(lambda: open_recording(path))
    assert sentence.startswith(f"{path}: {says}")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_header_without_sound_is_refused(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path / f"a.{suffix}", call(0))
    sentence = refusal(lambda: heard(open_recording(path)))
    assert re.search(r"holds no sound|is empty|is not audio|is damaged", sentence)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "call.wav"
    assert refusal(lambda: open_recording(missing)) == f"{missing}: no such file; check the name"
    assert "is not a file" in refusal(lambda: open_recording(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", call())
    path.chmod(0)
    assert "check its permissions" in refusal(lambda: open_recording(path))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_samples_that_are_no_numbers_are_refused_with_their_time(
    tmp_path: Path, bad: float, rate_hz: int
) -> None:
    sound = call(3, rate_hz)
    sound[int(1.25 * rate_hz), 1] = bad
    path = written(tmp_path / "a.wav", sound, rate_hz, subtype="FLOAT")
    assert refusal(lambda: heard(open_recording(path))) == (
        f"{path}: the sample at 1.25 s is not a number; export the file again as 16-bit WAV"
    )


def test_a_file_damaged_from_its_start_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.flac", call())
    data = bytearray(path.read_bytes())
    frames = data.index(b"\xff\xf8")
    data[frames:] = bytes(len(data) - frames)
    path.write_bytes(data)
    assert "is damaged from its start" in refusal(lambda: heard(open_recording(path)))


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_mono_call_saved_as_stereo_is_refused_in_every_coding(
    tmp_path: Path, suffix: str
) -> None:
    mono = call()[:, :1] + call()[:, 1:]
    path = written(tmp_path / f"a.{suffix}", np.repeat(mono, 2, axis=1))
    assert "both channels carry the same sound" in refusal(lambda: heard(open_recording(path)))


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("side", [0, 1])
def test_a_silent_channel_is_refused_in_every_coding(
    tmp_path: Path, suffix: str, side: int
) -> None:
    sound = call()
    sound[:, side] = 0
    path = written(tmp_path / f"a.{suffix}", sound)
    party = ("agent", "customer")[side]
    sentence = refusal(lambda: heard(open_recording(path)))
    assert sentence.startswith(f"a.{suffix}: the {party}'s channel is silent")


def test_all_sound_is_given_before_the_channels_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", np.repeat(call()[:, :1], 2, axis=1))
    blocks = open_recording(path).blocks()
    assert sum(len(next(blocks)) for _ in range(6)) == 48_000
    with pytest.raises(InputError):
        next(blocks)
