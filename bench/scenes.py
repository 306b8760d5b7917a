"""Calls of held-out voices, and desks to put them on. Everything is drawn from one seed.

Nothing here is heard in training: speakers and files are the held-out side of
`models/speech/voices.py`. The parts of a desk (leak, telephone, babble) are those of
`models/speech/acoustics.py`; the calls, the grid and the truth are the bench's own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile

from bench.labels import HOP, Labels, bridged
from bench.truth import BRIDGE_MS, BURST_MS, TURN_BRIDGE_MS, Sound, holds_a_voice, speech
from turnlight.dsp import RATE_HZ, Pcm

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models/speech"))
from acoustics import babble, leak, telephone
from voices import Material, gather, load, seconds_of, shortest

__all__ = ["Material", "telephone"]

Rng = np.random.Generator
T = TypeVar("T")
SEED = 20260
"""Of every call and desk; `--draw` sets another, for those who mistrust one draw."""
REAL = "real call"
NAMED = ("emodb-14", "emodb-15", "emodb-16", "asterisk-it", "asterisk-ru")
NEIGHBOURS = ("menardi-", "queen-", "sky-")
"""Whom no weights have heard, unlike the people of speech-en."""
QUICK_SECONDS = 90.0
"""So much of the real call is enough for a quick run."""
VOICE_DBFS = -26.0
"""Level of a voice while it speaks, before the grid moves it."""
LINE_NOISE_DBFS = -72.0

BLEEDS_DB = (-10.0, -15.0, -20.0, -25.0)
SIDETONES_DB = (-12.0, -16.0, -20.0, -25.0)
SNRS_DB = (5.0, 10.0, 15.0, 20.0)
LEVELS_DB = (-8.0, -4.0, 0.0, 4.0)
TALKERS, TALKERS_COUNT = "8 talkers", 8
NOISES = {
    TALKERS: "",
    "air conditioning": "aircon",
    "people talking": "people_talking",
    "vacuum cleaner": "vacuuming",
    "rain": "rain_",
    "dishwasher": "dishwasher",
    "helicopter": "helicopter",
    "sea": "sea-waves",
    "ringing phone": "ringing_phone",
}
"""Rooms, and how the names of their held-out files begin."""
TALKING = (TALKERS, "people talking")
"""Rooms whose noise is speech."""
GRID_ROOMS = (TALKERS, TALKERS, "people talking", "air conditioning", "vacuum cleaner", "rain")


@dataclass
class Call:
    """Two dry voices and who speaks in each 10 ms; agent first."""

    name: str
    voices: Sound
    """Shape (n, 2)."""
    truth: Labels
    """Shape (n // 160, 2); gaps up to 150 ms are bridged, see truth.py."""
    turns: Labels
    """The same with gaps up to 250 ms bridged."""


def power(x: Sound) -> float:
    """Mean square, never 0."""
    return float((x**2).mean() + 1e-12)


def gain(db: float) -> float:
    """Factor of an amplitude."""
    return float(10 ** (db / 20))


def while_speaking(x: Sound, truth: Labels) -> float:
    """RMS of a voice in its speech."""
    return float(np.sqrt(power(x[: len(truth) * HOP].reshape(-1, HOP)[truth])))


@cache
def held_out(data: Path, extra: Path | None) -> Material:
    """Speakers and files that trained nothing."""
    return gather(data, extra, "measure")


def speakers(material: Material) -> list[str]:
    """Held-out speakers of many sentences."""
    return [name for name in NAMED if name in material.speakers]


def neighbours(material: Material) -> Material:
    """Those who talk in the room: held-out voices that speak in no call."""
    return Material({k: v for k, v in material.speakers.items() if k.startswith(NEIGHBOURS)})


def real_call(data: Path, seconds: float = 600.0) -> Call:
    """Two people on a real telephone, four minutes or less of it; nothing was trained on it."""
    path = data / "calls" / "auto-repair-40.flac"
    both, rate = soundfile.read(path, always_2d=True)
    if rate != RATE_HZ:
        raise ValueError(f"{path}: {rate} Hz; convert it to {RATE_HZ} Hz first")
    both = both[: min(len(both), int(seconds * RATE_HZ)) // HOP * HOP]
    truth, turns = (
        np.stack([speech(both[:, k], ms) for k in (0, 1)], 1) for ms in (BRIDGE_MS, TURN_BRIDGE_MS)
    )
    return Call(REAL, both, truth, turns)


def utterance(path: Path, dbfs: float) -> Sound:
    """One dry utterance at a level (RMS while it speaks)."""
    dry: Sound = load(path)
    dry = dry[: len(dry) // HOP * HOP]
    return dry / while_speaking(dry, speech(dry)) * gain(dbfs)


def converse(material: Material, names: tuple[str, str], seconds: float, rng: Rng) -> Call:
    """Agent and customer by name: whole utterances, pauses, overlaps, short words between."""
    total = int(seconds * 100)
    voices = np.zeros((total * HOP, 2))
    truth = np.zeros((total, 2), bool)
    usable = [sentences(material, name) for name in names]
    short = [shortest(paths) for paths in usable]

    def place(paths: list[Path], at: int, party: int) -> int:
        """Puts one utterance there unless it would run over the end; the frame after it."""
        dry = utterance(paths[rng.integers(len(paths))], VOICE_DBFS + rng.normal(0, 2))
        end = at + len(dry) // HOP
        if end < total and not truth[max(0, at - 20) : end + 20, party].any():
            voices[at * HOP : end * HOP, party] += dry
            truth[at:end, party] |= speech(dry, bridge_ms=0)
        return end

    now, party = int(rng.integers(50, 200)), int(rng.integers(2))
    while now < total:
        for _ in range(rng.integers(1, 4)):
            end = place(usable[party], now, party)
            if rng.random() < 0.15:
                place(short[1 - party], int(rng.integers(now, end)), 1 - party)
            now = end + int(rng.integers(20, 60))
        party = 1 - party
        low, high = ((-150, -20), (0, 80), (80, 400))[rng.choice(3, p=(0.3, 0.5, 0.2))]
        now = max(0, now + int(rng.integers(low, high)))
    labels = [
        np.stack([bridged(truth[:, k], ms, BURST_MS) for k in (0, 1)], 1)
        for ms in (BRIDGE_MS, TURN_BRIDGE_MS)
    ]
    return Call(f"{names[0]}, {names[1]}", voices, *labels)


def sentences(material: Material, name: str) -> list[Path]:
    """What a speaker says in one piece."""
    return [p for p in material.speakers[name] if seconds_of(p) < 8 and _holds_a_voice(p)]


@cache
def _holds_a_voice(path: Path) -> bool:
    return holds_a_voice(load(path))


@dataclass(frozen=True)
class Desk:
    """A desk of the grid. dB; None leaves a part out."""

    bleed_db: float | None
    sidetone_db: float | None
    snr_db: float | None
    """Agent against the room at the microphone; None is a silent room."""
    noise: str = TALKERS
    narrow: bool = False
    """The customer comes over 8 kHz G.711."""
    agent_db: float = 0.0
    customer_db: float = 0.0
    """Gains of the dry voices."""
    late_s: float = 0.0
    """By so much both leaks come late, as through a radio headset."""


ISSUE_DESK = Desk(-15.0, -20.0, 10.0)
"""Bleed -15 dB, sidetone -20 dB, eight talkers 10 dB below the agent."""


def grid(count: int, seed: int, real: bool = False) -> list[Desk]:
    """Desks over the range of the bench: each value of each part comes equally often.

    A real call keeps its own levels and its own telephone.
    """
    rng = np.random.default_rng((SEED, seed))

    def column(values: tuple[T, ...]) -> list[T]:
        return [values[i] for i in rng.permutation(np.resize(np.arange(len(values)), count))]

    parts = zip(
        column(BLEEDS_DB), column(SIDETONES_DB), column(SNRS_DB), column(GRID_ROOMS), strict=True
    )
    if real:
        return [Desk(*part) for part in parts]
    ends = zip(column((True, True, True, False)), column(LEVELS_DB), column(LEVELS_DB), strict=True)
    return [Desk(*part, *end) for part, end in zip(parts, ends, strict=True)]


def room(name: str, material: Material, n: int, rng: Rng) -> Sound:
    """The noise of a room for so many samples; RMS 1."""
    out: Sound
    if not NOISES[name]:
        out = babble(neighbours(material), n, rng, TALKERS_COUNT)
    else:
        paths = [p for p in material.noises if p.name.startswith(NOISES[name])]
        sound = load(paths[rng.integers(len(paths))])
        out = np.resize(np.roll(sound, int(rng.integers(len(sound)))), n)
    out /= np.sqrt(power(out))
    return out


@dataclass(frozen=True)
class Change:
    """What a running call does to a desk: changes of the sound on its way to the device."""

    voices: Callable[[Sound], Sound] | None = None
    """Of the dry voices, shape (n, 2)."""
    microphone: Callable[[Sound], Sound] | None = None
    """Of the microphone with all that it hears, before the sidetone."""
    tap: Callable[[Sound], Sound] | None = None
    """Of both channels at the device."""
    neighbour: tuple[int, int, float] | None = None
    """One talker in the room: first sample, the one after the last, dB against the agent."""


def put_on(
    desk: Desk, call: Call, material: Material, rng: Rng, change: Change = Change()
) -> Sound:
    """The two channels as the device hears them, full scale 1.

    Equal generators give equal rooms and leaks, whatever changes.
    """
    voices = call.voices * [gain(desk.agent_db), gain(desk.customer_db)]
    n = len(voices)
    loud = while_speaking(voices[:, 0], call.truth[:, 0])
    if change.voices:
        voices = change.voices(voices)
    agent, customer = voices.T
    if desk.narrow:
        customer = telephone(customer)
    line = customer + rng.normal(0, gain(LINE_NOISE_DBFS), n)
    microphone = agent + rng.normal(0, gain(LINE_NOISE_DBFS), n)
    if desk.snr_db is not None:
        microphone += room(desk.noise, material, n, rng) * loud * gain(-desk.snr_db)
    leak_rng, near_rng = rng.spawn(2)
    if change.neighbour:
        start, end, db = change.neighbour
        near = babble(neighbours(material), end - start, near_rng, 1)
        microphone[start:end] += near * loud * gain(db)
    if desk.bleed_db is not None:
        microphone += leak(line, desk.bleed_db, leak_rng, desk.late_s)
    if change.microphone:
        microphone = change.microphone(microphone)
    earpiece = line
    if desk.sidetone_db is not None:
        earpiece = line + leak(microphone, desk.sidetone_db, leak_rng, desk.late_s)
    both = np.stack([microphone, earpiece], 1)
    return change.tap(both) if change.tap else both


def pcm(sound: Sound) -> Pcm:
    """As an interface gives it: 16 bits, clipped."""
    return np.clip(np.round(sound * 32767), -32768, 32767).astype(np.int16)


def alone(material: Material, name: str, seconds: float, rng: Rng) -> tuple[Sound, Labels]:
    """One voice with pauses, and when it speaks."""
    frames = int(seconds * 100)
    out, truth = np.zeros(frames * HOP), np.zeros(frames, bool)
    usable = sentences(material, name)
    now = int(rng.integers(50, 150))
    while True:
        dry = utterance(usable[rng.integers(len(usable))], VOICE_DBFS)
        end = now + len(dry) // HOP
        if end >= frames:
            return out, bridged(truth, BRIDGE_MS, BURST_MS)
        out[now * HOP : end * HOP] = dry
        truth[now:end] = speech(dry, bridge_ms=0)
        now = end + int(rng.integers(30, 250))
