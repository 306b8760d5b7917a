"""From the sound that causes it to the lamp: `turnlight run` on a real capture, timed.

    python tests/lamp_delay.py            100 events, about three minutes; one JSON line

A call of five seconds is played into a PulseAudio null sink again and again: somebody speaks, the
agent cuts in, both are silent and the call ends. Each change of the lamp has a cause: the frame of
sound after which the device's own code, looking at every frame, gives that change. What is timed
is the way from the end of that frame, at the tap, to the line that the lamp writes: the core's
lookahead, the blocks of the capture, how often the lamp is decided, and how often it is drawn.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import soundfile

import pulse
import turnlight
from turnlight.agent import LOOK_MS, Listener
from turnlight.config import Config
from turnlight.dsp import HOP, HOP_MS, RATE_HZ, Core
from turnlight.recording import open_recording

CYCLES = 34
CALL = Path(turnlight.__file__).with_name("calls") / "interrupting.opus"
PART_S = 7.5, 12.6
"""Of the call: the customer speaks, and the agent cuts in."""
SILENCE_S = 2.0
SETTINGS = "[call]\nend_after_silence_s = 1\n[cues]\nspacing_s = 0\ndaily_budget = 1000\n"
NEAR_S = 0.8
"""A change of the lamp is the one that was caused so long before it at most, or so little after."""

Pcm = npt.NDArray[np.int16]
Change = tuple[float, str]
"""When, in seconds of the sound, and what the lamp shows then."""


def sound(cycles: int) -> Pcm:
    """Calls with silence between them, from a second of silence on."""
    pcm = np.concatenate(list(open_recording(CALL).blocks()))
    part = pcm[int(PART_S[0] * RATE_HZ) : int(PART_S[1] * RATE_HZ)]
    silence = np.zeros((int(SILENCE_S * RATE_HZ), 2), np.int16)
    return np.concatenate([silence[:RATE_HZ], *[part, silence] * cycles])


def causes(pcm: Pcm) -> list[Change]:
    """The end of the frame that causes each change: the first of all phases of the looks."""
    core, config = Core(), msgspec.toml.decode(SETTINGS, type=Config)
    rows = np.concatenate([core.process(pcm), core.flush()])
    found: list[list[Change]] = []
    for late in range(LOOK_MS // HOP_MS):
        listener = Listener(config, keep=False)
        quiet = np.zeros(late, rows.dtype)
        cues = listener.hear(np.concatenate([quiet, rows])).cues
        found.append([(cue.at_ms / 1000 - late * HOP_MS / 1000, cue.cue) for cue in cues])
    first = []
    for at_s, cue in found[0]:
        same = [
            then
            for changes in found
            for then, other in changes
            if other == cue and abs(then - at_s) < LOOK_MS / 1000
        ]
        first.append((min(same), cue))
    # a cue that has been seen for long enough goes by the clock, and the first dark by no sound
    return [
        (at_s, cue)
        for (_, before), (at_s, cue) in itertools.pairwise(first)
        if (before, cue) != ("let_finish", "listening")
    ]


class Clock:
    """When each sample of the sound reaches the tap: as early as a quick reader ever got one."""

    def __init__(self, server: pulse.Pulse) -> None:
        self._process = subprocess.Popen(
            [
                "parec",
                "--raw",
                "--format=s16le",
                f"--rate={RATE_HZ}",
                "--channels=2",
                "--device=headset.monitor",
                "--latency-msec=10",
            ],
            env=server.env,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._heard: list[tuple[float, bytes]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout
        while piece := self._process.stdout.read(4 * HOP):
            self._heard.append((time.monotonic(), piece))

    def stop(self, played: Pcm) -> float:
        """Monotonic time of the first sample that was played."""
        self._process.terminate()
        self._thread.join()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()
        raw = b"".join(piece for _, piece in self._heard)
        whole = np.frombuffer(raw[: len(raw) // 4 * 4], np.int16).reshape(-1, 2)
        at = int(np.flatnonzero(whole.any(axis=1))[0])
        at -= int(np.flatnonzero(played.any(axis=1))[0])
        starts, ends = [], 0
        for then_s, piece in self._heard:
            ends += len(piece)
            starts.append(then_s - (ends / 4 - at) / RATE_HZ)
        return min(starts)


def measure(folder: Path, cycles: int) -> dict[str, Any]:
    """Delays in ms, as a document."""
    pcm = sound(cycles)
    wanted = causes(pcm)
    recording = folder / "sound.wav"
    soundfile.write(recording, pcm, RATE_HZ)
    config = folder / "turnlight.toml"
    config.write_text(
        f'{SETTINGS}[audio]\ndevice = "{pulse.DEVICE}"\n[lamp]\nkind = "lines"\n'
        f'[desk]\nstate_dir = "{folder}"\n'
    )
    shown: list[Change] = []
    with pulse.pulse(folder / "s") as server:
        command = [sys.executable, "-m", "turnlight", "run", "--config", str(config)]
        with subprocess.Popen(command, env=server.env, stdout=subprocess.PIPE, text=True) as desk:
            assert desk.stdout
            assert json.loads(desk.stdout.readline())["cue"] == "idle"

            def watch() -> None:
                assert desk.stdout
                for line in desk.stdout:
                    shown.append((time.monotonic(), json.loads(line)["cue"]))

            watching = threading.Thread(target=watch)
            watching.start()
            clock = Clock(server)
            assert server.play(recording).wait() == 0
            time.sleep(1.5)
            start_s = clock.stop(pcm)
            desk.terminate()
            watching.join()
    return report(wanted, [(at_s - start_s, cue) for at_s, cue in shown])


def report(wanted: list[Change], shown: list[Change]) -> dict[str, Any]:
    """What the delays are, of those changes that came."""
    delays: dict[str, list[float]] = {}
    for at_s, cue in wanted:
        near = [then for then, other in shown if other == cue and -0.1 < then - at_s < NEAR_S]
        if near:
            delays.setdefault(cue, []).append(1000 * (min(near) - at_s))
    every = [delay for of_cue in delays.values() for delay in of_cue]
    return {
        "events": len(wanted),
        "seen": len(every),
        "median_ms": round(float(np.median(every))) if every else None,
        "p99_ms": round(float(np.quantile(every, 0.99))) if every else None,
        "longest_ms": round(max(every)) if every else None,
        "median_ms_by_cue": {cue: round(float(np.median(some))) for cue, some in delays.items()},
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder), int(sys.argv[1]) if sys.argv[1:] else CYCLES)))
