"""The page's pieces as HTML, made from aggregates alone. Pure: values and time in, text out.

Every key figure carries a stable `data-testid` and its number in `data-value`; docs/floor.md
lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import pairwise

from turnlight.messages import LATENCY_EDGES_MS, STRAIN_EDGES, Aggregate, Figures
from turnlight_floor.board import Shown, clock, is_stale
from turnlight_floor.privacy import SITE

BANDS = (
    (0.33, "Agents listen twice as much as they talk"),
    (0.50, "Agents listen more than they talk"),
    (0.65, "Agents talk more than they listen"),
    (1.00, "Agents do most of the talking"),
)

Value = float | None
Measure = tuple[str, str, Callable[[Figures], Value], Callable[[float], str]]


def percent(value: float) -> str:
    """`3 %`, with a half where there is one."""
    return f"{value:g} %"


def rate(value: float) -> str:
    """One digit after the point."""
    return f"{value:.1f}"


def seconds(value: float) -> str:
    """Milliseconds as seconds."""
    return f"{value / 1000:.2f} s"


MEASURES: tuple[Measure, ...] = (
    ("overlap", "Both talk", lambda f: f.overtalk_pct, percent),
    ("silence", "Silence", lambda f: f.silence_pct, percent),
    ("hold", "On hold", lambda f: f.hold_pct, percent),
    (
        "interruptions-agent",
        "Agents interrupt",
        lambda f: f.interruptions_per_customer_min[0],
        rate,
    ),
    (
        "interruptions-customer",
        "Customers interrupt",
        lambda f: f.interruptions_per_customer_min[1],
        rate,
    ),
    ("backchannels", "Agents’ “mm-hm”", lambda f: f.backchannels_per_customer_min[0], rate),
    ("long-silences", "Long silences", lambda f: f.long_silences_per_hour, rate),
    ("turnarounds", "Angry, then calm", lambda f: f.turnarounds_per_hour, rate),
)
LEGEND = (
    "Large: the last 5 minutes. Small: today. Interruptions and “mm-hm” are per minute of "
    "customers’ speech, long silences and calls that went from angry to calm per hour of calls."
)


def header(site: str, shown: Shown) -> str:
    """Name of the site, and whether its figures are live."""
    fresh = shown.freshness
    if fresh.kind == "away":
        online, count = "Desks unknown while the broker is away", ""
    elif shown.desks_known:
        online = f"{shown.desks_online} of {shown.desks_known} desks online"
        count = str(shown.desks_online)
    else:
        online, count = "No desk has reported yet", "0"
    return (
        f'<div class="brand"><span class="lamp" aria-hidden="true"></span>'
        f'<div><h1>{escape(title(site))}</h1><p class="desks" data-testid="desks-online" '
        f'data-value="{count}">{online}</p></div></div>'
        f'<div class="state {fresh.kind}" role="status" data-testid="state" '
        f'data-value="{fresh.kind}"><span class="sign" aria-hidden="true"></span>'
        f'<div><p class="headline">{escape(fresh.headline)}</p>'
        f'<p class="detail">{escape(fresh.detail)}</p></div></div>'
    )


def board(shown: Shown, now_s: float) -> str:
    """The site's card and the teams', in the order of their names."""
    cells = [cell for cell in (shown.site, *shown.teams) if cell is not None]
    if not cells:
        return _empty(shown)
    whole_is_old = shown.freshness.kind != "live"
    site = "".join(card(c, whole_is_old, now_s) for c in cells if c.team == SITE)
    teams = "".join(card(c, whole_is_old, now_s) for c in cells if c.team != SITE)
    return f'{site}<div class="teams">{teams}</div><p class="legend">{LEGEND}</p>'


def card(cell: Aggregate, old: bool, now_s: float) -> str:
    """One cell: now large, today beside it; what is withheld says why."""
    name = "site" if cell.team == SITE else f"team-{cell.team}"
    heading = "All teams" if cell.team == SITE else title(cell.team)
    stale = old or is_stale(cell, now_s)
    now = "then" if stale else "now"
    note = f"from {clock(cell.newest_window_s, now_s)}, not live" if stale else "last 5 minutes"
    desks = (
        f'<span data-testid="{name}-desks" data-value="{cell.now.desks}">'
        f"{cell.now.desks} desks</span>, "
        if cell.now
        else ""
    )
    body = "".join(
        (
            _share(name, cell) if cell.now else _withheld(name, cell),
            _table(name, cell, now) if cell.now or cell.today else "",
            _distributions(name, cell, now) if cell.now or cell.today else "",
        )
    )
    return (
        f'<article class="card{" site" if cell.team == SITE else ""}{" old" if stale else ""}" '
        f'data-testid="{name}" data-stale="{str(stale).lower()}" aria-labelledby="{name}-name">'
        f'<header><h2 id="{name}-name">{escape(heading)}</h2>'
        f'<p class="meta">{desks}{escape(note)}</p></header>'
        f'<div class="body">{body}</div></article>'
    )


def reason(why: str, k: int, span: str) -> str:
    """Why a cell is withheld, for people."""
    return {
        "no data": f"No calls {span}.",
        "too few desks": (
            f"Fewer than {k} desks were in calls {span}. "
            "Figures of so few could point to one person."
        ),
        "protects another cell": (
            "If this were shown, the figures of a smaller team "
            f"{span} could be found by subtraction."
        ),
    }.get(why, "")


def title(name: str) -> str:
    """A site's or team's name for people: `night-shift` is `Night shift`."""
    return name.replace("-", " ").capitalize()


def _empty(shown: Shown) -> str:
    away = shown.freshness.kind == "away"
    remedy = (
        "Is the broker running, and are host and port under [broker] right? "
        "This page connects by itself as soon as it answers."
        if away
        else "Figures appear once <code>turnlight floor</code> runs and desks are in calls. "
        "A team is shown when at least five desks have contributed."
    )
    return (
        f'<section class="empty" data-testid="empty"><h2>{escape(shown.freshness.headline)}</h2>'
        f"<p>{escape(shown.freshness.detail)}</p><p>{remedy}</p></section>"
    )


def _withheld(name: str, cell: Aggregate) -> str:
    what = "No figures now" if cell.now_withheld == "no data" else "Withheld"
    now = "in the last 5 minutes"
    if cell.today:
        words = reason(cell.now_withheld, cell.k, now)
    elif cell.now_withheld == cell.today_withheld:
        words = _today_withheld(name, cell, f"{now} or today")
    else:
        first = reason(cell.now_withheld, cell.k, now)
        words = f"{first} {_today_withheld(name, cell, 'today')}"
    return (
        f'<section class="withheld" data-testid="{name}-withheld" '
        f'data-value="{cell.now_withheld}"><h3>{what}</h3><p>{words}</p></section>'
    )


def _today_withheld(name: str, cell: Aggregate, span: str) -> str:
    return (
        f'<span data-testid="{name}-today-withheld" data-value="{cell.today_withheld}">'
        f"{reason(cell.today_withheld, cell.k, span)}</span>"
    )


def _share(name: str, cell: Aggregate) -> str:
    share = cell.now.talk_share if cell.now else None
    today = cell.today.talk_share if cell.today else None
    today_text = _figure(f"{name}-today-talk-share", today, lambda v: percent(round(100 * v)))
    today_line = f'<p class="today"><span aria-hidden="true">▾ </span>agents today {today_text}</p>'
    if share is None:
        return (
            f'<section class="share"><p class="verdict">'
            f"{_figure(f'{name}-talk-share', None, percent)} "
            f"Too little speech yet to speak of a share</p>{today_line}</section>"
        )
    agent = round(100 * share)
    verdict = next(words for edge, words in BANDS if share <= edge)
    marks = "".join(
        f'<i style="left:{edge * 100:.0f}%"><b>{edge * 100:.0f}</b></i>' for edge, _ in BANDS[:-1]
    )
    then = "" if today is None else f'<span class="then" style="left:{round(100 * today)}%"></span>'
    return (
        f'<section class="share"><div class="ends">'
        f'<p class="agent"><span class="num" data-testid="{name}-talk-share" '
        f'data-value="{share}">{agent}<small> %</small></span><span>agents</span></p>'
        f'<p class="customer"><span class="num">{100 - agent}<small> %</small></span>'
        f"<span>customers</span></p></div>"
        f'<div class="bar" role="img" aria-label="Of all speech, agents {agent} %, customers '
        f'{100 - agent} %; bands end at 33, 50 and 65 %">'
        f'<span class="fill" style="width:{agent}%"></span>{then}{marks}</div>'
        f'<div class="words"><p class="verdict">{verdict}</p>{today_line}</div></section>'
    )


def _table(name: str, cell: Aggregate, now: str) -> str:
    rows = "".join(
        f'<tr><th scope="row">{label}</th>'
        f"<td>{_figure(f'{name}-{key}', _read(read, cell.now), form)}</td>"
        f"<td>{_figure(f'{name}-today-{key}', _read(read, cell.today), form)}</td></tr>"
        for key, label, read, form in MEASURES
    )
    note = "" if cell.today else f'<p class="note">{_today_withheld(name, cell, "today")}</p>'
    return (
        f'<section class="measures"><table><thead><tr><td></td><th scope="col">{now}</th>'
        f'<th scope="col">today</th></tr></thead><tbody>{rows}</tbody></table>'
        f"{note}</section>"
    )


def _distributions(name: str, cell: Aggregate, now: str) -> str:
    source = cell.now or cell.today
    if source is None:
        return ""
    span = now if cell.now else "today"
    latency = _figure(f"{name}-response-latency", _read(_latency, cell.now), seconds)
    latency_today = _figure(f"{name}-today-response-latency", _read(_latency, cell.today), seconds)
    high = sum(source.strain_bins[3:]) if source.strain_bins else None
    prefix = name if cell.now else f"{name}-today"
    strain = _figure(f"{prefix}-strain-high", high, lambda v: percent(round(100 * v)))
    return (
        f'<section class="shapes">'
        f"<figure><figcaption><span>Answering time, median</span>"
        f'<span class="pair">{latency}<small>today {latency_today}</small></span></figcaption>'
        + _histogram(
            f"Agents' answering times in seconds {span}",
            source.latency_bins,
            [f"{edge / 1000:g}" for edge in LATENCY_EDGES_MS],
            "s",
        )
        + f'</figure><figure class="strain"><figcaption><span>Customers’ strain over 60</span>'
        f'<span class="pair">{strain}<small>of speech {span}</small></span></figcaption>'
        + _histogram(
            f"Customers' strain of 100 {span}",
            source.strain_bins,
            [str(edge) for edge in STRAIN_EDGES],
            "100",
        )
        + "</figure></section>"
    )


def _histogram(label: str, bins: Sequence[float], edges: Sequence[str], unit: str) -> str:
    if not bins:
        return '<p class="none">nothing measured</p>'
    names = [
        f"under {edges[0]}",
        *(f"{low} to {high}" for low, high in pairwise(edges)),
        f"over {edges[-1]}",
    ]
    spoken = ", ".join(
        f"{name} {share * 100:.0f} %" for name, share in zip(names, bins, strict=True)
    )
    most = max(bins)
    columns = _columns(bins, most)
    ticks = "".join(f"<li>{edge}</li>" for edge in edges)
    return (
        f'<div class="histogram" role="img" aria-label="{escape(label)}: {escape(spoken)}">'
        f'<div class="columns" aria-hidden="true">{columns}</div>'
        f'<ul class="ticks" aria-hidden="true" style="--n:{len(bins)}">{ticks}'
        f"<li>{unit}</li></ul></div>"
    )


def _columns(bins: Iterable[float], most: float) -> str:
    return "".join(f'<i style="height:{max(2.0, 100 * b / most):.0f}%"></i>' for b in bins)


def _latency(figures: Figures) -> Value:
    return figures.response_latency_ms


def _read(read: Callable[[Figures], Value], figures: Figures | None) -> Value:
    return None if figures is None else read(figures)


def _figure(testid: str, value: Value, form: Callable[[float], str]) -> str:
    if value is None:
        return f'<span data-testid="{testid}" data-value="" class="nothing">–</span>'
    return f'<span data-testid="{testid}" data-value="{round(value, 4):g}">{form(value)}</span>'
