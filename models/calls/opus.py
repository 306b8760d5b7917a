"""Writes a call as Ogg/Opus, the same bytes on every run, and checks what comes back."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal as ss
import soundfile

from desk import RATE_HZ, Signal

# Between 0 (256 kbit/s a channel) and 1 (6 kbit/s a channel); about 58 kbit/s for both here.
COMPRESSION_LEVEL = 0.91
MAX_SHIFT_SAMPLES = RATE_HZ // 1_000
MAX_LEAK_DB = -45.0
MAX_PEAK = 10.0 ** (-1.0 / 20.0)
LEAK_WINDOW = 512
PAGE_HEADER_SIZE = 27


@dataclass(frozen=True)
class Check:
    """How far a decoded file is from what was written."""

    shift_samples: int
    leak_db: float  # what one party alone adds, by coding, to the other channel; relative to it
    peak: float


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = ((value << 1) ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
        table.append(value)
    return table


_CRC_TABLE = _crc_table()


def _page_crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc = ((crc << 8) & 0xFFFFFFFF) ^ _CRC_TABLE[(crc >> 24) ^ byte]
    return crc


def with_serial(stream: bytes, serial: int) -> bytes:
    """The same Ogg stream under a given serial number; the encoder draws a random one."""
    pages = []
    at = 0
    while at < len(stream):
        if stream[at : at + 4] != b"OggS":
            raise ValueError(f"byte {at} does not start an Ogg page")
        lacing = stream[at + PAGE_HEADER_SIZE : at + PAGE_HEADER_SIZE + stream[at + 26]]
        size = PAGE_HEADER_SIZE + len(lacing) + sum(lacing)
        page = bytearray(stream[at : at + size])
        struct.pack_into("<II", page, 14, serial, struct.unpack_from("<I", page, 18)[0])
        struct.pack_into("<I", page, 22, 0)
        struct.pack_into("<I", page, 22, _page_crc(bytes(page)))
        pages.append(bytes(page))
        at += size
    return b"".join(pages)


def write(path: Path, audio: Signal) -> None:
    """Write frames x 2 samples; the serial number comes from the file's name."""
    soundfile.write(
        path, audio, RATE_HZ, format="OGG", subtype="OPUS", compression_level=COMPRESSION_LEVEL
    )
    path.write_bytes(with_serial(path.read_bytes(), zlib.crc32(path.name.encode())))


def _leak_db(error: Signal, talker: Signal, alone: np.ndarray) -> float:
    """The part of a channel's coding error that follows the talker of the other channel.

    The error as a whole would not do: most of it is the coding noise of the channel's own room
    tone, sidetone or babble.
    """
    _, cross = ss.csd(talker[alone], error[alone], RATE_HZ, nperseg=LEAK_WINDOW)
    _, power = ss.welch(talker[alone], RATE_HZ, nperseg=LEAK_WINDOW)
    return float(10.0 * np.log10(np.sum(np.abs(cross) ** 2 / power) / np.sum(power)))


def check(path: Path, audio: Signal, only_agent: np.ndarray, only_customer: np.ndarray) -> Check:
    """Decode and compare; raises when length, alignment, separation or peak are not right.

    ``only_agent`` and ``only_customer`` are masks of the samples where one party speaks alone.
    """
    decoded, rate_hz = soundfile.read(path)
    if rate_hz != RATE_HZ or decoded.shape != audio.shape:
        raise ValueError(f"{path.name}: reads as {decoded.shape} at {rate_hz} Hz")
    shift = 0
    for channel in range(2):
        like = ss.correlate(decoded[:, channel], audio[:, channel], "same", "fft")
        shift = max(shift, abs(int(np.argmax(like)) - len(audio) // 2), key=abs)
    error = decoded - audio
    leak_db = max(
        _leak_db(error[:, 1], audio[:, 0], only_agent),
        _leak_db(error[:, 0], audio[:, 1], only_customer),
    )
    result = Check(shift, leak_db, float(np.abs(decoded).max()))
    if abs(result.shift_samples) > MAX_SHIFT_SAMPLES:
        raise ValueError(f"{path.name}: decoded audio is {result.shift_samples} samples off")
    if result.leak_db > MAX_LEAK_DB:
        raise ValueError(f"{path.name}: channels leak at {result.leak_db:.1f} dB")
    if result.peak > MAX_PEAK:
        raise ValueError(f"{path.name}: peak {result.peak:.3f} is above -1 dBFS")
    return result
