"""Trains the core's music stage and writes firmware/src/music_weights.c and music_weights.h.

    python models/music/train.py --data DATA --extra EXTRA --streams 700 --seed 3
    python models/music/train.py --data DATA --extra EXTRA --streams 20 --out /tmp/try

Streams of speech, noise, speech in noise, silence and music, one after the other as in a call, in
the earpiece; and calls on desks (models/speech/desks.py), in which there is none. The inputs come
from the core itself (firmware/tools/dump_music.c is compiled on the fly). Music is the training
side of EXTRA/music and all of EXTRA/music-train; everything else the training side of
models/speech/voices.py. Noises are played faster and slower, and machines are made up, so that no
recorded engine is learnt by heart. NumPy only.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import textwrap
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "speech"))
from acoustics import at_speed, babble, decibels, hiss, leak, rms, telephone
from conversations import converse, level_to, speech_frames
from desks import draw_desk, put_on
from doors import ROOT, dump
from voices import RATE_HZ, Material, Sound, gather, load

CUES = 15
INPUTS = 2 * CUES + 1
HIDDEN = 16
LOOK = 1600
"""Samples between two looks of the network."""
Rng = np.random.Generator
Matrix = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def inputs_of(pcm: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """What the network sees of both channels, shape (looks, 2, INPUTS), Q8."""
    out = np.zeros((len(pcm) // LOOK, 2, INPUTS), np.int16)
    dump("dump_music", pcm, out)
    return out


def machine(n: int, rng: Rng) -> Sound:
    """A made-up engine: harmonics that hardly move, in noise, throbbing or not; RMS 1."""
    seconds = np.arange(n) / RATE_HZ
    drift = 1 + 0.02 * rng.random() * np.sin(2 * np.pi * rng.uniform(0.05, 0.5) * seconds)
    hz = np.exp(rng.uniform(np.log(25), np.log(900))) * drift
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    harmonics = range(1, int(min(60, 3800 / hz.mean())) + 1)
    slope, spread = rng.uniform(0, 1.2), rng.uniform(0.3, 1.5)
    wave = np.sum(
        [
            np.exp(rng.normal(0, spread)) / k**slope * np.sin(k * phase + rng.uniform(0, 6))
            for k in harmonics
        ],
        axis=0,
    )
    out = wave / rms(wave) + hiss(n, rng) * decibels(rng.uniform(-15, 12))
    if rng.random() < 0.4:
        throb = np.sin(2 * np.pi * rng.uniform(0.5, 25) * seconds)
        out = out * (1 + rng.uniform(0.2, 1) * throb)
    return out / rms(out)


def noise(material: Material, n: int, rng: Rng) -> Sound:
    """A recorded noise at another speed, a made-up machine, babble or hiss; RMS 1."""
    kind = rng.random()
    if kind < 0.25:
        return machine(n, rng)
    if kind < 0.35:
        return babble(material, n, rng, int(rng.integers(2, 9)))
    if kind < 0.42:
        return hiss(n, rng)
    sound = load(material.noises[rng.integers(len(material.noises))])
    sound = at_speed(sound, rng.uniform(0.6, 1.7))
    out = np.resize(np.roll(sound, int(rng.integers(len(sound)))), n)
    return out / rms(out)


def talk(material: Material, n: int, rng: Rng) -> Sound:
    """One speaker's utterances with pauses, -20 dBFS while speaking; in noise in half of all."""
    names = sorted(material.speakers)
    files = material.speakers[names[rng.integers(len(names))]]
    speed, out, at = rng.uniform(0.88, 1.15), np.zeros(n), 0
    while at < n:
        dry = at_speed(load(files[rng.integers(len(files))]), speed)
        dry = level_to(dry, speech_frames(dry), -20 + rng.normal(0, 3))[: n - at]
        out[at : at + len(dry)] += dry
        at += len(dry) + int(rng.uniform(0.05, 0.9) * RATE_HZ)
    if rng.random() < 0.5:
        out += noise(material, n, rng) * decibels(-20 - rng.uniform(0, 22))
    return out


