"""EmoDB and ordinary speech on telephone lines, as pieces of the features that the device sees.

EmoDB is acted. High arousal: anger (W), joy (F), fear (A); low: neutral (N), boredom (L), sadness
(T). Disgust (E) is left out: people voice it both ways, and its arousal is disputed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lines import LINES, rows_of, sound_of
from turnlight.dsp import Frames
from turnlight.strain import BLOCK
from turnlight.strain_features import Piece, piece
from voices import RATE_HZ, Material, Side, gather, load

HIGH, LOW = "WFA", "NLT"
WOMEN = {"08", "09", "13", "14", "16"}
ORDINARY_S = 60
"""Speech of each ordinary talker."""


@dataclass(frozen=True)
class Utterance:
    """One acted sentence on one line."""

    speaker: str
    """A number."""
    text: str
    emotion: str
    high: bool
    """Of high arousal."""
    line: str
    pieces: list[Piece]


@dataclass(frozen=True)
class Talker:
    """A minute of one person's ordinary speech, in order, on one line."""

    name: str
    line: str
    pieces: list[Piece]


def pieces_of(rows: Frames) -> list[Piece]:
    """Half seconds of speech, in order, the last one cut short."""
    found = [piece(rows[start : start + BLOCK]) for start in range(0, len(rows), BLOCK)]
    return [some for some in found if some is not None]


def surroundings(data: Path) -> Material:
    """Who and what is heard around the voices: people of speech-en, and noises."""
    all_of = gather(data, None, "train")
    talkers = {name: files for name, files in all_of.speakers.items() if name.startswith("en-")}
    return Material(talkers, all_of.noises)


def acted(data: Path) -> list[Utterance]:
    """EmoDB on every line; each utterance at a level of its own."""
    around, speakers = surroundings(data), dict[str, list[Path]]()
    for path in sorted((data / "emodb" / "wav").glob("*.flac")):
        if path.stem[5] in HIGH + LOW:
            speakers.setdefault(path.name[:2], []).append(path)
    out = []
    for speaker, paths in speakers.items():
        for number, (name, line) in enumerate(LINES.items()):
            rng = np.random.default_rng((1, int(speaker), number))
            order = [paths[i] for i in rng.permutation(len(paths))]
            pcm, spans = sound_of([load(path) for path in order], line, around, rng)
            rows = rows_of(pcm)
            for path, (start, end) in zip(order, spans, strict=True):
                if made := pieces_of(rows[start:end]):
                    kind = path.stem[5]
                    text, high = path.stem[2:5], kind in HIGH
                    out.append(Utterance(speaker, text, kind, high, name, made))
    return out


def ordinary(data: Path, extra: Path | None, side: Side) -> list[Talker]:
    """A minute of every talker beside EmoDB's who has so much, each on one of the lines."""
    around, names = surroundings(data), list(LINES)
    speakers = gather(data, extra, side).speakers
    out = []
    for number, (name, paths) in enumerate(sorted(speakers.items())):
        if name.startswith("emodb-"):
            continue
        rng = np.random.default_rng((2, number))
        sounds, length = [], 0
        for index in rng.permutation(len(paths)):
            sounds.append(load(paths[index])[: 15 * RATE_HZ])
            length += len(sounds[-1])
            if length >= ORDINARY_S * RATE_HZ:
                break
        if length >= 40 * RATE_HZ:
            line = names[number % len(names)]
            pcm, _ = sound_of(sounds, LINES[line], around, rng)
            out.append(Talker(name, line, pieces_of(rows_of(pcm))))
    return out
