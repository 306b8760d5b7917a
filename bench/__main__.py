"""Measures every figure that the core is held to, with other detectors on the same sound.

    ./run bench --data DATA --extra EXTRA              all of it, twenty to thirty minutes
    ./run bench --data DATA --extra EXTRA --quick      less sound, about four minutes
    ./run bench --data DATA --only desk,clean          some of the sections
    ./run bench --data DATA --only desk --draw 7       other calls and desks than RESULTS.md has
    ./run bench --only floor                           the floor, without any data
    ./run bench --only page                            the page in a browser, without any data

DATA and EXTRA are the folders of models/speech/voices.py; only their held-out side is used.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bench import summary
from bench.table import Row, columns, markdown, progress, shown

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = {
    "phones": "The truth against phones labelled by hand",
    "desk": "Calls on desks",
    "clean": "Clean calls",
    "noisy": "Single noisy voices, the other channel silent",
    "line": "What is no speech",
    "pitch": "Pitch",
    "speed": "Speed of two channels on one core",
    "recovery": "Events in a running call",
    "latency": "How late a decision is known",
    "pace": "Syllables",
    "turns": "Interruptions and backchannels of the demo calls",
    "cues": "Cues over four hours of conversation on desks",
    "lamp": "From the sound that causes it to the lamp",
    "cost": "What it costs on aarch64",
    "strain": "Vocal strain",
    "floor": "The floor under load of simulated desks",
    "page": "The manager's page, fifty of them open",
}

WITHOUT_DATA = {"floor", "page"}

PACKAGES = (
    "earshot",
    "onnxruntime",
    "opensmile",
    "praat-parselmouth",
    "scikit-learn",
    "silero-vad",
    "webrtcvad-wheels",
)


def machine() -> str:
    """Processor and system, as far as they say."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    name = names[0] if names else platform.machine()
    return f"{name}, {len(names) or '?'} threads, {platform.system()} {platform.machine()}"


def commit() -> str:
    """Which core was measured; says so where the tree has changes."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
    return subprocess.run(git, capture_output=True, text=True).stdout.strip() or "unknown"


def installed(name: str) -> str:
    """Version of a package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def on_terminal(title: str, rows: list[Row]) -> None:
    """One table."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    names = columns(rows)
    for name in names:
        text = all(isinstance(row.get(name, ""), str) for row in rows)
        table.add_column(name, justify="left" if text else "right")
    for row in rows:
        table.add_row(*(shown(name, row.get(name, "")) for name in names))
    # a wide table goes to a file whole
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def document(about: Row, tables: dict[str, list[Row]]) -> str:
    """All tables as one page."""
    parts = ["# Measured figures\n", "Made by `./run bench`; what they mean is in README.md.\n"]
    parts.append("".join(f"- {name}: {value}\n" for name, value in about.items()))
    for title, rows in tables.items():
        parts += [f"## {title}\n", markdown(rows)]
    return "\n".join(parts)


def main() -> None:
    """Measure, and show."""
    parser = argparse.ArgumentParser(
        "./run bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with emodb, speech-en, noise and calls")
    parser.add_argument("--extra", type=Path, help="folder with speech/<speaker>, music and keys")
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--draw", type=int, metavar="N", help="another draw of calls and desks")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, with commas between")
    parser.add_argument("--json", type=Path, help="write all rows to this file")
    parser.add_argument("--markdown", type=Path, help="write all tables to this file")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if unknown := sorted(set(chosen) - set(SECTIONS)):
        sys.exit(f"--only {','.join(unknown)}: there is {', '.join(SECTIONS)}.")
    if options.draw is not None and options.draw < 0:
        sys.exit(f"--draw {options.draw}: take 0 or more.")
    recorded = set(chosen) - WITHOUT_DATA
    real_call = Path("calls") / "auto-repair-40.flac"
    if recorded and not (options.data and (options.data / real_call).exists()):
        sys.exit(
            "--data DATA is needed: the folder with emodb/, speech-en/, noise/ and "
            "calls/auto-repair-40.flac, 16 kHz; see bench/README.md."
        )

    if recorded and options.draw is not None:
        from bench import scenes  # needs what reads sound, which the floor alone does without

        scenes.SEED = options.draw
    about: Row = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(),
        "machine": machine(),
        "python": platform.python_version(),
        "amount": "quick" if options.quick else "full",
        **({} if options.draw is None else {"draw": options.draw}),
        **{name: installed(name) for name in (*PACKAGES, "numpy", "scipy")},
    }
    found: dict[str, list[Row]] = {}
    for name in chosen:
        if find_spec(f"bench.{name}") is None:
            progress(f"{name}: not here")
            continue
        progress(f"{name}: {SECTIONS[name]}")
        started = time.monotonic()
        section = importlib.import_module(f"bench.{name}")
        found[name] = section.measure(options.data, options.extra, options.quick)
        progress(f"  {time.monotonic() - started:.0f} s")
        if found[name]:
            on_terminal(SECTIONS[name], found[name])
    verdicts = summary.rows(found)
    on_terminal("Asked, and measured in this run", verdicts)
    tables = {"Asked, and measured in this run": verdicts} | {
        SECTIONS[name]: rows for name, rows in found.items() if rows
    }
    if options.json:
        options.json.write_text(json.dumps({"about": about, "summary": verdicts} | found, indent=1))
    if options.markdown:
        options.markdown.write_text(document(about, tables), encoding="utf-8")


if __name__ == "__main__":
    main()
