"""Measures the committed model on other recordings, by speakers that nothing was fitted to.

    python models/strain/measure.py LIST.csv --data DATA

Each line of LIST.csv is `file,speaker,arousal`: a recording of one utterance (any rate; a path from
where LIST.csv is), who speaks, and `high` or `low`. Each utterance goes through a telephone line
and the core; six utterances of low arousal, drawn four times, are the speaker's baseline.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import soundfile
import soxr

from corpus import Utterance, pieces_of, surroundings
from examples import CALM_SENTENCES, against_six
from fit import auc
from lines import LINES, rows_of, sound_of
from turnlight.strain_model import StrainModel
from voices import RATE_HZ, Sound


def read(path: Path) -> Sound:
    """Mono samples at 16 kHz."""
    sound, rate = soundfile.read(path, dtype="float64", always_2d=True)
    return np.asarray(soxr.resample(sound.mean(1), rate, RATE_HZ))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("list", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--line", choices=LINES, default="telephone")
    options = parser.parse_args()
    around, said = surroundings(options.data), list[Utterance]()
    with options.list.open(newline="", encoding="utf-8") as lines:
        told = [row for row in csv.reader(lines) if row]
    for file, who, arousal in told:
        if arousal not in ("high", "low"):
            parser.error(f"{file}: arousal is {arousal!r}, but must be high or low")
        if sum(row[1:] == [who, "low"] for row in told) <= CALM_SENTENCES:
            parser.error(f"{who}: needs more than {CALM_SENTENCES} utterances of low arousal")
    speakers = list(dict.fromkeys(who for _, who, _ in told))
    for number, speaker in enumerate(speakers):
        own = [(file, arousal) for file, who, arousal in told if who == speaker]
        sounds = [read(options.list.parent / file) for file, _ in own]
        rng = np.random.default_rng((3, number))
        pcm, spans = sound_of(sounds, LINES[options.line], around, rng)
        rows = rows_of(pcm)
        for (file, arousal), (start, end) in zip(own, spans, strict=True):
            if made := pieces_of(rows[start:end]):
                high = arousal == "high"
                said.append(Utterance(str(number), file, arousal, high, options.line, made))
    examples, model = against_six(said), StrainModel()
    score = np.array([model.logit(change) for change in examples.change])
    print(f"{auc(score, examples.high):.4f}  {len(said)} utterances")
    for number, speaker in enumerate(speakers):
        mine = examples.speaker == str(number)
        print(f"{auc(score[mine], examples.high[mine]):.4f}  - speaker {speaker}")


if __name__ == "__main__":
    main()
