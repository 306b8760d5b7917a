"""The command `turnlight enroll`: a desk gets its name, its broker and its certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from turnlight.exits import WRONG_USE, Problem

_FOLDER = Path("/etc/turnlight")


def enroll(
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="From `turnlight provision invite`.")
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(metavar="HOST[:PORT]", help="Where `turnlight provision serve` runs."),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A bundle instead of a code.")
    ] = None,
    folder: Annotated[
        Path, typer.Option(metavar="DIR", help="Of key, certificates and turnlight.toml.")
    ] = _FOLDER,
) -> None:
    """Make this desk one of a site's.

    With a code the desk makes its own key, which never leaves it. What the settings file says
    about lamp, sound and cues stays; comments of your own in it do not.

    \b
    Examples:
      turnlight enroll k7qf2-9xwmd-... --server broker.example
      turnlight enroll --bundle desk-17.tar
    """
    from turnlight import config
    from turnlight.provision.trouble import ProvisionError
    from turnlight.settings_file import SERVICE

    if (code is None) == (bundle is None):
        raise Problem("give either a code or --bundle", WRONG_USE)
    if code is not None and server is None:
        raise Problem("--server is missing: where does `turnlight provision serve` run?", WRONG_USE)
    settings = folder / "turnlight.toml"
    before = config.load(settings) if settings.exists() else SERVICE
    try:
        if bundle is not None:
            from turnlight.provision.bundle import unpack

            granted, key = unpack(bundle)
        else:
            from turnlight.provision import enrol

            host, port = _address(server or "")
            granted, key = enrol.enroll(host, port, code or "", folder)
        granted.install(key, before, folder)
    except ProvisionError as error:
        raise Problem(str(error)) from None
    print(
        f"{granted.device} of team {granted.team} belongs to {granted.site} now; "
        "`systemctl restart turnlight` lets it begin, `turnlight doctor` looks it over"
    )


def _address(text: str) -> tuple[str, int]:
    """Host and port; an IPv6 address stands in brackets when a port follows."""
    from urllib.parse import urlsplit

    bare = f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
    try:
        parts = urlsplit(f"//{bare}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.path:
        raise Problem(f"--server is `{text}`, but must be HOST or HOST:PORT", WRONG_USE)
    return host, port or 8884
