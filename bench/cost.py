"""What the core costs on aarch64, counted under QEMU by the tools of `./run arm`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from bench.table import Row, progress

TOOLS = Path(__file__).resolve().parents[1] / "firmware" / "tools"
KIB = 1024


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:  # noqa: ARG001 - every section is called alike
    """One row; none where the cross compiler or QEMU is missing, which `./run arm` installs."""
    if not (TOOLS / "arm.py").exists():
        progress("  firmware/tools/arm.py: not here")
        return []
    sys.path.append(str(TOOLS))
    try:
        arm = importlib.import_module("arm")
    finally:
        sys.path.pop()
    if arm.AARCH64.missing:
        progress(f"  missing: {', '.join(arm.AARCH64.missing)}; `./run arm` installs them")
        return []
    arm.BUILD.mkdir(parents=True, exist_ok=True)
    built = arm.Built(arm.AARCH64, arm.BUILD)
    found = arm.measured(built, {}, arm.count_plugin(arm.AARCH64.qemu, arm.BUILD))
    return [
        {
            "target": found.target,
            "instructions, M": found.instructions_per_s / 1e6,
            "from 48 kHz, M": found.instructions_per_s_from_48_khz / 1e6,
            "state, KiB": found.state_bytes / KIB,
            "stack, KiB": found.stack_bytes / KIB,
            "code and tables, KiB": (found.code_bytes + found.table_bytes) / KIB,
        }
    ]
