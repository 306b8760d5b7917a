"""Settings of the aggregator and of the page, each with a credential of its own."""

from __future__ import annotations

import json

STATE = "/var/lib/turnlight-floor/floor.sqlite"
DATABASE_WORD = "database-password"
"""File with the password of a shared database, beside the settings."""


def floor_config(site: str, host: str, port: int, database: str) -> str:
    """`floor.toml`; its files are beside it. `database` is a URL, or empty for a file."""
    history = (
        f"database = {json.dumps(database)}\n"
        f'database_password_file = "{DATABASE_WORD}"\nsnapshot_file = "{STATE}"\n'
        if database
        else f'database = "{STATE}"\n'
    )

    def broker(name: str) -> str:
        return (
            f'host = "{host}"\nport = {port}\ntls = true\nca_file = "ca.crt"\n'
            f'cert_file = "{name}.crt"\nkey_file = "{name}.key"\n'
        )

    return (
        "# Made by `turnlight provision site`; docs/floor.md lists every key.\n"
        f'site = "{site}"\n'
        f"{history}"
        'privacy_file = "privacy.toml"\n\n'
        f"[broker]\n{broker('aggregator')}\n"
        f'[page]\nhost = "127.0.0.1"\nport = 8080\n\n[page.broker]\n{broker("page")}'
    )


PRIVACY = """\
# A cell is shown only when so many distinct desks contributed. Below 5 is refused.
# The services read a copy of this file and cannot change it.
k = 5
"""
