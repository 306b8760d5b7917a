"""The devices as IT sees them: how each one is, from the device plane. Pure.

Nothing here comes from a window or an aggregate: the type of the message has no behaviour in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from turnlight_floor.board import Device, Shown
from turnlight_floor.cards import empty, title
from turnlight_floor.words import Words

QUIET_S = 180
"""A device that is online tells its health each minute; after this long it is quiet."""
DEEP = 30
"""So many windows in the outbox are five minutes of a call that could not be delivered."""
HOT_C = 80.0
TOLD = (
    "version",
    "audio",
    "overruns",
    "outbox",
    "dropped",
    "temperature",
    "uptime",
    "reported",
)
"""Columns that the device's health fills."""


def needs(device: Device, now_s: float, words: Words) -> list[str]:
    """What is wrong with a device, in words; empty when nothing is."""
    if not device.online:
        return [words("need-offline")]
    health = device.health
    if health is None:
        return []
    found = []
    age_s = now_s - device.heard_s
    if age_s > QUIET_S:
        found.append(words("need-quiet", age=words.span(age_s)))
    if not health.audio_present:
        found.append(words("need-audio"))
    if health.outbox_depth > DEEP:
        found.append(words("need-outbox"))
    if health.outbox_dropped:
        found.append(words("need-dropped"))
    if health.temperature_c is not None and health.temperature_c >= HOT_C:
        found.append(words("need-hot"))
    return found


def table(site: str, shown: Shown, now_s: float, words: Words) -> str:
    """Every device by its name."""
    if shown.freshness.kind == "away":
        return empty(shown, now_s, words)
    devices = shown.devices
    if not devices:
        none = words("devices-none")
        return f'<section class="empty" data-testid="empty"><h2>{none}</h2></section>'
    wrong = {device.name: needs(device, now_s, words) for device in devices}
    counts = {
        "online": sum(device.online for device in devices),
        "offline": sum(not device.online for device in devices),
        "attention": sum(bool(found) for found in wrong.values()),
    }
    summary = words("devices-summary", **{key: words.number(n) for key, n in counts.items()})
    heads = ("device", "state", "attention", *TOLD)
    columns = "".join(f'<th scope="col">{words(head)}</th>' for head in heads)
    rows = "".join(_row(device, wrong[device.name], now_s, words) for device in devices)
    return (
        f'<section class="card devices"><header>'
        f'<h2 id="devices-name">{escape(words("devices-title", site=title(site)))}</h2>'
        f'<p data-testid="devices-summary" data-value="{counts["attention"]}">{summary}</p>'
        f"</header>"
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="devices-name">'
        f"<table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="legend">{words("devices-note")}</p></section>'
    )


def _row(device: Device, wrong: Sequence[str], now_s: float, words: Words) -> str:
    health = device.health
    unknown = words("unknown")
    state = "online" if device.online else "offline"
    cells: dict[str, tuple[object, str]] = {
        "state": (state, words(state)),
        "attention": (len(wrong), ", ".join(wrong) or "–"),
    }
    if health is None:
        cells |= dict.fromkeys(TOLD, ("", unknown))
    else:
        audio = "present" if health.audio_present else "missing"
        hot = health.temperature_c
        cells |= {
            "version": (health.version, health.version),
            "audio": (audio, words(f"audio-{audio}")),
            "overruns": (health.overruns, words.number(health.overruns)),
            "outbox": (health.outbox_depth, words.number(health.outbox_depth)),
            "dropped": (health.outbox_dropped, words.number(health.outbox_dropped)),
            "temperature": (
                "" if hot is None else hot,
                unknown if hot is None else words("degrees", n=words.number(round(hot))),
            ),
            "uptime": (health.uptime_s, words.span(health.uptime_s)),
            "reported": (round(device.heard_s), words.clock(device.heard_s, now_s)),
        }
    name = escape(device.name)
    drawn = "".join(
        f'<td data-testid="device-{name}-{key}" data-value="{escape(str(value))}">'
        f"{escape(text)}</td>"
        for key, (value, text) in cells.items()
    )
    return (
        f'<tr data-testid="device-{name}"{" class=wrong" if wrong else ""}>'
        f'<th scope="row">{name}</th>{drawn}</tr>'
    )
