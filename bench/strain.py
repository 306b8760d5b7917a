"""Vocal strain: high against low arousal by speakers never heard, arcs, false alarms, cost.

    ./run bench --data DATA --extra EXTRA --only strain

EmoDB is acted: it shows how a voice changes with arousal, not what stress sounds like on a
telephone. The peer hears the same sound and is trained on the same speakers.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.scores import auc
from bench.strain_peer import NAME, egemaps, scores
from bench.table import Row, progress
from turnlight.config import CueSettings
from turnlight.dsp import HOP, HOP_MS, RATE_HZ, Frames
from turnlight.strain import BLOCK, BLOCK_MS, Course, StrainMeter
from turnlight.strain_model import StrainModel

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models/strain"))
from corpus import HIGH, LOW, WOMEN, Utterance, pieces_of, surroundings
from examples import DRAWS, Examples, against_six, draws
from fit import REACH, Weights, fit
from lines import LINES, rows_of, sound_of
from voices import Sound, gather, load

Matrix = npt.NDArray[np.float64]
OURS = "turnlight"
ROOT = Path(__file__).resolve().parents[1]
CALL = ROOT / "edge" / "turnlight" / "calls" / "angry-then-calm.opus"
DEVICE = ROOT / ".venv" / "bin" / "python"
"""The product's own environment: the bench's holds other detectors too."""
SEED = 20262
GAMES = "queen-", "sky-"
"""Held-out talkers who play characters: not ordinary speech, but told beside it."""
ROUNDS = 5
QUARTER_S = 14
"""Each quarter of a built call."""
ORDINARY_S = 300
"""Ordinary speech of each held-out talker."""


IN_STEP = 2 * REACH / 255
"""Scales of a feature in one step of int8."""


class HeldOut(StrainModel):
    """The model as it is without one speaker, in float."""

    def __init__(self, weights: Weights) -> None:
        self.manifest = StrainModel().manifest
        self._weights = weights

    def logit(self, change: Matrix) -> float:
        """Log-odds that the voice is strained."""
        return float(self._weights.logit(change[None])[0])


def utterances(data: Path) -> dict[str, list[Path]]:
    """EmoDB's files of high and low arousal by speaker."""
    found: dict[str, list[Path]] = {}
    for path in sorted((data / "emodb" / "wav").glob("*.flac")):
        if path.stem[5] in HIGH + LOW:
            found.setdefault(path.name[:2], []).append(path)
    return found


def acted(data: Path) -> tuple[list[Utterance], list[Sound]]:
    """Every utterance on a plain telephone line: as the core gives it, and the sound itself."""
    around, said, sounds = surroundings(data), list[Utterance](), list[Sound]()
    for speaker, paths in utterances(data).items():
        rng = np.random.default_rng((SEED, int(speaker)))
        dry = [load(path) for path in paths]
        pcm, spans = sound_of(dry, LINES["telephone"], around, rng)
        rows = rows_of(pcm)
        for path, (start, end) in zip(paths, spans, strict=True):
            if made := pieces_of(rows[start:end]):
                text, kind = path.stem[2:5], path.stem[5]
                said.append(Utterance(speaker, text, kind, kind in HIGH, "telephone", made))
                sounds.append(pcm[start * HOP : end * HOP, 1] / 32768)
    return said, sounds


def without(speaker: str, examples: Examples) -> Weights:
    """What is fitted to the other speakers; their calm sentences give the scales."""
    others = examples.where(examples.speaker != speaker)
    return fit(others, others.change[~others.high])


def by_speaker(ours: Examples, theirs: Matrix) -> dict[str, Matrix]:
    """Scores of every example by models that never heard its speaker."""
    out = {OURS: np.zeros(len(ours.high)), NAME: np.zeros(len(ours.high))}
    for speaker in np.unique(ours.speaker):
        own = ours.speaker == speaker
        out[OURS][own] = without(speaker, ours).logit(ours.change[own])
        out[NAME][own] = scores(theirs[~own], ours.high[~own], theirs[own])
    return out


def int8(examples: Examples) -> Matrix:
    """Scores by the same held-out models, rounded wherever the int8 file rounds."""
    out = np.zeros(len(examples.high))
    for speaker in np.unique(examples.speaker):
        own, model = examples.speaker == speaker, without(speaker, examples)
        steps = np.round(np.clip(examples.change[own] / model.scales, -REACH, REACH) / IN_STEP)
        weight_step = model.weights.max() / 127
        sums = steps * IN_STEP @ (np.round(model.weights / weight_step) * weight_step) + model.bias
        out_step = 2 * REACH * model.weights.sum() / 255
        out[own] = np.round(sums / out_step) * out_step
    return out


