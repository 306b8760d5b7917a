"""Calls without a desk: each channel holds its own party alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench import scenes, scores
from bench.scenes import Call, Desk
from bench.systems import heard
from bench.table import Row, progress
from turnlight.dsp import Pcm

CALLS, SECONDS = 10, 60.0


def calls(data: Path, extra: Path | None, quick: bool) -> Iterator[tuple[Call, Pcm]]:
    """The real call as it is; conversations of held-out speakers, half of them narrow-band."""
    real = scenes.real_call(data)
    yield real, scenes.pcm(real.voices)
    material = scenes.held_out(data, extra)
    names = scenes.speakers(material)
    for number in range(2 if quick else CALLS):
        rng = np.random.default_rng((scenes.SEED, 4, number))
        pair = (names[number % len(names)], names[(number * 2 + 1) % len(names)])
        if pair[0] == pair[1]:
            pair = (pair[0], names[(number + 1) % len(names)])
        call = scenes.converse(material, pair, 30.0 if quick else SECONDS, rng)
        desk = Desk(None, None, None, narrow=number % 2 == 0)
        yield call, scenes.pcm(scenes.put_on(desk, call, material, rng))


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """AUC of each detector: the real call, the conversations, all."""
    found: dict[str, dict[str, list[float]]] = {}
    for call, pcm in calls(data, extra, quick):
        progress(f"  clean: {call.name}")
        where = call.name if call.name == "real call" else "held-out speakers"
        for who, score in heard(pcm).items():
            auc = [scores.auc(score[:, k], call.truth[:, k]) for k in (0, 1)]
            found.setdefault(who, {}).setdefault(where, []).append(float(np.mean(auc)))
    return [
        {"who": who, "AUC": float(np.mean([v for vs in by.values() for v in vs]))}
        | {f"AUC {where}": float(np.mean(vs)) for where, vs in by.items()}
        | {"worst AUC": min(v for vs in by.values() for v in vs)}
        for who, by in found.items()
    ]
