"""What is no speech: how much of it is called speech, and what the line's flags say of it.

    ./run bench --data DATA --extra EXTRA --only line

Sounds of the line come from the earpiece and leak into the microphone; keys and breath also come
from the microphone itself. Tones and breath are made here; key strokes and voices are the held-out
side of models/speech/voices.py, music is EXTRA/music-more, which nothing is trained or tuned with.
Keys and music are left out where EXTRA has none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
import numpy.typing as npt
from scipy import signal

from bench.table import Row
from turnlight.dsp import FLAG_MUSIC, FLAG_TONE, RATE_HZ, Core, Frames

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models/speech"))
from acoustics import decibels, hiss, leak, rms, telephone
from conversations import converse, level_to
from desks import draw_desk, put_on
from voices import Material, Sound, gather, load

Rng = np.random.Generator
Labels = npt.NDArray[np.bool_]
HOP = 160
SEED = 41
PARTIES = ("agent", "customer")
AGENT, CUSTOMER = 0, 1
SECONDS = 20.0
SETTLED = 6
"""Frames after which a tone must be known: 60 ms."""

KEYS_ROW: list[tuple[float, ...]] = [
    (a, b) for a in (697.0, 770.0, 852.0, 941.0) for b in (1209.0, 1336.0, 1477.0)
]
Range = tuple[float, float]
TONES: dict[str, tuple[list[tuple[float, ...]], Range, Range]] = {
    "ringback, Europe": ([(425.0,)], (1.0, 1.0), (4.0, 4.0)),
    "ringback, US": ([(440.0, 480.0)], (2.0, 2.0), (4.0, 4.0)),
    "ringback, UK": ([(400.0, 450.0)], (0.4, 0.4), (0.2, 2.0)),
    "busy, Europe": ([(425.0,)], (0.5, 0.5), (0.5, 0.5)),
    "busy, US": ([(480.0, 620.0)], (0.25, 0.5), (0.25, 0.5)),
    "DTMF": (KEYS_ROW, (0.05, 0.1), (0.05, 0.2)),
}
"""Frequencies of each burst, and how long it is on and off, in seconds."""


@dataclass
class Scene:
    """Two channels, and where on one of them a sound is that no one speaks."""

    pcm: npt.NDArray[np.int16]
    channel: int
    inside: Labels
    """Frames of the sound, its gaps included."""
    sounding: Labels
    """Frames in which a tone sounds that could be known by then."""


def tone(name: str, rng: Rng) -> tuple[Sound, Labels]:
    """Bursts of RMS 1, and the frames that lie in them 60 ms after their start."""
    pairs, on_s, off_s = TONES[name]
    n = int(SECONDS * RATE_HZ)
    out, known = np.zeros(n), np.zeros(n // HOP, bool)
    at = int(rng.uniform(0.3, 1.5) * RATE_HZ)
    while at < n:
        burst = np.arange(int(rng.uniform(*on_s) * RATE_HZ)) / RATE_HZ
        wave = sum(
            np.sin(2 * np.pi * hz * burst + rng.uniform(0, 6)) * decibels(rng.uniform(-2, 2))
            for hz in pairs[rng.integers(len(pairs))]
        )
        piece = (wave / rms(np.asarray(wave)))[: n - at]
        out[at : at + len(piece)] = piece
        known[-(-at // HOP) + SETTLED : (at + len(piece)) // HOP] = True
        at += len(piece) + int(rng.uniform(*off_s) * RATE_HZ)
    return out, known


def breath(n: int, rng: Rng) -> Sound:
    """Synthetic: in and out in cycles of 2 to 4 s, noise through the throat's wide resonances."""
    out, at = np.zeros(n), 0
    while at < n:
        cycle = rng.uniform(2, 4)
        for share, low, high in ((0.35, 500, 3500), (0.45, 200, 1800)):
            length = int(cycle * share * RATE_HZ)
            colour = signal.butter(1, [low, high], "band", fs=RATE_HZ, output="sos")
            puff = signal.sosfilt(colour, rng.normal(size=length)) * np.hanning(length)
            puff = puff[: max(0, n - at)]
            out[at : at + len(puff)] += puff
            at += int(cycle / 2 * RATE_HZ)
    return out / rms(out)


def typing(material: Material, n: int, rng: Rng) -> Sound:
    """Key strokes, 2 to 10 a second, with pauses."""
    out, at = np.zeros(n), 0
    while at < n:
        key = load(material.keys[rng.integers(len(material.keys))])[: n - at]
        out[at : at + len(key)] += key
        at += int((rng.uniform(0.1, 0.5) if rng.random() < 0.95 else 2.0) * RATE_HZ)
    return out / rms(out)


