from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.main import get_command

from turnlight import dsp
from turnlight.cli import app, main
from turnlight.document import CueDocument, EventDocument, WithheldDocument

DOCS = Path(__file__).parents[1] / "docs" / "cli.md"
CALLS = Path(__file__).parents[1] / "edge" / "turnlight" / "calls"
CALL, INTERRUPTING = CALLS / "short.opus", CALLS / "interrupting.opus"
PROGRAM = [sys.executable, "-c", "import sys; from turnlight.cli import main; sys.exit(main())"]


def commands(group: Any, before: str = "") -> dict[str, Any]:
    """Every command by its full name, as in `lamp list`."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = hasattr(command, "commands")
        if not inner or command.invoke_without_command:
            found[f"{before}{name}"] = command
        if inner:
            found |= commands(command, f"{before}{name} ")
    return found


COMMANDS = commands(get_command(app))
RATE = 16_000
# compiled modules are kept from one program to the next, or each of them starts slowly
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def turnlight(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, "COLUMNS": "100", **environment},
        check=False,
    )


def noise(seconds: float, channels: int, seed: int = 1) -> np.ndarray[Any, np.dtype[np.float32]]:
    sound = np.random.default_rng(seed).normal(0, 0.1, (int(seconds * RATE), channels))
    return sound.astype(np.float32)


def refused(result: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """One sentence on stderr that holds the words, nothing on stdout, and the exit code."""
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("turnlight: ")
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


# --- a model that cannot be used


@pytest.mark.parametrize("module", ["cli", "device"])
def test_a_missing_strain_model_is_said_in_one_sentence(module: str, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from turnlight.strain_model import StrainModel\n"
        "StrainModel.__init__.__defaults__ = (Path('/nowhere'),)\n"
        f"import sys; from turnlight.{module} import main; sys.exit(main())"
    )
    settings = tmp_path / "turnlight.toml"
    settings.write_text(f'[audio]\nsource = "file"\nfile = "{CALL}"\n[lamp]\nkind = "none"\n')
    arguments = ["analyze", CALL] if module == "cli" else [settings]
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )
    refused(ran, 1, "/nowhere/strain.json: No such file or directory; install Turnlight again")


# --- real calls ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def analysed() -> dict[str, Any]:
    result = turnlight("analyze", CALL, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("\n") == 1
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_the_document_has_the_shape_of_its_documentation(analysed: dict[str, Any]) -> None:
    assert list(analysed) == ["source", "quality", "calls"]
    [call] = analysed["calls"]
    keys = {*analysed["source"], *analysed["quality"], *call, *call["segments"][0]}
    keys |= set().union(*call["events"], CueDocument.__struct_fields__)
    keys |= {*WithheldDocument.__struct_fields__}
    documented = set(re.findall(r"`([a-z_0-9]+)(?:\[\])?`", DOCS.read_text()))
    assert keys <= documented


def test_every_key_that_is_documented_is_there(analysed: dict[str, Any]) -> None:
    text = DOCS.read_text()
    table = text[text.index("### The document") : text.index("## turnlight cues")]
    [call] = analysed["calls"]
    there = {*analysed, *analysed["source"], *analysed["quality"], *call}
    there |= {*call["segments"][0], *CueDocument.__struct_fields__}
    there |= {*EventDocument.__struct_fields__, *WithheldDocument.__struct_fields__}
    assert set(re.findall(r"`([a-z_0-9]+)(?:\[\])?`", table)) <= there


def test_the_document_tells_the_same_call_as_the_truth_beside_it(
    analysed: dict[str, Any],
) -> None:
    truth = json.loads(CALL.with_suffix(".json").read_text())
    [call] = analysed["calls"]
    assert call["metrics"]["talk_share"] == pytest.approx(truth["metrics"]["talk_share"], abs=0.02)
    assert analysed["source"]["duration_s"] == pytest.approx(truth["duration_s"], abs=0.1)


def test_the_summary_is_for_people_and_the_report_for_a_browser(tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    result = turnlight("analyze", CALL, "--report", page)
    assert result.returncode == 0
    assert result.stderr == f"turnlight: wrote {page}\n"
    for word in ("short.opus", "Agent", "Customer", "█", "╵0:00", "Interruptions"):
        assert word in result.stdout
    assert "\x1b" not in result.stdout
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_progress_is_shown_on_a_terminal_and_goes_away() -> None:
    terminal, side = os.openpty()
    result = subprocess.run(
        [*PROGRAM, "analyze", str(CALL), "--json"],
        stdout=subprocess.PIPE,
        stderr=side,
        env={**ENVIRONMENT, "TERM": "xterm"},
        check=False,
    )
    os.close(side)
    shown = ""
    with contextlib.suppress(OSError):  # as it is told that nobody writes any more
        while part := os.read(terminal, 1 << 16):
            shown += part.decode()
    os.close(terminal)
    assert json.loads(result.stdout)["calls"]
    assert "short.opus" in shown
    assert shown.rstrip().endswith("\x1b[2K")


def test_several_files_make_json_lines_and_one_report(tmp_path: Path) -> None:
    page = tmp_path / "all.html"
    bad = tmp_path / "empty.wav"
    bad.touch()
    result = turnlight("analyze", CALL, bad, CALL, "--json", "--report", page)
    assert result.returncode == 1
    assert [json.loads(line)["source"]["file"] for line in result.stdout.splitlines()] == [
        "short.opus",
        "short.opus",
    ]
    assert "empty.wav" in result.stderr
    assert "Overview" in page.read_text()


def test_two_mono_files_make_the_same_call(tmp_path: Path, analysed: dict[str, Any]) -> None:
    sound, rate = soundfile.read(CALL, dtype="int16")
    for channel, name in enumerate(("agent", "customer")):
        soundfile.write(tmp_path / f"{name}.wav", sound[:, channel], rate)
    result = turnlight(
        "analyze",
        "--json",
        "--agent",
        tmp_path / "agent.wav",
        "--customer",
        tmp_path / "customer.wav",
    )
    assert result.returncode == 0, result.stderr
    [whole], [joined] = analysed["calls"], json.loads(result.stdout)["calls"]
    shares = [c["metrics"]["agent_talk_pct"] for c in (whole, joined)]
    assert shares[0] == pytest.approx(shares[1], abs=1)


def test_swapped_channels_are_put_right_by_swap(tmp_path: Path, analysed: dict[str, Any]) -> None:
    sound, rate = soundfile.read(CALL, dtype="int16")
    soundfile.write(tmp_path / "swapped.flac", sound[:, ::-1], rate)
    result = turnlight("analyze", "--json", "--swap", tmp_path / "swapped.flac")
    [whole], [swapped] = analysed["calls"], json.loads(result.stdout)["calls"]
    shares = [c["metrics"]["agent_talk_pct"] for c in (whole, swapped)]
    assert shares[0] == pytest.approx(shares[1], abs=1)


def test_eight_kilohertz_works(tmp_path: Path) -> None:
    sound, rate = soundfile.read(CALL, dtype="int16")
    assert rate % 8000 == 0
    soundfile.write(tmp_path / "narrow.wav", sound[:: rate // 8000], 8000)
    result = turnlight("analyze", "--json", tmp_path / "narrow.wav")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["source"]["rate_hz"] == 8000
    assert document["calls"][0]["segments"]


def test_a_truncated_file_is_analysed_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    sound, rate = soundfile.read(CALL, dtype="int16")
    whole, cut = tmp_path / "whole.wav", tmp_path / "cut.wav"
    soundfile.write(whole, sound, rate)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    document = json.loads(turnlight("analyze", "--json", cut).stdout)
    assert any("cut short" in note for note in document["quality"]["notes"])


# --- frames -------------------------------------------------------------------------------------


def test_frames_are_the_rows_of_the_core_as_csv() -> None:
    result = turnlight("frames", CALL)
    assert (result.returncode, result.stderr) == (0, "")
    header, *lines = result.stdout.splitlines()
    assert header == ",".join(dsp.CSV_FIELDS)
    rows = np.array([[int(value) for value in line.split(",")] for line in lines])
    assert (np.diff(rows[:, 0]) == dsp.HOP_MS).all()
    assert set(np.unique(rows[:, 1:3])) == {0, 1}


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    program = subprocess.Popen(
        [*PROGRAM, "frames", str(CALL)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert program.stdout
    assert program.stderr
    program.stdout.readline()
    program.stdout.close()
    assert program.stderr.read() == b""
    program.stderr.close()
    assert program.wait(20) == 1


# --- bad input ----------------------------------------------------------------------------------


def bad_sound(name: str, folder: Path) -> tuple[Path, tuple[str, ...]]:
    path = folder / f"{name}.wav"
    words: tuple[str, ...]
    match name:
        case "mono":
            soundfile.write(path, noise(2, 1), RATE)
            words = ("one channel", "--agent")
        case "four":
            soundfile.write(path, noise(2, 4), RATE)
            words = ("4 channels",)
        case "silent":
            sound = noise(2, 2)
            sound[:, 1] = 0
            soundfile.write(path, sound, RATE)
            words = ("customer's channel is silent",)
        case "identical":
            soundfile.write(path, np.repeat(noise(2, 1), 2, axis=1), RATE)
            words = ("same sound",)
        case "nan":
            sound = noise(2, 2)
            sound[RATE] = np.nan
            soundfile.write(path, sound, RATE, subtype="FLOAT")
            words = ("1.00 s is not a number",)
        case "empty":
            path.touch()
            words = ("is empty",)
        case "text":
            path.write_text("not a sound")
            words = ("not audio",)
        case _:
            words = ("no such file",)
    return path, (path.name, *words)


@pytest.mark.parametrize(
    "name", ["mono", "four", "silent", "identical", "nan", "empty", "text", "missing"]
)
def test_a_file_that_cannot_be_used_fails_with_one_sentence(name: str, tmp_path: Path) -> None:
    path, words = bad_sound(name, tmp_path)
    refused(turnlight("analyze", path), 1, *words)


def test_frames_refuses_a_bad_file_too(tmp_path: Path) -> None:
    path, words = bad_sound("mono", tmp_path)
    refused(turnlight("frames", path), 1, *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nonsense"], ("--nonsense", "turnlight --help")),
        (["nonsense"], ("nonsense", "turnlight --help")),
        (["analyze"], ("no recording given",)),
        (["analyze", "call.wav", "--nonsense"], ("--nonsense", "turnlight analyze --help")),
        (["analyze", "--agent", "a.wav"], ("--customer is missing",)),
        (["analyze", "c.wav", "--agent", "a.wav", "--customer", "b.wav"], ("not both",)),
        (["analyze", "--swap", "--agent", "a.wav", "--customer", "b.wav"], ("--swap",)),
        (["frames"], ("no recording given",)),
        (["frames", "a.wav", "b.wav"], ("b.wav",)),
        (["demo", "--seconds", "soon"], ("--seconds",)),
        (["demo", "--seconds", "0"], ("--seconds",)),
        (["floor"], ("--config",)),
        (["page"], ("--config",)),
        (["page", "user", "add", "anna", "--config", "absent.toml"], ("--role",)),
        (["page", "user", "list"], ("--config",)),
        (["page", "user", "list", "--config", "absent.toml"], ("absent.toml",)),
        (["run", "--config", "absent.toml"], ("absent.toml",)),
        (["lamp"], ("turnlight lamp --help",)),
        (["lamp", "list", "--config", "absent.toml"], ("absent.toml",)),
        (["lamp", "test", "--kind", "candle"], ("--kind", "terminal, lines, none, gpio, spi")),
        (["lamp", "test", "--kind", "mqtt"], ("lamp.mqtt_host and lamp.mqtt_topic",)),
        (["lamp", "test", "--seconds", "0"], ("--seconds",)),
    ],
)
def test_wrong_use_is_told_in_one_sentence(
    arguments: list[str],
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["turnlight", *arguments])
    code = main()
    out, err = capsys.readouterr()
    refused(subprocess.CompletedProcess(arguments, code, out, err), 2, *words)


def test_an_unknown_setting_is_wrong_use(tmp_path: Path) -> None:
    settings = tmp_path / "desk.toml"
    settings.write_text("[cues]\nshare_ovr = 0.7\n")
    refused(turnlight("analyze", CALL, "--config", settings), 2, "desk.toml", "share_ovr")


def test_settings_change_what_the_lamp_would_say(tmp_path: Path) -> None:
    counts = []
    for spacing_s in (5, 3600):
        settings = tmp_path / f"{spacing_s}.toml"
        settings.write_text(f"[cues]\nspacing_s = {spacing_s}\n")
        result = turnlight("analyze", INTERRUPTING, "--json", "--config", settings)
        [call] = json.loads(result.stdout)["calls"]
        counts.append(len(call["cues"]))
    assert counts[0] > counts[1] == 1


def test_cues_explains_what_the_lamp_said_and_what_it_kept_to_itself(tmp_path: Path) -> None:
    settings = tmp_path / "desk.toml"
    settings.write_text("[cues]\ndaily_budget = 1\nspacing_s = 5\n")
    told = json.loads(turnlight("cues", INTERRUPTING, "--json", "--config", settings).stdout)
    [call] = told["calls"]
    assert len(call["cues"]) == 1
    assert any("budget of cues for 24 hours (1)" in held["because"] for held in call["withheld"])
    text = turnlight("cues", INTERRUPTING, "--config", settings).stdout
    assert "● let them finish" in text
    assert "Not shown: The budget of cues for 24 hours (1) is used up." in " ".join(text.split())


def test_a_report_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "out.html"
    refused(turnlight("analyze", CALL, "--report", path), 1, str(path.parent), "does not exist")


def test_ctrl_c_is_quiet() -> None:
    program = subprocess.Popen(
        [*PROGRAM, "frames", str(CALL)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # a suite that runs in the background inherits an ignored Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert program.stdout
    # from here on the program waits for its reader, since a pipe is smaller than the rows
    program.stdout.readline()
    program.send_signal(signal.SIGINT)
    _, stderr = program.communicate(timeout=20)
    assert (program.returncode, stderr.strip()) == (130, b"")


# --- start-up and documentation -----------------------------------------------------------------


def test_help_loads_no_sound_and_no_numbers() -> None:
    script = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from turnlight import cli\n"
        "assert cli.main() == 0\n"
        "heavy = {'numpy', 'soundfile', 'soxr', 'pyaudio', 'rich', 'paho', 'nicegui'}\n"
        "sys.exit(' '.join(sorted(heavy & sys.modules.keys())) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_bare_turnlight_and_help_show_every_command() -> None:
    bare, asked = turnlight(), turnlight("--help")
    assert bare.returncode == asked.returncode == 0
    assert bare.stdout == asked.stdout
    for name in COMMANDS:
        assert f"\n  {name.split()[0]} " in asked.stdout


def test_version() -> None:
    assert re.fullmatch(r"turnlight \d+\.\d+\.\d+\n", turnlight("--version").stdout)


def options(command: Any) -> set[str]:
    return {
        name
        for parameter in command.params
        for name in getattr(parameter, "opts", ())
        if name.startswith("--")
    }


def section(name: str) -> str:
    text = DOCS.read_text()
    start = text.index(f"\n## turnlight {name}\n")
    end = text.find("\n## ", start + 1)
    return text[start : end if end > 0 else None]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented_with_an_example(name: str) -> None:
    text = section(name)
    assert f"\nturnlight {name}" in text
    for option in options(COMMANDS[name]) - {"--help"}:
        assert f"`{option}" in text, option


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_an_example_in_its_help(name: str) -> None:
    assert f"turnlight {name}" in str(COMMANDS[name].help)


def test_the_document_names_no_command_or_option_that_is_not_there() -> None:
    text = DOCS.read_text()
    for line in re.findall(r"^turnlight .*$", text, flags=re.MULTILINE):
        fits = [name for name in COMMANDS if f"{line} ".startswith(f"turnlight {name} ")]
        assert fits, line
        name = max(fits, key=len)
        used = {word for word in line.split() if word.startswith("--")}
        assert used <= options(COMMANDS[name]), line
    for name in re.findall(r"`turnlight ([a-z]+(?: [a-z]+)?)", text):
        assert name in COMMANDS or name.split()[0] in COMMANDS, name
    known = set().union(*(options(c) for c in COMMANDS.values())) | {"--version", "--help"}
    assert set(re.findall(r"`(--[a-z-]+)", text)) <= known


def test_every_column_of_frames_is_documented() -> None:
    for field in dsp.CSV_FIELDS:
        assert f"`{field}`" in section("frames")


def test_a_desk_whose_state_cannot_be_kept_says_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    config = tmp_path / "turnlight.toml"
    config.write_text(
        f'[desk]\nstate_dir = "{tmp_path}/taken/state"\n'
        f'[audio]\nsource = "file"\nfile = "{CALL}"\n[uplink]\nhost = "127.0.0.1"\n'
    )
    refused(turnlight("run", "--config", config), 1, "taken/state", "set desk.state_dir")


def test_a_desk_without_a_sound_input_says_so(tmp_path: Path) -> None:
    config = tmp_path / "turnlight.toml"
    config.write_text('[audio]\ndevice = "no such headset"\n')
    refused(turnlight("run", "--config", config), 1, "no such headset")
