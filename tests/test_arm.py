"""The core on other processors: the same bits, and no more memory than a small one has."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import sounds
from stages import FIRMWARE
from turnlight.dsp import Core

sys.path.append(str(FIRMWARE / "tools"))
import arm

LARGEST_STATE, LARGEST_STACK, LARGEST_CODE_AND_TABLES = 48 << 10, 8 << 10, 192 << 10


def rows_of_the_library(rate_hz: int) -> bytes:
    core = Core(rate_hz)
    return bytes(core.process(arm.golden_sounds()[rate_hz]).tobytes() + core.flush().tobytes())


def built(target: arm.Target, folder: Path) -> arm.Built:
    if target.missing:
        pytest.skip(f"no {', no '.join(target.missing)}: `./run arm` installs them")
    return arm.Built(target, folder)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> arm.Built:
    return arm.Built(arm.HERE, tmp_path_factory.mktemp("here"))


def counting(target: arm.Target, folder: Path) -> tuple[arm.Built, Path]:
    program = built(target, folder)
    plugin = arm.count_plugin(target.qemu, folder)
    if plugin is None:
        pytest.skip(f"{target.qemu} takes no plugins here")
    return program, plugin


@pytest.mark.parametrize("rate_hz", arm.golden_sounds())
def test_the_program_gives_the_rows_of_the_library(here: arm.Built, rate_hz: int) -> None:
    heard = here.hear(arm.golden_sounds()[rate_hz], rate_hz)
    assert len(heard.rows) == 116 * (len(arm.golden_sounds()[rate_hz]) // (rate_hz // 100))
    assert heard.rows == rows_of_the_library(rate_hz)


def test_the_golden_sounds_reach_every_kind_of_row() -> None:
    core = Core()
    rows = core.process(arm.golden_sounds()[16_000])
    assert {0, 1} <= set(rows["agent_talk"]) | set(rows["customer_talk"])
    for channel in ("agent", "customer"):
        assert (rows[f"{channel}_f0_hz_q4"] > 0).any()
        assert rows[f"{channel}_flags"].any()


def test_state_stack_code_and_tables_fit_a_small_processor(here: arm.Built) -> None:
    heard = here.hear(arm.golden_sounds()[48_000], 48_000)
    sections = here.sections()
    assert here.state_bytes() <= LARGEST_STATE
    assert 0 < heard.stack_bytes <= LARGEST_STACK
    assert 0 < sections[".text"] + sections[".rodata"] <= LARGEST_CODE_AND_TABLES
    assert sections[".data"] == sections[".bss"] == 0, "the core keeps all in the caller's struct"


@pytest.mark.parametrize("target", arm.TARGETS[1:], ids=lambda target: target.name)
def test_another_processor_gives_the_same_bits(target: arm.Target, tmp_path: Path) -> None:
    program = built(target, tmp_path)
    for rate_hz, pcm in arm.golden_sounds().items():
        heard = program.hear(pcm, rate_hz)
        assert heard.rows == rows_of_the_library(rate_hz)
        assert 0 < heard.stack_bytes <= LARGEST_STACK


def test_instructions_are_counted_exactly_and_by_function(tmp_path: Path) -> None:
    program, plugin = counting(arm.AARCH64, tmp_path)
    second = sounds.desk_call()[96_000:112_000]
    counted = program.instructions(second, 16_000, plugin)
    assert counted == program.instructions(second, 16_000, plugin)
    functions = program.by_function(counted)
    assert functions.total() == counted.total()
    of_the_core = sum(n for name, n in functions.items() if not name.startswith("around "))
    assert of_the_core > 0.95 * counted.total()


def test_twice_the_sound_costs_twice_the_instructions(tmp_path: Path) -> None:
    """What start and end cost is not in the figure. Steady noise: its frames cost all the same."""
    program, plugin = counting(arm.AARCH64, tmp_path)
    noise = np.random.default_rng(1).integers(-3000, 3000, (64_000, 2)).astype(np.int16)
    one = program.instructions(noise[:32_000], 16_000, plugin).total()
    two = program.instructions(noise, 16_000, plugin).total()
    assert two == pytest.approx(2 * one, rel=0.01)


def test_a_target_with_other_rows_stands_in_the_table() -> None:
    same = arm.Result("one", True, 100, 4_000_000, 5_000_000, 9_604, 4_832, 14_076, 31_507)
    other = arm.Result("other", False, 100, None, None, 9_604, 4_832, 14_076, 31_507)
    lines = arm.table([same, other]).splitlines()
    assert lines[1].split() == ["one", "yes", "4.00", "5.00", "9,604", "4,832", "14,076", "31,507"]
    assert lines[2].split()[:4] == ["other", "NO", "-", "-"]
