"""Pitch of held-out voices against Praat: clean, through a telephone, and in noise.

    ./run bench --data DATA --extra EXTRA --only pitch

The reference is Praat's autocorrelation pitch of the clean recording (60 to 450 Hz, every 10 ms),
compared with the row in whose 10 ms its moment lies. `praat` is the same method on the sound that
the core hears: what the sound itself still allows.

    gross errors     % of the frames voiced in both that are more than 20 % off
    octave up, down  % of them off by a factor of 1.8..2.2, or 0.45..0.55
    voicing errors   % of all frames that are voiced in one and not in the other; missed, false
    cents            median distance of the frames that are not gross errors
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import parselmouth

from bench.table import Row
from turnlight.dsp import HOP, RATE_HZ, Core

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models/speech"))
from acoustics import babble, rms, telephone
from voices import Material, Sound, gather, load

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator
OURS, PRAAT = "turnlight", "praat"
SEED = 20261
LEVEL = 0.06
"""RMS of a voice, full scale 1."""
SNR_DB = 15.0
LONGEST_S = 8
LEAST_S = 0.5
FLOOR_HZ, CEILING_HZ = 60.0, 450.0


def files_of(material: Material, quick: bool) -> list[Path]:
    """Every named held-out speaker; of the many unnamed ones, each second file."""
    out: list[Path] = []
    for name, paths in sorted(material.speakers.items()):
        step = 2 if name.startswith("en-") else 1
        out += paths[:: step * (8 if quick else 1)]
    return out


def at_level(sound: Sound) -> Sound:
    """The voice at the level of the bench."""
    return sound / rms(sound) * LEVEL


def conditions(material: Material) -> dict[str, Callable[[Sound, Rng], Sound]]:
    """What happens to a clean voice."""
    others = Material({k: v for k, v in material.speakers.items() if k.startswith("en-")})
    room = LEVEL * 10 ** (-SNR_DB / 20)
    crowd = babble(others, 60 * RATE_HZ, np.random.default_rng((SEED, 0)), 8)
    crowd *= room / rms(crowd)

    def talkers(voice: Sound, rng: Rng) -> Sound:
        start = int(rng.integers(len(crowd) - len(voice)))
        return voice + crowd[start : start + len(voice)]

    def hiss(voice: Sound, rng: Rng) -> Sound:
        return voice + rng.normal(0, room, len(voice))

    return {
        "clean": lambda voice, _: voice,
        "telephone": lambda voice, _: telephone(voice),
        "8 talkers, 15 dB": talkers,
        "hiss, 15 dB": hiss,
        "8 talkers, 15 dB, telephone": lambda voice, rng: telephone(talkers(voice, rng)),
    }


def praat(sound: Sound) -> tuple[Floats, Floats]:
    """Times in seconds and F0 in Hz, 0 where unvoiced."""
    found = parselmouth.Sound(sound, float(RATE_HZ)).to_pitch_ac(
        time_step=HOP / RATE_HZ, pitch_floor=FLOOR_HZ, pitch_ceiling=CEILING_HZ
    )
    return found.xs(), found.selected_array["frequency"]


def ours(sound: Sound) -> Floats:
    """F0 in Hz of each row of the core, 0 where unvoiced."""
    mono = np.clip(np.round(sound * 32767), -32768, 32767).astype(np.int16)
    core, both = Core(), np.stack([mono, np.zeros_like(mono)], 1)
    rows = np.concatenate([core.process(both), core.flush()])
    return rows["agent_f0_hz_q4"] / 16.0


def figures(pairs: list[tuple[Floats, Floats]]) -> Row:
    """Of (heard, wanted) F0, frame by frame."""
    heard, wanted = (np.concatenate(side) for side in zip(*pairs, strict=True))
    both = (heard > 0) & (wanted > 0)
    ratio = heard[both] / wanted[both]
    gross = np.abs(ratio - 1) > 0.2
    missed, false = (wanted > 0) & (heard == 0), (wanted == 0) & (heard > 0)

    def percent(x: npt.NDArray[np.bool_]) -> float:
        return float(100 * x.mean())

    return {
        "gross errors": percent(gross),
        "octave up": percent((ratio > 1.8) & (ratio < 2.2)),
        "octave down": percent((ratio > 0.45) & (ratio < 0.55)),
        "too high": percent(ratio > 1.2),
        "too low": percent(ratio < 0.8),
        "voicing errors": percent(missed | false),
        "missed": percent(missed),
        "false": percent(false),
        "cents": float(np.median(np.abs(1200 * np.log2(ratio[~gross])))),
        "frames": float(both.sum()),
    }


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """One row for each condition and tracker; `all` is every frame of every condition.

    Args:
        data: the folder with emodb, speech-en and noise, as models/speech/voices.py reads it.
        extra: the folder with speech/<speaker>, if there is one.
        quick: an eighth of the sound.
    """
    material = gather(data, extra, "measure")
    files, kinds = files_of(material, quick), conditions(material)
    pairs: dict[str, dict[str, list[tuple[Floats, Floats]]]] = {
        who: {kind: [] for kind in kinds} for who in (OURS, PRAAT)
    }
    for number, path in enumerate(files):
        print(
            f"\r  pitch: {number + 1} of {len(files)} voices", end="", file=sys.stderr, flush=True
        )
        voice = load(path)[: LONGEST_S * RATE_HZ]
        if len(voice) < LEAST_S * RATE_HZ:
            continue
        voice = at_level(voice)
        times, wanted = praat(voice)
        rows = np.floor(times * RATE_HZ / HOP).astype(int)
        for turn, (kind, change) in enumerate(kinds.items()):
            sound = change(voice, np.random.default_rng((SEED, 1, number, turn)))
            pairs[OURS][kind].append((ours(sound)[rows], wanted))
            if kind != "clean":
                pairs[PRAAT][kind].append((praat(sound)[1], wanted))
    print(file=sys.stderr)
    out: list[Row] = []
    for who, by in pairs.items():
        found = {kind: some for kind, some in by.items() if some}
        if who == OURS:
            found["all"] = [pair for some in by.values() for pair in some]
        for kind, some in found.items():
            row: Row = {"who": who, "what": kind}
            out.append(row | figures(some))
    return out
