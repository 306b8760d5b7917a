"""The commands `turnlight page ...`: the manager's page, and who may sign in to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnlight.exits import WRONG_USE, Problem

if TYPE_CHECKING:
    from turnlight_floor.users import User, Users

app = typer.Typer(rich_markup_mode=None)
user = typer.Typer(rich_markup_mode=None)
app.add_typer(user, name="user")

ConfigFile = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="Settings in TOML; see docs/floor.md.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]


@app.callback(invoke_without_command=True)
def page(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Settings in TOML; see docs/floor.md."),
    ] = None,
) -> None:
    """Serve the floor manager's page.

    It reads the aggregates and how the devices are, and nothing else.

    \b
    Examples:
      turnlight page --config floor.toml
      turnlight page user add anna --role manager --config floor.toml
    """
    if context.invoked_subcommand:
        return
    if config is None:
        raise Problem("--config is missing: it names the floor's settings", WRONG_USE)
    try:
        from turnlight_floor import page
    except ModuleNotFoundError as error:
        raise Problem(
            f"this command needs the package {error.name}; run `pip install turnlight[floor]`"
        ) from None
    raise typer.Exit(page.main(config))


@user.callback()
def users() -> None:
    """Say who may sign in to the page, and to which of its views.

    \b
    Examples:
      turnlight page user add anna --role manager --config floor.toml
      turnlight page user list --config floor.toml
    """


@user.command()
def add(
    name: Name,
    config: ConfigFile,
    role: Annotated[
        list[str],
        typer.Option("--role", metavar="ROLE", help="manager or it; twice for both."),
    ],
) -> None:
    """Add a user; the password is asked for, or read from the first line of the input.

    \b
    Examples:
      turnlight page user add anna --role manager --config floor.toml
      turnlight page user add ola --role it --role manager --config floor.toml <password.txt
    """
    from turnlight_floor import users

    with _file(config) as found:
        if name in found:
            raise Problem(f"{name} is a user already; see `turnlight page user password`")
        found[name] = users.user(name, role, _password())
    print(f"{name} may sign in as {' and '.join(found[name].roles)}")
    if len(found) == 1:
        print("the first user: a page that runs without sign-in asks for it once restarted")


@user.command()
def password(name: Name, config: ConfigFile) -> None:
    """Give a user another password; the user is signed out everywhere.

    \b
    Example:
      turnlight page user password anna --config floor.toml
    """
    from turnlight_floor import users

    with _file(config) as found:
        kept = _known(found, name)
        found[name] = users.user(name, kept.roles, _password())
    print(f"{name} has another password")


@user.command()
def remove(name: Name, config: ConfigFile) -> None:
    """Remove a user, who is signed out at once.

    \b
    Example:
      turnlight page user remove anna --config floor.toml
    """
    with _file(config) as found:
        _known(found, name)
        del found[name]
    print(f"{name} may not sign in any more")


@user.command("list")
def listed(
    config: ConfigFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line per user.")] = False,
) -> None:
    """Tell who may sign in, and as what.

    \b
    Example:
      turnlight page user list --config floor.toml
    """
    with _file(config, write=False) as found:
        for one in found.values():
            if as_json:
                print(json.dumps({"name": one.name, "roles": one.roles}))
            else:
                print(f"{one.name}  {', '.join(one.roles)}")


@contextmanager
def _file(config: Path, write: bool = True) -> Iterator[Users]:
    """The users of the page with these settings, written back when all went well."""
    from turnlight_floor import settings, users

    try:
        path = Path(settings.load(config).page.users)
    except settings.SettingsError as error:
        raise Problem(str(error), WRONG_USE) from None
    try:
        found = users.load(path)
        yield found
        if write:
            users.save(path, found)
    except users.UsersError as error:
        raise Problem(str(error)) from None


def _known(found: Users, name: str) -> User:
    if name not in found:
        raise Problem(f"there is no user {name}; see `turnlight page user list`")
    return found[name]


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")
