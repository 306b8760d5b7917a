"""The page's pictures as HTML and SVG, each with its numbers in words. Pure: values in, text out.

Agents are hatched, customers plain; today is solid, the usual weekday dashed: no picture needs its
colours. Numbers run from left to right in every language.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from math import ceil, floor, log10

from turnlight_floor.history import SLOT_MIN, SLOTS, Day
from turnlight_floor.measures import Measure
from turnlight_floor.words import Words

BANDS = (0.33, 0.50, 0.65, 1.00)
"""Upper edges of the talk share's bands."""
SHARE_RANGE = (0.25, 0.75)
"""What the talk share's trend shows of 0 to 1."""
HOUR = 60 // SLOT_MIN
"""Slots in an hour."""

Line = Sequence[tuple[int, float]]


def band(share: float) -> str:
    """The key of the words for a talk share."""
    return f"band-{next(n for n, edge in enumerate(BANDS, 1) if share <= edge)}"


def share_bar(share: float, today: float | None, words: Words) -> str:
    """The talk share as a bar with its bands; a triangle marks today's."""
    agent = round(100 * share)
    edges = [round(100 * edge) for edge in BANDS[:-1]]
    label = words(
        "share-label",
        agents=words.percent(agent),
        customers=words.percent(100 - agent),
        bands=", ".join(words.percent(edge) for edge in edges),
    )
    marks = "".join(
        f'<i style="inset-inline-start:{edge}%"><b>{words.number(edge)}</b></i>' for edge in edges
    )
    then = (
        ""
        if today is None
        else f'<span class="then" style="inset-inline-start:{round(100 * today)}%"></span>'
    )
    return (
        f'<div class="bar" role="img" aria-label="{escape(label)}">'
        f'<span class="fill" style="width:{agent}%"></span>{then}{marks}</div>'
    )


def histogram(
    label: str,
    bins: Sequence[float],
    today: Sequence[float],
    edges: Sequence[float],
    unit: str,
    words: Words,
) -> str:
    """Shares of bins as columns, with a line at today's.

    Args:
        label: what is shown.
        bins: a share for each bin; empty where nothing was measured.
        today: the same of today; empty where it is not set beside them.
        edges: upper edges of all bins but the open last.
        unit: stands under the open bin.
        words: the language.
    """
    if not bins:
        return f'<p class="none">{words("nothing-measured")}</p>'
    named = [words.number(edge) for edge in edges]
    names = [
        words("bin-under", edge=named[0]),
        *(words("bin-between", low=low, high=high) for low, high in pairwise(named)),
        words("bin-over", edge=named[-1]),
    ]
    spoken = _bins(names, bins, words)
    if today:
        spoken = f"{spoken}; {words('today')}: {_bins(names, today, words)}"
    most = max(*bins, *today)
    lines = [f'<u style="bottom:{100 * share / most:.0f}%"></u>' for share in today]
    columns = "".join(
        f'<span><i style="height:{max(2.0, 100 * share / most):.0f}%"></i>{line}</span>'
        for share, line in zip(bins, lines or [""] * len(bins), strict=True)
    )
    ticks = "".join(f"<li>{edge}</li>" for edge in named)
    return (
        f'<div class="histogram" dir="ltr" role="img" aria-label="{escape(label)}: '
        f'{escape(spoken)}"><div class="columns" aria-hidden="true">{columns}</div>'
        f'<ul class="ticks" aria-hidden="true" style="--n:{len(bins)}">{ticks}'
        f"<li>{unit}</li></ul></div>"
    )


def trend(name: str, measure: Measure, day: Day, words: Words) -> str:
    """One measure over the day, today and on the usual weekday, as a figure called `name`."""
    today, usual = day.line(measure.key), day.usual_line(measure.key)
    last = measure.say(words, today[-1][1]) if today else "–"
    value = f"{today[-1][1]:g}" if today else ""
    body = (
        _plot(measure, today, usual, day, words)
        if today or usual
        else f'<p class="none">{words("trend-none")}</p>'
    )
    edge = words.number(60)
    return (
        f'<figure class="trend" data-testid="{name}-trend-{measure.key}" data-value="{value}" '
        f'data-points="{len(today)}"><figcaption><span>{words(measure.key, edge=edge)}</span>'
        f'<span class="pair">{last}</span></figcaption>{body}</figure>'
    )


