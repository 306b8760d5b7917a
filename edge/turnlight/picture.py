"""A call as SVG: the timeline, the talk share and the strain arc, coloured by report.css.

Times are given as percentages of a row's width, so that a row stretches with the page while its
text and marks keep their size.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from turnlight import wording
from turnlight.document import CallDocument, EventDocument, overlaps

ROW_S = 60
ROW_STEP_S = 10
TICK_S = 10
ROW_HEIGHT = 98
AGENT_Y, CUSTOMER_Y, LANE = 16, 36, 18
BOTH_LANES = CUSTOMER_Y + LANE - AGENT_Y
LAMP_Y, LAMP_HEIGHT = 76, 4
BADGE_R = 7.5
AXIS_Y = 95
LABEL_SPAN_S = 3.0
"""A span shorter than this has no room for a word inside."""

DEFINITIONS = (
    '<svg width="0" height="0" class="definitions" aria-hidden="true"><defs>'
    '<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><rect width="1.6" height="5" class="hatch"/></pattern>'
    '<pattern id="rest" width="7" height="7" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><rect width="1.2" height="7" class="rest"/></pattern>'
    "</defs></svg>"
)
"""Patterns that all pictures of one page share; they stand once, before the first picture."""


def timeline(call: CallDocument) -> str:
    """Rows of SVG, one per minute of the call."""
    length_s = call.end_s - call.start_s
    row_s = float(min(ROW_S, max(ROW_STEP_S, -(-length_s // ROW_STEP_S) * ROW_STEP_S)))
    # rows of a long call begin on whole minutes, so that two calls can be compared by the clock
    first_s = call.start_s // TICK_S * TICK_S
    count = max(1, int(-(-(call.end_s - first_s) // row_s)))
    rows = []
    for number in range(count):
        start_s = first_s + number * row_s
        row = _Row(start_s, start_s + row_s)
        body = "".join(
            (*row.grid(call.end_s), *row.lanes(call), *row.events(call), *row.lamp(call))
        )
        rows.append(
            f'<svg class="row" height="{ROW_HEIGHT}" role="img" '
            f'aria-label="From {wording.clock(start_s)} to {wording.clock(start_s + row_s)}">'
            f"{body}</svg>"
        )
    return "".join(rows)


class _Row:
    """One stretch of time, drawn from left to right."""

    def __init__(self, start_s: float, end_s: float) -> None:
        self._start_s, self._end_s = start_s, end_s

    def grid(self, call_end_s: float) -> Iterator[str]:
        at_s = self._start_s
        while at_s <= min(self._end_s, call_end_s):
            x = self._x(at_s)
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{AGENT_Y}" y2="82"/>'
            if at_s < self._end_s:
                yield f'<text class="axis" x="{x}" y="{AXIS_Y}">{wording.clock(at_s)}</text>'
            at_s += TICK_S

    def lanes(self, call: CallDocument) -> Iterator[str]:
        for y in (AGENT_Y, CUSTOMER_Y):
            yield from self._box(call.start_s, call.end_s, y, LANE, ("lane",), "in a call")
        for hold in call.holds:
            title = f"on hold for {wording.duration_s(hold.end_s - hold.start_s)}"
            names = ("hold", "hold-lines")
            yield from self._box(hold.start_s, hold.end_s, AGENT_Y, BOTH_LANES, names, title)
            yield from self._word(hold.start_s, hold.end_s, "hold")
        for said in call.segments:
            y = AGENT_Y if said.party == "agent" else CUSTOMER_Y
            length = wording.duration_s(said.end_s - said.start_s)
            title = f"{said.party}, {wording.clock(said.start_s)}, {length}"
            yield from self._box(said.start_s, said.end_s, y, LANE, (said.party,), title)
        for start_s, end_s in overlaps(call):
            title = f"both talk for {wording.duration_s(end_s - start_s)}"
            names = ("both", "both-lines")
            yield from self._box(start_s, end_s, AGENT_Y, BOTH_LANES, names, title)

    def events(self, call: CallDocument) -> Iterator[str]:
        for event in call.events:
            if event.kind == "long_silence":
                start_s, end_s = self._clip(event.start_s, event.end_s)
                if start_s < end_s:
                    y = AGENT_Y + LANE + 1
                    yield (
                        f'<line class="silence" x1="{self._x(start_s)}" x2="{self._x(end_s)}" '
                        f'y1="{y}" y2="{y}"/>'
                    )
                length = wording.duration_s(event.end_s - event.start_s)
                yield from self._word(event.start_s, event.end_s, length)
            elif self._start_s <= event.start_s < self._end_s:
                yield from _mark(event, self._x(event.start_s))

    def lamp(self, call: CallDocument) -> Iterator[str]:
        title = "the lamp says nothing"
        yield from self._box(call.start_s, call.end_s, LAMP_Y, LAMP_HEIGHT, ("lane",), title)
        for cue in call.cues:
            names, title = (f"lamp {cue.cue}",), wording.cue(cue.cue)
            yield from self._box(cue.at_s, cue.until_s, LAMP_Y, LAMP_HEIGHT, names, title)
        for number, cue in enumerate(call.cues, start=1):
            if self._start_s <= cue.at_s < self._end_s:
                title = escape(f"{wording.cue(cue.cue)}: {cue.reason}")
                yield (
                    f'<svg class="at" x="{self._x(cue.at_s)}" y="{LAMP_Y + LAMP_HEIGHT // 2}">'
                    f"{badge(number, cue.cue)}<title>{title}</title></svg>"
                )

    def _x(self, at_s: float) -> str:
        return f"{(at_s - self._start_s) / (self._end_s - self._start_s) * 100:.2f}%"

    def _clip(self, start_s: float, end_s: float) -> tuple[float, float]:
        return max(start_s, self._start_s), min(end_s, self._end_s)

    def _box(
        self, start_s: float, end_s: float, y: int, height: int, names: tuple[str, ...], title: str
    ) -> Iterator[str]:
        start_s, end_s = self._clip(start_s, end_s)
        if start_s < end_s:
            width = (end_s - start_s) / (self._end_s - self._start_s) * 100
            for name in names:
                yield (
                    f'<rect class="{name}" x="{self._x(start_s)}" y="{y}" width="{width:.2f}%" '
                    f'height="{height}" rx="1.5"><title>{escape(title)}</title></rect>'
                )

    def _word(self, start_s: float, end_s: float, word: str) -> Iterator[str]:
        start_s, end_s = self._clip(start_s, end_s)
        if end_s - start_s >= LABEL_SPAN_S:
            x = self._x((start_s + end_s) / 2)
            yield f'<text class="word" x="{x}" y="{AGENT_Y + LANE + 5}">{word}</text>'


def _mark(event: EventDocument, x: str) -> Iterator[str]:
    """Above the agent's lane when the agent did it, below the customer's when the customer did."""
    agent = event.by == "agent"
    y = AGENT_Y - 3 if agent else CUSTOMER_Y + LANE + 3
    title = wording.event(event)
    if event.kind == "interruption":
        shape = f'<path class="mark{"" if event.floor_taken else " open"}" d="{_triangle(agent)}"/>'
    elif event.kind == "backchannel":
        shape = f'<circle class="backchannel" cy="{-4 if agent else 4}" r="3"/>'
    else:
        return
    yield f'<svg class="at" x="{x}" y="{y}">{shape}<title>{escape(title)}</title></svg>'


def _triangle(agent: bool) -> str:
    return "M0 0L-5.5 -9.5H5.5Z" if agent else "M0 0L-5.5 9.5H5.5Z"


def badge(number: int | str, cue: str) -> str:
    """A cue's numbered dot, at 0,0."""
    return (
        f'<g class="badge {cue}"><circle r="{BADGE_R}"/>'
        f'<text y="3.5" text-anchor="middle">{number}</text></g>'
    )


