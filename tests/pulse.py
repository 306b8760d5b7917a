"""A private PulseAudio daemon whose null sink stands for the headset, and a capture of its tap."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from turnlight.recording import open_recording

MISSING = [tool for tool in ("pulseaudio", "paplay") if shutil.which(tool) is None]
"""Programs of the Debian packages `pulseaudio` and `pulseaudio-utils` that are not here."""

DEVICE = "call"
"""Name of the tap as PortAudio lists it, in the environment `Pulse.env`."""

_TAP = Path(__file__).with_name("tap.py")


class Pulse:
    """The sound server of one test; everything it needs lies in one folder.

    What runs with `env` sees exactly one PortAudio input, `DEVICE`: whatever `play` plays, both
    channels, at `rate_hz`.
    """

    def __init__(self, folder: Path, rate_hz: int = 16_000) -> None:
        self._folder = folder
        self.rate_hz = rate_hz
        self._socket = folder / "rt" / "native"
        self._daemon: subprocess.Popen[bytes] | None = None
        for name, mode in (("home", 0o755), ("rt", 0o700)):
            (folder / name).mkdir(mode=mode, parents=True)
        conf = folder / "asound.conf"
        conf.write_text(
            f'pcm.{DEVICE} {{ type pulse server "unix:{self._socket}" device "headset.monitor"\n'
            '  hint { show on description "headset tap" } }\n'
            f'pcm.!default {{ type plug slave.pcm "{DEVICE}" }}\n'
        )
        self.env = os.environ | {
            "HOME": str(folder / "home"),
            "XDG_RUNTIME_DIR": str(folder / "rt"),
            "PULSE_RUNTIME_PATH": str(folder / "rt" / "pulse"),
            "PULSE_SERVER": f"unix:{self._socket}",
            "ALSA_CONFIG_PATH": str(conf),
            "JACK_NO_START_SERVER": "1",
        }

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        self._socket.unlink(missing_ok=True)
        log = self._folder / "pulse.log"
        command = [
            *("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1"),
            *("--use-pid-file=no", "--disable-shm=yes", "--realtime=no", "--high-priority=no"),
            *("-L", f"module-native-protocol-unix auth-anonymous=1 socket={self._socket}"),
            "-L",
            # Without norewinds a third of what is played never reaches the monitor.
            "module-null-sink sink_name=headset format=s16le channels=2 norewinds=1 "
            f"channel_map=front-left,front-right rate={self.rate_hz}",
        ]
        with log.open("ab") as errors:
            self._daemon = subprocess.Popen(
                command,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        deadline = time.monotonic() + 10
        while not self._socket.exists():
            assert self._daemon.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "pulseaudio did not start in 10 s"
            time.sleep(0.02)

    def hang(self) -> None:
        """Let the daemon stand still without ending, until `wake`."""
        assert self._daemon
        self._daemon.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let a hung daemon go on."""
        assert self._daemon
        self._daemon.send_signal(signal.SIGCONT)

    def unplug(self) -> None:
        """Kill the daemon, as a pulled cable would."""
        if self._daemon:
            self._daemon.kill()
            self._daemon.wait()
            self._daemon = None

    def play(self, recording: Path) -> subprocess.Popen[bytes]:
        """Play a recording into the headset.

        `wait()` returns when its end is on its way: a tap hears it up to some 0.3 s later, so let
        the recording end with half a second of silence.
        """
        return subprocess.Popen(
            ["paplay", f"--server=unix:{self._socket}", "--device=headset", str(recording)],
            env=self.env,
        )


@contextlib.contextmanager
def pulse(folder: Path, rate_hz: int = 16_000) -> Iterator[Pulse]:
    """A running sound server."""
    server = Pulse(folder, rate_hz)
    server.start()
    try:
        yield server
    finally:
        server.unplug()


class Tap:
    """A process that captures with `PortAudioSource` and opens it again when it stalls."""

    def __init__(self, server: Pulse, folder: Path, **audio: object) -> None:
        self._raw = folder / "tap.raw"
        self._process = subprocess.Popen(
            [sys.executable, str(_TAP), str(self._raw), json.dumps({"device": DEVICE} | audio)],
            env=server.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.overruns = -1
        self.stderr = ""

    def expect(self, event: str) -> dict[str, Any]:
        """The next thing that happens to the tap, which must be this one."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            assert self._process.stderr
            raise AssertionError(f"the tap ended: {self._process.stderr.read()}")
        happened: dict[str, Any] = json.loads(line)
        assert happened["event"] == event, happened
        return happened

    def stop(self) -> npt.NDArray[np.int16]:
        """End the capture: all that was heard, int16 (n, 2). Sets `overruns` and `stderr`."""
        output, self.stderr = self._process.communicate(timeout=20)
        last: dict[str, Any] = json.loads(output.splitlines()[-1])
        assert last["event"] == "stopped", last
        self.overruns = last["overruns"]
        return np.fromfile(self._raw, np.int16).reshape(-1, 2)


def capture(
    server: Pulse, folder: Path, sound: npt.NDArray[np.int16], **audio: object
) -> tuple[npt.NDArray[np.int16], Tap]:
    """Play sound of the server's rate, and give what a tap of these settings heard of it.

    Returns:
        As many samples as were played, beginning where it begins; and the stopped tap.
    """
    tap = Tap(server, folder, rate_hz=server.rate_hz, **audio)
    tap.expect("open")
    path = folder / "played.wav"
    silence = np.zeros((server.rate_hz // 2, 2), np.int16)
    soundfile.write(path, np.concatenate([sound, silence]), server.rate_hz, subtype="PCM_16")
    assert server.play(path).wait() == 0
    as_heard = sound[:, ::-1] if audio.get("agent_channel") == 1 else sound
    return aligned(tap.stop(), as_heard), tap


def call_sound(path: Path, rate_hz: int, seconds: float) -> npt.NDArray[np.int16]:
    """The beginning of a recorded call, at the rate of a server."""
    blocks: list[npt.NDArray[np.int16]] = []
    for block in open_recording(path).blocks():
        blocks.append(block)
        if sum(map(len, blocks)) >= seconds * 16_000:
            break
    pcm = np.concatenate(blocks)[: int(seconds * 16_000)]
    if rate_hz == 16_000:
        return pcm
    finer: npt.NDArray[np.int16] = soxr.resample(pcm, 16_000, rate_hz)
    return finer


def aligned(heard: npt.NDArray[np.int16], played: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """The part of `heard` that begins where `played` begins."""
    first = int(np.flatnonzero(played.any(axis=1))[0])
    key = np.ascontiguousarray(played[first : first + 64]).tobytes()
    at = heard.tobytes().find(key)
    assert at % 4 == 0, "what was played is not in what was heard"
    start = at // 4 - first
    assert start >= 0, "the tap opened too late to hear the beginning"
    return heard[start : start + len(played)]
