"""The site's systemd units: broker, aggregator, page, and two watchers of the broker's lists."""

from __future__ import annotations

from pathlib import Path

from turnlight.provision.floor_config import DATABASE_WORD

TEMPLATES = Path(__file__).parent / "units"


def units(folder: Path, database: bool) -> dict[str, str]:
    """Each unit's name and text, for a site in this folder.

    Args:
        folder: where the site's files are.
        database: the floor needs the password of a shared database.
    """
    word = f"LoadCredential={DATABASE_WORD}:@FOLDER@/floor/{DATABASE_WORD}\n" if database else ""
    hardened = (TEMPLATES / "hardened").read_text(encoding="utf-8").rstrip()
    return {
        template.name: template.read_text(encoding="utf-8")
        .replace("@HARDENED@", hardened)
        .replace("@DATABASE@\n", word)
        .replace("@FOLDER@", str(folder))
        for template in sorted(TEMPLATES.iterdir())
        if template.suffix in (".service", ".path")
    }
