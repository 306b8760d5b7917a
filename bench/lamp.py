"""How long after the sound that causes it the lamp of a running desk changes.

Measured by tests/lamp_delay.py in the product's own environment, which has what a desk needs:
PortAudio, and for the sound PulseAudio.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from bench.table import Row, progress

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"
QUICK_CYCLES = 5


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """One row; none where a desk cannot run."""
    del data, extra
    command = [str(PYTHON), "tests/lamp_delay.py", *([str(QUICK_CYCLES)] if quick else [])]
    try:
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        progress("  not measured: run `./run test` once, which installs what a desk needs")
        return []
    if ran.returncode:
        progress(f"  not measured: {ran.stderr.strip().splitlines()[-1]}")
        return []
    found = json.loads(ran.stdout)
    return [
        {
            "what": "lamp",
            "events": found["events"],
            "seen": found["seen"],
            "median, ms": found["median_ms"],
            "p99, ms": found["p99_ms"],
            "longest, ms": found["longest_ms"],
            **{f"{cue.replace('_', ' ')}, ms": ms for cue, ms in found["median_ms_by_cue"].items()},
        }
    ]
