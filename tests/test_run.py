"""`./run` on a machine where something is missing and may not be installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / "run"
TOOLS = ("bash", "env", "dirname", "readlink", "python3", "tr", "cat", "sha256sum", "cut")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with a shell and Python, but no compiler, no cmake and no apt."""
    for name in TOOLS:
        found = shutil.which(name)
        assert found, name
        (tmp_path / name).symlink_to(found)
    return tmp_path


def run(path: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RUN, command], env={"PATH": str(path)}, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    "command", ["setup", "demo", "test", "check", "bundle", "deb", "arm", "fuzz"]
)
def test_what_cannot_be_installed_is_named_in_one_sentence(bare: Path, command: str) -> None:
    ran = run(bare, command)
    assert ran.returncode == 1
    assert len(ran.stderr.strip().splitlines()) == 1
    assert "This system has no apt; install by hand: apt-get install" in ran.stderr
    assert " gcc libc6-dev cmake" in ran.stderr


def test_apt_without_the_right_to_use_it_is_said(bare: Path) -> None:
    (bare / "apt-get").write_text("#!/bin/sh\necho 'E: Permission denied' >&2\nexit 100\n")
    (bare / "apt-get").chmod(0o755)
    for name in ("mktemp", "tail", "rm", "id"):
        (bare / name).symlink_to(shutil.which(name) or "")
    ran = run(bare, "setup")
    assert ran.returncode == 1
    assert "apt-get install" in ran.stderr.splitlines()[-1]
    assert "gcc libc6-dev cmake" in ran.stderr.splitlines()[-1]


def test_an_unknown_command_is_wrong_use(bare: Path) -> None:
    ran = run(bare, "dance")
    assert ran.returncode == 2
    assert "Usage: ./run COMMAND" in ran.stderr
