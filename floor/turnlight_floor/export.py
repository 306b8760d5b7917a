"""The history as a table: CSV, or Parquet where pyarrow is installed. Aggregates alone."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import msgspec

from turnlight.messages import LATENCY_EDGES_MS, OVERLAP_EDGES_MS, STRAIN_EDGES, Figures
from turnlight_floor.minutes import Cell, Minutes, shared
from turnlight_floor.settings import FloorSettings
from turnlight_floor.store import Store

BINS = {
    "latency_bins": len(LATENCY_EDGES_MS) + 1,
    "overlap_bins": len(OVERLAP_EDGES_MS) + 1,
    "strain_bins": len(STRAIN_EDGES) + 1,
}
SIDES = tuple(name for name in Figures.__struct_fields__ if name.endswith("_per_customer_min"))

Row = dict[str, Any]


class ExportError(Exception):
    """The table cannot be written; the text says what to do."""


def columns() -> list[str]:
    """Names of the columns: those of Figures, one for each side and for each bin."""
    names = ["start", "start_s", "site", "team", "withheld"]
    for field in Figures.__struct_fields__:
        if field in BINS:
            names += [f"{field}_{number}" for number in range(1, BINS[field] + 1)]
        elif field in SIDES:
            names += [f"{field}_agent", f"{field}_customer"]
        else:
            names.append(field)
    return names


def row(site: str, team: str, start_s: int, cell: Cell) -> Row:
    """One minute of one team or of the site; what is withheld is empty."""
    figures, why = cell
    out: Row = dict.fromkeys(columns())
    out |= {
        "start": datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "start_s": start_s,
        "site": site,
        "team": team,
        "withheld": why,
    }
    for field, value in msgspec.structs.asdict(figures).items() if figures else ():
        if field in BINS:
            out |= {f"{field}_{number}": share for number, share in enumerate(value, start=1)}
        elif field in SIDES:
            out |= {f"{field}_agent": value[0], f"{field}_customer": value[1]}
        else:
            out[field] = value
    return out


def source(settings: FloorSettings) -> Minutes:
    """The history that these settings name.

    Raises:
        StoreError: it cannot be used.
        ExportError: there is none.
    """
    if settings.shared:
        return shared(settings.database, settings.database_password_file, settings.site)()
    if not Path(settings.database).exists():
        raise ExportError(f"{settings.database}: there is no history yet; has the floor run?")
    return Store(Path(settings.database), settings.site)


def rows(history: Minutes, site: str, start_s: int, end_s: int) -> Iterator[Row]:
    """The history from `start_s` until `end_s`, by time and team."""
    for at_s, team, cell in history.history(start_s, end_s):
        yield row(site, team, at_s, cell)


def write(found: Iterator[Row], target: Path | None) -> None:
    """Write a table to a file, as its ending says, or to standard output.

    Raises:
        ExportError: the file cannot be written, or its kind needs a package that is not there.
    """
    try:
        if target is None:
            _csv(found, sys.stdout)
        elif target.suffix == ".csv":
            with target.open("w", newline="", encoding="utf-8") as file:
                _csv(found, file)
        elif target.suffix == ".parquet":
            _parquet(list(found), target)
        else:
            raise ExportError(f"{target}: its name must end in .csv or .parquet")
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ExportError(f"{target}: cannot be written: {error.strerror}") from None


def _csv(found: Iterator[Row], file: TextIO) -> None:
    writer = csv.DictWriter(file, columns(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)


def _parquet(found: Sequence[Row], target: Path) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise ExportError(
            f"{target}: Parquet needs the package pyarrow; "
            "run `pip install turnlight[parquet]`, or name a .csv file"
        ) from None
    whole = ("start_s", "desks", "response_latency_ms")
    texts = ("start", "site", "team", "withheld")
    schema = pyarrow.schema(
        (
            name,
            pyarrow.string()
            if name in texts
            else pyarrow.int64()
            if name in whole
            else pyarrow.float64(),
        )
        for name in columns()
    )
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(found), schema), target)
