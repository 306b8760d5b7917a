"""Who talked when, as lines of characters: pure layout, no colour, no terminal."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from turnlight.document import CallDocument, overlaps
from turnlight.wording import clock

FILL = " ▁▂▃▄▅▆▇█"
"""How much of a column's time was spoken, in eighths."""

STEPS_MS = (500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000)
TICKS_MS = (5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000)
TICK_COLUMNS_MIN = 10
BANDS_MAX = 6
"""A call is spread over at most so many bands."""

_SIGNS = {
    ("interruption", "agent"): "▲",
    ("interruption", "customer"): "▼",
    ("backchannel", "agent"): "'",
    ("backchannel", "customer"): ".",
}
_OVERLAP, _SILENCE, _HOLD = "×", "~", "="


class Band(msgspec.Struct, frozen=True):
    """One stretch of a call, one character per column."""

    agent: str
    both: list[bool]
    """Columns where both talk for a quarter of the time or more."""
    marks: str
    """▲ the agent interrupts, ▼ the customer does, × both talk, ' . backchannels, ~ =."""
    customer: str
    lamp: str
    """Numbers of the cues, in the order of `cues`, where the lamp showed them."""
    axis: str
    """Clock times; the last label may stand out over the end of the call."""


def bands(call: CallDocument, columns: int) -> list[Band]:
    """Lay a call out in bands at most `columns` wide; the last one ends with the call."""
    start_ms, end_ms = round(call.start_s * 1000), round(call.end_s * 1000)
    step_ms, tick_ms, width = _scale(end_ms - start_ms, columns)
    first_ms = start_ms // tick_ms * tick_ms
    total = max(1, -(-(end_ms - first_ms) // step_ms))
    agent, customer = (
        _spoken(
            [(s.start_s, s.end_s) for s in call.segments if s.party == party],
            first_ms,
            step_ms,
            total,
        )
        for party in ("agent", "customer")
    )
    both = _spoken(overlaps(call), first_ms, step_ms, total)
    marks = _marks(call, first_ms, step_ms, total)
    lamp = _lamp(call, first_ms, step_ms, total)
    made = []
    for column in range(0, total, width):
        here = slice(column, column + width)
        made.append(
            Band(
                agent="".join(_fill(ms, step_ms) for ms in agent[here]),
                both=[ms * 4 >= step_ms for ms in both[here]],
                marks="".join(marks[here]),
                customer="".join(_fill(ms, step_ms) for ms in customer[here]),
                lamp="".join(lamp[here]),
                axis=_axis(
                    first_ms + column * step_ms, step_ms, tick_ms, min(width, total - column)
                ),
            )
        )
    return made


def _scale(length_ms: int, columns: int) -> tuple[int, int, int]:
    """Step, tick and width of the bands: whole ticks fit a band, at most BANDS_MAX bands."""
    step_ms = tick_ms = width = 0
    for step_ms in STEPS_MS:
        tick_ms = next((t for t in TICKS_MS if t >= step_ms * TICK_COLUMNS_MIN), TICKS_MS[-1])
        per_tick = tick_ms // step_ms
        width = max(1, columns // per_tick) * per_tick
        # one band more than full: a call rarely begins on a tick
        if length_ms + tick_ms <= width * step_ms * BANDS_MAX:
            break
    return step_ms, tick_ms, width


def _spoken(
    spans: Iterable[tuple[float, float]], first_ms: int, step_ms: int, total: int
) -> list[int]:
    columns = [0] * total
    for start_s, end_s in spans:
        start_ms, end_ms = round(start_s * 1000), round(end_s * 1000)
        begin = max(0, (start_ms - first_ms) // step_ms)
        for column in range(begin, min(total, -(-(end_ms - first_ms) // step_ms))):
            left = first_ms + column * step_ms
            columns[column] += min(end_ms, left + step_ms) - max(start_ms, left)
    return columns


def _fill(spoken_ms: int, step_ms: int) -> str:
    if spoken_ms <= 0:
        return FILL[0]
    return FILL[max(1, min(8, round(spoken_ms * 8 / step_ms)))]


def _marks(call: CallDocument, first_ms: int, step_ms: int, total: int) -> list[str]:
    marks = [" "] * total

    def draw(start_s: float, end_s: float, sign: str, over: str) -> None:
        begin = max(0, (round(start_s * 1000) - first_ms) // step_ms)
        end = min(total, max(begin + 1, -(-(round(end_s * 1000) - first_ms) // step_ms)))
        for column in range(begin, end):
            if marks[column] in over:
                marks[column] = sign

    for hold in call.holds:
        draw(hold.start_s, hold.end_s, _HOLD, " ")
    for event in call.events:
        if event.kind == "long_silence":
            draw(event.start_s, event.end_s, _SILENCE, " ")
    for start_s, end_s in overlaps(call):
        draw(start_s, end_s, _OVERLAP, " ~=")
    for event in call.events:
        sign = _SIGNS.get((event.kind, event.by or ""))
        if sign and event.kind == "backchannel":
            draw(event.start_s, event.start_s, sign, " ~=×")
        elif sign:
            draw(event.start_s, event.start_s, sign, " ~=×'.▲▼")
    return marks


def _lamp(call: CallDocument, first_ms: int, step_ms: int, total: int) -> list[str]:
    row = [" "] * total
    free = 0
    for number, cue in enumerate(call.cues, start=1):
        column = (round(cue.at_s * 1000) - first_ms) // step_ms
        label = str(number)
        if free <= column and column + len(label) <= total:
            row[column : column + len(label)] = label
            free = column + len(label) + 1
    return row


def _axis(start_ms: int, step_ms: int, tick_ms: int, width: int) -> str:
    per_tick = tick_ms // step_ms
    return "".join(
        f"╵{clock((start_ms + column * step_ms) / 1000)}".ljust(per_tick)
        for column in range(0, width, per_tick)
    ).rstrip()
