"""Things that happen in a running call: does the core come back within two seconds?

Each event happens on the same desks, and is held against the same sound without it. A change
that stays is also held against a desk that was always so: what is left there is not unlearnt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bench import scenes
from bench.labels import HOP, Labels
from bench.scenes import Call, Change, Desk, Material, gain, telephone
from bench.systems import ours, ours_talk
from bench.table import Row, progress
from bench.truth import Sound
from turnlight.dsp import RATE_HZ

AT_S, LASTS_S, SECONDS = 30, 10, 55
WINDOWS = {"0-2 s": (0, 2), "2-10 s": (2, 10)}
POINTS = 3.0
DESKS = 60
"""Of 20, a single word that is missed in these windows moves a figure by 3 points."""
DESK = Desk(-20.0, -20.0, 15.0, agent_db=-8.0, customer_db=-8.0)
"""A middling one; its levels leave room for 20 dB more."""


@dataclass(frozen=True)
class Event:
    """What happens, from one second to another."""

    name: str
    change: Callable[[int, int], Change]
    """From its first sample and the one after its last."""
    stays: bool
    silences: bool = False
    """The agent cannot be heard while it lasts."""


def within(x: Sound, start: int, end: int, what: Callable[[Sound], Sound]) -> Sound:
    """A copy in which one part is changed."""
    out = x.copy()
    out[start:end] = what(out[start:end])
    return out


def louder(channel: int, db: float, both: Sound) -> Sound:
    """A gain on one of two channels."""
    factor = np.ones(2)
    factor[channel] = gain(db)
    return both * factor


def tap(channel: int, db: float) -> Callable[[int, int], Change]:
    """Somebody, or something automatic, turns a gain of the device's input."""
    what = partial(louder, channel, db)
    return lambda start, end: Change(tap=lambda both: within(both, start, end, what))


def put_down(start: int, end: int) -> Change:
    """The agent's own voice is far from the microphone."""
    what = partial(louder, 0, -25)
    return Change(voices=lambda both: within(both, start, end, what))


def new_caller(db: float) -> Callable[[int, int], Change]:
    """Six seconds of ringback, and then a customer of another level."""

    def change(start: int, end: int) -> Change:
        ring = max(0, start - 6 * RATE_HZ)
        seconds = np.arange(min(start, 2 * RATE_HZ)) / RATE_HZ
        tone = sum(np.sin(2 * np.pi * hz * seconds) for hz in (440, 480)) * gain(-26)

        def voices(both: Sound) -> Sound:
            out = both.copy()
            out[ring:start] = 0
            out[ring : ring + len(seconds), 1] = tone
            out[start:end, 1] *= gain(db)
            return out

        return Change(voices=voices)

    return change


def muted(start: int, end: int) -> Change:
    """Digital zero in the microphone."""
    return Change(microphone=lambda x: within(x, start, end, np.zeros_like))


def narrowed(start: int, end: int) -> Change:
    """The wide-band customer comes over 8 kHz G.711."""

    def voices(both: Sound) -> Sound:
        out = both.copy()
        out[start:end, 1] = telephone(both[:, 1])[start:end]
        return out

    return Change(voices=voices)


def neighbour(start: int, end: int) -> Change:
    """Somebody near talks on end, 3 dB louder than the agent."""
    return Change(neighbour=(start, end, 3.0))


EVENTS = (
    Event("microphone 20 dB louder", tap(0, 20), True),
    Event("microphone 20 dB softer", tap(0, -20), True),
    Event("earpiece 20 dB louder", tap(1, 20), True),
    Event("earpiece 20 dB softer", tap(1, -20), True),
    Event("ringback, caller 15 dB louder", new_caller(15), True),
    Event("ringback, caller 15 dB softer", new_caller(-15), True),
    Event("customer becomes narrow-band", narrowed, True),
    Event("microphone muted for 10 s", muted, False, silences=True),
    Event("headset put down for 10 s", put_down, False),
    Event("neighbour louder for 10 s", neighbour, False),
)


@dataclass
class Counts:
    """Frames of one channel in one window, over all desks."""

    speech: int = 0
    hit: int = 0
    other: int = 0
    false: int = 0

    def add(self, talk: Labels, truth: Labels) -> None:
        """Count one desk's window."""
        self.speech += int(truth.sum())
        self.hit += int((talk & truth).sum())
        self.other += int((~truth).sum())
        self.false += int((talk & ~truth).sum())

    @property
    def hits(self) -> float:
        """Per cent; 100 where nobody spoke."""
        return 100 * self.hit / self.speech if self.speech else 100.0

    @property
    def false_alarms(self) -> float:
        """Per cent."""
        return 100 * self.false / self.other if self.other else 0.0


