"""One who reads every window of two hundred desks tries to tell which pid became which.

The desks are the device's own code from `Shift` to the moment of departure; calls, clocks and
values are simulated. Agents stay at their desks over the change, the case that is hardest to
hide. What a person's habits tell over hours is not in here: see docs/wire.md.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from turnlight.delivery import departure_s
from turnlight.messages import Window
from turnlight.shift import Shift

Costs = np.ndarray
"""Of each old pid with each new one: the less, the likelier they are one desk."""

DESKS = 200
CHANGE_S = int(datetime(2025, 11, 24, 14, tzinfo=UTC).timestamp())
BEGIN_S, END_S = CHANGE_S - 1200, CHANGE_S + 2000
JITTER_S = 2.0


@dataclass
class Seen:
    """What a subscriber sees of one pid."""

    arrivals: list[float] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)

    def lag(self) -> float:
        """Mean time from the end of a window to its arrival."""
        starts = [window.start_s for window in self.windows]
        return float(np.mean(np.subtract(self.arrivals, starts)))

    def value(self, windows: list[Window]) -> np.ndarray:
        sums = [(w.agent_ms, w.customer_ms, w.hold_ms, sum(w.strain_bins[2:])) for w in windows]
        return np.mean(np.array(sums), axis=0)


class Calls:
    """One desk's calls: each with its own customer, some on hold for a while."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._until_s = BEGIN_S - dice.uniform(0, 300)
        self._in_call = False

    def fields(self, start_s: int) -> dict[str, object] | None:
        dice = self._dice
        while start_s >= self._until_s:
            self._in_call = not self._in_call
            if self._in_call:
                self._until_s += dice.lognormvariate(5.4, 0.7)  # median 220 s
                self._talk, self._strain = dice.gauss(0.42, 0.15), dice.random()
                self._hold_s = self._until_s - dice.expovariate(1 / 60)
            else:
                self._until_s += max(20.0, dice.expovariate(1 / 90))
        if not self._in_call:
            return None
        if start_s > self._hold_s and self._strain < 0.2:
            return {"start_s": start_s, "hold_ms": 10_000}
        share = min(0.9, max(0.1, dice.gauss(self._talk, 0.15)))
        agent = round(90 * share) * 100
        high = sum(dice.random() < self._strain for _ in range(8))
        return {
            "start_s": start_s,
            "agent_ms": agent,
            "customer_ms": 9000 - agent,
            "strain_bins": (8 - high, 0, high, 0, 0),
        }


def watched(folder: Path, seed: int, naive: bool) -> list[tuple[Seen, Seen]]:
    """Before and after of each desk; naive desks change pid and nothing else."""
    dice = random.Random(seed)
    pairs = []
    for number in range(DESKS):
        calls, own_s = Calls(dice), 5.0 + dice.gauss(0, 0.15)  # clock and delay of this device
        shift = Shift(folder / f"{number}", (6, 14, 22), UTC)
        seen: dict[str, Seen] = {}
        drawn: dict[str, float] = {}
        for start_s in range(BEGIN_S, END_S, 10):
            fields = calls.fields(start_s)
            if fields is None:
                continue
            if naive:
                side = "after" if start_s >= CHANGE_S else "before"
                seq = len(seen[side].windows) if side in seen else 0
                window: Window | None = Window(pid="0" * 16, seq=seq, **fields)
            else:
                window = shift.stamp(fields, start_s)
                side = window.pid if window else ""
            if window is None:
                continue
            of_pid = 0.5 if naive else drawn.setdefault(side, dice.random())
            wait_s = departure_s(JITTER_S, of_pid, dice.random())
            one = seen.setdefault(side, Seen())
            one.windows.append(window)
            one.arrivals.append(start_s + 10 + own_s + wait_s)
        shift.close()
        if len(seen) < 2:  # one long call; there is nothing to link
            continue
        before, after = seen.values()
        pairs.append((before, after))
    return pairs


Attack = Callable[[list[Seen], list[Seen]], Costs]


def apart(old: list[float], new: list[float]) -> Costs:
    return np.abs(np.array(old)[:, None] - np.array(new)[None, :])


def by_gap(old: list[Seen], new: list[Seen]) -> Costs:
    """A call that goes on, or the next one, comes soon."""
    return apart([one.windows[-1].start_s for one in old], [one.windows[0].start_s for one in new])


def by_order(old: list[Seen], new: list[Seen]) -> Costs:
    return apart([one.arrivals[-1] % 10 for one in old], [one.arrivals[0] % 10 for one in new])


def by_lag(old: list[Seen], new: list[Seen]) -> Costs:
    """A clock of its own."""
    return apart([one.lag() for one in old], [one.lag() for one in new])


def by_numbers(old: list[Seen], new: list[Seen]) -> Costs:
    return apart([one.windows[-1].seq for one in old], [one.windows[0].seq for one in new])


def by_last_values(old: list[Seen], new: list[Seen]) -> Costs:
    """The same customer, still on the line."""
    last = np.array([one.value(one.windows[-6:]) for one in old])
    first = np.array([one.value(one.windows[:6]) for one in new])
    return (np.abs(last[:, None] - first[None, :]) / (1000, 1000, 1000, 1)).sum(axis=2)


ATTACKS: list[Attack] = [by_gap, by_order, by_lag, by_numbers, by_last_values]


def right(pairs: list[tuple[Seen, Seen]], attacks: list[Attack]) -> int:
    """How many desks the best whole assignment of old to new pids gets right."""
    # Shuffled, so that ties fall as they may and not in the order of the desks.
    order = np.random.default_rng(1).permutation(len(pairs))
    old, new = [before for before, _ in pairs], [pairs[n][1] for n in order]
    dice = np.random.default_rng(2)
    total = np.zeros((len(pairs), len(pairs)))
    for attack in attacks:
        cost = attack(old, new)
        total += (cost + 1e-9 * dice.random(cost.shape)).argsort(axis=1).argsort(axis=1)
    rows, columns = linear_sum_assignment(total)
    return int((order[columns] == rows).sum())


@pytest.fixture(scope="module")
def changes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[list[tuple[Seen, Seen]]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # a thousand files; no power fails here
        yield [watched(tmp_path_factory.mktemp("desks"), seed, naive=False) for seed in range(3)]


@pytest.mark.parametrize("attack", [*ATTACKS, None], ids=lambda a: a.__name__ if a else "all")
def test_no_attack_does_better_than_chance(
    changes: list[list[tuple[Seen, Seen]]], attack: Attack | None
) -> None:
    """By chance one desk of a change is right: more than eleven of three, once in ten thousand."""
    found = [right(pairs, [attack] if attack else ATTACKS) for pairs in changes]
    assert sum(found) <= 11, found


@pytest.mark.parametrize("attacks", [[by_lag], [by_last_values], [by_lag, by_last_values, by_gap]])
def test_the_same_attacks_find_desks_that_only_change_their_pid(
    attacks: list[Attack], tmp_path: Path
) -> None:
    """By chance six or fewer of one change are right, but for once in ten thousand."""
    assert right(watched(tmp_path, 0, naive=True), attacks) > 6