def on_line(far: Sound, narrow: bool, rng: Rng) -> npt.NDArray[np.int16]:
    """In the earpiece, through a telephone or not, and by leak in the microphone."""
    line = far + rng.normal(0, decibels(rng.uniform(-85, -65)), len(far))
    line = telephone(line) if narrow else line
    near = hiss(len(line), rng) * decibels(rng.uniform(-75, -50))
    if rng.random() < 0.8:
        near += leak(line, float(rng.uniform(-30, -10)), rng)
    return to_pcm(near, line)


def at_desk(near: Sound, rng: Rng) -> npt.NDArray[np.int16]:
    """In the microphone, and by sidetone in the earpiece."""
    near = near + hiss(len(near), rng) * decibels(rng.uniform(-80, -60))
    line = rng.normal(0, decibels(rng.uniform(-85, -65)), len(near))
    return to_pcm(near, line + leak(near, float(rng.uniform(-30, -10)), rng))


def to_pcm(near: Sound, line: Sound) -> npt.NDArray[np.int16]:
    """Microphone and earpiece as the device hears them."""
    return np.clip(np.round(np.stack([near, line], 1) * 32767), -32768, 32767).astype(np.int16)


def whole(pcm: npt.NDArray[np.int16], channel: int, known: Labels | None = None) -> Scene:
    """A scene that is nothing but the sound."""
    frames = len(pcm) // HOP
    none = np.zeros(frames, bool)
    return Scene(pcm, channel, np.ones(frames, bool), none if known is None else known)


