"""The command line. Heavy modules are imported inside the commands, so that `--help` is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

import turnlight
from turnlight import (
    asked,
    doctor_command,
    enroll_command,
    exits,
    lamp_commands,
    page_commands,
    provision_commands,
    provision_desk_commands,
    provision_fleet_commands,
    recorded,
    rights_commands,
    settings_command,
)
from turnlight.exits import Problem

# the base of all errors that typer finds in a command line; it has no public name
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.add_typer(lamp_commands.app, name="lamp")
app.add_typer(page_commands.app, name="page")
app.add_typer(provision_commands.app, name="provision")
provision_desk_commands.add_to(provision_commands.app)
provision_fleet_commands.add_to(provision_commands.app)


FloorConfigFile = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="Settings in TOML; see docs/floor.md.")
]


def _version(value: bool) -> None:
    if value:
        print(f"turnlight {turnlight.__version__}")
        raise typer.Exit


@app.callback()
def turnlight_(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """A desk lamp that knows when to listen.

    \b
    Examples:
      turnlight demo                       eight desks and a floor on this machine
      turnlight analyze call.flac          who talked when, and how well was listened
      turnlight run --config desk.toml     the lamp of this desk

    docs/cli.md describes every command.
    """


for command in (recorded.analyze, recorded.cues, recorded.frames):
    app.command()(command)


@app.command()
def run(config: asked.ConfigFile = None) -> None:
    """Drive the lamp of this desk until Ctrl-C.

    \b
    Examples:
      turnlight run                        default input, lamp in the terminal, no broker
      turnlight run --config turnlight.toml
    """
    asked.settings_in(config)  # what is wrong in them is said at once
    program = [sys.executable, "-m", "turnlight.device", *([str(config)] if config else [])]
    # in place of this process, so that it keeps its number and its parents
    os.execv(sys.executable, program)


for wish in (
    rights_commands.dim,
    rights_commands.mute,
    rights_commands.unmute,
    rights_commands.pause,
    rights_commands.resume,
    rights_commands.coach,
    rights_commands.now,
):
    app.command()(wish)


app.command()(doctor_command.doctor)
app.command()(enroll_command.enroll)
app.command()(settings_command.settings)


@app.command()
def demo(
    seconds: Annotated[
        float | None,
        typer.Option(min=1, metavar="N", help="Stop after N seconds; without it at Ctrl-C."),
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="No pictures; one JSON line at the end.")
    ] = False,
) -> None:
    """Run a small floor on this machine.

    A broker, the aggregator, the page and eight desks, which play recorded calls.

    \b
    Examples:
      turnlight demo
      turnlight demo --seconds 20 --headless
    """
    from turnlight import demo

    raise typer.Exit(demo.run(seconds, headless))


floor_app = typer.Typer(add_completion=False, rich_markup_mode=None)
app.add_typer(floor_app, name="floor")


@floor_app.callback(invoke_without_command=True)
def floor(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Settings in TOML; see docs/floor.md."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the counters as one JSON line at the end.")
    ] = False,
) -> None:
    """Run the floor's aggregator.

    It takes the windows of the desks and publishes aggregates of at least five of them.

    \b
    Examples:
      turnlight floor --config floor.toml
      turnlight floor export --config floor.toml --out history.csv
    """
    if context.invoked_subcommand:
        return
    if config is None:
        raise typer.BadParameter("Missing option '--config'.", context)
    with _floor_package():
        from turnlight_floor import service
    raise typer.Exit(service.main(config, as_json))


@floor_app.command()
def export(
    config: FloorConfigFile,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A .csv or .parquet file; without it CSV is printed."),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(metavar="TIME", help="From this local time on.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(metavar="TIME", help="Up to this local time.")
    ] = None,
) -> None:
    """Write the floor's history as a table.

    One row for each minute and team: figures of at least k desks, and the reason where there are
    none. It may run beside the aggregator.

    \b
    Examples:
      turnlight floor export --config floor.toml > history.csv
      turnlight floor export --config floor.toml --since 2026-11-01 --out november.parquet
    """
    with _floor_package():
        from turnlight_floor import export, minutes, settings
    try:
        found = settings.load(config)
        zone = found.zone()
        limits = [
            default if at is None else int(at.replace(tzinfo=zone).timestamp())
            for at, default in ((since, 0), (until, 1 << 40))
        ]
        history = export.source(found)
        try:
            export.write(export.rows(history, found.site, limits[0], limits[1]), out)
        finally:
            history.close()
    except (settings.SettingsError, minutes.StoreError, export.ExportError) as error:
        raise Problem(str(error)) from None


@contextmanager
def _floor_package() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise Problem(
            f"this command needs the package {error.name}; run `pip install turnlight[floor]`"
        ) from None


def main() -> int:
    """Entry point of the program `turnlight`; gives the exit code."""
    return exits.ended(_command)


def _command() -> object:
    try:
        return app(sys.argv[1:] or ["--help"], prog_name="turnlight", standalone_mode=False)
    except _UsageError as error:
        raise Problem(_usage(error), exits.WRONG_USE) from None
    except typer.Abort:
        raise KeyboardInterrupt from None


def _usage(error: Exception) -> str:
    text = str(getattr(error, "format_message", error.__str__)()).rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "turnlight"
    return f"{text[:1].lower()}{text[1:]}; see `{command} --help`"
