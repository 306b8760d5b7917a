"""The floor view as HTML, made from aggregates alone. Pure: values, time and language in, text out.

Every key figure carries a stable `data-testid` and its number in `data-value`; docs/floor.md
lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from turnlight.messages import LATENCY_EDGES_MS, STRAIN_EDGES, Aggregate, Figures
from turnlight_floor import charts
from turnlight_floor.board import Freshness, Shown, is_stale
from turnlight_floor.history import Day
from turnlight_floor.measures import HIGH_STRAIN, MEASURES, Measure, Value
from turnlight_floor.parts import Part, Parts, whole
from turnlight_floor.privacy import SITE
from turnlight_floor.words import Words

ROWS = (
    "overlap",
    "silence",
    "hold",
    "interruptions-agent",
    "interruptions-customer",
    "backchannels",
    "long-silences",
    "turnarounds",
)
"""Measures in the table."""
TRENDS = ("talk-share", "interruptions-agent", "response-latency", "strain-high")
"""Measures drawn over the day."""

Days = Callable[[str], Day]
"""A team's day, or the site's under `_site`."""
Trends = Callable[[str, Day, Words], str]
"""The day's plots of a cell by its test id, as HTML; empty where there is nothing to draw."""


def header(site: str, shown: Shown, broker: str, now_s: float, words: Words) -> str:
    """Name of the site, and whether its figures are live."""
    fresh = shown.freshness
    if fresh.kind == "away":
        online, count = words("desks-unknown"), ""
    elif shown.desks_known:
        online = words(
            "desks-online",
            online=words.number(shown.desks_online),
            known=words.number(shown.desks_known),
        )
        count = str(shown.desks_online)
    else:
        online, count = words("desks-none"), "0"
    headline, detail = freshness(fresh, broker, now_s, words)
    return (
        f'<div class="brand"><span class="lamp" aria-hidden="true"></span>'
        f'<div><h1>{escape(title(site))}</h1><p class="desks" data-testid="desks-online" '
        f'data-value="{count}">{online}</p></div></div>'
        f'<div class="state {fresh.kind}" data-testid="state" '
        f'data-value="{fresh.kind}"><span class="sign" aria-hidden="true"></span>'
        f'<div><p class="headline">{escape(headline)}</p>'
        f'<p class="detail">{escape(detail)}</p></div></div>'
    )


def freshness(fresh: Freshness, broker: str, now_s: float, words: Words) -> tuple[str, str]:
    """A headline and a sentence on the age of the figures."""
    match fresh.kind:
        case "away":
            detail = words("away-detail", broker=broker)
            if fresh.newest_s is not None:
                clock = words.clock(fresh.newest_s, now_s)
                detail = f"{detail} {words('away-figures', clock=clock)}"
            return words("away", clock=words.clock(fresh.since_s, now_s)), detail
        case "waiting":
            return words("waiting"), words("waiting-detail")
        case "stale":
            since = words.clock(fresh.newest_s or 0, now_s)
            return words("stale", clock=since), words("stale-detail", age=words.span(fresh.age_s))
        case "live":
            return words("live"), words("live-detail", age=words.span(fresh.age_s))


def trends(name: str, day: Day, words: Words) -> str:
    """The plots of one cell; empty where there is nothing to draw."""
    if len(day.today) < 2 and not day.usual:
        return ""
    key = words(
        "trend-key" if day.weeks else "trend-key-alone",
        usual=words.usual(day.weekday),
        weeks=words.number(day.weeks),
    )
    drawn = "".join(charts.trend(name, MEASURES[one], day, words) for one in TRENDS)
    return (
        f"<header><h3>{words('trends')}</h3><p>{escape(key)}</p></header>"
        f'<div class="plots">{drawn}</div>'
    )


def board(shown: Shown, days: Days, now_s: float, words: Words, drawn: Trends = trends) -> Parts:
    """The site's card and the teams', in the order of their names."""
    cells = [cell for cell in (shown.site, *shown.teams) if cell is not None]
    if not cells:
        return whole(empty(shown, now_s, words))
    old = shown.freshness.kind != "live"
    made = {cell.team: card(cell, days(cell.team), old, now_s, words, drawn) for cell in cells}
    site = (made.pop(SITE),) if SITE in made else ()
    legend = Part("p", {"class": "legend"}, words("legend"))
    return (*site, Part("div", {"class": "teams"}, tuple(made.values())), legend)


