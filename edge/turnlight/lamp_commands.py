"""The commands `turnlight lamp ...`: which lights there are, what they look like, and off."""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from turnlight.asked import ConfigFile, settings_in

if TYPE_CHECKING:
    from pathlib import Path

    from turnlight.config import Config
    from turnlight.lamps import Lamp

app = typer.Typer(rich_markup_mode=None)


def _kind(value: str | None) -> str | None:
    from turnlight.config import LampKind

    if value not in (None, *get_args(LampKind)):
        raise typer.BadParameter(f"must be one of {', '.join(get_args(LampKind))}")
    return value


Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        callback=_kind,
        help="Another kind of lamp than the settings name, as in `usb`.",
    ),
]


@app.callback()
def lamp() -> None:
    """Find, try and put out the light of this desk.

    \b
    Examples:
      turnlight lamp list
      turnlight lamp test --kind usb
    """


@app.command("list")
def kinds(
    config: ConfigFile = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line per kind of lamp.")
    ] = False,
) -> None:
    """Tell which kinds of lamp this machine can drive.

    One line each, with what was found or what is missing. Nothing is lit by it.

    \b
    Examples:
      turnlight lamp list
      turnlight lamp list --config turnlight.toml --json
    """
    from turnlight.config import ConfigError, LampKind, with_lamp
    from turnlight.lamps import LampError, found

    settings = settings_in(config)
    for kind in get_args(LampKind):
        try:
            usable, what = True, found(with_lamp(settings, kind).lamp)
        except (LampError, ConfigError) as error:
            usable, what = False, str(error)
        if as_json:
            print(json.dumps({"kind": kind, "usable": usable, "found": what}))
        else:
            print(f"{kind:<9} {'yes' if usable else 'no':<4} {what}")


@app.command("test")
def every_cue(
    config: ConfigFile = None,
    kind: Kind = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=60, metavar="N", help="How long each cue is shown.")
    ] = 5.0,
) -> None:
    """Show every cue on the lamp, and beside it on the terminal.

    Ctrl-C puts the light out at once.

    \b
    Examples:
      turnlight lamp test --config turnlight.toml
      turnlight lamp test --kind usb --seconds 10
    """
    from turnlight.lamps.terminal import TerminalLamp

    settings = _settings(config, kind)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    lamps = [_opened(settings)]
    if settings.lamp.kind not in ("terminal", "lines"):
        lamps.append(TerminalLamp(settings.lamp.brightness))
    try:
        _show_every_cue(lamps, seconds)
    finally:
        for lamp in lamps:
            lamp.close()


@app.command()
def off(config: ConfigFile = None, kind: Kind = None) -> None:
    """Put the light out.

    For after a desk that was killed: some lights keep their last colour.

    \b
    Example:
      turnlight lamp off --config turnlight.toml
    """
    _opened(_settings(config, kind)).close()


def _settings(config: Path | None, kind: str | None) -> Config:
    from turnlight.config import LampKind, with_lamp

    settings = settings_in(config)
    known: tuple[LampKind, ...] = get_args(LampKind)
    chosen = next((name for name in known if name == kind), settings.lamp.kind)
    return with_lamp(settings, chosen)


def _opened(settings: Config) -> Lamp:
    """The lamp, where there is one; a LampError is an OSError, which ends the program in a word."""
    from turnlight.lamps import ColourLamp, driver

    lamp = driver(settings.lamp)
    if isinstance(lamp, ColourLamp):
        lamp.open()
    return lamp


def _show_every_cue(lamps: list[Lamp], seconds: float) -> None:
    from turnlight.cues import Cue, CueShown
    from turnlight.lamps.guard import FRAME_MS

    cues: tuple[Cue, ...] = get_args(Cue)
    begin_s = time.monotonic()
    for number, cue in enumerate(cues, 1):
        at_ms = round((time.monotonic() - begin_s) * 1000)
        for lamp in lamps:
            lamp.show(CueShown(at_ms=at_ms, cue=cue, reason=f"{number} of {len(cues)}"))
        while time.monotonic() < begin_s + number * seconds:
            for lamp in lamps:
                lamp.tick(time.monotonic_ns() // 1_000_000)
            time.sleep(FRAME_MS / 1000)
