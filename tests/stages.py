"""The core's stages one by one: firmware/src compiled with every symbol visible."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt

FIRMWARE = Path(__file__).resolve().parents[1] / "firmware"


class Bands(ctypes.Structure):
    """tl_bands of bands.h."""

    _fields_ = (
        ("db_q8", ctypes.c_int16 * 20),
        ("peak_share_q15", ctypes.c_int16),
        ("peak_centre_q4", ctypes.c_int16),
        ("peak_bin", ctypes.c_uint8 * 2),
        ("silent", ctypes.c_uint8),
    )


class Usual(ctypes.Structure):
    """tl_usual of loudness.h."""

    _fields_ = (
        ("voice_db_q8", ctypes.c_int16),
        ("background_db_q8", ctypes.c_int16),
        ("steady_db_q16", ctypes.c_int32),
    )


class Loudness(ctypes.Structure):
    """tl_loudness of loudness.h."""

    _fields_ = (
        ("usual", Usual),
        ("past", Usual * 10),
        ("moving_db_q8", ctypes.c_int16),
        ("floor_db_q8", ctypes.c_int16 * 2),
        ("room_db_q8", ctypes.c_int16 * 20 * 2),
        ("known_db_q8", ctypes.c_int16 * 20),
        ("smooth_db_q8", ctypes.c_int16 * 2),
        ("least_db_q8", ctypes.c_int16 * 2),
        ("most_db_q8", ctypes.c_int16 * 2),
        ("filled", ctypes.c_uint8),
        ("room_filled", ctypes.c_uint8),
        ("settling", ctypes.c_uint8),
        ("turning", ctypes.c_uint8),
    )


class Evidence(ctypes.Structure):
    """tl_evidence of evidence.h."""

    _fields_ = (("loudness", Loudness * 2), ("turned_db_q8", ctypes.c_int32 * 2))


BANDS_INT16 = ctypes.sizeof(Bands) // 2


def compiled(folder: Path, *flags: str) -> ctypes.CDLL:
    """firmware/src as a shared library in `folder`."""
    target = folder / f"libstages{len(list(folder.iterdir()))}.so"
    sources = sorted(str(path) for path in (FIRMWARE / "src").glob("*.c"))
    subprocess.run(
        [
            *("gcc", "-O2", "-std=c11", "-fPIC", "-shared", *flags),
            *(f"-I{FIRMWARE}/include", *sources, "-o", str(target)),
        ],
        check=True,
    )
    return ctypes.CDLL(str(target))


def pointer(array: npt.NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def table(library: ctypes.CDLL, name: str, kind: type[ctypes._SimpleCData], size: int) -> list[int]:
    return list((kind * size).in_dll(library, name))
