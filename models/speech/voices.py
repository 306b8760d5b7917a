"""Recorded material for training and measuring: utterances by speaker, noises, music, keys.

    DATA/emodb/wav/*.flac          EmoDB; characters 1-2 of the name are the speaker
    DATA/speech-en/*.flac          short commands by many people (speakers unknown)
    DATA/noise/**/*.flac           noises
    EXTRA/speech/<speaker>/*.flac  any further speech, one folder a speaker (optional)
    EXTRA/music/*.flac, EXTRA/keys/*.flac   hold music, key strokes (optional)

Everything is split once: what is `held_out` never trains anything.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE_HZ = 16_000
Sound = npt.NDArray[np.float64]

HELD_OUT_SPEAKERS = {
    *("emodb-14", "emodb-15", "emodb-16"),
    *("asterisk-ru", "asterisk-it", "menardi-it"),
}


@lru_cache(maxsize=4000)
def load(path: Path) -> Sound:
    """Mono samples at 16 kHz, full scale 1."""
    sound, rate = soundfile.read(path, dtype="float64", always_2d=True)
    if rate != RATE_HZ:
        raise ValueError(f"{path}: {rate} Hz; convert it to {RATE_HZ} Hz first")
    return sound[:, 0]


def held_out_file(path: Path) -> bool:
    """A stable fifth of the files."""
    return zlib.crc32(path.name.encode()) % 5 == 0


@dataclass
class Material:
    """One side of the split."""

    speakers: dict[str, list[Path]] = field(default_factory=dict)
    noises: list[Path] = field(default_factory=list)
    music: list[Path] = field(default_factory=list)
    keys: list[Path] = field(default_factory=list)


@lru_cache(maxsize=2)
def gather(data: Path, extra: Path | None, held_out: bool) -> Material:
    """All files of one side of the split; speakers are split whole, other files by name.

    Raises:
        FileNotFoundError: there is no speech below `data`.
    """
    material = Material()
    for path in sorted((data / "emodb" / "wav").glob("*.flac")):
        speaker = f"emodb-{path.name[:2]}"
        if (speaker in HELD_OUT_SPEAKERS) == held_out:
            material.speakers.setdefault(speaker, []).append(path)
    for path in sorted((data / "speech-en").glob("*.flac")):
        # many people, unnamed: each file counts as a speaker of its own group of ten
        if held_out_file(path) == held_out:
            group = f"en-{zlib.crc32(path.name.encode()) // 5 % 24}"
            material.speakers.setdefault(group, []).append(path)
    noises = sorted((data / "noise").rglob("*.flac")) + sorted((data / "noise").rglob("*.ogg"))
    material.noises = [path for path in noises if held_out_file(path) == held_out]
    if extra is not None:
        for folder in sorted((extra / "speech").glob("*")):
            if (folder.name in HELD_OUT_SPEAKERS) == held_out:
                material.speakers[folder.name] = sorted(folder.glob("*.flac"))
        for name, files in (("music", material.music), ("keys", material.keys)):
            paths = sorted((extra / name).glob("*.flac"))
            files += [path for path in paths if held_out_file(path) == held_out]
    if not material.speakers:
        raise FileNotFoundError(f"{data}: no speech in emodb/wav or speech-en")
    return material