def empty(shown: Shown, now_s: float, words: Words) -> str:
    """What stands there before anything has come."""
    headline, detail = freshness(shown.freshness, "", now_s, words)
    away = shown.freshness.kind == "away"
    if away:
        detail = ""
    return (
        f'<section class="empty" data-testid="empty"><h2>{escape(headline)}</h2>'
        f"<p>{escape(detail)}</p>"
        f"<p>{escape(words('away-remedy' if away else 'waiting-remedy'))}</p></section>"
    )


def card(
    cell: Aggregate, day: Day, old: bool, now_s: float, words: Words, drawn: Trends = trends
) -> Part:
    """One cell: now large, today beside it, the day below; what is withheld says why."""
    name = testid(cell)
    stale = old or is_stale(cell, now_s)
    now = words("then" if stale else "now")
    note = (
        words("not-live", clock=words.clock(cell.newest_window_s, now_s))
        if stale
        else words("last-minutes")
    )
    desks = (
        f'<span data-testid="{name}-desks" data-value="{cell.now.desks}">'
        f"{words('desks', n=words.number(cell.now.desks))}</span> · "
        if cell.now
        else ""
    )
    body = _share(name, cell, words) if cell.now else withheld(name, cell, words)
    if cell.now or cell.today:
        body += _table(name, cell, day, now, words) + _distributions(name, cell, now, words)
    plots = drawn(name, day, words)
    return Part(
        "article",
        {
            "class": f"card{' site' if cell.team == SITE else ''}{' old' if stale else ''}",
            "data-testid": name,
            "data-stale": str(stale).lower(),
            "aria-labelledby": f"{name}-name",
        },
        (
            Part(
                "header",
                {},
                f'<h2 id="{name}-name">{escape(heading(cell, words))}</h2>'
                f'<p class="meta">{desks}{escape(note)}</p>',
            ),
            Part("div", {"class": "body"}, body),
            *((Part("section", {"class": "trends"}, plots),) if plots else ()),
        ),
    )


def testid(cell: Aggregate) -> str:
    """`site` or `team-<name>`."""
    return "site" if cell.team == SITE else f"team-{cell.team}"


def heading(cell: Aggregate, words: Words) -> str:
    """The cell's name for people."""
    return words("all-teams") if cell.team == SITE else title(cell.team)


def title(name: str) -> str:
    """A site's or team's name for people: `night-shift` is `Night shift`."""
    return name.replace("-", " ").capitalize()


def reason(why: str, k: int, span: str, words: Words) -> str:
    """Why a cell is withheld, for people."""
    return words(why.replace(" ", "-"), k=words.number(k), span=words(span)) if why else ""


def withheld(name: str, cell: Aggregate, words: Words) -> str:
    """Why there are no figures now, and whether there are any of today."""
    what = words("no-figures" if cell.now_withheld == "no data" else "withheld")
    if cell.today:
        text = reason(cell.now_withheld, cell.k, "span-now", words)
    elif cell.now_withheld == cell.today_withheld:
        text = _today_withheld(name, cell, "span-both", words)
    else:
        first = reason(cell.now_withheld, cell.k, "span-now", words)
        text = f"{first} {_today_withheld(name, cell, 'span-today', words)}"
    return (
        f'<section class="withheld" data-testid="{name}-withheld" '
        f'data-value="{cell.now_withheld}"><h3>{what}</h3><p>{text}</p></section>'
    )


def figure(testid: str, measure: Measure, value: Value, words: Words) -> str:
    """One number with its place and its value for a program."""
    if value is None:
        return f'<span data-testid="{testid}" data-value="" class="nothing">–</span>'
    return (
        f'<span data-testid="{testid}" data-value="{round(value, 4):g}">'
        f"{measure.say(words, value)}</span>"
    )


def large(testid: str, share: float, words: Words) -> str:
    """A share as a large number with a small sign."""
    sign = words.catalogue.percent.partition("{}")[2].replace(" ", "\N{NO-BREAK SPACE}")
    return (
        f'<span class="num" data-testid="{testid}" data-value="{share:g}">'
        f"{words.number(round(100 * share))}<small>{sign}</small></span>"
    )


