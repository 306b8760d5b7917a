"""The manager's page with many open at once, in the product's own environment (page_load.py)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.floor import PRODUCT, ROOT
from bench.table import Row, progress


def measure(data: Path | None, extra: Path | None, quick: bool) -> list[Row]:
    """The table: paint, processor, memory, delay. Needs no recorded data, but a browser."""
    del data, extra
    if not PRODUCT.exists():
        sys.exit(f"{PRODUCT} is not there: run `./run setup` first.")
    command = [str(PRODUCT), "-m", "bench.page_load", "10" if quick else "60"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE)
    if done.returncode:
        # After twenty minutes of other sections a missing browser must not lose their tables.
        progress("page: not measured (above); `./run bench --only page` installs what it needs")
        return []
    rows: list[Row] = json.loads(done.stdout)
    return rows