def peers_changes(said: list[Utterance], values: Matrix) -> Matrix:
    """eGeMAPS less the mean of the same six sentences that our baseline is made of."""
    change = []
    for speaker in dict.fromkeys(one.speaker for one in said):
        at = [i for i, one in enumerate(said) if one.speaker == speaker]
        for draw in range(DRAWS):
            six = draws([said[i] for i in at], draw)
            usual = values[[at[i] for i in six]].mean(0)
            change += [values[k] - usual for i, k in enumerate(at) if i not in six]
    return np.array(change)


def follow(rows: Frames, model: StrainModel, course: Course) -> tuple[int, int]:
    """One voice through the meter: how often strain became high, half seconds with a value."""
    meter, highs, count = StrainMeter(model), 0, 0
    for start in range(0, len(rows) - BLOCK + 1, BLOCK):
        was = course.high
        if meter.push(rows[start : start + BLOCK], counts=True) and meter.value:
            course.push(start * HOP_MS, meter.value)
            highs += course.high and not was
            count += 1
    return highs, count


def live(said: list[Utterance], sounds: list[Sound], examples: Examples) -> Row:
    """Calls of six calm sentences and one more: the meter's value half a second after its end."""
    pause = np.zeros(BLOCK * HOP)
    values, high = [], []
    for speaker in dict.fromkeys(one.speaker for one in said):
        model = HeldOut(without(speaker, examples))
        at = [i for i, one in enumerate(said) if one.speaker == speaker]
        six = draws([said[i] for i in at], 0)
        first = [part for i in sorted(six) for part in (sounds[at[i]], pause)]
        for k in (k for i, k in enumerate(at) if i not in six):
            mono = np.round(np.concatenate([*first, sounds[k], pause]) * 32767).astype(np.int16)
            rows, meter = rows_of(np.stack([np.zeros_like(mono), mono], 1)), StrainMeter(model)
            for start in range(0, len(rows) - BLOCK + 1, BLOCK):
                meter.push(rows[start : start + BLOCK], counts=True)
            if meter.value:
                values.append(meter.value.value)
                high.append(said[k].high)
    truth = np.array(high)
    return {"what": "live, after one sentence", "who": OURS, "AUC": auc(np.array(values), truth)}


def quarters(paths: list[Path], pattern: str, rng: np.random.Generator) -> list[Sound]:
    """A call of four quarters, calm (c) or high (h), of one speaker's sentences."""
    out = []
    for kind in pattern:
        fitting = [path for path in paths if (path.stem[5] in HIGH) == (kind == "h")]
        quarter: list[Sound] = []
        while sum(map(len, quarter)) < QUARTER_S * RATE_HZ:
            quarter.append(load(fitting[rng.integers(len(fitting))]))
        out.append(np.concatenate(quarter)[: QUARTER_S * RATE_HZ])
    return out


def right(arc: list[float | None], pattern: str) -> bool:
    """Whether each change between two quarters that have a value has its sign."""
    known = [(value, kind) for value, kind in zip(arc, pattern, strict=True) if value is not None]
    high = [value for value, kind in known if kind == "h"]
    calm = [value for value, kind in known if kind == "c"]
    return bool(high and calm) and min(high) > max(calm)


def arcs(data: Path, examples: Examples, quick: bool) -> Iterator[Row]:
    """Built calls of each speaker, by a model that never heard that speaker."""
    around = surroundings(data)
    lines = ["telephone"] if quick else list(LINES)
    for pattern, name in (("cchc", "calm-high-calm"), ("cchh", "calm-high")):
        found = []
        for speaker, paths in utterances(data).items():
            model = HeldOut(without(speaker, examples))
            for number, line in enumerate(lines):
                rng = np.random.default_rng((SEED, int(speaker), number, len(name)))
                pcm, spans = sound_of(quarters(paths, pattern, rng), LINES[line], around, rng)
                rows = rows_of(pcm)[spans[0][0] :]
                course = Course(CueSettings())
                follow(rows, model, course)
                found.append(right(course.arc(len(rows) * HOP_MS), pattern))
        yield {"what": f"arc, {name}", "right, %": 100 * float(np.mean(found)), "calls": len(found)}


