"""One noisy voice, the other channel silent: a voice detector's own game."""

from __future__ import annotations

from pathlib import Path
from statistics import mean

import numpy as np

from bench import scenes, scores
from bench.labels import Labels
from bench.peers import heard
from bench.scenes import Material
from bench.table import Row, progress
from turnlight.dsp import Pcm

SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)
SECONDS = 30.0


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """AUC of each detector, by signal-to-noise ratio; every second other channel is digital 0.

    Where others talk, no detector of one channel can know whom to hear: that is a column of its
    own, and not in the first figure.
    """
    material = scenes.held_out(data, extra)
    names = scenes.speakers(material)
    found: dict[str, dict[str, list[float]]] = {}
    for number, noise in enumerate(scenes.NOISES):
        progress(f"  single voices in {noise}")
        for turn, snr_db in enumerate(SNRS_DB[1::2] if quick else SNRS_DB):
            column = "where others talk" if noise in scenes.TALKING else f"at {snr_db:.0f} dB"
            for name in names[turn % 2 :: 4] if quick else names:
                rng = np.random.default_rng((scenes.SEED, 5, number, turn, names.index(name)))
                channel = (number + turn) % 2
                pcm, truth = scene(material, name, noise, snr_db, channel, bool(turn % 2), rng)
                for who, score in heard(pcm).items():
                    auc = scores.auc(score[:, channel], truth)
                    found.setdefault(who, {}).setdefault(column, []).append(auc)
    rows: list[Row] = []
    for who, by in found.items():
        others = by.pop("where others talk")
        every = [auc for aucs in by.values() for auc in aucs]
        row: Row = {"who": who, "AUC": mean(every)}
        row |= {f"AUC {column}": mean(aucs) for column, aucs in by.items()}
        rows.append(row | {"AUC worst": min(every), "AUC where others talk": mean(others)})
    return rows


def scene(
    material: Material,
    name: str,
    noise: str,
    snr_db: float,
    channel: int,
    hiss: bool,
    rng: scenes.Rng,
) -> tuple[Pcm, Labels]:
    """A voice in a room on one channel; digital silence or faint hiss on the other."""
    dry, truth = scenes.alone(material, name, SECONDS, rng)
    room = scenes.room(noise, material, len(dry), rng)
    both = np.zeros((len(dry), 2))
    loud = scenes.while_speaking(dry, truth) * scenes.gain(-snr_db)
    both[:, channel] = dry + room * loud
    if hiss:
        both[:, 1 - channel] = rng.normal(0, scenes.gain(scenes.LINE_NOISE_DBFS), len(dry))
    return scenes.pcm(both), truth
