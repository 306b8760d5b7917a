"""The command line. Heavy modules are imported inside the commands, so that `--help` is quick."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import turnlight
from turnlight import asked, exits
from turnlight.exits import FAILURE, Problem, complain

if TYPE_CHECKING:
    from turnlight.config import Config
    from turnlight.document import Analysis

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


Calls = Annotated[
    list[Path] | None,
    typer.Argument(metavar="CALL", hidden=True),
]
Call = Annotated[
    Path | None,
    typer.Argument(metavar="CALL", hidden=True),
]
Agent = Annotated[
    Path | None, typer.Option("--agent", metavar="FILE", help="Mono file of the agent.")
]
Customer = Annotated[
    Path | None, typer.Option("--customer", metavar="FILE", help="Mono file of the customer.")
]
Swap = Annotated[bool, typer.Option("--swap", help="The agent is on the second channel.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings in TOML; see docs/config.md."),
]
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


@app.command()
def analyze(
    calls: Calls = None,
    agent: Agent = None,
    customer: Customer = None,
    swap: Swap = False,
    config: ConfigFile = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document per file, a line each.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Also write a page with pictures (HTML)."),
    ] = None,
) -> None:
    """Tell who talked when in recorded calls.

    A CALL is a file with two channels, the agent first: WAV, FLAC, Ogg, Opus or MP3 at any rate.

    \b
    Examples:
      turnlight analyze call.flac
      turnlight analyze monday/*.opus --report monday.html
      turnlight analyze --agent agent.wav --customer customer.wav
      turnlight analyze call.mp3 --swap --json | jq .calls[].metrics
    """
    settings = _settings(config)
    sources = asked.sources(calls or [], agent, customer, swap, settings)
    if report and not report.parent.is_dir():
        raise Problem(f"{report}: the folder {report.parent} does not exist; make it first")

    from rich.console import Console

    from turnlight.analysis import analyze as analyze_recording
    from turnlight.document import encode
    from turnlight.recording import InputError
    from turnlight.strain_model import ModelError

    console = Console(highlight=False)
    documents: list[Analysis] = []
    failed = False
    for name, opened in sources:
        try:
            with _progress(name) as on_progress:
                document = analyze_recording(opened(), settings, on_progress)
        except InputError as error:
            complain(str(error))
            failed = True
            continue
        except ModelError as error:
            raise Problem(str(error)) from None
        documents.append(document)
        if json:
            sys.stdout.write(encode(document).decode() + "\n")
            sys.stdout.flush()
        else:
            from turnlight.summary import Summary

            console.print(Summary(document))
    if report and documents:
        from turnlight.report import page

        report.write_text(page(documents), encoding="utf-8")
        print(f"turnlight: wrote {report}", file=sys.stderr)
    if failed:
        raise typer.Exit(FAILURE)


@app.command()
def frames(
    call: Call = None,
    agent: Agent = None,
    customer: Customer = None,
    swap: Swap = False,
) -> None:
    """Print a call as CSV, one line per 10 ms.

    A CALL is a file with two channels, the agent first: WAV, FLAC, Ogg, Opus or MP3 at any rate.

    \b
    Examples:
      turnlight frames call.flac > call.csv
      turnlight frames --agent agent.wav --customer customer.wav | head
    """
    settings = _settings(None)
    [(_, opened)] = asked.sources([call] if call else [], agent, customer, swap, settings)

    from turnlight.analysis import rows
    from turnlight.dsp import CSV_FIELDS
    from turnlight.recording import InputError

    line = ",".join(["%d"] * len(CSV_FIELDS)) + "\n"
    try:
        recording = opened()
        sys.stdout.write(",".join(CSV_FIELDS) + "\n")
        for block in rows(recording):
            columns = zip(*(block[field].tolist() for field in CSV_FIELDS), strict=True)
            sys.stdout.write("".join([line % values for values in columns]))
    except InputError as error:
        raise Problem(str(error)) from None


@app.command()
def run(config: ConfigFile = None) -> None:
    """Drive the lamp of this desk until Ctrl-C.

    \b
    Examples:
      turnlight run                        default input, lamp in the terminal, no broker
      turnlight run --config turnlight.toml
    """
    settings = _settings(config)

    from turnlight import live
    from turnlight.outbox import OutboxError
    from turnlight.recording import InputError
    from turnlight.shift import ShiftError
    from turnlight.strain_model import ModelError

    try:
        live.run(settings)
    except (InputError, ModelError, OutboxError, ShiftError) as error:
        raise Problem(str(error)) from None


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


@app.command()
def floor(
    config: FloorConfigFile,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the counters as one JSON line at the end.")
    ] = False,
) -> None:
    """Run the floor's aggregator.

    It takes the windows of the desks and publishes aggregates of at least five of them.

    \b
    Example:
      turnlight floor --config floor.toml
    """
    with _floor_package():
        from turnlight_floor import service
    raise typer.Exit(service.main(config, as_json))


@app.command()
def page(config: FloorConfigFile) -> None:
    """Serve the floor manager's page.

    It reads the aggregates and nothing else.

    \b
    Example:
      turnlight page --config floor.toml
    """
    with _floor_package():
        from turnlight_floor import page
    raise typer.Exit(page.main(config))


@contextmanager
def _floor_package() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise Problem(
            f"this command needs the package {error.name}; run `pip install turnlight[floor]`"
        ) from None


def _settings(path: Path | None) -> Config:
    from turnlight import config

    return config.load(path) if path else config.Config()


@contextmanager
def _progress(name: str) -> Iterator[Callable[[float], None]]:
    """A bar on stderr while it is a terminal; told the part that is done, 0..1."""
    if not sys.stderr.isatty():
        yield lambda _part: None
        return

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task(name, total=1.0)
        yield lambda part: progress.update(task, completed=part)


def main() -> None:
    """Entry point of the program `turnlight`."""
    sys.exit(exits.run(app))
