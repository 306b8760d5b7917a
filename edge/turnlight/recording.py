"""Two-channel recordings as a stream of int16 blocks at 16 kHz, agent first, in bounded memory."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from turnlight.channels import RATE_HZ, ChannelCheck, ChannelReport, Pcm

BLOCK_MS = 500
_SHORTEST_MS = 10
_LENGTH_SLACK = 0.02
"""A file may promise this much more than it holds without a note: MP3 lengths are guesses."""
_EXACT_IN_INT16 = ("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW")
_FORMATS = "WAV, FLAC, Ogg or MP3"


class InputError(ValueError):
    """Sound cannot be taken from a file or a device; one sentence with the remedy."""


class Recording:
    """One call on disk. Made by `open_recording` or `open_pair`, which check the headers.

    Attributes:
        name: file name, for people.
        rate_hz: rate of the file; blocks are always at 16 kHz.
        samples: expected samples at 16 kHz, for progress; what `blocks` gives may differ when
            the file is damaged, then `notes` says so.
    """

    def __init__(self, tracks: list[_Track], agent_channel: Literal[0, 1], trusted: bool) -> None:
        self._tracks = tracks
        self._agent_channel = agent_channel
        self._trusted = trusted
        self._check = ChannelCheck(trusted)
        self.name = " + ".join(track.path.name for track in tracks)
        self.rate_hz = tracks[0].rate_hz
        self.samples = max(track.samples for track in tracks)

    @property
    def duration_ms(self) -> int:
        """Expected length."""
        return self.samples * 1000 // RATE_HZ

    @property
    def channels(self) -> ChannelReport:
        """What the blocks read so far say about the channels; complete after the last one."""
        return self._check.report()

    @property
    def notes(self) -> list[str]:
        """Doubts about the recording, a sentence each; complete after the last block."""
        return [note for track in self._tracks for note in track.notes] + self.channels.notes()

    def blocks(self) -> Iterator[Pcm]:
        """Stream the whole recording, from its start at each call: int16 (n, 2), agent first.

        Raises:
            InputError: the file is damaged from its start, holds samples that are no numbers, or,
                after the last block, its channels cannot be those of a call.
        """
        self._check = ChannelCheck(self._trusted)
        if len(self._tracks) == 2:
            blocks = _side_by_side(*(track.blocks() for track in self._tracks))
        else:
            blocks = self._tracks[0].blocks()
        for block in blocks:
            pcm = block[:, ::-1] if self._agent_channel == 1 else block
            self._check.hear(pcm)
            yield pcm
        refusal = self._check.report().refusal()
        if refusal:
            raise InputError(f"{self.name}: {refusal}")


def open_recording(
    path: Path, agent_channel: Literal[0, 1] = 0, trusted: bool = False
) -> Recording:
    """A two-channel file of any rate.

    Args:
        path: WAV, FLAC, Ogg (Opus, Vorbis) or MP3.
        agent_channel: 1 when the agent is on the second channel.
        trusted: that is so, whatever the channels sound like.

    Raises:
        InputError: missing, not audio, empty, or not two channels.
    """
    track = _Track(path)
    if track.channels == 1:
        raise InputError(
            f"{track.name}: has one channel; give two mono files with --agent and --customer"
        )
    if track.channels > 2:
        raise InputError(
            f"{track.name}: has {track.channels} channels; "
            "save agent and customer alone as a two-channel file"
        )
    return Recording([track], agent_channel, trusted)


def open_pair(agent: Path, customer: Path, trusted: bool = False) -> Recording:
    """Two mono files of one call that start together; the shorter one is silent at its end.

    Args:
        agent: the agent's file.
        customer: the customer's file.
        trusted: that is so, whatever the files sound like.

    Raises:
        InputError: one is missing, not audio, empty, or not mono.
    """
    tracks = [_Track(agent), _Track(customer)]
    for track in tracks:
        if track.channels != 1:
            raise InputError(
                f"{track.name}: has {track.channels} channels; --agent and --customer take mono "
                "files, a two-channel file is given alone"
            )
    return Recording(tracks, 0, trusted)


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """Read from start to end only: a seek after each block fails on streamed FLAC."""

    def seekable(self) -> bool:
        return False


class _Track:
    """One file: its header, checked, and its sound as int16 at 16 kHz."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        if not path.exists():
            raise InputError(f"{self.name}: no such file; check the name")
        if not path.is_file():
            raise InputError(f"{self.name}: is not a file; name one recording")
        with self._open() as file:
            self.rate_hz: int = file.samplerate
            self.channels: int = file.channels
            self._subtype: str = file.subtype
            self._noisy = file.format == "MP3"
            promised = _promised_frames(file)
            self.notes = _header_notes(file, path)
        self._promised = promised
        self.samples = -(-promised * RATE_HZ // self.rate_hz) if promised else 0
        if promised is not None and promised * 1000 < _SHORTEST_MS * self.rate_hz:
            raise InputError(f"{self.name}: holds no sound; check that the recorder finished it")

    def blocks(self) -> Iterator[Pcm]:
        """Stream the file: int16 (n, channels) at 16 kHz."""
        if self.rate_hz == RATE_HZ:
            for sound in self._read("int16" if self._subtype in _EXACT_IN_INT16 else "float32"):
                yield sound if sound.dtype == np.int16 else _to_int16(sound)
            return
        resampler = soxr.ResampleStream(self.rate_hz, RATE_HZ, self.channels, "float32")
        for sound in self._read("float32"):
            yield _to_int16(resampler.resample_chunk(sound))
        rest = np.empty((0, self.channels), np.float32)
        yield _to_int16(resampler.resample_chunk(rest, last=True))

    def _open(self) -> soundfile.SoundFile:
        try:
            with quiet_stderr():
                return _Forward(self.path)
        except soundfile.LibsndfileError:
            pass
        if not os.access(self.path, os.R_OK):
            raise InputError(f"{self.name}: may not be read; check its permissions")
        if not self.path.stat().st_size:
            raise InputError(f"{self.name}: is empty; check that the recorder finished it")
        raise InputError(f"{self.name}: is not audio that can be read; give {_FORMATS}")

    def _read(self, dtype: Literal["int16", "float32"]) -> Iterator[npt.NDArray[Any]]:
        frames, heard = self.rate_hz * BLOCK_MS // 1000, 0
        with self._open() as file:
            while True:
                try:
                    with quiet_stderr() if self._noisy else contextlib.nullcontext():
                        block = file.read(frames, dtype=dtype, always_2d=True)
                except soundfile.LibsndfileError as error:
                    if not heard:
                        raise InputError(
                            f"{self.name}: is damaged from its start; record or export it again"
                        ) from error
                    break
                if not len(block):
                    break
                if dtype == "float32" and not np.isfinite(block).all():
                    at = heard + int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
                    raise InputError(
                        f"{self.name}: the sample at {at / self.rate_hz:.2f} s is not a number; "
                        "export the file again as 16-bit WAV"
                    )
                heard += len(block)
                yield block
        self._note_length(heard)

    def _note_length(self, heard: int) -> None:
        promised = self._promised or heard
        if not heard:
            raise InputError(f"{self.name}: holds no sound; check that the recorder finished it")
        if heard < promised * (1 - _LENGTH_SLACK):
            note = (
                f"{self.path.name} is cut short: {heard / self.rate_hz:.1f} s of "
                f"{promised / self.rate_hz:.1f} s could be read; copy or export it again"
            )
            if note not in self.notes:
                self.notes.append(note)


def _promised_frames(file: soundfile.SoundFile) -> int | None:
    """Frames by the header; None where a streamed file leaves them out."""
    frames = int(file.frames)
    return frames if frames < 2**62 else None


def _header_notes(file: soundfile.SoundFile, path: Path) -> list[str]:
    """What libsndfile corrected while it opened the file tells a truncated one from a whole one."""
    log: str = file.extra_info
    for promised, found in re.findall(r"(?:data|SSND) *: (\d+) \(should be (\d+)\)", log):
        # A recorder that could not seek back leaves 0 or the largest number there.
        if int(found) < int(promised) < 0x7FFF0000:
            share = 100 * int(found) // int(promised)
            return [f"{path.name} is cut short: {share} % of it is there; copy or export it again"]
    if "end-of-stream" in log.lower():
        return [f"{path.name} lacks its end mark, so it may be cut short; copy or export it again"]
    if file.format == "MP3":
        with path.open("rb") as raw:
            head = raw.read(1 << 16)
        if not any(tag in head for tag in (b"Xing", b"Info", b"VBRI")):
            return [
                f"{path.name} does not say how long it is, so its end may be missing; "
                "convert it to FLAC to be sure"
            ]
    return []


def _to_int16(sound: npt.NDArray[Any]) -> Pcm:
    scaled = np.rint(sound * np.float32(32_768))
    pcm: Pcm = np.clip(scaled, -32_768, 32_767).astype(np.int16)
    return pcm


def _side_by_side(agent: Iterator[Pcm], customer: Iterator[Pcm]) -> Iterator[Pcm]:
    """Join two mono streams whose blocks need not be of one length."""
    streams = [agent, customer]
    waiting: list[Pcm | None] = [np.empty((0, 1), np.int16)] * 2
    while True:
        for side, stream in enumerate(streams):
            pending = waiting[side]
            while pending is not None and not len(pending):
                pending = next(stream, None)
            waiting[side] = pending
        there = [len(pending) for pending in waiting if pending is not None]
        if not there:
            return
        block = np.zeros((min(there), 2), np.int16)
        for side, pending in enumerate(waiting):
            if pending is not None:
                block[:, side] = pending[: len(block), 0]
                waiting[side] = pending[len(block) :]
        yield block


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep C libraries from writing to the terminal (mpg123, ALSA and JACK all do).

    It is the process's stderr, so keep the block short.
    """
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