def _today_withheld(name: str, cell: Aggregate, span: str, words: Words) -> str:
    return (
        f'<span data-testid="{name}-today-withheld" data-value="{cell.today_withheld}">'
        f"{reason(cell.today_withheld, cell.k, span, words)}</span>"
    )


def _share(name: str, cell: Aggregate, words: Words) -> str:
    measure = MEASURES["talk-share"]
    share = _read(measure, cell.now)
    today = _read(measure, cell.today)
    said = words("share-today", share=figure(f"{name}-today-talk-share", measure, today, words))
    today_line = f'<p class="today"><span aria-hidden="true">▾ </span>{said}</p>'
    if share is None:
        return (
            f'<section class="share"><p class="verdict">'
            f"{figure(f'{name}-talk-share', measure, None, words)} "
            f"{words('share-little')}</p>{today_line}</section>"
        )
    rest = large(f"{name}-listen-share", round(1 - share, 2), words)
    return (
        f'<section class="share"><div class="ends">'
        f'<p class="agent">{large(f"{name}-talk-share", share, words)}'
        f"<span>{words('agents')}</span></p>"
        f'<p class="customer">{rest}<span>{words("customers")}</span></p></div>'
        f"{charts.share_bar(share, today, words)}"
        f'<div class="words"><p class="verdict">{words(charts.band(share))}</p>{today_line}</div>'
        "</section>"
    )


def _table(name: str, cell: Aggregate, day: Day, now: str, words: Words) -> str:
    rows = []
    for key in ROWS:
        measure = MEASURES[key]
        cells = [
            figure(f"{name}-{key}", measure, _read(measure, cell.now), words),
            figure(f"{name}-today-{key}", measure, _read(measure, cell.today), words),
        ]
        if day.weeks:
            usual = day.usual_until_now(key)
            usual = None if usual is None else measure.rounded(usual)
            cells.append(figure(f"{name}-usual-{key}", measure, usual, words))
        label = f'<th scope="row">{words(key)}</th>'
        rows.append(f"<tr>{label}{''.join(f'<td>{one}</td>' for one in cells)}</tr>")
    heads = [now, words("today"), *([words.usual(day.weekday)] if day.weeks else [])]
    columns = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    note = (
        ""
        if cell.today
        else f'<p class="note">{_today_withheld(name, cell, "span-today", words)}</p>'
    )
    return (
        f'<section class="measures"><table><thead><tr><td></td>{columns}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>{note}</section>"
    )


def _distributions(name: str, cell: Aggregate, now: str, words: Words) -> str:
    shown = cell.now or cell.today
    assert shown is not None
    beside = cell.today if cell.now else None
    span = now if cell.now else words("today")
    answers = charts.histogram(
        words("latency-label", span=span),
        shown.latency_bins,
        beside.latency_bins if beside else (),
        [edge / 1000 for edge in LATENCY_EDGES_MS],
        words("second-sign"),
        words,
    )
    strains = charts.histogram(
        words("strain-label", span=span),
        shown.strain_bins,
        beside.strain_bins if beside else (),
        STRAIN_EDGES,
        words.number(100),
        words,
    )
    drawn = (
        f"<figure{kind}><figcaption><span>{words(key, edge=words.number(HIGH_STRAIN))}</span>"
        f"{_pair(name, MEASURES[key], cell, words)}</figcaption>{picture}</figure>"
        for key, kind, picture in (
            ("response-latency", "", answers),
            ("strain-high", ' class="strain"', strains),
        )
    )
    return f'<section class="shapes">{"".join(drawn)}</section>'


def _pair(name: str, measure: Measure, cell: Aggregate, words: Words) -> str:
    now = figure(f"{name}-{measure.key}", measure, _read(measure, cell.now), words)
    today = figure(f"{name}-today-{measure.key}", measure, _read(measure, cell.today), words)
    line = '<span class="line" aria-hidden="true"></span>'
    return f'<span class="pair">{now}<small>{line}{words("today")} {today}</small></span>'


def _read(measure: Measure, figures: Figures | None) -> Value:
    return None if figures is None else measure.read(figures)
