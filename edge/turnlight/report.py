"""One self-contained page about calls: pictures and tables, no scripts, nothing loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

import turnlight
from turnlight import picture, wording
from turnlight.document import Analysis, CallDocument, EventDocument

ZOOMS = (100, 200, 400)
_LEGEND = (
    ("agent", "agent talks"),
    ("customer", "customer talks"),
    ("both", "both talk"),
    ("taken", "interruption that took the floor, beside who did it"),
    ("kept", "interruption that did not"),
    ("backchannel", "backchannel"),
    ("silence", "silence over 5 s"),
    ("hold", "on hold"),
    ("cue", "cue on the lamp"),
)


def page(documents: list[Analysis]) -> str:
    """The whole report as HTML."""
    css = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    count = sum(len(document.calls) for document in documents)
    names = ", ".join(document.source.file for document in documents)
    title = names if len(documents) == 1 else wording.counted(len(documents), "recording")
    body = "".join(
        part
        for number, document in enumerate(documents, start=1)
        for part in _document(document, number)
    )
    overview = "".join(_overview(documents)) if count > 1 else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}: Turnlight</title><style>{css}</style></head><body>"
        f"{picture.DEFINITIONS}<header><p class='brand'>Turnlight</p><h1>{escape(title)}</h1>"
        f"</header><main>{overview}{body}</main>"
        f"<footer><p>Made on this computer by Turnlight {turnlight.__version__} from the sound "
        "alone: who talked when, and how. No word was understood and none is kept here.</p>"
        f"<p>{wording.STRAIN_NOTE}</p></footer></body></html>\n"
    )


def _overview(documents: list[Analysis]) -> Iterator[str]:
    yield (
        "<section class='overview'><h2>Overview</h2><div class='scroll'><table><thead><tr>"
        "<th>Call</th><th class='number'>Length</th><th>Agent's share of the talk</th>"
        "<th class='number'>Interruptions by the agent</th><th class='number'>by the customer</th>"
        "<th class='number'>Response latency</th><th class='number'>Longest monologue</th>"
        "<th class='number'>Cues</th></tr></thead><tbody>"
    )
    for number, document in enumerate(documents, start=1):
        for n, call in enumerate(document.calls, start=1):
            name = document.source.file
            if len(document.calls) > 1:
                name += f", call {n}"
            share = call.metrics.get("talk_share")
            figures = (
                wording.count(call, "agent"),
                wording.count(call, "customer"),
                wording.length(call, "response_latency_ms"),
                wording.length(call, "longest_monologue_ms"),
                str(len(call.cues)),
            )
            yield (
                f"<tr><td><a href='#call-{number}-{n}'>{escape(name)}</a></td>"
                f"<td class='number'>{wording.duration_s(call.end_s - call.start_s)}</td>"
                f"<td>{wording.WITHHELD if share is None else picture.small_share(share)}</td>"
                + "".join(f"<td class='number'>{figure}</td>" for figure in figures)
                + "</tr>"
            )
    yield "</tbody></table></div></section>"


def _document(document: Analysis, number: int) -> Iterator[str]:
    source = document.source
    yield (
        f"<section class='file'><h2>{escape(source.file)}</h2><p class='quiet'>"
        f"{wording.duration_s(source.duration_s)}, {source.rate_hz / 1000:g} kHz, "
        f"{wording.counted(len(document.calls), 'call')}</p>"
    )
    for note in document.quality.notes:
        yield f"<p class='note'>{escape(note)}</p>"
    for n, call in enumerate(document.calls, start=1):
        heading = f"Call {n} of {len(document.calls)}" if len(document.calls) > 1 else "The call"
        yield f"<article id='call-{number}-{n}'><h3>{heading} <span class='quiet'>"
        yield (
            f"{wording.clock(call.start_s)} to {wording.clock(call.end_s)}, "
            f"{wording.duration_s(call.end_s - call.start_s)}</span></h3>"
        )
        yield from _call(call, f"{number}-{n}")
        yield "</article>"
    yield from _table("Sound", wording.quality(document.quality), "sound")
    yield "</section>"


def _call(call: CallDocument, name: str) -> Iterator[str]:
    yield "<div class='heads'><div class='panel'><h4>Talk and listen</h4>"
    share = call.metrics.get("talk_share")
    if share is None:
        yield f"<p class='quiet'>{_sentence(wording.no_share(call))}</p>"
    else:
        yield (
            f"<p class='big'><span class='agent'>Agent {share * 100:.0f} %</span> "
            f"<span class='customer'>Customer {100 - round(share * 100)} %</span></p>"
            f"{picture.share(share)}<p class='quiet'>The agent {wording.share(share)}.</p>"
        )
    yield "</div><div class='panel'><h4>Strain of the customer's voice</h4>"
    if all(value is None for value in call.call_arc):
        fact = wording.strain(call)
        yield f"<p class='quiet'>{_sentence(f'{fact.value}: {fact.detail}')}</p>"
    else:
        yield picture.arc(call.call_arc)
        yield f"<p class='quiet'>{wording.strain(call).detail.capitalize()}.</p>"
    yield "</div></div>"
    yield "<dl class='facts'>"
    for fact in wording.facts(call):
        yield (
            f"<div><dt>{escape(fact.label)}</dt><dd>{_kept(fact.value)}</dd>"
            f"<dd class='quiet'>{_kept(fact.detail)}</dd></div>"
        )
    yield "</dl>"
    yield from _timeline(call, name)
    yield "<div class='lists'>"
    yield from _cues(call)
    yield from _events(_listed(call))
    yield "</div><details><summary>Every measure</summary>"
    yield from _table("", wording.measures(call), "measures")
    yield "</details>"


def _listed(call: CallDocument) -> list[EventDocument]:
    """Overtalk that is an interruption's is told once."""
    starts = {e.start_s for e in call.events if e.kind == "interruption"}
    return [
        e
        for e in call.events
        if e.kind in ("interruption", "long_silence")
        or (e.kind == "overtalk" and e.start_s not in starts)
    ]