def false_alarms(data: Path, extra: Path | None, quick: bool) -> Iterator[Row]:
    """How often the voices of talkers that nothing was fitted to become high, on every line."""
    around, model = surroundings(data), StrainModel()
    longest_s = 60 if quick else ORDINARY_S
    found = {"ordinary speech": [0, 0, 0], "characters of games": [0, 0, 0]}
    speakers = gather(data, extra, "measure").speakers | gather(data, extra, "choose").speakers
    for number, (name, paths) in enumerate(sorted(speakers.items())):
        if name.startswith("emodb-"):
            continue
        sounds: list[Sound] = []
        for path in sorted(paths):
            if sum(map(len, sounds)) < longest_s * RATE_HZ:
                sounds.append(load(path)[: 15 * RATE_HZ])
        kind = found["characters of games" if name.startswith(GAMES) else "ordinary speech"]
        for turn, line in enumerate(LINES.values()):
            rng = np.random.default_rng((SEED, number, turn))
            rows = rows_of(sound_of(sounds, line, around, rng)[0])
            highs, blocks = follow(rows, model, Course(CueSettings()))
            kind[0], kind[1] = kind[0] + highs, kind[1] + blocks
        kind[2] += blocks > 0
    for kind_name, (highs, blocks, talkers) in found.items():
        hours = blocks * BLOCK_MS / 3_600_000
        row: Row = {"what": f"false high, {kind_name}", "hours": hours, "talkers": talkers}
        yield row | ({"per hour": highs / hours} if hours else {})


def cost(sounds: list[Sound], quick: bool) -> Row:
    """Processor time for the same sound: rows to strain, sound to strain, sound to eGeMAPS.

    Medians of a few rounds: a busy moment of the machine is not a stage's cost.
    """
    sound = np.concatenate(sounds[: 20 if quick else 60])
    mono = np.round(sound * 32767).astype(np.int16)
    pcm = np.stack([np.zeros_like(mono), mono], 1)
    model, spent = StrainModel(), []
    for _ in range(ROUNDS):
        times = [time.process_time()]
        rows = rows_of(pcm)
        times.append(time.process_time())
        follow(rows, model, Course(CueSettings()))
        times.append(time.process_time())
        egemaps(sound)
        times.append(time.process_time())
        spent.append(np.diff(times))
    core, strain, peer = np.median(spent, 0)
    return {
        "what": "cost",
        "ms per second of sound": 1000 * strain / (len(sound) / RATE_HZ),
        "the core's": 1000 * core / (len(sound) / RATE_HZ),
        "eGeMAPS'": 1000 * peer / (len(sound) / RATE_HZ),
        "times less": peer / strain,
        "times less, core included": peer / (strain + core),
    }


def memory() -> Row:
    """MB that a running desk holds at most through a call, with the model and without."""

    def most(customer: bool) -> float:
        with tempfile.TemporaryDirectory() as place:
            settings = Path(place) / "turnlight.toml"
            settings.write_text(
                f'[audio]\nsource = "file"\nfile = "{CALL}"\npace = 10\n'
                f'[desk]\nstate_dir = "{place}"\n[lamp]\nkind = "none"\n'
                # nobody answers there, so nothing leaves, and the uplink is at work all the same
                '[uplink]\nhost = "127.0.0.1"\nport = 9\n'
                f"[strain]\ncustomer = {str(customer).lower()}\n"
            )
            command = [str(DEVICE), "-m", "turnlight", "run", "--config", str(settings)]
            desk = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            held = 0.0
            while desk.poll() is None:
                status = Path(f"/proc/{desk.pid}/status").read_text()
                if found := re.search(r"VmHWM:\s+(\d+)", status):
                    held = max(held, int(found[1]) / 1024)
                time.sleep(0.05)
            if desk.returncode:
                raise RuntimeError(f"`turnlight run` ended with {desk.returncode}; see {DEVICE}")
            return held

    return {"what": "memory", "MB": most(True), "MB without": most(False)}


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """One row for each figure.

    Args:
        data: the folder with emodb, speech-en and noise, as models/speech/voices.py reads it.
        extra: the folder with speech/<speaker>, if there is one.
        quick: built calls on one line, a minute of each talker.
    """
    said, sounds = acted(data)
    progress("  eGeMAPS")
    theirs = peers_changes(said, np.array([egemaps(sound) for sound in sounds]))
    examples = against_six(said)
    found = by_speaker(examples, theirs)
    woman = np.isin(examples.speaker, list(WOMEN))
    out: list[Row] = []
    for name, score in found.items():
        row: Row = {"what": "high against low, other speakers", "who": name}
        row["AUC"] = auc(score, examples.high)
        for group, chosen in {"women": woman, "men": ~woman}.items():
            row[f"{group} AUC"] = auc(score[chosen], examples.high[chosen])
        for speaker in np.unique(examples.speaker):
            own = examples.speaker == speaker
            row[f"{speaker} AUC"] = auc(score[own], examples.high[own])
        out.append(row)
    exact = auc(found[OURS], examples.high)
    out.append(
        {"what": "int8 against float", "AUC lost": exact - auc(int8(examples), examples.high)}
    )
    progress("  built calls")
    out.append(live(said, sounds, examples))
    out += arcs(data, examples, quick)
    progress("  ordinary speech")
    out += [*false_alarms(data, extra, quick), cost(sounds, quick)]
    return [*out, memory()] if DEVICE.exists() else out
