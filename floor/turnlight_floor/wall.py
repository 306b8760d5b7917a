"""The wall: few figures, readable from five metres. Pure: values and language in, HTML out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil

from turnlight.messages import Aggregate
from turnlight_floor import charts
from turnlight_floor.board import Shown, is_stale
from turnlight_floor.cards import empty, figure, heading, large, testid, withheld
from turnlight_floor.measures import HIGH_STRAIN, MEASURES
from turnlight_floor.words import Words

TILES = 4
"""As many cells are shown at once; more take turns."""
TURN_S = 20


def wall(shown: Shown, now_s: float, words: Words) -> str:
    """The site and the teams, in the order of their names, a few at a time."""
    cells = [cell for cell in (shown.site, *shown.teams) if cell is not None]
    if not cells:
        return empty(shown, now_s, words)
    size = ceil(len(cells) / ceil(len(cells) / TILES))
    parts = [cells[at : at + size] for at in range(0, len(cells), size)]
    at = int(now_s // TURN_S) % len(parts)
    old = shown.freshness.kind != "live"
    part = (
        f'<p class="part">'
        f"{words('wall-part', n=words.number(at + 1), all=words.number(len(parts)))}</p>"
        if len(parts) > 1
        else ""
    )
    return f"{_tiles(parts[at], old, now_s, words)}{part}"


def _tiles(cells: Sequence[Aggregate], old: bool, now_s: float, words: Words) -> str:
    drawn = "".join(tile(cell, old, now_s, words) for cell in cells)
    return f'<div class="tiles" data-count="{len(cells)}">{drawn}</div>'


def tile(cell: Aggregate, old: bool, now_s: float, words: Words) -> str:
    """One cell of the wall."""
    name = f"wall-{testid(cell)}"
    stale = old or is_stale(cell, now_s)
    note = (
        f'<p class="meta">'
        f"{escape(words('not-live', clock=words.clock(cell.newest_window_s, now_s)))}</p>"
        if stale
        else ""
    )
    return (
        f'<article class="card tile{" old" if stale else ""}" data-testid="{name}" '
        f'data-stale="{str(stale).lower()}" aria-labelledby="{name}-name"><header>'
        f'<h2 id="{name}-name">{escape(heading(cell, words))}</h2>{note}</header>'
        f'<div class="body">{_figures(name, cell, words)}</div></article>'
    )


def _figures(name: str, cell: Aggregate, words: Words) -> str:
    now = cell.now
    if now is None:
        return withheld(name, cell, words)
    interruptions, strain = MEASURES["interruptions-agent"], MEASURES["strain-high"]
    two = (
        (interruptions, words("wall-interrupt")),
        (strain, words("wall-strain", edge=words.number(HIGH_STRAIN))),
    )
    below = "".join(
        f"<div><dt>{label}</dt>"
        f"<dd>{figure(f'{name}-{measure.key}', measure, measure.read(now), words)}</dd></div>"
        for measure, label in two
    )
    if now.talk_share is None:
        share = f'<p class="verdict">{words("share-little")}</p>'
    else:
        today = cell.today.talk_share if cell.today else None
        rest = round(1 - now.talk_share, 2)
        share = (
            f'<div class="ends">'
            f'<p class="agent">{large(f"{name}-talk-share", now.talk_share, words)}'
            f"<span>{words('agents')}</span></p>"
            f'<p class="customer">{large(f"{name}-listen-share", rest, words)}'
            f"<span>{words('customers')}</span></p></div>"
            f"{charts.share_bar(now.talk_share, today, words)}"
            f'<p class="verdict">{words(charts.band(now.talk_share))}</p>'
        )
    return f'<section class="share">{share}</section><dl>{below}</dl>'
