"""The core on other processors: the same bits on all of them, and what each of them pays.

    arm.py           builds every target, compares all rows, prints a table (`--json`: for machines)
    arm.py count     instructions per second of stereo sound; `--functions` says where they go

Programs for Linux run under QEMU's user mode, images for Cortex-M on QEMU's boards. Instructions
are counted by a plugin of QEMU (count.c), so the same core always gives the same figure.
"""

from __future__ import annotations

import argparse
import bisect
import json
import platform
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
BUILD = ROOT / "build" / "arm"
SOURCES = sorted((FIRMWARE / "src").glob("*.c"))
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wno-sign-conversion", "-Werror"]
INCLUDE = f"-I{FIRMWARE / 'include'}"

sys.path.append(str(ROOT / "tests"))
import sounds  # noqa: E402

Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Target:
    """One processor: its compiler, the flags of the core, and what runs the program."""

    name: str
    prefix: str
    flags: tuple[str, ...]
    qemu: str
    board: str = ""
    """QEMU's board, for an image without an operating system."""

    @property
    def missing(self) -> list[str]:
        """Commands that this target needs and this machine lacks."""
        return [name for name in (f"{self.prefix}gcc", self.qemu) if not shutil.which(name)]


HERE = Target(platform.machine().replace("_", "-"), "", ("-O3",), f"qemu-{platform.machine()}")
WIDE = Target("x86-64 with AVX2", "", ("-O3", "-mavx2"), "qemu-x86_64")
AARCH64 = Target("aarch64", "aarch64-linux-gnu-", ("-O3",), "qemu-aarch64")
TARGETS = (
    HERE,
    *([WIDE] if HERE.name == "x86-64" else []),
    AARCH64,
    Target(
        "aarch64 with dot products",
        "aarch64-linux-gnu-",
        ("-O3", "-march=armv8.2-a+dotprod"),
        "qemu-aarch64",
    ),
    Target(
        "aarch64 without SIMD",
        "aarch64-linux-gnu-",
        ("-O3", "-DTL_NO_SIMD", "-mgeneral-regs-only"),
        "qemu-aarch64",
    ),
    Target("armhf", "arm-linux-gnueabihf-", ("-O3",), "qemu-arm"),
    Target(
        "Cortex-M4",
        "arm-none-eabi-",
        ("-O3", "-mthumb", "-mcpu=cortex-m4"),
        "qemu-system-arm",
        "mps2-an386",
    ),
    Target(
        "Cortex-M7",
        "arm-none-eabi-",
        ("-O3", "-mthumb", "-mcpu=cortex-m7"),
        "qemu-system-arm",
        "mps2-an500",
    ),
)


@dataclass(frozen=True)
class Heard:
    """What a program made of a sound."""

    rows: bytes
    stack_bytes: int


