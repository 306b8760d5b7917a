"""The command `turnlight doctor`: what works at this desk, and what to do about the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from turnlight.asked import ConfigFile, settings_in

_INSTALLED = Path("/etc/turnlight/turnlight.toml")
_SIGNS = {"ok": "✓", "warning": "!", "fault": "✗"}


def doctor(
    config: ConfigFile = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=60, metavar="N", help="How long to listen.")
    ] = 3.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line per finding.")
    ] = False,
) -> None:
    """Look this desk over: sound, lamp, model, clock, certificate, broker, disk, temperature.

    One sentence each, with a remedy where something is wrong. The exit code is 0 when all is
    well, 3 when there are only warnings, 1 when something does not work. Without --config it
    takes the settings of the installed desk.

    \b
    Examples:
      sudo turnlight doctor
      turnlight doctor --config turnlight.toml --json
    """
    settings = settings_in(config or (_INSTALLED if _INSTALLED.exists() else None))

    import msgspec

    from turnlight import diagnosis
    from turnlight.doctor import look

    findings = []
    for finding in look(settings, seconds):
        findings.append(finding)
        if as_json:
            print(msgspec.json.encode(finding).decode(), flush=True)
            continue
        print(f"{_SIGNS[finding.severity]} {finding.check:<12} {finding.found}", flush=True)
        if finding.remedy:
            print(f"{'':<15}→ {finding.remedy}", flush=True)
    raise typer.Exit(diagnosis.exit_code(findings))
