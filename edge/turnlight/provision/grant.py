"""What a desk is given: its name, its broker, its certificate. From code or from a bundle alike."""

from __future__ import annotations

from pathlib import Path

import msgspec

from turnlight.config import Config, Port
from turnlight.messages import Name
from turnlight.provision.files import PRIVATE, put
from turnlight.settings_file import render

FOLDER = Path("/etc/turnlight")
CA, CERTIFICATE, KEY, SETTINGS = "ca.crt", "desk.crt", "desk.key", "turnlight.toml"


class Grant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it but the key, so none of it is secret."""

    site: Name
    team: Name
    device: Name
    host: str
    port: Port
    ca: str
    """Certificate of the authority, PEM, as the next one."""
    certificate: str

    def settings(self, before: Config, folder: Path) -> Config:
        """A desk's settings with this in them; what it does not concern stays."""
        return msgspec.structs.replace(
            before,
            desk=msgspec.structs.replace(
                before.desk, site=self.site, team=self.team, device=self.device
            ),
            uplink=msgspec.structs.replace(
                before.uplink,
                host=self.host,
                port=self.port,
                tls=True,
                ca_file=str(folder / CA),
                cert_file=str(folder / CERTIFICATE),
                key_file=str(folder / KEY),
            ),
        )

    def install(self, key: bytes, before: Config, folder: Path) -> list[Path]:
        """Put key, certificates and settings in place; gives what changed.

        The settings come last: a desk that starts in between runs as it did before.
        """
        files = (
            (KEY, key, PRIVATE),
            (CA, self.ca, 0o644),
            (CERTIFICATE, self.certificate, 0o644),
            (SETTINGS, render(self.settings(before, folder)), 0o644),
        )
        return [folder / name for name, content, mode in files if put(folder / name, content, mode)]