class Built:
    """The core and the program around it, built for one target in a folder of its own."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.target = target
        self.folder = folder / target.name.replace(" ", "-")
        self.objects = self.folder / "core"
        self.program = self.folder / "frames"
        self.counts = self.folder / "counts"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.objects.mkdir(parents=True)
        self._gcc("-c", *target.flags, *SOURCES, cwd=self.objects)
        if target.board:
            around = [FIRMWARE / "cortex-m" / "main.c", "-nostartfiles"]
            around += ["-T", FIRMWARE / "cortex-m" / "image.ld"]
        else:
            around = [FIRMWARE / "tools" / "frames.c", "-static"]
        around += [flag for flag in target.flags if flag != "-mgeneral-regs-only"]
        self._gcc(*around, *sorted(self.objects.glob("*.o")), "-o", self.program)

    def hear(self, pcm: Pcm, rate_hz: int, plugin: Path | None = None) -> Heard:
        """Run the program on a sound; a plugin leaves its counts in `counts`."""
        qemu: list[str | Path] = [self.target.qemu]
        if plugin:
            qemu += ["-plugin", f"{plugin},out={self.counts}"]
        if not self.target.board:
            if self.target is HERE and not plugin:
                qemu = []
            ran = run([*qemu, self.program, str(rate_hz)], stdin=pcm.tobytes())
            return Heard(ran.stdout, int(ran.stderr.split()[-1]))
        (self.folder / "sound").write_bytes(pcm.tobytes())
        qemu += ["-M", self.target.board, "-kernel", self.program]
        qemu += ["-nographic", "-monitor", "none", "-serial", "none", "-semihosting-config"]
        run([*qemu, f"enable=on,target=native,arg={rate_hz}"], cwd=self.folder)
        stack_bytes = int.from_bytes((self.folder / "stack").read_bytes(), "little")
        return Heard((self.folder / "rows").read_bytes(), stack_bytes)

    def instructions(self, pcm: Pcm, rate_hz: int, plugin: Path) -> Counter[int]:
        """Instructions by address. What start and end cost drops out: the sound is heard once
        and twice, and the difference counts."""
        once, twice = Counter[int](), Counter[int]()
        for counter, sound in ((once, pcm), (twice, np.concatenate([pcm, pcm]))):
            self.hear(sound, rate_hz, plugin)
            for line in self.counts.read_text().splitlines():
                address, instructions, runs = line.split()
                counter[int(address, 16)] += int(instructions) * int(runs)
        twice.subtract(once)
        return twice

    def by_function(self, instructions: Counter[int]) -> Counter[str]:
        """The same by function, as `file.c name`; what is not the core's is `around name`."""
        source = {
            name: f"{path.stem}.c"
            for path in self.objects.glob("*.o")
            for _, name in self._functions(path)
        }
        functions = sorted(self._functions(self.program))
        starts = [address for address, _ in functions]
        out = Counter[str]()
        for address, count in instructions.items():
            name = functions[max(0, bisect.bisect_right(starts, address) - 1)][1]
            out[f"{source.get(name, 'around')} {name}"] += count
        return out

    def _functions(self, path: Path) -> list[tuple[int, str]]:
        listed = run([f"{self.target.prefix}nm", "--defined-only", path]).stdout.decode()
        found = (line.split() for line in listed.splitlines())
        return [(int(address, 16), name) for address, kind, name in found if kind in "tTwWi"]

    def sections(self) -> Counter[str]:
        """Bytes of the core's objects by kind of section: .text, .rodata, .data, .bss."""
        listed = run([f"{self.target.prefix}size", "-A", *self.objects.glob("*.o")]).stdout.decode()
        out = Counter[str]()
        for kind, size in re.findall(r"^(\.text|\.rodata|\.data|\.bss)\S*\s+(\d+)", listed, re.M):
            out[kind] += int(size)
        return out

    def state_bytes(self) -> int:
        """Size of what the core really keeps in the caller's struct."""
        source = '#include "../src/core.c"\nconst char state_bytes[sizeof(state)];\n'
        probe = self.folder / "state.o"
        self._gcc("-c", "-x", "c", "-", f"-I{FIRMWARE / 'src'}", "-o", probe, stdin=source.encode())
        listed = run([f"{self.target.prefix}nm", "-S", probe]).stdout.decode()
        found = re.search(r"^\S+ (\S+) \w state_bytes$", listed, re.M)
        assert found, listed
        return int(found[1], 16)

    def _gcc(self, *arguments: str | Path, cwd: Path = ROOT, stdin: bytes = b"") -> None:
        run([f"{self.target.prefix}gcc", *STRICT, INCLUDE, *arguments], cwd=cwd, stdin=stdin)


