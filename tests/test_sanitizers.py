"""AddressSanitizer and UBSan watch the core over golden and hostile sound.

`./run fuzz` does the same for sounds that nobody thought of.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import sounds
from stages import FIRMWARE
from test_core import hostile_sounds
from turnlight.dsp import Core

SOUNDS = {
    "a call": sounds.desk_call(),
    "extremes": sounds.extremes(),
    "nothing": np.zeros((0, 2), np.int16),
    "less than a hop": np.full((159, 2), 1000, np.int16),
    **hostile_sounds(),
}


@pytest.fixture(scope="module", params=["as shipped", "checked"])
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """firmware/tools/frames.c, which ends with an error where a sanitizer sees one."""
    flags = ["-DTL_CHECKED"] if request.param == "checked" else []
    program = tmp_path_factory.mktemp("watched") / "frames"
    subprocess.run(
        [
            *("gcc", "-g", "-O1", "-std=c11", *flags),
            *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
            *(f"-I{FIRMWARE}/include", *sorted((FIRMWARE / "src").glob("*.c"))),
            *(FIRMWARE / "tools" / "frames.c", "-o", program),
        ],
        check=True,
    )
    return program


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("name", SOUNDS)
def test_no_sanitizer_complains(watched: Path, name: str, rate_hz: int) -> None:
    ran = subprocess.run(
        [watched, str(rate_hz)], input=SOUNDS[name].tobytes(), capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode()
    core = Core(rate_hz)
    assert ran.stdout == core.process(SOUNDS[name]).tobytes() + core.flush().tobytes()


def test_the_watch_is_awake(tmp_path: Path) -> None:
    """A program that lets the core read past the sound ends with a report."""
    source = (FIRMWARE / "tools" / "frames.c").read_text()
    broken = tmp_path / "frames.c"
    broken.write_text(source.replace("&core, pcm, samples,", "&core, pcm, samples + 1,"))
    assert broken.read_text() != source
    program = tmp_path / "frames"
    subprocess.run(
        [
            *("gcc", "-std=c11", "-fsanitize=address", f"-I{FIRMWARE}/include", broken),
            *(*sorted((FIRMWARE / "src").glob("*.c")), "-o", program),
        ],
        check=True,
    )
    pcm = np.zeros((960, 2), np.int16)
    ran = subprocess.run([program, "16000"], input=pcm.tobytes(), capture_output=True, check=False)
    assert ran.returncode != 0
    assert b"AddressSanitizer: global-buffer-overflow" in ran.stderr
