"""The site's systemd units: broker, aggregator, page, and two watchers of the broker's lists."""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).parent / "units"


def units(folder: Path) -> dict[str, str]:
    """Each unit's name and text, for a site in this folder."""
    hardened = (TEMPLATES / "hardened").read_text(encoding="utf-8").rstrip()
    return {
        template.name: template.read_text(encoding="utf-8")
        .replace("@HARDENED@", hardened)
        .replace("@FOLDER@", str(folder))
        for template in sorted(TEMPLATES.iterdir())
        if template.suffix in (".service", ".path")
    }
