"""Rows of figures, and how they are shown."""

from __future__ import annotations

import sys

Row = dict[str, str | float]


def progress(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


def shown(value: str | float) -> str:
    """A cell: text as it is, shares and AUCs with four figures at most."""
    if isinstance(value, str):
        return value
    if value == int(value) and abs(value) >= 10:
        return str(int(value))
    return f"{value:.4f}" if abs(value) < 1 else f"{value:.2f}"


def markdown(rows: list[Row]) -> str:
    """Rows as a table; a column that only some rows have is empty in the others."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names)]
    lines += [[shown(row.get(name, "")) for name in names] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"
