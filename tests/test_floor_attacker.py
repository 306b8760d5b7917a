"""One who keeps every publication and can subtract exactly, without rounding, against the feed."""

from __future__ import annotations

import random
from itertools import combinations, product

import numpy as np
import pytest

from floor_feed import NOON_S, window
from turnlight.messages import Aggregate
from turnlight_floor.aggregate import Picture
from turnlight_floor.desks import COLUMNS, in_call
from turnlight_floor.figures import AGENT, CUSTOMER, MAX_SHARE, clipped_sum
from turnlight_floor.privacy import SITE, withheld, withheld_today
from turnlight_floor.release import Release

K = 5
Sums = dict[str, tuple[int, ...]]
"""What the attacker is given for free: of each desk in a cell, its exact sums."""


class Watched:
    """A floor, and everything that its feed ever showed, taken apart by desk."""

    def __init__(self) -> None:
        self.picture = Picture("home", None)
        self.release = Release(self.picture, K)
        self.seen: dict[str, list[Sums]] = {}
        self.cells: list[Aggregate] = []
        self._seq: dict[int, int] = {}

    def sends(self, team: str, desk: int, at_s: int) -> None:
        seq = self._seq[desk] = self._seq.get(desk, -1) + 1
        done = self.picture.apply(team, window(desk, seq, at_s // 10 * 10 - 10), at_s)
        assert done == "accepted"

    def publishes(self, at_s: int) -> None:
        self.cells = self.release.aggregates(at_s)
        desks = self.picture.desks
        n = len(desks)
        today = desks.shown_today[:n]
        for cell in self.cells:
            if cell.today is None:
                continue
            rows = in_call(today)
            if cell.team != SITE:
                rows &= desks.team[:n] == self.picture.teams.index(cell.team)
            self.seen.setdefault(cell.team, []).append(
                {desks.pids[row]: tuple(today[row].tolist()) for row in np.flatnonzero(rows)}
            )

    def cell(self, team: str) -> Aggregate:
        return next(cell for cell in self.cells if cell.team == team)


def differs(before: Sums, after: Sums) -> set[str]:
    return {pid for pid in before.keys() | after.keys() if before.get(pid) != after.get(pid)}


@pytest.mark.parametrize("seed", range(12))
def test_no_two_publications_of_a_cell_differ_by_fewer_than_k_desks(seed: int) -> None:
    """Teams of many sizes, calls that come and go, desks that join late and leave early."""
    dice = random.Random(seed)
    sizes = {f"team-{n}": dice.choice([1, 2, 4, 5, 6, 9, 14]) for n in range(4)}
    desks = [(team, 100 * n + desk) for n, team in enumerate(sizes) for desk in range(sizes[team])]
    hours = {desk: sorted(dice.sample(range(0, 181), 2)) for _, desk in desks}
    keenness = {desk: dice.choice([0.05, 0.3, 0.9]) for _, desk in desks}
    watched = Watched()
    for slot in range(180):
        at_s = NOON_S + 10 * slot
        for team, desk in desks:
            begins, ends = hours[desk]
            if begins <= slot < ends and dice.random() < keenness[desk]:
                watched.sends(team, desk, at_s)
            if dice.random() < 0.1:
                watched.publishes(at_s)
        watched.publishes(at_s)
    for team, shown in watched.seen.items():
        shown = [one for n, one in enumerate(shown) if n == 0 or one != shown[n - 1]]
        for before, after in combinations(shown[:: max(1, len(shown) // 60)], 2):
            assert not 0 < len(differs(before, after)) < K, team


def test_one_who_joins_five_is_not_shown_alone() -> None:
    watched = Watched()
    for slot in range(30):
        for desk in range(5):
            watched.sends("service", desk, NOON_S + 10 * slot)
        watched.publishes(NOON_S + 10 * slot)
    before = watched.cell("service")
    for slot in range(30, 36):
        watched.sends("service", 99, NOON_S + 10 * slot)
        watched.publishes(NOON_S + 10 * slot)
        now = watched.cell("service")
        assert (now.today, now.now, now.newest_window_s) == (
            before.today,
            before.now,
            before.newest_window_s,
        )
    for desk in range(5):
        watched.sends("service", desk, NOON_S + 360)
    watched.publishes(NOON_S + 360)
    joined = watched.cell("service").today
    assert joined is not None
    assert joined.desks == 6


def test_the_last_one_who_goes_on_working_is_not_followed() -> None:
    watched = Watched()
    for slot in range(30):
        for desk in range(6):
            watched.sends("service", desk, NOON_S + 10 * slot)
        watched.publishes(NOON_S + 10 * slot)
    kept = watched.cell("service")
    for slot in range(30, 90):
        watched.sends("service", 3, NOON_S + 10 * slot)
        watched.publishes(NOON_S + 10 * slot)
        alone = watched.cell("service")
        assert alone.today == kept.today
        assert alone.now in (kept.now, None)
    assert alone.now is None


def test_a_team_of_one_is_nowhere_until_others_move_with_it() -> None:
    watched = Watched()
    for slot in range(20):
        watched.sends("alone", 1, NOON_S + 10 * slot)
        for desk in range(10, 16):
            watched.sends("service", desk, NOON_S + 10 * slot)
        watched.publishes(NOON_S + 10 * slot)
        alone = watched.cell("alone")
        assert (alone.now, alone.today, alone.today_withheld) == (None, None, "too few desks")
    assert all(f"{1:016x}" not in shown for cells in watched.seen.values() for shown in cells)


def test_a_backlog_of_one_desk_does_not_show_it() -> None:
    watched = Watched()
    for slot in range(30):
        for desk in range(6):
            if desk != 5:
                watched.sends("service", desk, NOON_S + 10 * slot)
        watched.publishes(NOON_S + 10 * slot)
    before = watched.cell("service").today
    for seq in range(60):
        watched.picture.apply("service", window(5, seq, NOON_S - 900 + 10 * seq), NOON_S + 300)
    watched.publishes(NOON_S + 300)
    assert watched.cell("service").today == before


def lives(count: int) -> np.ndarray:
    return np.array([(0, 1)] * count, np.int64).reshape(-1, 2)


def derivable(known: np.ndarray, group: np.ndarray) -> bool:
    rank = np.linalg.matrix_rank
    return bool(len(known) and rank(np.vstack([known, group])) == rank(known))


@pytest.mark.parametrize("sizes", list(product([0, 1, 3, 6], repeat=4)))
def test_now_and_today_together_give_no_group_below_k(sizes: tuple[int, ...]) -> None:
    """Two teams; in each some desks in the last five minutes, others only earlier today."""
    now_sizes, rest_sizes = sizes[:2], sizes[2:]
    names = ["a", "b"]
    now = {name: lives(n) for name, n in zip(names, now_sizes, strict=True)}
    rest = {name: lives(n) for name, n in zip(names, rest_sizes, strict=True)}
    today = {name: np.concatenate([now[name], rest[name]]) for name in names}
    now_why, today_why = withheld(now, K), withheld_today(today, rest, K)
    known = []
    for at, name in enumerate([*names, SITE]):
        of = np.array([1.0, 1.0]) if name == SITE else np.eye(2)[at]
        if not now_why[name]:
            known.append(np.concatenate([of, 0 * of]))
        if not today_why[name]:
            known.append(np.concatenate([of, of]))
    for size in range(4):
        if sizes[size] == 0:  # who knows that nobody is there may add them
            known.append(np.eye(4)[size])
    for chosen in product([0.0, 1.0], repeat=4):
        count = sum(n for n, in_it in zip(sizes, chosen, strict=True) if in_it)
        if 0 < count < K:
            assert not derivable(np.array(known).reshape(-1, 4), np.array(chosen)), (known, chosen)


def test_no_desk_moves_a_cell_by_more_than_its_share() -> None:
    """A desk that only talks against the same desk that only listens, however long it was."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        others = np.zeros((int(rng.integers(4, 12)), COLUMNS))
        others[:, AGENT] = rng.integers(1, 5_000, len(others)) * 100
        others[:, CUSTOMER] = rng.integers(1, 5_000, len(others)) * 100
        shares = []
        for side in (AGENT, CUSTOMER):
            loud = np.zeros((1, COLUMNS))
            loud[0, side] = 40_000_000
            total = clipped_sum(np.vstack([others, loud]))
            shares.append(total[AGENT] / (total[AGENT] + total[CUSTOMER]))
        assert shares[0] - shares[1] == pytest.approx(MAX_SHARE)
