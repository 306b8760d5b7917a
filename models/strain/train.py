"""Fits the strain model and writes edge/turnlight/strain.tflite and strain.json.

    python models/strain/train.py --data DATA --extra EXTRA
    python models/strain/train.py --data DATA --extra EXTRA --keep SET.npz --out /tmp/try

DATA and EXTRA are the folders of models/speech/voices.py. --keep keeps what the core heard, or
reads it where it is there. Before it writes, it says how well the fit carries over to speakers,
a sex, emotions and texts that it was not fitted with.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import asdict
from pathlib import Path

import msgspec
import numpy as np

from corpus import acted, ordinary
from examples import BASELINE_MS, WINDOW, Examples, Matrix, against_six, stretches
from fit import REACH, Weights, fit
from flatbuffer import float_model, int8_model
from holdouts import table
from turnlight.strain_features import FEATURE_VERSION, FEATURES
from turnlight.strain_model import Manifest, StrainModel

OUT = Path(__file__).resolve().parents[2] / "edge" / "turnlight"
HIGH = 60.0


def gathered(data: Path, extra: Path | None, keep: Path | None) -> tuple[Examples, Matrix]:
    """Changes in acted speech and in the ordinary speech of the training side."""
    if keep is not None and keep.exists():
        kept = dict(np.load(keep))
        return Examples(**{k: v for k, v in kept.items() if k != "ordinary"}), kept["ordinary"]
    examples = against_six(acted(data))
    talkers = [stretches(talker) for talker in ordinary(data, extra, "train")]
    changes = np.concatenate(talkers)
    print(f"{len(examples.high)} acted examples, {len(talkers)} ordinary talkers")
    if keep is not None:
        np.savez(keep, ordinary=changes, **asdict(examples))
    return examples, changes


def write(weights: Weights, out: Path) -> None:
    """The int8 file, and the manifest that goes with it."""
    plain = float_model(
        weights.weights[None].astype(np.float32), np.array([weights.bias], np.float32)
    )
    most = REACH * float(weights.weights.sum())
    content = int8_model(plain, (-REACH, REACH), (weights.bias - most, weights.bias + most))
    manifest = Manifest(
        feature_version=FEATURE_VERSION,
        features=FEATURES,
        window_blocks=WINDOW,
        baseline_ms=BASELINE_MS,
        scales=tuple(round(float(scale), 5) for scale in weights.scales),
        high=HIGH,
        sha256=hashlib.sha256(content).hexdigest(),
    )
    (out / "strain.tflite").write_bytes(content)
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (out / "strain.json").write_bytes(text + b"\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--extra", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    examples, ordinary_changes = gathered(options.data, options.extra, options.keep)
    for name, value in table(examples, ordinary_changes):
        print(f"{value:.4f}  {name}")
    weights = fit(examples, ordinary_changes)
    for name, scale, weight in zip(FEATURES, weights.scales, weights.weights, strict=True):
        print(f"{name:10} scale {scale:.4f}  weight {weight:.3f}")
    write(weights, options.out)
    model = StrainModel(options.out)
    exact = weights.logit(examples.change)
    steps = np.array([model.logit(change) for change in examples.change])
    print(f"int8 against float: at most {np.abs(steps - exact).max():.3f} of log-odds")


if __name__ == "__main__":
    main()