def run(
    command: Sequence[str | Path], cwd: Path = ROOT, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a command; a failure ends the program with the command and what it said."""
    ran = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, check=False)
    if ran.returncode:
        said = (ran.stdout[:2000] if ran.stdout.isascii() else b"") + ran.stderr[-4000:]
        raise SystemExit(f"failed: {' '.join(map(str, command))}\n{said.decode(errors='replace')}")
    return ran


@cache
def count_plugin(qemu: str, folder: Path) -> Path | None:
    """The counting plugin, built for the interface of this QEMU; None where it takes none.

    Debian 13 links the user mode statically, which leaves no room for plugins.
    """
    if b"-plugin" not in run([qemu, "--help"]).stdout:
        return None
    version = re.search(r"version (\d+)", run([qemu, "--version"]).stdout.decode())
    assert version
    path = folder / f"count-{qemu}.so"
    flags = ["-shared", "-fPIC", f"-DTL_QEMU_API={1 if int(version[1]) < 9 else 2}"]
    run(["gcc", "-O2", *STRICT, *flags, FIRMWARE / "tools" / "count.c", "-o", path])
    return path


@cache
def golden_sounds() -> dict[int, Pcm]:
    """What all targets must hear alike, by rate in Hz."""
    pcm = np.concatenate([sounds.turned_up(), sounds.desk_call(), sounds.extremes()])
    return {16_000: pcm, 48_000: sounds.at_48_khz(pcm)}


@cache
def call_sounds() -> dict[int, Pcm]:
    """What instructions are counted over, by rate in Hz."""
    pcm = sounds.desk_call()
    return {16_000: pcm, 48_000: sounds.at_48_khz(pcm)}


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    target: str
    identical: bool
    rows: int
    instructions_per_s: int | None
    instructions_per_s_from_48_khz: int | None
    state_bytes: int
    stack_bytes: int
    code_bytes: int
    table_bytes: int


def measured(built: Built, reference: dict[int, bytes], plugin: Path | None) -> Result:
    """Compare one target with the reference and measure what it pays."""
    heard = {rate_hz: built.hear(pcm, rate_hz) for rate_hz, pcm in golden_sounds().items()}
    costs = {
        rate_hz: built.instructions(pcm, rate_hz, plugin).total() * rate_hz // len(pcm)
        for rate_hz, pcm in call_sounds().items()
        if plugin
    }
    sections = built.sections()
    return Result(
        target=built.target.name,
        identical={rate_hz: one.rows for rate_hz, one in heard.items()} == reference,
        rows=sum(len(rows) for rows in reference.values()) // 116,
        instructions_per_s=costs.get(16_000),
        instructions_per_s_from_48_khz=costs.get(48_000),
        state_bytes=built.state_bytes(),
        stack_bytes=max(one.stack_bytes for one in heard.values()),
        code_bytes=sections[".text"],
        table_bytes=sections.total() - sections[".text"],
    )


def table(results: Sequence[Result]) -> str:
    """The results for people."""
    head = ["", "identical", "M instructions/s", "from 48 kHz", "state", "stack", "code", "tables"]
    lines = [
        [
            result.target,
            "yes" if result.identical else "NO",
            *(
                "-" if counted is None else f"{counted / 1e6:.2f}"
                for counted in (result.instructions_per_s, result.instructions_per_s_from_48_khz)
            ),
            *(f"{size:,}" for size in (result.state_bytes, result.stack_bytes)),
            *(f"{size:,}" for size in (result.code_bytes, result.table_bytes)),
        ]
        for result in results
    ]
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    text = [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in [head, *lines]
    ]
    return "\n".join(text)


def prove(as_json: bool) -> int:
    """Every target over the same sounds; 1 if one of them gives another row."""
    results: list[Result] = []
    reference: dict[int, bytes] = {}
    for target in TARGETS:
        built = Built(target, BUILD)
        reference = reference or {
            rate_hz: built.hear(pcm, rate_hz).rows for rate_hz, pcm in golden_sounds().items()
        }
        results.append(measured(built, reference, count_plugin(target.qemu, BUILD)))
    if as_json:
        print(json.dumps({"targets": [asdict(result) for result in results]}, indent=2))
    else:
        print(table(results))
        print(NOTE.format(rows=results[0].rows))
    return 0 if all(result.identical for result in results) else 1


NOTE = """
identical: every byte of {rows} rows, of a call and of extremes at 16 and at 48 kHz
M instructions/s: per second of stereo sound, the program that reads and writes included;
    - where this QEMU takes no plugins
state: sizeof; stack: deepest touched byte of a painted stack (on Cortex-M of the whole image)
code, tables: .text, and .rodata and all data, of the core's objects alone"""


def count(target: Target, functions: bool) -> int:
    """What a second of stereo sound at 16 kHz costs on one target."""
    plugin = count_plugin(target.qemu, BUILD)
    if plugin is None:
        raise SystemExit(f"{target.qemu} takes no plugins here: nothing can count")
    built = Built(target, BUILD)
    pcm = call_sounds()[16_000]
    instructions = built.instructions(pcm, 16_000, plugin)
    seconds = len(pcm) / 16_000
    if functions:
        for name, executed in built.by_function(instructions).most_common(30):
            print(f"{executed / seconds:12,.0f}  {executed / instructions.total():6.1%}  {name}")
    print(f"{instructions.total() / seconds:12,.0f}  instructions/s on {target.name}")
    return 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="the table for machines")
    commands = parser.add_subparsers(dest="command")
    counting = commands.add_parser("count", help="instructions per second of stereo sound")
    counting.add_argument("--target", default=AARCH64.name, choices=[t.name for t in TARGETS])
    counting.add_argument("--functions", action="store_true", help="where they go")
    asked = parser.parse_args()
    chosen = [t for t in TARGETS if asked.command is None or t.name == asked.target]
    missing = sorted({name for target in chosen for name in target.missing})
    if missing:
        raise SystemExit(f"missing: {', '.join(missing)}; `./run arm` installs them")
    BUILD.mkdir(parents=True, exist_ok=True)
    return count(chosen[0], asked.functions) if asked.command else prove(asked.json)


if __name__ == "__main__":
    sys.exit(main())
