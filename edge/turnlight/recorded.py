"""The commands that hear recorded calls. Heavy modules are imported inside, as in cli.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnlight import asked
from turnlight.exits import FAILURE, Problem, complain

if TYPE_CHECKING:
    from turnlight.config import Config
    from turnlight.document import Analysis

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


def analyze(
    calls: Calls = None,
    agent: Agent = None,
    customer: Customer = None,
    swap: Swap = False,
    config: asked.ConfigFile = None,
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
    settings = asked.settings_in(config)
    sources = asked.sources(calls or [], agent, customer, swap, settings)
    if report and not report.parent.is_dir():
        raise Problem(f"{report}: the folder {report.parent} does not exist; make it first")

    from rich.console import Console

    from turnlight.document import encode
    from turnlight.summary import Summary

    console = Console(highlight=False)
    documents: list[Analysis] = []
    failed: list[str] = []
    for document in _analyses(sources, settings, failed):
        if report:
            documents.append(document)
        if json:
            print(encode(document).decode(), flush=True)
        else:
            console.print(Summary(document))
    if report and documents:
        from turnlight.report import page

        report.write_text(page(documents), encoding="utf-8")
        print(f"turnlight: wrote {report}", file=sys.stderr)
    if failed:
        raise typer.Exit(FAILURE)


def cues(
    calls: Calls = None,
    agent: Agent = None,
    customer: Customer = None,
    swap: Swap = False,
    config: asked.ConfigFile = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document per file, a line each.")
    ] = False,
) -> None:
    """Replay calls, and explain every cue of the lamp and every one withheld.

    A CALL is a file with two channels, the agent first: WAV, FLAC, Ogg, Opus or MP3 at any rate.

    \b
    Examples:
      turnlight cues call.flac
      turnlight cues call.flac --config desk.toml     with the settings of a desk
      turnlight cues monday/*.opus --json | jq .calls[].withheld
    """
    settings = asked.settings_in(config)
    sources = asked.sources(calls or [], agent, customer, swap, settings)

    import msgspec
    from rich.console import Console

    from turnlight.replay import Replay, document

    console = Console(highlight=False)
    failed: list[str] = []
    for analysis in _analyses(sources, settings, failed):
        if json:
            print(msgspec.json.encode(document(analysis)).decode(), flush=True)
        else:
            console.print(Replay(analysis))
    if failed:
        raise typer.Exit(FAILURE)


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
    settings = asked.settings_in(None)
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


def _analyses(sources: asked.Sources, settings: Config, failed: list[str]) -> Iterator[Analysis]:
    """Each file's analysis; a file that cannot be used is complained of, and has `failed`."""
    from turnlight.analysis import analyze
    from turnlight.recording import InputError
    from turnlight.strain_model import ModelError

    for name, opened in sources:
        try:
            with _progress(name) as on_progress:
                analysis = analyze(opened(), settings, on_progress)
        except InputError as error:
            complain(str(error))
            failed.append(name)
            continue
        except ModelError as error:
            raise Problem(str(error)) from None
        yield analysis


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
