"""Which calls are measured: on the desks of the grid, and clean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench import scenes
from bench.scenes import Call, Desk, Material
from bench.table import progress
from turnlight.dsp import Pcm

REAL_DESKS, DESKS_OF_SPEAKER, DESK_SECONDS = 12, 66, 80.0
CLEAN_CALLS, CLEAN_SECONDS = 10, 60.0
QUICK_SECONDS = 30.0
OTHER_DESKS, QUICK_OTHER_DESKS = 10, 2
OTHERS: dict[str, Callable[[Desk], Desk]] = {
    "leaks 60 ms late": lambda desk: replace(desk, late_s=0.06),
    "quiet rooms": lambda desk: replace(desk, snr_db=None),
    "quiet rooms, 15 dB softer": lambda desk: replace(
        desk, snr_db=None, agent_db=desk.agent_db - 15, customer_db=desk.customer_db - 15
    ),
}
"""Desks beside the grid: what is different there."""


def on_desks(data: Path, extra: Path | None, quick: bool) -> Iterator[tuple[Call, Desk, Pcm]]:
    """The issue's desk on the real call, then the grid: the real call, held-out speakers."""
    material = scenes.held_out(data, extra)
    real = scenes.real_call(data, scenes.QUICK_SECONDS) if quick else scenes.real_call(data)
    desks = [scenes.ISSUE_DESK, *scenes.grid(2 if quick else REAL_DESKS, 0, real=True)]
    jobs = [*((real, desk) for desk in desks), *_of_speakers(material, quick)]
    yield from _sounds(jobs, material)


def beside_the_grid(data: Path, extra: Path | None, quick: bool) -> Iterator[tuple[str, Call, Pcm]]:
    """Some of the held-out speakers' calls, on the same desks but for one thing, which is named."""
    material = scenes.held_out(data, extra)
    jobs = _of_speakers(material, quick)[: QUICK_OTHER_DESKS if quick else OTHER_DESKS]
    for name, other in OTHERS.items():
        for call, _, pcm in _sounds([(call, other(desk)) for call, desk in jobs], material):
            yield name, call, pcm


def _of_speakers(material: Material, quick: bool) -> list[tuple[Call, Desk]]:
    names = scenes.speakers(material)
    each, seconds = (2, QUICK_SECONDS) if quick else (DESKS_OF_SPEAKER, DESK_SECONDS)
    # everyone is the agent half of the time, against each of the others in turn
    pairs = [
        (names[i], names[(i + 1 + turn % (len(names) - 1)) % len(names)])
        for turn in range(each // 2)
        for i in range(len(names))
    ]
    desks = scenes.grid(len(pairs), 1)
    return [
        (scenes.converse(material, pair, seconds, np.random.default_rng((scenes.SEED, 5, i))), desk)
        for i, (pair, desk) in enumerate(zip(pairs, desks, strict=True))
    ]


def _sounds(jobs: list[tuple[Call, Desk]], material: Material) -> Iterator[tuple[Call, Desk, Pcm]]:
    for number, (call, desk) in enumerate(jobs):
        progress(
            f"  desk {number + 1}/{len(jobs)}: {call.name}; bleed {desk.bleed_db:.0f}, "
            f"sidetone {desk.sidetone_db:.0f}, "
            + ("a quiet room" if desk.snr_db is None else f"{desk.noise} at {desk.snr_db:.0f} dB")
        )
        rng = np.random.default_rng((scenes.SEED, 3, number))
        yield call, desk, scenes.pcm(scenes.put_on(desk, call, material, rng))


def clean(data: Path, extra: Path | None, quick: bool) -> Iterator[tuple[Call, Pcm]]:
    """The real call as it is; conversations of held-out speakers, half of them narrow-band."""
    real = scenes.real_call(data, scenes.QUICK_SECONDS) if quick else scenes.real_call(data)
    yield real, scenes.pcm(real.voices)
    material = scenes.held_out(data, extra)
    names = scenes.speakers(material)
    for number in range(2 if quick else CLEAN_CALLS):
        rng = np.random.default_rng((scenes.SEED, 4, number))
        pair = (names[number % len(names)], names[(number * 2 + 1) % len(names)])
        if pair[0] == pair[1]:
            pair = (pair[0], names[(number + 1) % len(names)])
        call = scenes.converse(material, pair, QUICK_SECONDS if quick else CLEAN_SECONDS, rng)
        desk = Desk(None, None, None, narrow=number % 2 == 0)
        yield call, scenes.pcm(scenes.put_on(desk, call, material, rng))
