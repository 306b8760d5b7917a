"""The core behind one small class: int16 stereo in, one row of numbers per 10 ms out."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import numpy.typing as npt

import turnlight

RATE_HZ = 16_000
HOP_MS = 10
HOP = RATE_HZ * HOP_MS // 1000
BANDS = 20
BAND_EDGES_HZ = tuple(
    31.25 * edge
    for edge in (
        3,
        6,
        10,
        14,
        18,
        24,
        29,
        36,
        43,
        51,
        60,
        70,
        82,
        95,
        109,
        126,
        144,
        165,
        188,
        214,
        243,
    )
)
"""Edges of the log bands; fifteen of the twenty lie below 4 kHz."""
DB_NONE = -32768
"""Value of a Q8 dB field that was not measured, and of the level of digital silence."""

FLAG_CLIPPED, FLAG_TONE, FLAG_MUSIC, FLAG_NUCLEUS = 1, 2, 4, 8

CSV_FIELDS = (
    "t_ms",
    "agent_talk",
    "customer_talk",
    "agent_confirmed",
    "customer_confirmed",
    "agent_speech_q15",
    "customer_speech_q15",
    "agent_level_db_q8",
    "customer_level_db_q8",
    "agent_f0_hz_q4",
    "customer_f0_hz_q4",
    "agent_voicing_q15",
    "customer_voicing_q15",
    "bleed_db_q8",
    "sidetone_db_q8",
)
"""Columns of `turnlight frames`, in order. The Q format ends the name: _q8 is value / 256."""

FRAME = np.dtype(
    [
        ("t_ms", "<u4"),
        ("agent_talk", "u1"),
        ("customer_talk", "u1"),
        ("agent_confirmed", "u1"),
        ("customer_confirmed", "u1"),
        ("agent_flags", "u1"),
        ("customer_flags", "u1"),
        ("unused", "u1", (2,)),
        ("agent_speech_q15", "<i2"),
        ("customer_speech_q15", "<i2"),
        ("agent_confirmed_q15", "<i2"),
        ("customer_confirmed_q15", "<i2"),
        ("agent_level_db_q8", "<i2"),
        ("customer_level_db_q8", "<i2"),
        ("agent_f0_hz_q4", "<u2"),
        ("customer_f0_hz_q4", "<u2"),
        ("agent_voicing_q15", "<i2"),
        ("customer_voicing_q15", "<i2"),
        ("bleed_db_q8", "<i2"),
        ("sidetone_db_q8", "<i2"),
        ("agent_bands_db_q8", "<i2", (BANDS,)),
        ("customer_bands_db_q8", "<i2", (BANDS,)),
    ]
)
"""One row: `tl_frame` of firmware/include/turnlight.h, field by field."""

Pcm = npt.NDArray[np.int16]
Frames = npt.NDArray[np.void]

_ERRORS = {
    -1: "a pointer is null",
    -2: "the rate must be 16000 or 48000",
    -3: "a count is negative",
    -4: "the row buffer is too small",
    -5: "the core was not initialised; call reset()",
}
_CORE_BYTES = 16_384
LOOKAHEAD = 4
"""Frames heard after the one that a row is about, before it is given."""
CONFIRM = 20
"""A row's `confirmed` is about the frame so many rows before, as it is known by then."""
_ROOM = 32
"""Rows, and hops of sound at 16 kHz, that the kept buffers hold."""
_INT16 = np.dtype(np.int16)


class CoreError(RuntimeError):
    """The core refused a call; the text says why."""


def bound(library: ctypes.CDLL) -> ctypes.CDLL:
    """The library with its functions' types, as include/turnlight.h has them."""
    address, count = ctypes.c_void_p, ctypes.c_int32
    library.tl_init.argtypes = [address, count]
    library.tl_process.argtypes = [address, address, count, address, count]
    library.tl_flush.argtypes = [address, address, count]
    for function in (library.tl_init, library.tl_process, library.tl_flush):
        function.restype = count
    return library


