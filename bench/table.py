"""Rows of figures, and how they are shown."""

from __future__ import annotations

import sys

Row = dict[str, str | float]
FINE = ("AUC", "F1")


def progress(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


def shown(column: str, value: str | float) -> str:
    """A cell: text as it is, AUC and F1 with four digits, other figures with two at most."""
    if isinstance(value, str):
        return value
    if column.split()[0] in FINE or column.endswith(FINE):
        return f"{value:.4f}"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def columns(rows: list[Row]) -> list[str]:
    """Names of all columns; one that only some rows have is empty in the others."""
    return list(dict.fromkeys(name for row in rows for name in row))


def markdown(rows: list[Row]) -> str:
    """Rows as a table."""
    names = columns(rows)
    lines = [names, ["---"] * len(names)]
    lines += [[shown(name, row.get(name, "")) for name in names] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"
