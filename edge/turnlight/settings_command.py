"""The command `turnlight settings`: a settings file with every key."""

from __future__ import annotations

from typing import Annotated

import typer

from turnlight.asked import ConfigFile, settings_in


def settings(
    config: ConfigFile = None,
    service: Annotated[
        bool, typer.Option("--service", help="Start from those of a desk that systemd runs.")
    ] = False,
) -> None:
    """Print a settings file with every key, its meaning and what is valid.

    What the given file sets is set, all else is shown behind a #.

    \b
    Examples:
      turnlight settings > turnlight.toml
      turnlight settings --config turnlight.toml     the same desk, with the keys of this version
    """
    from turnlight.settings_file import SERVICE, render

    print(render(SERVICE if service and config is None else settings_in(config)), end="")
