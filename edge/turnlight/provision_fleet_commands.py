"""The commands of `turnlight provision` about all desks at once: how they are, and a new version
for them in waves."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnlight.exits import WRONG_USE, Problem, complain
from turnlight.provision_commands import SiteFolder, provisioning

if TYPE_CHECKING:
    from turnlight.provision.fleet import Desk
    from turnlight.provision.fleet_feed import FleetFeed
    from turnlight.provision.rollout import Done, Event, Rollout, Stopped
    from turnlight.provision.site import Site
    from turnlight.provision.waves import Rules, Size

LEFT = 3
"""Exit code of a roll-out that is done but for some desks."""

Look = Annotated[
    float,
    typer.Option(
        "--look", min=0.1, max=600, metavar="SECONDS", help="How long to wait for desks' health."
    ),
]


def fleet(
    site: SiteFolder = Path(),
    look_s: Look = 65.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line per desk instead of a table.")
    ] = False,
) -> None:
    """List every desk with its version and how it is.

    It takes up to a minute, since desks say how they are each minute.

    \b
    Examples:
      turnlight provision fleet --site utrecht
      turnlight provision fleet --site utrecht --json
    """
    with provisioning():
        from turnlight.provision.fleet_feed import FleetFeed
        from turnlight.provision.site import Site

        with FleetFeed(Site(site)) as feed:
            feed.look(look_s)
            desks = list(feed.fleet)
    if as_json:
        for desk in desks:
            print(json.dumps({"device": desk.name, "team": desk.team, **_state(desk)}))
        return
    print(f"{'desk':<24} {'team':<16} {'state':<8} {'version':<10} {'up':>7} sound overruns")
    for desk in desks:
        health = desk.health
        row = f"{desk.name:<24} {desk.team:<16} {_state(desk)['state']:<8}"
        if health:
            sound = "yes" if health.audio_present else "no"
            hours = f"{health.uptime_s / 3600:.1f} h"
            row += f" {health.version:<10} {hours:>7} {sound:<5} {health.overruns}"
        print(row.rstrip())
    versions = Counter(desk.version or "not known" for desk in desks)
    said = ", ".join(f"{number} with {name}" for name, number in sorted(versions.items()))
    print(f"{len(desks)} desks: {said}" if desks else "no desks; see `turnlight provision invite`")


def roll(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="What desks will say, as in their health.")
    ],
    site: SiteFolder = Path(),
    waves: Annotated[
        str,
        typer.Option(metavar="LIST", help="Desks, or share of them, with it after each wave."),
    ] = "1 5% 25% 100%",
    enough: Annotated[
        float,
        typer.Option(min=50, max=100, metavar="PERCENT", help="Of a wave that must be well."),
    ] = 95.0,
    back_min: Annotated[
        float,
        typer.Option("--back", min=0.01, max=1440, metavar="MINUTES", help="Time to come back."),
    ] = 30.0,
    soak_min: Annotated[
        float,
        typer.Option("--soak", min=0.01, max=1440, metavar="MINUTES", help="Time to stay well."),
    ] = 10.0,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Leave this desk out; may come again."),
    ] = None,
    look_s: Look = 65.0,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print the waves, one per line, and do nothing.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line per event instead of names.")
    ] = False,
) -> None:
    """Name the desks that are due for a new version, wave by wave, as long as all goes well.

    Prints one name per line for whatever brings a bundle to a desk, and then waits: the next wave
    is named when enough desks of this one are back with the new version, hear sound as they did
    before and lose no more of it. Else it says why and ends with 1. A second run goes on where the
    first ended. It ends with 3 when desks were away or are not well.

    \b
    Examples:
      turnlight provision roll 0.2.0 --site utrecht --plan
      turnlight provision roll 0.2.0 --site utrecht | xargs -P 8 -I{} ./update.sh {}
      turnlight provision roll 0.2.0 --site utrecht --waves "2 10% 100%" --without desk-17
    """
    with provisioning():
        from turnlight.provision.fleet_feed import FleetFeed
        from turnlight.provision.site import Site
        from turnlight.provision.waves import Rules, sizes

        try:
            wanted = sizes(waves)
        except ValueError as error:
            raise Problem(f"--waves: {error}; write it as in '1 5% 25% 100%'", WRONG_USE) from None
        rules = Rules(version, back_min * 60, soak_min * 60, enough / 100)
        found = Site(site)
        with FleetFeed(found) as feed:
            for name in without or ():
                if name not in feed.fleet:
                    raise Problem(f"--without {name}: there is no such desk", WRONG_USE)
            complain(f"looking for {len(feed.fleet)} desks, up to {look_s:.0f} s")
            feed.look(look_s)
            _roll(found, feed, rules, wanted, without or [], plan=plan, as_json=as_json)


def _roll(
    site: Site,
    feed: FleetFeed,
    rules: Rules,
    waves: tuple[Size, ...],
    without: list[str],
    *,
    plan: bool,
    as_json: bool,
) -> None:
    from turnlight.provision import rollout_file
    from turnlight.provision.rollout import Rollout, Stopped

    file = site.folder / "rollout.json"
    before = rollout_file.load(file, rules.version)
    teams = {desk.name: desk.team for desk in feed.fleet}
    rollout = Rollout(feed.fleet, teams, rules, waves, before, without)
    if plan:
        _print_plan(rollout, feed, as_json=as_json)
        return
    events = rollout.begin(feed.now_s())
    while True:
        if events:
            # kept before anybody is told, or a run after this one could not compare
            rollout_file.save(file, rules.version, rollout.before)
        for event in events:
            _tell(event, as_json=as_json)
        if rollout.end:
            break
        feed.listen(1.0)
        events = rollout.step(feed.now_s())
    if isinstance(rollout.end, Stopped):
        raise Problem(_stopped(rollout.end, rules.version))
    if rollout.end.ill or rollout.end.away:
        raise Problem(_left(rollout.end), LEFT)


def _print_plan(rollout: Rollout, feed: FleetFeed, *, as_json: bool) -> None:
    for number, names in enumerate(rollout.plan(feed.now_s()), 1):
        print(json.dumps({"wave": number, "desks": names}) if as_json else " ".join(names))
    if away := rollout.away(feed.now_s()):
        complain(f"offline or silent, so in no wave: {' '.join(away)}")


def _tell(event: Event, *, as_json: bool) -> None:
    """Names, or JSON, on standard output, at once; what is for people on standard error."""
    import msgspec

    from turnlight.provision import rollout

    if as_json:
        print(msgspec.json.encode(event).decode(), flush=True)
        return
    match event:
        case rollout.Looked(desks):
            complain(f"{len(desks)} have it already; looking at them first")
        case rollout.Due(wave, waves, desks):
            complain(f"wave {wave} of {waves}: {len(desks)} due")
            for name in desks:
                print(name, flush=True)
        case rollout.Judged(desk, well, why):
            complain(f"{desk}: {'well' if well else why}")
        case rollout.Passed(wave, well, desks):
            which = f"wave {wave}" if wave else "those that had it"
            complain(f"{which}: {well} of {desks} well")
        case rollout.Done(well, _, _):
            complain(f"done: {well} well")


def _stopped(end: Stopped, version: str) -> str:
    where = f"in wave {end.wave}" if end.wave else "at those that have it already"
    return (
        f"stopped {where}: {end.ill} of {end.desks} not well ({end.why}); no more desks "
        f"are due. Mend them or leave them out with --without, and run `turnlight provision roll "
        f"{version}` again"
    )


def _left(end: Done) -> str:
    parts = []
    if end.ill:
        parts.append(f"not well: {' '.join(end.ill)}")
    if end.away:
        parts.append(f"away: {' '.join(end.away)}")
    return f"{'; '.join(parts)}; run this again when they are back"


def _state(desk: Desk) -> dict[str, object]:
    import msgspec

    return {
        "state": ("online" if desk.health else "silent") if desk.online else "offline",
        "health": msgspec.structs.asdict(desk.health) if desk.health else None,
    }


def add_to(app: typer.Typer) -> None:
    """Make these commands of `turnlight provision`."""
    app.command()(fleet)
    app.command()(roll)
