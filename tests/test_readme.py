"""The README's commands work as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.S)
    for line in block.splitlines()
]


def test_the_entrances_that_the_readme_names_exist() -> None:
    usage = subprocess.run([ROOT / "run", "help"], check=True, capture_output=True, text=True)
    entrances = [command for command in COMMANDS if command.startswith("./run")]
    assert entrances
    for command in entrances:
        assert f"\n  {command.split()[1]} " in usage.stdout


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(".venv")])
def test_a_command_of_the_readme_works(command: str, tmp_path: Path) -> None:
    """Run beside a copy of the calls, so that nothing is written into the checkout."""
    calls = tmp_path / "edge" / "turnlight" / "calls"
    shutil.copytree(ROOT / "edge" / "turnlight" / "calls", calls)
    here = Path(sys.executable).parent
    command = command.replace(".venv/bin/", f"{here}/")
    ran = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


def test_every_file_that_the_readme_names_exists() -> None:
    for name in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / name).exists(), name


def test_its_figures_beside_other_detectors_are_those_of_the_bench() -> None:
    results = (ROOT / "bench" / "RESULTS.md").read_text(encoding="utf-8")
    desks = results.split("## Calls on desks")[1].split("\n## ")[0]
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in desks.splitlines()
        if line.startswith("|")
    ]
    measured = {row[1]: dict(zip(head, row, strict=True)) for row in rows if row[0] == "grid"}
    columns = "AUC", "false alarms at 95 % hits", "share error", "overlap wrong", "overlap F1"
    who = "turnlight, confirmed", "silero", "earshot", "webrtcvad 3"
    table = README.split("| on the desk |")[1].split("\n\n")[0].splitlines()[2:]
    assert [[cell.strip() for cell in row.strip("|").split("|")[1:]] for row in table] == [
        [measured[one][column] for one in who] for column in columns
    ]
