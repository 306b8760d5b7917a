"""Voices from two adventure games in Debian, free to be passed on: one folder a speaker.

    python games.py EXTRA      writes EXTRA/speech/queen-*/*.flac and EXTRA/speech/sky-*/*.flac

The packages come as those of extra.py do, into EXTRA/.cache.

flight-of-the-amazon-queen: in a line's name stand the conversation, in decimal, the sentence and
who speaks, J for the hero Joe and P for the other: 370012P1.SB. The person's dialogue file says
which conversations are the same person's: NAOMI.DOG 37, NAOMI2.DOG 38. The last names the folder.
D-vectors agree, but for two men who are both called MAN.

beneath-a-steel-sky: lines have numbers; sky.txt says whose is whose. It comes from the scripts of
the game, which name the speaker of a line or are one person's conversation. Scripts whose d-vectors
agree were joined (cosine above 0.75, or one name), lines that sound like another were left out.
"""

from __future__ import annotations

import argparse
import io
import re
import struct
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import resample_poly

from extra import ExtraError, unpacked

RATE_HZ = 16_000
GAME_HZ = 11_025
LEAST_LINES, LEAST_SECONDS = 4, 8
NO_VOICE = {"03P", "14P", "19P", "66J", "79P"}
"""An ape, a dog, made-up Pygmy, Joe as a lady, Sparky under a mask."""

PERSONS = Path(__file__).with_name("sky.txt")
"""Each line one person of beneath-a-steel-sky: the numbers of the person's lines."""

SKY_HEADER = 22
"""Bytes before what is packed, of no use for sound."""

Sound = npt.NDArray[np.float64]
Line = tuple[str, str, Sound]
"""Speaker, name, samples at the game's rate."""


def queen(folder: Path) -> Iterator[Line]:
    """The spoken lines of flight-of-the-amazon-queen, whose sounds ScummVM made MP3."""
    archive = (folder / "queen.1c").read_bytes()
    magic, mp3, count = struct.unpack_from(">4s8xBH", archive)
    if magic != b"QTBL" or mp3 != 1:
        raise ValueError(f"{folder}: no archive of MP3")
    files: dict[str, bytes] = {}
    for name, _bundle, offset, size in struct.iter_unpack(">12sBII", archive[15 : 15 + 21 * count]):
        files[name.rstrip(b"\0").decode()] = archive[offset : offset + size]
    parts: dict[str, list[int]] = defaultdict(list)
    for name, content in files.items():
        if name.endswith(".DOG"):
            person = name[:-4] if name.startswith("MAN") else name[:-4].rstrip("0123456789")
            (number,) = struct.unpack_from(">h", content, 24)
            if f"{number:02}P" not in NO_VOICE:
                parts[person].append(number)
    folder_of = {part: f"queen-p{max(same):02}" for same in parts.values() for part in same}
    for name, content in sorted(files.items()):
        line = re.fullmatch(r"(\d\d)[0-9A-FSX]{4}([JP])[0-9A-F]\.SB", name)
        if line is None and re.fullmatch(r"JOE\d{5}\.SB", name) is None:
            continue
        if line is not None and line[1] + line[2] in NO_VOICE:
            continue
        speaker = "queen-joe" if line is None or line[2] == "J" else folder_of[int(line[1])]
        yield speaker, name[:-3].lower(), soundfile.read(io.BytesIO(content), dtype="float64")[0]


def sky(folder: Path) -> Iterator[Line]:
    """The lines of beneath-a-steel-sky whose speaker is known, 8 bits packed with RNC."""
    table = (folder / "sky.dnr").read_bytes()
    files: dict[int, tuple[int, int]] = {}
    for (entry,) in struct.iter_unpack("<Q", table[4:]):
        offset = entry >> 16 & 0x7FFFFF
        files[entry & 0xFFFF] = offset << 4 if entry >> 39 & 1 else offset, entry >> 40 & 0x3FFFFF
    with (folder / "sky.dsk").open("rb") as disk:
        for person, line in enumerate(PERSONS.read_text().splitlines()):
            for number in line.split():
                start, size = files[int(number)]
                disk.seek(start + SKY_HEADER)
                levels = np.frombuffer(rnc(disk.read(size - SKY_HEADER)), np.uint8)
                yield f"sky-{person:02}", number, levels / 128 - 1


