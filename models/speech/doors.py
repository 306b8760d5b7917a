"""The core with one more door: a tool of firmware/tools that hands out what a stage is given."""

from __future__ import annotations

import ctypes
import re
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from voices import RATE_HZ

ROOT = Path(__file__).resolve().parents[2]


def constant(name: str, header: str = "include/turnlight.h") -> int:
    """A number of the core's interface, or of one of its stages."""
    found = re.search(rf"^#define {name} (\d+)", (ROOT / "firmware" / header).read_text(), re.M)
    if found is None:
        raise LookupError(f"{header} has no number {name}")
    return int(found[1])


@lru_cache(maxsize=2)
def library(tool: str) -> ctypes.CDLL:
    """firmware/tools/<tool>.c, which includes core.c, compiled with the stages."""
    target = Path(tempfile.mkdtemp()) / f"{tool}.so"
    sources = [p for p in sorted((ROOT / "firmware/src").glob("*.c")) if p.name != "core.c"]
    subprocess.run(
        [
            *("gcc", "-O3", "-std=c11", "-fPIC", "-shared"),
            *(f"-I{ROOT}/firmware/include", f"-I{ROOT}/firmware/src"),
            *map(str, [ROOT / f"firmware/tools/{tool}.c", *sources]),
            *("-o", str(target)),
        ],
        check=True,
    )
    return ctypes.CDLL(str(target))


def dump(tool: str, pcm: npt.NDArray[np.int16], out: npt.NDArray[np.integer]) -> None:
    """Lets a fresh core hear two-channel sound; `tl_<tool>` fills `out`."""
    core = np.zeros(constant("TL_CORE_BYTES") // 8, np.int64)
    pcm = np.ascontiguousarray(pcm)
    door = library(tool)
    door.tl_init(ctypes.c_void_p(core.ctypes.data), RATE_HZ)
    getattr(door, f"tl_{tool}")(
        ctypes.c_void_p(core.ctypes.data),
        ctypes.c_void_p(pcm.ctypes.data),
        len(pcm),
        ctypes.c_void_p(out.ctypes.data),
    )
