"""Where the desk's two channels come from: the headset tap, or a recording played at its pace."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from turnlight.channels import RATE_HZ, Pcm
from turnlight.config import AudioSettings
from turnlight.recording import InputError, Recording, open_recording, quiet_stderr
from turnlight.ring import Ring

BLOCK_MS = 40
"""Sound given by one `read`: 25 wakings a second, far below what a lamp could show."""
STALLED_AFTER_S = 1.0
_RING_S = 5.0
_NO_SOUND = np.empty((0, 2), np.int16)


class SourceStalled(RuntimeError):
    """The tap gives no sound any more: unplugged, or its sound server is gone. Open it again."""


class Source(Protocol):
    """Two channels of sound as it comes.

    Attributes:
        rate_hz: 16000 or 48000, as `dsp.Core` takes it.
    """

    rate_hz: int

    @property
    def overruns(self) -> int:
        """Blocks lost since the source was opened."""

    def read(self) -> Pcm:
        """Wait for the next block: int16 (n, 2), agent first; n is 0 at the end of the sound."""

    def close(self) -> None:
        """Give the device or the file back."""


def open_source(settings: AudioSettings) -> Source:
    """The source that the settings name.

    Raises:
        InputError: the file or the device cannot be used; the text names the remedy.
    """
    if settings.source == "file":
        path = Path(settings.file).expanduser()
        recording = open_recording(path, settings.agent_channel, settings.trust_channels)
        return FileSource(
            recording, pace=settings.pace, loop=settings.loop, pause_s=settings.loop_pause_s
        )
    return PortAudioSource(settings)


class FileSource:
    """A recording at the pace of real time, as if it were a call now.

    Every block is due at a time counted from the first one, so the pace does not drift; a late
    reader gets what is due at once.

    Args:
        recording: what to play.
        pace: times real time.
        loop: begin again at the end.
        pause_s: silence between two rounds.
        clock: seconds, monotonic.
        sleep: waits so many seconds.
    """

    rate_hz = RATE_HZ
    overruns = 0

    def __init__(
        self,
        recording: Recording,
        *,
        pace: float = 1.0,
        loop: bool = False,
        pause_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._blocks = _cut(recording, loop, pause_s)
        self._samples_per_s = RATE_HZ * pace
        self._clock = clock
        self._sleep = sleep
        self._start_s: float | None = None
        self._given = 0

    def read(self) -> Pcm:
        """Wait until the next block would have been spoken, and give it.

        Raises:
            InputError: the recording turned out to be no call; see `Recording.blocks`.
        """
        if self._start_s is None:
            self._start_s = self._clock()
        block = next(self._blocks, _NO_SOUND)
        self._given += len(block)
        wait_s = self._start_s + self._given / self._samples_per_s - self._clock()
        if wait_s > 0:
            self._sleep(wait_s)
        return block

    def close(self) -> None:
        """Close the file."""
        self._blocks.close()


class PortAudioSource:
    """The headset tap: two channels captured by PortAudio's callback.

    The callback copies one block into a ring and counts; it takes no lock, so a busy reader can
    never hold it up. For the same reason nothing there wakes the reader: `threading.Event.set`
    takes a lock, and an eventfd would give the interpreter away in the callback. The reader looks
    every half block instead, which costs less than one waking per 20 ms.

    Args:
        settings: device, rate, and the agent's channel.

    Raises:
        InputError: no such input, or it cannot give two channels at this rate.
    """

    def __init__(self, settings: AudioSettings) -> None:
        import pyaudio  # loads three sound libraries, which a desk that plays files does not need

        self.rate_hz: int = settings.rate_hz
        self._swap = settings.agent_channel == 1
        frames = settings.rate_hz * BLOCK_MS // 1000
        self._ring = Ring(int(_RING_S * 1000) // BLOCK_MS, frames * 4)
        self._overflows = 0
        self._overflow_flag: int = pyaudio.paInputOverflow
        self._continue = (None, pyaudio.paContinue)
        with quiet_stderr():
            self._audio = pyaudio.PyAudio()
        try:
            device = choose_input(self._inputs(), self._default_input(), settings.device)
            self.device: str = device["name"]
            with quiet_stderr():
                self._stream = self._audio.open(
                    rate=settings.rate_hz,
                    channels=2,
                    format=pyaudio.paInt16,
                    input=True,
                    input_device_index=device["index"],
                    frames_per_buffer=frames,
                    stream_callback=self._hear,
                )
        except OSError as error:
            self._audio.terminate()
            other = 48_000 if settings.rate_hz == 16_000 else 16_000
            raise InputError(
                f"sound input `{self.device}` does not open at {settings.rate_hz} Hz "
                f"({error.strerror}); free it, or set audio.rate_hz to {other}"
            ) from error
        except InputError:
            self._audio.terminate()
            raise

    @property
    def overruns(self) -> int:
        """Blocks lost: the reader was too slow, or PortAudio itself was."""
        return self._ring.dropped + self._overflows

    def read(self) -> Pcm:
        """Wait for the next 40 ms of sound.

        Raises:
            SourceStalled: none came for a second, or the stream ended.
        """
        deadline_s = time.monotonic() + STALLED_AFTER_S
        while (block := self._ring.take()) is None:
            if time.monotonic() > deadline_s or not self._stream.is_active():
                raise SourceStalled(f"sound input `{self.device}` gives no sound; is it unplugged?")
            time.sleep(BLOCK_MS / 2000)
        pcm = np.frombuffer(block, np.int16).reshape(-1, 2)
        return pcm[:, ::-1] if self._swap else pcm

    def close(self) -> None:
        """Stop capturing and give the device back."""
        with quiet_stderr():
            self._stream.close()
            self._audio.terminate()

    def _hear(
        self, sound: bytes, _frames: int, _times: Mapping[str, float], status: int
    ) -> tuple[None, int]:
        if status & self._overflow_flag:
            self._overflows += 1
        self._ring.put(sound)
        return self._continue

    def _inputs(self) -> list[Mapping[str, Any]]:
        devices = map(self._audio.get_device_info_by_index, range(self._audio.get_device_count()))
        return [device for device in devices if device["maxInputChannels"] > 0]

    def _default_input(self) -> Mapping[str, Any] | None:
        try:
            device: Mapping[str, Any] = self._audio.get_default_input_device_info()
        except OSError:
            return None
        return device


def choose_input(
    inputs: Sequence[Mapping[str, Any]], default: Mapping[str, Any] | None, wanted: str
) -> Mapping[str, Any]:
    """The input whose name holds `wanted`, or the default one; PortAudio's own descriptions.

    Raises:
        InputError: there is none, or none with two channels; the text lists those that have.
    """
    stereo = [device for device in inputs if device["maxInputChannels"] >= 2]
    names = ", ".join(f"`{device['name']}`" for device in stereo)
    remedy = f"set audio.device to part of one of {names}" if names else "connect the headset tap"
    if wanted:
        found = [device for device in inputs if wanted.casefold() in device["name"].casefold()]
    else:
        found = [default] if default else []
    if not found:
        what = f"no sound input is named like `{wanted}`" if wanted else "no default sound input"
        raise InputError(f"{what}; {remedy}")
    two = [device for device in found if device["maxInputChannels"] >= 2]
    if not two:
        raise InputError(
            f"sound input `{found[0]['name']}` has one channel, and a tap needs two; {remedy}"
        )
    return two[0]


def _cut(recording: Recording, loop: bool, pause_s: float) -> Generator[Pcm, None, None]:
    size = RATE_HZ * BLOCK_MS // 1000
    while True:
        for block in recording.blocks():
            for start in range(0, len(block), size):
                yield block[start : start + size]
        if not loop:
            return
        for _ in range(round(pause_s * 1000) // BLOCK_MS):
            yield np.zeros((size, 2), np.int16)
