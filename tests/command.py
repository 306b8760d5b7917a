"""The program's commands, in this process: quicker than a process of their own."""

from __future__ import annotations

import sys

import pytest

from turnlight.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    before, sys.argv = sys.argv, ["turnlight", *arguments]
    try:
        return main(), *capsys.readouterr()
    finally:
        sys.argv = before
