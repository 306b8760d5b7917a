"""Recorded material for training and measuring: utterances by speaker, noises, music, keys.

    DATA/emodb/wav/*.flac          EmoDB; characters 1-2 of the name are the speaker
    DATA/speech-en/*.flac          short commands by fifty people; people.txt says whose is whose
    DATA/noise/**/*.flac           noises
    EXTRA/speech/<speaker>/*.flac  any further speech, one folder a speaker (optional)
    EXTRA/music/*.flac, EXTRA/keys/*.flac   hold music, key strokes (optional)

Everything is split once: one side trains, one chooses between trainings, one measures. Speakers are
split whole, other files by name, and what chooses hears the noises, music and keys of the training.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile

RATE_HZ = 16_000
Sound = npt.NDArray[np.float64]

Side = Literal["train", "choose", "measure"]

MEASURED = {
    *("emodb-14", "emodb-15", "emodb-16"),
    *("asterisk-ru", "asterisk-it", "menardi-it"),
    # neighbours, and in no call
    *("queen-p38", "queen-p62", "sky-20", "sky-33"),
}
CHOOSING = {
    *("asterisk-es-co", "emodb-13"),
    *("queen-p50", "queen-p58", "sky-26", "sky-27", "sky-28"),
    *("sky-29", "sky-30", "sky-31", "sky-32"),
}
PEOPLE = Path(__file__).with_name("people.txt")
"""Each line one person of speech-en: the first eight letters of the person's files."""


@lru_cache(maxsize=4000)
def load(path: Path) -> Sound:
    """Mono samples at 16 kHz, full scale 1."""
    sound, rate = soundfile.read(path, dtype="float64", always_2d=True)
    if rate != RATE_HZ:
        raise ValueError(f"{path}: {rate} Hz; convert it to {RATE_HZ} Hz first")
    return sound[:, 0]


@cache
def seconds_of(path: Path) -> float:
    """How long a recording is."""
    return float(soundfile.info(path).duration)


def shortest(paths: list[Path]) -> list[Path]:
    """The shortest quarter of what somebody says: what is said while the other one speaks."""
    return sorted(paths, key=seconds_of)[: max(5, len(paths) // 4)]


def side_of(speaker: str) -> Side:
    """The side of a speaker with a name."""
    return "measure" if speaker in MEASURED else "choose" if speaker in CHOOSING else "train"


def side_of_person(number: int) -> Side:
    """The side of a person of speech-en: every fifth measures, a tenth chooses."""
    return "measure" if number % 5 == 0 else "choose" if number % 10 == 3 else "train"


def measures(path: Path) -> bool:
    """Whether a file without a speaker is one of the fifth that measures."""
    return zlib.crc32(path.name.encode()) % 5 == 0


@dataclass
class Material:
    """One side of the split."""

    speakers: dict[str, list[Path]] = field(default_factory=dict)
    noises: list[Path] = field(default_factory=list)
    music: list[Path] = field(default_factory=list)
    keys: list[Path] = field(default_factory=list)


@lru_cache(maxsize=2)
def gather(data: Path, extra: Path | None, side: Side) -> Material:
    """All files of one side of the split.

    Raises:
        FileNotFoundError: there is no speech below `data`.
    """
    material = Material()
    for path in sorted((data / "emodb" / "wav").glob("*.flac")):
        speaker = f"emodb-{path.name[:2]}"
        if side_of(speaker) == side:
            material.speakers.setdefault(speaker, []).append(path)
    people = [line.split() for line in PEOPLE.read_text().splitlines()]
    person_of = {start: number for number, starts in enumerate(people) for start in starts}
    for path in sorted((data / "speech-en").glob("*.flac")):
        number = person_of.get(path.name[:8])
        if number is None or side_of_person(number) != side:
            continue
        # of those who measure, the committed weights have heard the other files
        if side != "measure" or measures(path):
            material.speakers.setdefault(f"en-{number:02}", []).append(path)

    def of_this_side(paths: Iterable[Path]) -> list[Path]:
        return [path for path in sorted(paths) if measures(path) == (side == "measure")]

    noise = data / "noise"
    material.noises = of_this_side([*noise.rglob("*.flac"), *noise.rglob("*.ogg")])
    if extra is not None:
        for folder in sorted((extra / "speech").glob("*")):
            if side_of(folder.name) == side:
                material.speakers[folder.name] = sorted(folder.glob("*.flac"))
        material.music = of_this_side((extra / "music").glob("*.flac"))
        material.keys = of_this_side((extra / "keys").glob("*.flac"))
    if not material.speakers:
        raise FileNotFoundError(f"{data}: no speech in emodb/wav or speech-en")
    return material