def hold(track: Sound, material: Material, narrow: bool, rng: Rng) -> Scene:
    """Fifteen seconds of conversation, then music from the earpiece while the agent waits."""
    call = converse(material, rng, 15.0)
    agent, customer = (
        level_to(call.voices[:, k], call.speech[:, k], float(rng.uniform(-32, -18)))
        for k in (AGENT, CUSTOMER)
    )
    start = int(rng.integers(max(1, len(track) - int(SECONDS * RATE_HZ))))
    music = track[start : start + int(SECONDS * RATE_HZ)]
    music = music / rms(music) * decibels(float(rng.uniform(-34, -16)))
    pause = np.zeros(int(rng.uniform(0.2, 1.0) * RATE_HZ) // HOP * HOP)
    far = np.r_[customer, pause, music]
    pcm = on_line(far, narrow, rng)
    pcm[: len(agent), AGENT] = np.clip(pcm[: len(agent), AGENT] + agent * 32767, -32768, 32767)
    inside = np.zeros(len(pcm) // HOP, bool)
    inside[(len(customer) + len(pause)) // HOP :] = True
    return Scene(pcm, CUSTOMER, inside, np.zeros_like(inside))


def scenes_of(
    material: Material, music: list[Path], rounds: int
) -> Iterator[tuple[str, Callable[[Rng], Scene]]]:
    """Name and maker of every scene; a name comes several times."""

    def dbfs(rng: Rng, low: float, high: float) -> float:
        return float(decibels(float(rng.uniform(low, high))))

    def line_tone(name: str, narrow: bool) -> Callable[[Rng], Scene]:
        def make(rng: Rng) -> Scene:
            sound, known = tone(name, rng)
            return whole(on_line(sound * dbfs(rng, -40, -9), narrow, rng), CUSTOMER, known)

        return make

    def from_line(sound: Callable[[Rng], Sound], narrow: bool) -> Callable[[Rng], Scene]:
        return lambda rng: whole(on_line(sound(rng) * dbfs(rng, -50, -28), narrow, rng), CUSTOMER)

    def from_desk(sound: Callable[[Rng], Sound]) -> Callable[[Rng], Scene]:
        return lambda rng: whole(at_desk(sound(rng) * dbfs(rng, -50, -28), rng), AGENT)

    n = int(SECONDS * RATE_HZ)
    for i in range(rounds):
        for name in TONES:
            yield name, line_tone(name, i % 3 != 0)
        noises: dict[str, Callable[[Rng], Sound]] = {
            "breath (synthetic)": lambda rng: breath(n, rng)
        }
        if material.keys:
            noises["keys"] = lambda rng: typing(material, n, rng)
        for name, sound in noises.items():
            yield f"{name}, customer", from_line(sound, i % 2 == 0)
            yield f"{name}, agent", from_desk(sound)
        quiet = (0.0, decibels(-80 + 10 * (i % 4)))[i % 2]

        def silence(rng: Rng, level: float = quiet) -> Scene:
            near, far = (hiss(n, rng) * level for _ in PARTIES)
            return whole(to_pcm(near, far), CUSTOMER)

        yield "silence and hiss", silence

    def held(path: Path, narrow: bool) -> Callable[[Rng], Scene]:
        return lambda rng: hold(load(path), material, narrow, rng)

    for i, path in enumerate(music):
        narrow = i % 2 == 0
        where = "telephone" if narrow else "wide-band"
        yield f"hold music, {where}", held(path, narrow)


def heard(pcm: npt.NDArray[np.int16]) -> Frames:
    """All rows of the core, one per 10 ms."""
    core = Core()
    return np.concatenate([core.process(pcm), core.flush()])[: len(pcm) // HOP]


def percent(part: npt.NDArray[np.generic], among: Labels) -> float:
    """Share of the frames `among` in which `part` is not 0; nan where there are none."""
    return float(100 * np.mean(part[among] != 0)) if among.any() else float("nan")


def figures(scene: Scene) -> dict[str, float]:
    """What the core says in the frames of the sound."""
    rows = heard(scene.pcm)
    own, other = PARTIES[scene.channel], PARTIES[1 - scene.channel]
    flags, inside = rows[f"{own}_flags"], scene.inside
    return {
        "called speech": percent(rows[f"{own}_talk"], inside),
        "on the other channel": percent(rows[f"{other}_talk"], inside),
        "flagged tone": percent(flags & FLAG_TONE, inside),
        "tone after 60 ms": percent(flags & FLAG_TONE, scene.sounding),
        "flagged music": percent(flags & FLAG_MUSIC, inside),
    }


def false_flags(material: Material, rounds: int) -> list[Row]:
    """Speech of conversations on desks that is called a tone or music, by kind of desk."""
    found: dict[str, list[tuple[int, int, int]]] = {}
    for i in range(rounds):
        rng = np.random.default_rng((SEED, 9, i))
        call = converse(material, rng, 60.0)
        desk = draw_desk(rng)
        rows = heard(put_on(desk, call, material, rng))
        for k, party in enumerate(PARTIES):
            narrow = desk.agent_narrow if k == AGENT else desk.narrow
            where = f"speech, {party}, {'telephone' if narrow else 'wide-band'}"
            speech = call.speech[: len(rows), k]
            flags = rows[f"{party}_flags"][: len(speech)][speech]
            found.setdefault(where, []).append(
                (
                    len(flags),
                    int(((flags & FLAG_TONE) != 0).sum()),
                    int(((flags & FLAG_MUSIC) != 0).sum()),
                )
            )
    rows_out: list[Row] = []
    for where, counts in sorted(found.items()):
        frames, tones, musics = (sum(c[j] for c in counts) for j in range(3))
        rows_out.append(
            {
                "what": where,
                "minutes": frames / 6000,
                "flagged tone": 100 * tones / max(1, frames),
                "flagged music": 100 * musics / max(1, frames),
            }
        )
    return rows_out


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """One row a sound; then all but music, all music, and what is flagged of speech."""
    material = gather(data, extra, "measure")
    music = [] if extra is None else sorted((extra / "music-more").glob("*.flac"))
    found: dict[str, list[dict[str, float]]] = {}
    kinds = scenes_of(material, music[:: 4 if quick else 1], 3 if quick else 12)
    for number, (name, make) in enumerate(kinds):
        found.setdefault(name, []).append(figures(make(np.random.default_rng((SEED, number)))))

    def averaged(what: str, of: list[dict[str, float]]) -> Row:
        row: Row = {"what": what, "minutes": len(of) * SECONDS / 60}
        for column in of[0]:
            values = [x[column] for x in of if not np.isnan(x[column])]
            if values:
                row[column] = mean(values)
        return row

    rows = [averaged(name, of) for name, of in found.items()]
    # each kind of sound weighs the same
    groups = {
        "all but music": [row for row in rows if "music" not in str(row["what"])],
        "hold music": [row for row in rows if "music" in str(row["what"])],
    }
    for what, of in groups.items():
        if of:
            row: Row = {"what": what, "minutes": sum(float(x["minutes"]) for x in of)}
            for column in ("called speech", "on the other channel", "flagged music"):
                row[column] = mean(float(x[column]) for x in of)
            rows.append(row)
    return rows + false_flags(material, 10 if quick else 60)