def _timeline(call: CallDocument, name: str) -> Iterator[str]:
    yield "<figure class='timeline'><figcaption>Who talked when</figcaption><div class='zoom'>"
    for zoom in ZOOMS:
        checked = " checked" if zoom == ZOOMS[0] else ""
        yield (
            f"<input type='radio' name='zoom-{name}' id='zoom-{name}-{zoom}' value='{zoom}'"
            f"{checked}><label for='zoom-{name}-{zoom}'>{zoom} %</label>"
        )
    yield f"</div><div class='rows'>{picture.timeline(call)}</div><ul class='legend'>"
    for sign, text in _LEGEND:
        yield f"<li>{picture.key(sign)} {text}</li>"
    yield "</ul></figure>"


def _cues(call: CallDocument) -> Iterator[str]:
    yield "<div><h4>What the lamp said</h4>"
    if not call.cues:
        yield "<p class='quiet'>Nothing.</p></div>"
        return
    yield "<ol class='cues'>"
    for number, cue in enumerate(call.cues, start=1):
        dot = f"<svg class='dot' viewBox='-9 -9 18 18'>{picture.badge(number, cue.cue)}</svg>"
        yield (
            f"<li>{dot}<span class='time'>{wording.clock(cue.at_s)}</span>"
            f"<span><b>{escape(wording.cue(cue.cue))}</b> {_kept(cue.reason)}</span></li>"
        )
    yield "</ol></div>"


def _events(events: list[EventDocument]) -> Iterator[str]:
    yield "<div><h4>Interruptions, overtalk and silences</h4>"
    if not events:
        yield "<p class='quiet'>None.</p></div>"
        return
    yield "<table><tbody>"
    for event in events:
        yield (
            f"<tr><td class='time'>{wording.clock(event.start_s)}</td>"
            f"<td>{_kept(wording.event(event))}</td></tr>"
        )
    yield "</tbody></table></div>"


def _table(title: str, rows: list[tuple[str, str]], name: str) -> Iterator[str]:
    heading = f"<h4>{title}</h4>" if title else ""
    yield f"<div class='{name}'>{heading}<div class='scroll'><table><tbody>"
    for label, value in rows:
        yield f"<tr><th scope='row'>{escape(label)}</th><td>{_kept(value)}</td></tr>"
    yield "</tbody></table></div></div>"


def _sentence(text: str) -> str:
    return escape(f"{text[:1].upper()}{text[1:]}.")


def _kept(text: str) -> str:
    """Escaped, with each number on one line with its unit."""
    return re.sub(r"(?<=\d) (?=(%|s|dB|min|h|seconds)\b|%)", "&nbsp;", escape(text))