def key(name: str) -> str:
    """One sign of the legend."""
    shapes = {
        "agent": '<rect class="agent" width="22" height="14" y="1"/>',
        "customer": '<rect class="customer" width="22" height="14" y="1"/>',
        "both": '<rect class="both" width="22" height="14" y="1"/>'
        '<rect class="both-lines" width="22" height="14" y="1"/>',
        "taken": f'<path class="mark" transform="translate(11 13)" d="{_triangle(True)}"/>',
        "kept": f'<path class="mark open" transform="translate(11 13)" d="{_triangle(True)}"/>',
        "backchannel": '<circle class="backchannel" cx="11" cy="8" r="3"/>',
        "silence": '<line class="silence" x1="0" x2="22" y1="8" y2="8"/>',
        "hold": '<rect class="hold" width="22" height="14" y="1"/>'
        '<rect class="hold-lines" width="22" height="14" y="1"/>',
        "cue": f'<g transform="translate(11 8)">{badge("n", "share_floor")}</g>',
    }
    return f'<svg class="key" width="22" height="16" aria-hidden="true">{shapes[name]}</svg>'


def share(talk_share: float) -> str:
    """Agent's and customer's part of the speech, with the bands' edges."""
    percent = talk_share * 100
    edges = "".join(
        f'<line class="edge" x1="{edge * 100:.0f}%" x2="{edge * 100:.0f}%" y1="0" y2="30"/>'
        f'<text class="axis" x="{edge * 100:.0f}%" y="43">{edge * 100:.0f}</text>'
        for edge in wording.SHARE_EDGES
    )
    return (
        '<svg class="share" height="46" role="img" '
        f'aria-label="Agent {percent:.0f} % of the speech">{_bar(percent, 4, 22)}{edges}</svg>'
    )