class Bits:
    """Bits of RNC, least first, in words of 16; bytes stand between them."""

    def __init__(self, packed: bytes, at: int) -> None:
        self.packed, self.at = packed, at
        self.held = self.count = 0

    def take(self, count: int) -> int:
        """The next bits as a number."""
        while self.count < count:
            self.held |= int.from_bytes(self.packed[self.at : self.at + 2], "little") << self.count
            self.at += 2
            self.count += 16
        taken = self.held & (1 << count) - 1
        self.held >>= count
        self.count -= count
        return taken

    def plain(self, count: int) -> bytes:
        """The next bytes."""
        self.at += count
        return self.packed[self.at - count : self.at]

    def codes(self) -> dict[tuple[int, int], int]:
        """A Huffman table: what each code of some length stands for."""
        lengths = [self.take(4) for _ in range(self.take(5))]
        table: dict[tuple[int, int], int] = {}
        code = 0
        for length in range(1, 16):
            for symbol in (i for i, own in enumerate(lengths) if own == length):
                table[length, int(f"{code:0{length}b}"[::-1], 2)] = symbol
                code += 1
            code <<= 1
        return table

    def number(self, table: dict[tuple[int, int], int]) -> int:
        """The next coded number."""
        code = length = 0
        while (length, code) not in table:
            if length == 16:
                raise ValueError("not RNC: no such code")
            code |= self.take(1) << length
            length += 1
        symbol = table[length, code]
        return symbol if symbol < 2 else 1 << symbol - 1 | self.take(symbol - 1)


def rnc(packed: bytes) -> bytes:
    """What Rob Northen's compression, method 1, has packed."""
    magic, size, chunks = struct.unpack_from(">4sI9xB", packed)
    if magic != b"RNC\1":
        raise ValueError("not RNC")
    bits = Bits(packed, 18)
    bits.take(2)
    out = bytearray()
    for _ in range(chunks):
        plain, back, again = bits.codes(), bits.codes(), bits.codes()
        for left in range(bits.take(16) - 1, -1, -1):
            out += bits.plain(bits.number(plain))
            if left:
                distance = bits.number(back) + 1
                for _ in range(bits.number(again) + 2):
                    out.append(out[-distance])
    if len(out) != size:
        raise ValueError(f"RNC: {len(out)} bytes, not {size}")
    return bytes(out)


def write(extra: Path, lines: Iterable[Line]) -> None:
    """Lines to 16 kHz FLAC, less speakers of whom there is little."""
    speakers: dict[str, list[tuple[str, Sound]]] = defaultdict(list)
    for speaker, name, sound in lines:
        speakers[speaker].append((name, sound))
    for speaker, said in sorted(speakers.items()):
        seconds = sum(len(sound) for _, sound in said) / GAME_HZ
        if len(said) < LEAST_LINES or seconds < LEAST_SECONDS:
            continue
        folder = extra / "speech" / speaker
        folder.mkdir(parents=True, exist_ok=True)
        for name, sound in said:
            high = resample_poly(sound - sound.mean(), RATE_HZ // 25, GAME_HZ // 25)
            high /= max(1.0, float(np.abs(high).max()))
            soundfile.write(folder / f"{name}.flac", high, RATE_HZ, subtype="PCM_16")
        print(f"{speaker}: {len(said)} lines, {seconds / 60:.1f} min")


def main() -> int:
    """Fetch, unpack, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("extra", type=Path, help="see voices.py")
    extra: Path = parser.parse_args().extra
    cache = extra / ".cache"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as passing:
        for package, lines in (("flight-of-the-amazon-queen", queen), ("beneath-a-steel-sky", sky)):
            try:
                unpacked(package, cache, Path(passing))
            except ExtraError as error:
                print(f"games.py: {error}", file=sys.stderr)
                return 1
            write(extra, lines(Path(passing) / "usr/share/scummvm" / package))
    return 0


if __name__ == "__main__":
    sys.exit(main())