def stream(material: Material, music: list[Path], rng: Rng) -> tuple[Sound, npt.NDArray[np.int8]]:
    """About a minute and a half of one channel; 1 in each 10 ms of music."""
    pieces: list[tuple[Sound, int]] = []

    def samples(low_s: float, high_s: float) -> int:
        return int(rng.uniform(low_s, high_s) * 100) * 160

    for _ in range(3):
        kind = rng.random()
        if kind < 0.55:
            pieces.append((talk(material, samples(5, 20), rng), 0))
        elif kind < 0.72:
            n = samples(3, 12)
            pieces.append((noise(material, n, rng) * decibels(-20 + rng.uniform(-25, 3)), 0))
        if rng.random() < 0.8:
            pieces.append((np.zeros(samples(0.1, 2.5)), 0))
        if rng.random() < 0.75:
            track = load(music[rng.integers(len(music))])
            n = min(samples(6, 35), len(track) // 160 * 160)
            start = int(rng.integers(len(track) - n + 1))
            piece = track[start : start + n]
            pieces.append((piece / max(rms(piece), 1e-4) * decibels(-20 + rng.uniform(-14, 6)), 1))
        if rng.random() < 0.6:
            pieces.append((np.zeros(samples(0.1, 2)), 0))
    pieces.append((talk(material, samples(3, 10), rng), 0))
    sound = np.concatenate([piece for piece, _ in pieces])
    label = np.concatenate([np.full(len(piece) // 160, of, np.int8) for piece, of in pieces])
    sound = sound * decibels(rng.uniform(-16, 4))
    if rng.random() < 0.8:
        sound = sound + rng.normal(0, decibels(rng.uniform(-85, -45)), len(sound))
    return (telephone(sound) if rng.random() < 0.65 else sound), label


def in_the_earpiece(line: Sound, material: Material, rng: Rng) -> npt.NDArray[np.int16]:
    """A stream on the line, which leaks into the microphone; sometimes an agent talks."""
    near = hiss(len(line), rng) * decibels(rng.uniform(-80, -45))
    if rng.random() < 0.4:
        start = int(rng.integers(len(line)))
        agent = talk(material, len(line) - start, rng) * decibels(rng.uniform(-14, 4))
        near[start:] += agent
        line = line + leak(near, float(rng.uniform(-30, -10)), rng)
    if rng.random() < 0.8:
        near = near + leak(line, float(rng.uniform(-30, -10)), rng)
    both = np.stack([near, line], 1)
    return np.clip(np.round(both * 32767), -32768, 32767).astype(np.int16)


def one(job: tuple[Path, Path, int, int]) -> tuple[npt.NDArray[np.int16], Labels]:
    """Inputs of one stream or call; whether it is music, and for how many frames it has been so."""
    data, extra, seed, number = job
    material, rng = gather(data, extra, "train"), np.random.default_rng((seed, number))
    if number % 5 < 2:
        call = converse(material, rng, 60.0)
        inputs = inputs_of(put_on(draw_desk(rng), call, material, rng)).reshape(-1, INPUTS)
        return inputs, np.tile([0, 30_000], (len(inputs), 1))
    music = [*material.music] * 6 + sorted((extra / "music-train").glob("*.flac"))
    line, label = stream(material, music, rng)
    inputs = inputs_of(in_the_earpiece(line, material, rng))[:, 1]
    since = np.arange(len(label)) - np.maximum.accumulate(
        np.where(np.diff(label, prepend=label[0]) != 0, np.arange(len(label)), 0)
    )
    at = 10 * np.arange(len(inputs)) + 8  # the newest bands are one frame behind
    return inputs, np.stack([label[at], np.minimum(since[at], 30_000)], 1)


def train(x: Matrix, label: Labels, epochs: int, seed: int) -> list[Matrix]:
    """Two dense layers, Adam; returns weights and biases for inputs as they come."""
    y, since = label[:, 0].astype(np.float32), label[:, 1]
    # a false hold costs seconds of somebody's speech; what has just changed is not known yet
    music_weight = np.where(since < 50, 0.1, np.where(since < 150, 0.5, 1.0))
    weight = np.where(y == 1, music_weight, np.where(since < 100, 0.3, 3.0)).astype(np.float32)
    mean, spread = x.mean(0), x.std(0) + 1e-3
    x = (x - mean) / spread
    rng = np.random.default_rng(seed)
    net = [
        rng.normal(0, INPUTS**-0.5, (INPUTS, HIDDEN)),
        np.zeros(HIDDEN),
        rng.normal(0, HIDDEN**-0.5, (HIDDEN, 1)),
        np.zeros(1),
    ]
    net = [p.astype(np.float32) for p in net]
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in net]
    step, batch = 0, 2048
    for epoch in range(epochs):
        order, rate, loss = rng.permutation(len(x)), 3e-3 * (1 - epoch / epochs) + 1e-4, 0.0
        for start in range(0, len(x) - batch + 1, batch):
            rows = order[start : start + batch]
            hidden = np.maximum(x[rows] @ net[0] + net[1], 0)
            odds = (hidden @ net[2] + net[3])[:, 0]
            loss += float((weight[rows] * np.logaddexp(0, odds * (1 - 2 * y[rows]))).sum())
            delta = (weight[rows] * (1 / (1 + np.exp(-odds)) - y[rows]) / batch)[:, None]
            back = (delta @ net[2].T) * (hidden > 0)
            gradients = [
                x[rows].T @ back + 1e-4 * net[0],
                back.sum(0),
                hidden.T @ delta + 1e-4 * net[2],
                delta.sum(0),
            ]
            step += 1
            for p, g, (m, v) in zip(net, gradients, moments, strict=True):
                m += 0.1 * (g - m)
                v += 0.001 * (g**2 - v)
                p -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        print(f"epoch {epoch + 1}: loss {loss / len(x):.4f}", file=sys.stderr, flush=True)
    net[1] = net[1] - (mean / spread) @ net[0]
    net[0] = net[0] / spread[:, None]
    return net


def write_weights(net: list[Matrix], folder: Path) -> None:
    """The net as C tables."""
    first = np.clip(np.round(net[0].T * 1024), -32767, 32767).astype(int)
    second = np.clip(np.round(net[2][:, 0] * 4096), -32767, 32767).astype(int)
    note = "/* Generated by models/music/train.py; do not edit. */\n"

    def rows(numbers: list[int]) -> str:
        return "\n".join(
            textwrap.wrap(
                ", ".join(map(str, numbers)), 96, initial_indent="    ", subsequent_indent="    "
            )
        )

    (folder / "music_weights.h").write_text(
        note
        + f"""#ifndef TL_MUSIC_WEIGHTS_H
#define TL_MUSIC_WEIGHTS_H

#include <stdint.h>

#define TL_MUSIC_CUES {CUES}
#define TL_MUSIC_INPUTS {INPUTS}
#define TL_MUSIC_HIDDEN {HIDDEN}

extern const int16_t tl_music_weight1_q10[TL_MUSIC_HIDDEN][TL_MUSIC_INPUTS];
extern const int32_t tl_music_bias1_q18[TL_MUSIC_HIDDEN];
extern const int16_t tl_music_weight2_q12[TL_MUSIC_HIDDEN];
extern const int32_t tl_music_bias2_q20;

#endif
"""
    )
    biases = np.round(net[1].astype(float) * (1 << 18)).astype(int).tolist()
    matrix = ",\n".join(f"    {{\n{rows(line)}}}" for line in first.tolist())
    text = [
        note + '#include "music_weights.h"\n',
        "const int16_t tl_music_weight1_q10[TL_MUSIC_HIDDEN][TL_MUSIC_INPUTS] = {",
        f"{matrix},\n}};",
        f"const int32_t tl_music_bias1_q18[TL_MUSIC_HIDDEN] = {{\n{rows(biases)}}};",
        f"const int16_t tl_music_weight2_q12[TL_MUSIC_HIDDEN] = {{\n{rows(second.tolist())}}};",
        f"const int32_t tl_music_bias2_q20 = {round(float(net[3][0]) * (1 << 20))};\n",
    ]
    (folder / "music_weights.c").write_text("\n".join(text))


def main() -> None:
    """Make the streams, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--extra", type=Path, required=True)
    parser.add_argument("--streams", type=int, default=700)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "firmware/src")
    options = parser.parse_args()
    jobs = [(options.data, options.extra, options.seed, i) for i in range(options.streams)]
    with multiprocessing.Pool(options.processes) as pool:
        made = list(pool.imap(one, jobs, chunksize=8))
    x = np.concatenate([inputs for inputs, _ in made]).astype(np.float32) / 256
    label = np.concatenate([labels for _, labels in made])
    print(f"{len(x)} looks, {label[:, 0].mean():.2f} of them music", file=sys.stderr)
    options.out.mkdir(parents=True, exist_ok=True)
    write_weights(train(x, label, options.epochs, options.seed), options.out)


if __name__ == "__main__":
    main()