def small_share(talk_share: float) -> str:
    """Agent's and customer's part of the speech, for a table."""
    percent = talk_share * 100
    return (
        f'<svg class="small-share" height="10" aria-hidden="true">{_bar(percent, 0, 10)}</svg>'
        f"{percent:.0f} %"
    )


def _bar(percent: float, y: int, height: int) -> str:
    return (
        f'<rect class="agent" x="0" y="{y}" width="{percent:.1f}%" height="{height}"/>'
        f'<rect class="customer" x="{percent:.1f}%" y="{y}" width="{100 - percent:.1f}%" '
        f'height="{height}"/>'
    )


QUARTERS = ("1st", "2nd", "3rd", "4th")
ARC_WIDTH, ARC_HEIGHT, ARC_LEFT, ARC_TOP = 420, 150, 30, 12


def arc(quarters: list[float | None]) -> str:
    """Customer's strain by quarter of the call, as a curve."""
    plot_width, plot_height = ARC_WIDTH - ARC_LEFT - 12, ARC_HEIGHT - ARC_TOP - 26
    step = plot_width / len(quarters)
    points = [
        None
        if value is None
        else (ARC_LEFT + (i + 0.5) * step, ARC_TOP + (1 - value / 100) * plot_height)
        for i, value in enumerate(quarters)
    ]
    parts = []
    for strain in (0, 50, 100):
        y = ARC_TOP + (1 - strain / 100) * plot_height
        parts.append(
            f'<line class="grid" x1="{ARC_LEFT}" x2="{ARC_LEFT + plot_width}" y1="{y}" y2="{y}"/>'
            f'<text class="scale" x="{ARC_LEFT - 6}" y="{y + 4}">{strain}</text>'
        )
    parts += [
        f'<text class="axis mid" x="{ARC_LEFT + (i + 0.5) * step}" y="{ARC_HEIGHT - 8}">'
        f"{name}</text>"
        for i, name in enumerate(QUARTERS)
    ]
    parts.append(f'<path class="arc" d="{_curve(points)}"/>')
    for point, value in zip(points, quarters, strict=True):
        if point and value is not None:
            parts.append(
                f'<circle class="arc-point" cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="4"/>'
                f'<text class="arc-value" x="{point[0]:.1f}" y="{point[1] - 9:.1f}">{value:.0f}'
                "</text>"
            )
    return (
        f'<svg class="arc-picture" viewBox="0 0 {ARC_WIDTH} {ARC_HEIGHT}" role="img" '
        f'aria-label="Strain by quarter of the call">{"".join(parts)}</svg>'
    )


def _curve(points: list[tuple[float, float] | None]) -> str:
    """Smooth between neighbours, level at each point; broken where nothing was measured."""
    path, before = [], None
    for point in points:
        if point and before:
            middle = (before[0] + point[0]) / 2
            path.append(
                f"C{middle:.1f} {before[1]:.1f} {middle:.1f} {point[1]:.1f} "
                f"{point[0]:.1f} {point[1]:.1f}"
            )
        elif point:
            path.append(f"M{point[0]:.1f} {point[1]:.1f}")
        before = point
    return "".join(path)
