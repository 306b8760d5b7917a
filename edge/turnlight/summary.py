"""A document as text for a terminal: calm in colour, complete without."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from turnlight import wording
from turnlight.document import Analysis, CallDocument
from turnlight.timeline import Band, bands

AGENT, CUSTOMER, BOTH = "#3d8fd1", "#d9912b", "#d5405a"
QUIET, TITLE = "dim", "bold"
CUE_STYLES = {
    "share_floor": "#d99a2b",
    "long_turn": "#d99a2b",
    "let_finish": "#4f8ee0",
    "slow_down": "#c9b48a",
    "own_voice": "#a06bd8",
    "long_silence": "",
    "turnaround": "#3fa66b",
    "breathe": "#c9b48a",
    "fault": "#d5405a",
}
GUTTER = 12
WIDTH_MIN, WIDTH_MAX = 40, 132
_SHARE_COLUMNS_MAX = 60
LEGEND = (
    ("▲", "agent interrupts"),
    ("▼", "customer interrupts"),
    ("×", "both talk"),
    ("'", "agent's backchannel"),
    (".", "customer's backchannel"),
    ("~", "long silence"),
    ("=", "on hold"),
)


class Summary:
    """What `turnlight analyze` prints of one file."""

    def __init__(self, document: Analysis) -> None:
        self._document = document

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay out for the width of the console."""
        width = max(WIDTH_MIN, min(WIDTH_MAX, options.max_width))
        source, calls = self._document.source, self._document.calls
        yield Text.assemble(
            (source.file, TITLE),
            (
                f"  {wording.duration_s(source.duration_s)}, {source.rate_hz / 1000:g} kHz, "
                f"{wording.counted(len(calls), 'call')}",
                QUIET,
            ),
        )
        for note in self._document.quality.notes:
            yield Padding(Text(f"! {note}", style=BOTH), (0, 2))
        for number, call in enumerate(calls, start=1):
            yield Text()
            yield from _call(call, number, len(calls), width)
        yield Text()
        yield _pairs([("Sound", "", ""), *((a, b, "") for a, b in _sound(self._document))])
        yield Text()


def _sound(document: Analysis) -> list[tuple[str, str]]:
    return wording.quality(document.quality)


def _call(call: CallDocument, number: int, count: int, width: int) -> Iterator[Text | Table]:
    yield Text.assemble(
        (f"Call {number} of {count}" if count > 1 else "Call", TITLE),
        f"  {wording.clock(call.start_s)} to {wording.clock(call.end_s)}, ",
        wording.duration_s(call.end_s - call.start_s),
    )
    yield Text()
    yield from _share(call, width)
    yield Text()
    laid_out = bands(call, width - GUTTER)
    for band in laid_out:
        yield from _band(band)
        yield Text()
    yield from _legend({sign for band in laid_out for sign in band.marks}, width)
    facts = [*wording.facts(call), wording.strain(call)]
    yield _pairs([(fact.label, fact.value, fact.detail) for fact in facts])
    if call.cues:
        yield Text()
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(justify="right", width=GUTTER - 6)
        for column in range(3):
            table.add_column(overflow="fold", ratio=1 if column == 2 else None)
        for n, cue in enumerate(call.cues, start=1):
            style = CUE_STYLES.get(cue.cue, "")
            table.add_row(
                f"{n}",
                wording.clock(cue.at_s),
                Text(wording.cue(cue.cue), style=style),
                Text(cue.reason),
            )
        yield Text("  Lamp", style=TITLE)
        yield table


def _legend(used: set[str], width: int) -> Iterator[Text]:
    line = " " * GUTTER
    for key in [f"{sign} {text}" for sign, text in LEGEND if sign in used]:
        if len(line) > GUTTER and len(line) + len(key) > width:
            yield Text(line.rstrip(), style=QUIET)
            line = " " * GUTTER
        line += f"{key}   "
    if used - {" "}:
        yield Text(line.rstrip(), style=QUIET)
        yield Text()


def _share(call: CallDocument, width: int) -> Iterator[Text]:
    share = call.metrics.get("talk_share")
    if share is None:
        yield Text(f"  Talk share  {wording.no_share(call)}", style=QUIET)
        return
    columns = min(_SHARE_COLUMNS_MAX, width - GUTTER)
    agent = round(share * columns)
    yield Text.assemble(
        " " * GUTTER,
        (f"agent {share * 100:.0f} %", AGENT),
        " · ",
        (f"customer {100 - round(share * 100)} %", CUSTOMER),
    )
    yield Text.assemble(
        "  Talk".ljust(GUTTER), ("█" * agent, AGENT), ("░" * (columns - agent), CUSTOMER)
    )
    edges = [" "] * (columns + 4)
    for edge in wording.SHARE_EDGES:
        label = f"╵{edge * 100:.0f}"
        edges[round(edge * columns) : round(edge * columns) + len(label)] = label
    yield Text(" " * GUTTER + "".join(edges).rstrip(), style=QUIET)
    yield Text(f"{' ' * GUTTER}The agent {wording.share(share)}.")


def _band(band: Band) -> Iterator[Text]:
    def row(name: str, characters: str, style: str) -> Text:
        text = Text(f"  {name}".ljust(GUTTER))
        for character, both in zip(characters, band.both, strict=True):
            text.append(character, style=BOTH if both else style)
        return text

    yield row("Agent", band.agent, AGENT)
    yield Text(" " * GUTTER + band.marks)
    yield row("Customer", band.customer, CUSTOMER)
    if band.lamp.strip():
        yield Text.assemble("  Lamp".ljust(GUTTER), (band.lamp, TITLE))
    yield Text(" " * GUTTER + band.axis, style=QUIET)


def _pairs(rows: list[tuple[str, str, str]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=19, no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(style=QUIET, overflow="fold")
    for label, value, detail in rows:
        heading = not value and not detail
        table.add_row(Text(f"  {label}", style=TITLE if heading else ""), value, detail)
    return table
