"""A call's cues as text: each that the lamp shows, and each that it keeps to itself, and why."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from turnlight import wording
from turnlight.document import Analysis, CallDocument, CueDocument, WithheldDocument
from turnlight.summary import CUE_STYLES, QUIET, TITLE


class CallCues(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the file."""

    start_s: float
    end_s: float
    cues: list[CueDocument]
    withheld: list[WithheldDocument]


class CuesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What `turnlight cues --json` prints of one file."""

    file: str
    calls: list[CallCues]


def document(analysis: Analysis) -> CuesDocument:
    """The part of an analysis that tells of the lamp."""
    return CuesDocument(
        file=analysis.source.file,
        calls=[
            CallCues(start_s=call.start_s, end_s=call.end_s, cues=call.cues, withheld=call.withheld)
            for call in analysis.calls
        ],
    )


class Replay:
    """What `turnlight cues` prints of one file."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay out for the width of the console."""
        calls = self._analysis.calls
        yield Text.assemble(
            (self._analysis.source.file, TITLE),
            (f"  {wording.counted(len(calls), 'call')}", QUIET),
        )
        for call in calls:
            yield Text()
            yield Text(
                f"  Call {wording.clock(call.start_s)} to {wording.clock(call.end_s)}, "
                f"{wording.counted(len(call.cues), 'cue')}, {len(call.withheld)} withheld",
            )
            yield from _lines(call)
        yield Text()


def _lines(call: CallDocument) -> Iterator[Table]:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", min_width=8)
    table.add_column()
    table.add_column(overflow="fold", ratio=1)
    both: list[CueDocument | WithheldDocument] = [*call.cues, *call.withheld]
    for cue in sorted(both, key=lambda each: each.at_s):
        shown = isinstance(cue, CueDocument)
        name = Text(("● " if shown else "○ ") + wording.cue(cue.cue))
        name.stylize(CUE_STYLES.get(cue.cue, "") if shown else QUIET)
        told = Text(cue.reason, "" if shown else QUIET)
        if isinstance(cue, WithheldDocument):
            told.append(f"\nNot shown: {cue.because}")
        table.add_row(wording.clock(cue.at_s), name, told)
    if both:
        yield table
