"""The floor under load, measured in the product's own environment (floor_load.py)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.table import Row

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ROOT / ".venv" / "bin" / "python"
"""Where broker client and command line are; the bench's environment holds the detectors."""


def measure(data: Path | None, extra: Path | None, quick: bool) -> list[Row]:
    """The table: load, delay, memory, restart. Needs no recorded data."""
    del data, extra
    if not PRODUCT.exists():
        sys.exit(f"{PRODUCT} is not there: run `./run setup` first.")
    command = [str(PRODUCT), "-m", "bench.floor_load", "20" if quick else "60"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    rows: list[Row] = json.loads(done.stdout)
    return rows