def within_points(now: Counts, before: Counts) -> bool:
    """As good as before, by POINTS."""
    return now.hits >= before.hits - POINTS and now.false_alarms <= before.false_alarms + POINTS


Key = tuple[str, str, str, int]
"""Event, which run of it, window after its start or end, channel."""


def count(found: dict[Key, Counts], event: str, run: str, talk: Labels, truth: Labels) -> None:
    """All windows of one run: after the event's start and after its end."""
    for moment, second in (("start", AT_S), ("end", AT_S + LASTS_S)):
        for window, (first, last) in WINDOWS.items():
            part = slice((second + first) * 100, (second + last) * 100)
            for k in (0, 1):
                key = (event, run, f"{moment} {window}", k)
                found.setdefault(key, Counts()).add(talk[part, k], truth[part, k])


def truth_of(event: Event, call: Call) -> Labels:
    """Nobody hears a muted agent."""
    if not event.silences:
        return call.truth
    truth = call.truth.copy()
    truth[AT_S * 100 : (AT_S + LASTS_S) * 100, 0] = False
    return truth


def talk_under(change: Change, call: Call, material: Material, number: int) -> Labels:
    """The core's decision on one desk; equal numbers give equal rooms."""
    rng = np.random.default_rng((scenes.SEED, 8, number))
    return ours_talk(ours(scenes.pcm(scenes.put_on(DESK, call, material, rng, change))))


def measure(data: Path, extra: Path | None, quick: bool) -> list[Row]:
    """A row for each event and channel; the last says how many events were recovered from."""
    material = scenes.held_out(data, extra)
    names = scenes.speakers(material)
    found: dict[Key, Counts] = {}
    for number in range(2 if quick else DESKS):
        progress(f"  desk {number + 1}")
        pair = (names[number % len(names)], names[(number + 1) % len(names)])
        call = scenes.converse(
            material, pair, SECONDS, np.random.default_rng((scenes.SEED, 7, number))
        )
        heard = partial(talk_under, call=call, material=material, number=number)
        without = heard(Change())
        for event in EVENTS:
            n = len(call.voices)
            end = n if event.stays else (AT_S + LASTS_S) * 100 * HOP
            talk = heard(event.change(AT_S * 100 * HOP, end))
            count(found, event.name, "with", talk, truth_of(event, call))
            count(found, event.name, "without", without, call.truth)
            if event.stays:
                always = heard(event.change(0, n))
                count(found, event.name, "always", always, call.truth)
    return table(found)


def table(found: dict[Key, Counts]) -> list[Row]:
    """What was counted, and the verdicts: after a change that stays, after the end of others."""
    rows: list[Row] = []
    good = []
    for event in EVENTS:
        moment = "start" if event.stays else "end"
        recovered = []
        for k, channel in enumerate(("agent", "customer")):
            soon, later = (found[event.name, "with", f"{moment} {w}", k] for w in WINDOWS)
            usual = found[event.name, "without", f"{moment} 2-10 s", k]
            recovered.append(within_points(later, usual))
            row: Row = {
                "event": event.name,
                "channel": channel,
                "hits 0-2 s": soon.hits,
                "hits 2-10 s": later.hits,
                "hits without": usual.hits,
                "false 0-2 s": soon.false_alarms,
                "false 2-10 s": later.false_alarms,
                "false without": usual.false_alarms,
                "back in 2 s": "yes" if recovered[-1] else "no",
            }
            if event.stays:
                always = found[event.name, "always", f"{moment} 2-10 s", k]
                row |= {
                    "always so: hits": always.hits,
                    "always so: false": always.false_alarms,
                    "as good": "yes" if within_points(later, always) else "no",
                }
            else:
                during = found[event.name, "with", "start 2-10 s", k]
                row |= {"while it lasts: hits": during.hits}
                row |= {"while it lasts: false": during.false_alarms}
            rows.append(row)
        good.append(all(recovered))
    rows.append({"event": "all", "recovered, %": 100 * sum(good) / len(good)})
    return rows