def _plot(measure: Measure, today: Line, usual: Line, day: Day, words: Words) -> str:
    slots = [slot for slot, _ in (*today, *usual)]
    first, end = min(slots) // HOUR * HOUR, ceil((max(slots) + 1) / HOUR) * HOUR
    low, high, marks = _scale(measure, [value for _, value in (*today, *usual)])

    def height(value: float) -> float:
        return 100 * (min(max(value, low), high) - low) / (high - low)

    def path(line: Line, kind: str) -> str:
        return f'<path class="{kind}" d="{_path(line, first, height)}"/>' if line else ""

    rules = "".join(
        f'<path class="rule" d="M0 {100 - height(mark):.1f}H{end - first}"/>' for mark in marks
    )
    labels = "".join(
        f'<b style="bottom:{height(mark):.0f}%">{measure.tick(words, mark)}</b>' for mark in marks
    )
    hours = _hours(first, end)
    times = "".join(
        f'<i style="left:{100 * (slot - first) / (end - first):.1f}%">'
        f"{words.hour(slot * SLOT_MIN)}</i>"
        for slot in hours
    )
    dot = ""
    if today:
        slot, value = today[-1]
        dot = (
            f'<span class="dot" style="left:{100 * (slot + 0.5 - first) / (end - first):.1f}%;'
            f'bottom:{height(value):.1f}%"></span>'
        )
    label = words(
        "trend-label",
        measure=words(measure.key, edge=words.number(60)),
        today=_spoken(measure, today, words),
        usual=words.usual(day.weekday),
        before=_spoken(measure, usual, words),
    )
    return (
        f'<div class="plot" dir="ltr" role="img" aria-label="{escape(label)}">'
        f'<svg viewBox="0 0 {end - first} 100" preserveAspectRatio="none" aria-hidden="true">'
        f"{rules}{path(usual, 'usual')}{path(today, 'today')}</svg>{dot}"
        f'<div class="values" aria-hidden="true">{labels}</div>'
        f'<div class="times" aria-hidden="true">{times}</div></div>'
    )


def _scale(measure: Measure, shown: Sequence[float]) -> tuple[float, float, Sequence[float]]:
    """Lowest and highest value of a plot, and where it has rules."""
    if measure.key == "talk-share":
        return (*SHARE_RANGE, BANDS[:-1])
    least = {"percent": 10.0, "share": 0.2, "rate": 1.0, "ms": 1000.0}[measure.unit]
    most = max(least, 1.1 * max(shown))
    step = 10 ** floor(log10(most))
    high = next(step * n for n in (1, 2, 4, 6, 10) if step * n >= most)
    return 0.0, high, (0.0, high / 2, high)


def _path(line: Line, first: int, height: object) -> str:
    """SVG path data; a gap stays a gap, and a single point is a dot."""
    assert callable(height)
    parts: list[str] = []
    before = None
    for slot, value in line:
        draws = "L" if before == slot - 1 else "M"
        at = f"{slot + 0.5 - first:g} {100 - height(value):.1f}"
        parts.append(f"{draws}{at}" + ("h0.01" if draws == "M" else ""))
        before = slot
    return "".join(parts)


def _hours(first: int, end: int) -> Iterable[int]:
    every = HOUR * max(1, ceil((end - first) / HOUR / 4))
    return range(ceil(first / every) * every, min(end, SLOTS - 1) + 1, every)


def _spoken(measure: Measure, line: Line, words: Words) -> str:
    """The last value of each hour."""
    hourly = {slot // HOUR: (slot, value) for slot, value in line}
    return ", ".join(
        words("trend-at", clock=words.hour(s * SLOT_MIN), value=measure.say(words, v))
        for s, v in hourly.values()
    ) or words("trend-none")


def _bins(names: Sequence[str], shares: Sequence[float], words: Words) -> str:
    return ", ".join(
        f"{name} {words.percent(round(100 * share))}"
        for name, share in zip(names, shares, strict=True)
    )
