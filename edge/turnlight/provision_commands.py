"""The commands `turnlight provision ...`: a site, its rights, its desks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnlight.exits import Problem
from turnlight.provision.trouble import ProvisionError

if TYPE_CHECKING:
    from turnlight.provision.site_settings import SiteSettings

app = typer.Typer(rich_markup_mode=None)

SiteFolder = Annotated[
    Path, typer.Option("--site", metavar="DIR", help="Folder of the site; else this one.")
]


@app.callback()
def provision() -> None:
    """Make a site: certificates, broker, rights, and a credential for each desk.

    \b
    Examples:
      turnlight provision site utrecht --host broker.example
      turnlight provision device --site utrecht --team billing --count 100
    """


@app.command()
def site(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The site's name in every topic.")],
    host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="Name or address of the broker; may come again."),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="N", help="Its port.")] = 8883,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to make it; else ./NAME.")
    ] = None,
) -> None:
    """Make a site's authority, its broker's files, the roles' credentials and units.

    A second run makes what is missing or about to expire, and changes nothing else.

    \b
    Examples:
      turnlight provision site utrecht --host broker.example
      turnlight provision site utrecht --host broker.example --host 10.0.0.5 --folder /srv/utrecht
    """
    with provisioning():
        from turnlight.provision import site as sites

        where = folder or Path(name)
        if (where / "site.toml").exists() and not host:
            found = sites.Site(where)
        elif not host:
            raise ProvisionError(
                "--host is missing: name the broker's machine as desks will reach it"
            )
        else:
            found = sites.make(where, _site_settings(name, host, port))
        if found.settings.site != name:
            raise ProvisionError(f"{where}: holds the site {found.settings.site}, not {name}")
        changed = found.build(now())
    for file in changed:
        print(f"made {found.folder / file}")
    if changed:
        print(
            f"next: cp {found.folder}/units/* /etc/systemd/system/ && systemctl daemon-reload && "
            "systemctl enable --now turnlight-broker.service turnlight-broker-rights.path "
            "turnlight-broker-revoked.path turnlight-floor.service turnlight-page.service"
        )
    else:
        print(f"{found.folder}: nothing to do")


@app.command()
def check(
    site: SiteFolder = Path(),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line per try instead of a table.")
    ] = False,
) -> None:
    """Prove the rights against the running broker.

    Every role tries to write and to read every kind of topic; what is allowed must work and all
    else be refused. Nothing that runs is disturbed. The exit code is 1 when one try goes wrong.

    \b
    Examples:
      turnlight provision check --site utrecht
      turnlight provision check --site utrecht --json
    """
    with provisioning():
        import msgspec

        from turnlight.provision import check as rights
        from turnlight.provision.site import Site

        found = rights.check(Site(site), now())
    if as_json:
        for finding in found:
            print(
                msgspec.json.encode(
                    {**msgspec.structs.asdict(finding), "right": finding.right}
                ).decode()
            )
    else:
        from turnlight.provision.rights_table import show

        show(found)
    wrong = sum(not finding.right for finding in found)
    if wrong:
        raise Problem(
            f"{wrong} of {len(found)} tries went wrong; let the broker read broker/acl and "
            "broker/mosquitto.conf of this site again, and no other access list"
        )


def _site_settings(name: str, hosts: list[str], port: int) -> SiteSettings:
    import msgspec

    from turnlight.provision.site_settings import SiteSettings

    try:
        return msgspec.convert({"site": name, "hosts": hosts, "port": port}, SiteSettings)
    except msgspec.ValidationError as error:
        raise ProvisionError(
            f"{error}; a site is a name of a-z, 0-9 and -, a host a name or an address"
        ) from None


def now() -> datetime:
    """This moment, from which certificates count."""
    return datetime.now(UTC)


@contextmanager
def provisioning() -> Iterator[None]:
    """Turn what provisioning cannot do into the program's one sentence."""
    try:
        yield
    except ProvisionError as error:
        raise Problem(str(error)) from None
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "cryptography":
            raise
        raise Problem(
            "this command needs the package cryptography; run `pip install turnlight[provision]`"
        ) from None
