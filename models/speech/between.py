"""Writes weights that lie between those of two trainings, of which one went on from the other.

    python models/speech/between.py SECOND THIRD --share 0.4

They may hear better than either and cost nothing to run (Wortsman et al., Model soups, 2022).
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


def between(one: Weights, other: Weights, share: float) -> Weights:
    """Number by number, `share` of the other; both have the same shapes."""
    return Weights(
        **{
            f.name: (1 - share) * getattr(one, f.name) + share * getattr(other, f.name)
            for f in fields(Weights)
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs=2, help="with weights.c, as train.py wrote it")
    parser.add_argument("--share", type=float, required=True, help="of the second folder, 0 to 1")
    parser.add_argument("--out", type=Path, default=ROOT / "firmware/src")
    options = parser.parse_args()
    one, other = (read(folder, EVIDENCE) for folder in options.folders)
    write(between(one, other, options.share), SEEN, options.out)


if __name__ == "__main__":
    main()