_FASTER = {"avx512_vnni": "vnni", "avx2": "avx2", "asimddp": "dotprod"}
"""Builds of the core beside the plain one, fastest first, by the feature a processor must have."""


def builds(cpuinfo: str) -> list[str]:
    """Names of the core's builds for the processor that /proc/cpuinfo tells of, fastest first."""
    lines = (line for line in cpuinfo.splitlines() if line.startswith(("flags", "Features")))
    features = next(lines, "").split()
    faster = [f"libturnlight-{name}.so" for feature, name in _FASTER.items() if feature in features]
    return [*faster, "libturnlight.so"]


def libraries() -> list[Path]:
    """The core's builds that this processor runs, the fastest first; all give the same bits.

    Raises:
        ImportError: there is none.
    """
    cpuinfo = Path("/proc/cpuinfo")
    names = builds(cpuinfo.read_text() if cpuinfo.exists() else "")
    paths = [Path(folder) / name for name in names for folder in turnlight.__path__]
    found = [path for path in paths if path.exists()]
    if not found:
        raise ImportError("libturnlight.so is missing: build it with `./run setup`")
    return found


_LIBRARY = bound(ctypes.CDLL(str(libraries()[0])))


def _checked(result: int) -> int:
    if result < 0:
        raise CoreError(_ERRORS.get(result, f"error {result}"))
    return result


class Core:
    """One core for one pair of channels.

    Args:
        rate_hz: 16000, or 48000 which the core decimates itself.

    Raises:
        CoreError: another rate.
    """

    def __init__(self, rate_hz: int = RATE_HZ) -> None:
        self._rate_hz = rate_hz
        self._state = np.zeros(_CORE_BYTES // 8, np.int64)
        self._address = self._state.ctypes.data
        # asking numpy for an address, or for a copy of rows, costs as much as a hop does: small
        # pieces go through buffers that stay, and rows leave them as bytes
        self._pcm = np.empty((_ROOM * HOP, 2), np.int16)
        self._pcm_address = self._pcm.ctypes.data
        self._rows = np.empty(_ROOM * FRAME.itemsize, np.uint8)
        self._rows_address = self._rows.ctypes.data
        self.reset()

    def reset(self) -> None:
        """Start again, as if fresh."""
        _checked(_LIBRARY.tl_init(self._address, self._rate_hz))

    def process(self, pcm: Pcm) -> Frames:
        """Hear more sound.

        Args:
            pcm: int16, shape (n, 2), agent first; any n, also 0.

        Returns:
            Structured array of `FRAME`, one row per completed 10 ms, four frames behind the
            sound. Any split of the same sound gives the same rows.

        Raises:
            ValueError: another shape or type.
        """
        if pcm.dtype != _INT16 or pcm.ndim != 2 or pcm.shape[1] != 2:
            raise ValueError(f"pcm must be int16 of shape (n, 2), not {pcm.dtype} {pcm.shape}")
        samples = len(pcm)
        most = samples // HOP + 1  # what tl_rows_max gives, or more where the core decimates
        if most > _ROOM:
            pcm = np.ascontiguousarray(pcm)
            rows = np.empty(most, FRAME)
            count = _LIBRARY.tl_process(
                self._address, pcm.ctypes.data, samples, rows.ctypes.data, most
            )
            return rows[: _checked(count)]
        self._pcm[:samples] = pcm
        count = _LIBRARY.tl_process(
            self._address, self._pcm_address, samples, self._rows_address, _ROOM
        )
        return self._kept_rows(count)

    def flush(self) -> Frames:
        """End the sound: the rows that were still waiting. `reset()` before the next sound."""
        count = _LIBRARY.tl_flush(self._address, self._rows_address, _ROOM)
        return self._kept_rows(count)

    def _kept_rows(self, count: int) -> Frames:
        kept = self._rows[: _checked(count) * FRAME.itemsize]
        return np.frombuffer(bytearray(kept), FRAME)
