"""What `provision check` found, as a table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from turnlight.provision.check import Action, Finding
from turnlight.provision.site import PROBES

_HEADS = dict(zip(PROBES, ("desk", "other desk"), strict=True))
_WORDS: dict[Action, str] = {"connect": "in", "write": "write", "read": "read"}


def show(found: Sequence[Finding]) -> None:
    """Print one row per topic, one column per role, and those who have to stay outside."""
    console = Console()
    roles = list(dict.fromkeys(f.who for f in found if f.action != "connect"))
    topics = list(dict.fromkeys(f.topic for f in found if f.topic))
    by = {(f.who, f.action, f.topic): f for f in found}
    below = "/".join(topics[0].split("/")[:3]) + "/"
    table = Table(box=None, pad_edge=False)
    table.add_column(below, overflow="fold")
    for role in roles:
        table.add_column(_HEADS.get(role, role.removeprefix("_")))
    for topic in topics:
        cells = [_cell([by[role, "write", topic], by[role, "read", topic]]) for role in roles]
        table.add_row(topic.removeprefix(below), *cells)
    console.print(table)
    for finding in found:
        if finding.action == "connect" and not finding.allowed:
            said = "let in" if finding.happened else "refused"
            console.print(_marked(f"{finding.who}: {said}", finding.right))
    right = sum(finding.right for finding in found)
    console.print(f"{right} of {len(found)} tries went as they should")


def _cell(pair: Sequence[Finding]) -> Text:
    parts = [
        _marked(_WORDS[finding.action], finding.right)
        for finding in pair
        if finding.happened or not finding.right
    ]
    return Text(" ").join(parts) if parts else Text("–", "dim")


def _marked(text: str, right: bool) -> Text:
    return Text(text) if right else Text(f"✗ {text}", "bold red")
