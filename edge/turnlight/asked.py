"""What a command line asks for: settings, and recordings with two channels or one pair of mono
files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from turnlight.exits import WRONG_USE, Problem

if TYPE_CHECKING:
    from turnlight.config import Config
    from turnlight.recording import Recording

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings in TOML; see docs/config.md."),
]
Sources: TypeAlias = "list[tuple[str, Callable[[], Recording]]]"


def settings_in(path: Path | None) -> Config:
    """The settings of a file; the defaults without one.

    Raises:
        ConfigError: the file cannot be read or holds a wrong setting.
    """
    from turnlight import config

    return config.load(path) if path else config.Config()


def sources(
    calls: list[Path], agent: Path | None, customer: Path | None, swap: bool, settings: Config
) -> Sources:
    """Names, and how to open each.

    Raises:
        Problem: the arguments do not go together.
    """
    if (agent is None) != (customer is None):
        missing = "--customer" if agent else "--agent"
        raise Problem(f"{missing} is missing: two mono files make one call", WRONG_USE)
    if agent and customer:
        if calls:
            raise Problem(
                "give either two-channel files, or --agent and --customer, not both", WRONG_USE
            )
        if swap:
            raise Problem(
                "--swap is for a two-channel file; exchange --agent and --customer instead",
                WRONG_USE,
            )
    elif not calls:
        raise Problem(
            "no recording given: name a two-channel file, or two mono files with "
            "--agent and --customer",
            WRONG_USE,
        )

    from turnlight.recording import open_pair, open_recording

    trusted = settings.audio.trust_channels
    if agent and customer:
        return [(f"{agent.name} + {customer.name}", lambda: open_pair(agent, customer, trusted))]
    channel: Literal[0, 1] = 0 if bool(settings.audio.agent_channel) == swap else 1
    return [
        (call.name, lambda call=call: open_recording(call, channel, trusted))  # type: ignore[misc]
        for call in calls
    ]
