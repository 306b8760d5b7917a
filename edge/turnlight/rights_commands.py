"""The commands by which the agent rules the own desk, and asks it how the call goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from turnlight.asked import ConfigFile, settings_in
from turnlight.exits import WRONG_USE, Problem

if TYPE_CHECKING:
    from pathlib import Path

Percent = Annotated[
    float, typer.Argument(metavar="PERCENT", help="Of the light that the settings ask for.")
]
Minutes = Annotated[
    float | None,
    typer.Argument(metavar="[MINUTES]", help="For so long; without it until it is taken back."),
]
OnOff = Annotated[Literal["on", "off"], typer.Argument(metavar="on|off")]


def dim(percent: Percent, config: ConfigFile = None) -> None:
    """Dim the lamp of this desk.

    \b
    Examples:
      turnlight dim 30
      turnlight dim 100        as bright as it is set
    """
    _ask(f"dim {percent:g}", config)


def mute(minutes: Minutes = None, config: ConfigFile = None) -> None:
    """Keep the lamp of this desk dark. The desk goes on measuring.

    \b
    Examples:
      turnlight mute
      turnlight mute 30        for half an hour
    """
    _ask("mute" if minutes is None else f"mute {minutes:g}", config)


def unmute(config: ConfigFile = None) -> None:
    """Let the lamp of this desk shine again.

    \b
    Example:
      turnlight unmute
    """
    _ask("unmute", config)


def pause(minutes: Minutes = None, config: ConfigFile = None) -> None:
    """Measure nothing at this desk, and keep its lamp dark.

    From outside it looks as if no call were on.

    \b
    Examples:
      turnlight pause
      turnlight pause 15       for a quarter of an hour
    """
    _ask("pause" if minutes is None else f"pause {minutes:g}", config)


def resume(config: ConfigFile = None) -> None:
    """Measure again.

    \b
    Example:
      turnlight resume
    """
    _ask("resume", config)


def coach(switch: OnOff, config: ConfigFile = None) -> None:
    """Let the lamp say when your own voice is strained. Off until you switch it on.

    Your voice is held against itself at the start of the call. Nobody else learns of it: it is not
    sent, stored or logged, and it ends with the desk's program.

    \b
    Examples:
      turnlight coach on
      turnlight coach off
    """
    _ask(f"coach {switch}", config)


def now(
    config: ConfigFile = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line with every measure.")
    ] = False,
) -> None:
    """Tell how the call that is on goes: the last minute, the last five, all of it.

    Only the user who runs the desk is told. Nothing of it is sent or stored.

    \b
    Examples:
      turnlight now
      turnlight now --json     every measure of docs/metrics.md; {} while no call is on
    """
    import json

    from rich.console import Console

    from turnlight.now import NO_CALL, NOW, table

    answer = _answer(NOW, config)
    if as_json:
        print(answer)
        return
    measures = json.loads(answer)
    Console().print(table(measures) if measures else NO_CALL)


def _ask(wish: str, config: Path | None) -> None:
    print(_answer(wish, config))


def _answer(wish: str, config: Path | None) -> str:
    from turnlight.doorway import REFUSED, DoorError, ask

    try:
        answer = ask(settings_in(config).desk.door, wish)
    except DoorError as error:
        raise Problem(str(error)) from None
    if answer.startswith(REFUSED):
        raise Problem(answer.removeprefix(REFUSED), WRONG_USE)
    return answer
