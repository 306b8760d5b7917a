"""One noisy voice, the other channel silent: a voice detector's own game."""

from __future__ import annotations

from pathlib import Path
from statistics import mean

import numpy as np

from bench import scenes, scores
from bench.peers import heard
from bench.table import Row, progress

SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)
SECONDS = 30.0


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """AUC of each detector, by signal-to-noise ratio; every second other channel is digital 0."""
    material = scenes.held_out(data, extra)
    names = scenes.speakers(material)
    found: dict[str, dict[float, list[float]]] = {}
    for number, noise in enumerate(scenes.NOISES):
        progress(f"  single voices in {noise}")
        for turn, snr_db in enumerate(SNRS_DB[1::2] if quick else SNRS_DB):
            for name in names[turn % 2 :: 4] if quick else names:
                rng = np.random.default_rng((scenes.SEED, 5, number, turn, names.index(name)))
                dry, truth = scenes.alone(material, name, SECONDS, rng)
                room = scenes.room(noise, material, len(dry), rng)
                channel = (number + turn) % 2
                both = np.zeros((len(dry), 2))
                loud = scenes.while_speaking(dry, truth) * scenes.gain(-snr_db)
                both[:, channel] = dry + room * loud
                if turn % 2:
                    hiss = rng.normal(0, scenes.gain(scenes.LINE_NOISE_DBFS), len(dry))
                    both[:, 1 - channel] = hiss
                for who, score in heard(scenes.pcm(both)).items():
                    auc = scores.auc(score[:, channel], truth)
                    found.setdefault(who, {}).setdefault(snr_db, []).append(auc)
    rows: list[Row] = []
    for who, by in found.items():
        every = [auc for aucs in by.values() for auc in aucs]
        row: Row = {"who": who, "AUC": mean(every)}
        row |= {f"AUC at {snr_db:.0f} dB": mean(aucs) for snr_db, aucs in by.items()}
        rows.append(row | {"AUC worst": min(every)})
    return rows
