"""Writes the mean of two trainings' weights, of which one went on from the other.

    python models/speech/mean.py SECOND THIRD --out firmware/src

It is better than either and costs nothing to run (Wortsman et al., Model soups, 2022).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from doors import ROOT
from gru import Weights
from train import EVIDENCE, SEEN
from weights import read, write


def mean(one: Weights, other: Weights) -> Weights:
    """Number by number; both have the same shapes."""
    return Weights(
        **{f.name: (getattr(one, f.name) + getattr(other, f.name)) / 2 for f in fields(Weights)}
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs=2, help="with weights.c, as train.py wrote it")
    parser.add_argument("--out", type=Path, default=ROOT / "firmware/src")
    options = parser.parse_args()
    one, other = (read(folder, EVIDENCE) for folder in options.folders)
    write(mean(one, other), SEEN, options.out)


if __name__ == "__main__":
    main()
