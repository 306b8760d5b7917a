"""Two channels on one core: the whole pipeline against detectors that only say speech or not.

Everything is called from Python and timed in processor time, so that the load of other programs
counts little; each round runs all of them in turn, and ratios are taken within a round.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import earshot
import numpy as np
import webrtcvad

from bench import scenes
from bench.labels import HOP
from bench.peers import EARSHOT_CHUNK, silero_score
from bench.systems import OURS
from bench.table import Row, progress
from turnlight.dsp import RATE_HZ, Core, Pcm

SECONDS = 40
LIVE, WHOLE = "10 ms", "one piece"
ROUNDS = 11


def runners(pcm: Pcm) -> dict[str, Callable[[], None]]:
    """What is timed; the sound is cut beforehand, so that only calls of a detector are in it."""
    hops = np.split(pcm, len(pcm) // HOP)
    channels = [np.ascontiguousarray(pcm[:, k]) for k in (0, 1)]
    as_bytes = [[hop.tobytes() for hop in np.split(mono, len(mono) // HOP)] for mono in channels]
    chunks = [np.split(mono, len(mono) // EARSHOT_CHUNK) for mono in channels]

    def live() -> None:
        process = Core().process
        for hop in hops:
            process(hop)

    def whole() -> None:
        Core().process(pcm)

    def webrtc() -> None:
        for frames in as_bytes:
            said = webrtcvad.Vad(3).is_speech
            for frame in frames:
                said(frame, RATE_HZ)

    def earshots() -> None:
        for frames in chunks:
            predict = earshot.Detector().predict_i16
            for frame in frames:
                predict(frame)

    def silero() -> None:
        silero_score(pcm)

    return {
        LIVE: live,
        WHOLE: whole,
        "webrtcvad 3": webrtc,
        "earshot": earshots,
        "silero": silero,
    }


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """Ratio of throughputs, ours to each other's; above 1 we are faster."""
    material = scenes.held_out(data, extra)
    call, rng = scenes.real_call(data), np.random.default_rng((scenes.SEED, 6))
    # a whole number of every detector's chunks
    samples = SECONDS * RATE_HZ // (HOP * EARSHOT_CHUNK) * HOP * EARSHOT_CHUNK
    pcm = scenes.pcm(scenes.put_on(scenes.ISSUE_DESK, call, material, rng))[:samples]
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        taken = rounds(runners(pcm), 7 if quick else ROUNDS)
    finally:
        os.sched_setaffinity(0, allowed)
    per_second = {
        who: statistics.median(times) * 1000 * RATE_HZ / samples for who, times in taken.items()
    }
    return [
        {
            "who": OURS,
            "fed": fed,
            "against": who,
            "ratio": statistics.median(b / a for a, b in zip(taken[fed], times, strict=True)),
            "ours, ms per s": per_second[fed],
            "theirs, ms per s": per_second[who],
        }
        for fed in (LIVE, WHOLE)
        for who, times in taken.items()
        if who not in (LIVE, WHOLE)
    ]


def rounds(run: dict[str, Callable[[], None]], count: int) -> dict[str, list[float]]:
    """Processor seconds of each, round after round; the first round warms up and is dropped."""
    taken: dict[str, list[float]] = {who: [] for who in run}
    for number in range(count + 1):
        progress(f"  round {number + 1}/{count + 1}")
        for who, once in run.items():
            started = time.process_time()
            once()
            taken[who].append(time.process_time() - started)
    return {who: times[1:] for who, times in taken.items()}
