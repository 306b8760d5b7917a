"""The commands of `turnlight provision` that are about desks: their certificates, from first to
last."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnlight.exits import WRONG_USE, Problem, complain
from turnlight.provision_commands import SiteFolder, now, provisioning

if TYPE_CHECKING:
    from collections.abc import Iterable

    import msgspec

    from turnlight.provision.batch import Wanted
    from turnlight.provision.site import Site

Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder for the bundles; else SITE/desks.")
]
Team = Annotated[str | None, typer.Option(metavar="TEAM", help="Team of the desks.")]
Name = Annotated[str | None, typer.Option(metavar="NAME", help="Name of the one desk.")]
Count = Annotated[
    int | None,
    typer.Option(min=1, max=10_000, metavar="N", help="So many desks: TEAM-001 and on."),
]
Csv = Annotated[
    Path | None,
    typer.Option("--csv", metavar="FILE", help="Desks in CSV: columns device and team."),
]
Device = Annotated[str, typer.Argument(metavar="NAME", help="Name of the desk.")]


def device(
    site: SiteFolder = Path(),
    team: Team = None,
    name: Name = None,
    count: Count = None,
    csv_file: Csv = None,
    out: Out = None,
) -> None:
    """Make a bundle per desk: certificate, key and settings, for `turnlight enroll --bundle`.

    Prints CSV: device, team, serial, ends, bundle. A bundle holds a private key; `turnlight
    provision invite` lets a desk make its own instead.

    \b
    Examples:
      turnlight provision device --site utrecht --team billing --name desk-17
      turnlight provision device --site utrecht --team billing --count 100 > given.csv
      turnlight provision device --site utrecht --csv desks.csv --out /media/stick
    """
    with provisioning():
        from turnlight.provision import desks
        from turnlight.provision.site import Site

        found = Site(site)
        wanted = _wanted(found, team, name, count, csv_file)
        _print_csv(desks.give(found, wanted, out or found.folder / "desks", now()))


def invite(
    site: SiteFolder = Path(),
    team: Team = None,
    name: Name = None,
    count: Count = None,
    csv_file: Csv = None,
    hours: Annotated[
        float, typer.Option(min=0.1, max=720, metavar="N", help="How long a code works.")
    ] = 24.0,
) -> None:
    """Make a one-time code per desk, for `turnlight enroll CODE`.

    Prints CSV: device, team, code, ends. The desk makes its key itself; `turnlight provision
    serve` must run when it enrolls.

    \b
    Examples:
      turnlight provision invite --site utrecht --team billing --name desk-17
      turnlight provision invite --site utrecht --team billing --count 100 > codes.csv
    """
    with provisioning():
        from turnlight.provision.desk_office import DeskOffice
        from turnlight.provision.site import Site

        found = Site(site)
        wanted = _wanted(found, team, name, count, csv_file)
        _print_csv(DeskOffice(found).invite(wanted, now(), hours))


def serve(
    site: SiteFolder = Path(),
    bind: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 is everywhere.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="Its port.")] = 8884,
) -> None:
    """Let invited desks enroll, until Ctrl-C.

    Run it on the machine of the broker, while desks are being set up.

    \b
    Example:
      turnlight provision serve --site utrecht --bind 0.0.0.0
    """
    with provisioning():
        from turnlight.provision.enrol_server import EnrolServer
        from turnlight.provision.site import Site

        with EnrolServer(Site(site), bind, port, complain) as server:
            complain(f"enrolment at {bind}:{server.server_port}; Ctrl-C ends it")
            server.serve_forever()


def rotate(name: Device, site: SiteFolder = Path(), out: Out = None) -> None:
    """Give a desk a new key and certificate, in a new bundle.

    The old certificate works until it ends, or until `turnlight provision revoke NAME --old`.

    \b
    Example:
      turnlight provision rotate desk-17 --site utrecht
    """
    with provisioning():
        from turnlight.provision import desks
        from turnlight.provision.site import Site

        found = Site(site)
        _print_csv([desks.rotate(found, name, out or found.folder / "desks", now())])


def revoke(
    name: Device,
    site: SiteFolder = Path(),
    old: Annotated[
        bool, typer.Option("--old", help="All of its certificates but the newest.")
    ] = False,
) -> None:
    """Shut a desk out: its certificate is no longer let in, and its connection ends.

    The broker has to start again for that; its unit turnlight-broker-revoked.path does it within
    seconds. The other desks come back by themselves and lose nothing.

    \b
    Examples:
      turnlight provision revoke desk-17 --site utrecht
      turnlight provision revoke desk-17 --site utrecht --old
    """
    with provisioning():
        from turnlight.provision.site import Site

        found = Site(site)
        with found.changing():
            gone = found.revoke(name, now(), old_only=old)
    for one in gone:
        print(f"revoked {one.serial} of {one.user}")
    complain(
        "the broker restarts by itself where turnlight-broker-revoked.path runs; elsewhere run "
        "`systemctl restart turnlight-broker`"
    )


def list_(
    site: SiteFolder = Path(),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line per certificate.")
    ] = False,
) -> None:
    """List every certificate of the site, and warn of those that end soon.

    \b
    Examples:
      turnlight provision list --site utrecht
      turnlight provision list --site utrecht --json
    """
    with provisioning():
        from turnlight.provision import listing
        from turnlight.provision.site import Site

        found = Site(site)
        rows = listing.rows(found, now())
    for row in rows:
        if as_json:
            print(json.dumps(row))
        else:
            print(f"{row['user']:<24} {row['team']:<16} {row['state']:<10} {row['ends']}")
    for warning in listing.warnings(rows):
        complain(warning)


def add_to(app: typer.Typer) -> None:
    """Make these commands of `turnlight provision`."""
    for command in (device, invite, serve, rotate, revoke):
        app.command()(command)
    app.command("list")(list_)


def _wanted(
    site: Site, team: str | None, name: str | None, count: int | None, csv_file: Path | None
) -> list[Wanted]:
    from turnlight.provision import batch

    if [name, count, csv_file].count(None) != 2:
        raise Problem("give one of --name, --count and --csv", WRONG_USE)
    if csv_file:
        return batch.from_csv(csv_file.read_text(encoding="utf-8"), str(csv_file), team)
    if team is None:
        raise Problem("--team is missing: whose windows are these desks'?", WRONG_USE)
    if name:
        return [batch.wanted(name, team)]
    from turnlight.provision.desk_office import DeskOffice

    taken = {one.user for one in site.register().issued} | DeskOffice(site).invited()
    return batch.numbered(taken, team, count or 1)


def _print_csv(rows: Iterable[msgspec.Struct]) -> None:
    """One line each as soon as it is known, below the names of the columns."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for number, row in enumerate(rows):
        if not number:
            writer.writerow(row.__struct_fields__)
        writer.writerow([getattr(row, name) for name in row.__struct_fields__])
