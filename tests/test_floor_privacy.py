from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from other_users import needs_other_users
from turnlight_floor.privacy import SITE, fewest_desks, guard, load, withheld
from turnlight_floor.settings import SettingsError

K = 5


def lives(of: list[tuple[int, int]]) -> np.ndarray:
    return np.array(of, np.int64).reshape(-1, 2)


def teams(**sizes: int) -> dict[str, set[str]]:
    return {name: {f"{name}{n}" for n in range(size)} for name, size in sizes.items()}


def reasons(cells: dict[str, set[str]], k: int = K) -> dict[str, str]:
    return dict(withheld({team: lives([(0, 1)] * len(pids)) for team, pids in cells.items()}, k))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"a": 5}, {"a": "", SITE: ""}),
        ({"a": 4}, {"a": "too few desks", SITE: "too few desks"}),
        ({"a": 0}, {"a": "no data", SITE: "no data"}),
        ({"a": 6, "b": 0}, {"a": "", "b": "no data", SITE: ""}),
        # Site less a would be b.
        ({"a": 6, "b": 3}, {"a": "", "b": "too few desks", SITE: "protects another cell"}),
        # b and c together are the smallest that may be found.
        (
            {"a": 9, "b": 3, "c": 6},
            {"a": "", "b": "too few desks", "c": "protects another cell", SITE: ""},
        ),
        # Two small teams together are many enough.
        ({"a": 9, "b": 3, "c": 2}, {"a": "", "b": "too few desks", "c": "too few desks", SITE: ""}),
        ({"a": 3, "b": 3}, {"a": "too few desks", "b": "too few desks", SITE: ""}),
    ],
)
def test_cells_withheld(sizes: dict[str, int], expected: dict[str, str]) -> None:
    assert reasons(teams(**sizes)) == expected


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(5, 8))
def test_no_sum_or_difference_of_shown_cells_is_a_group_below_k(sizes: list[int], k: int) -> None:
    cells = teams(**{f"t{n}-": size for n, size in enumerate(sizes)})
    names = list(cells)
    shown = [name for name, why in reasons(cells, k).items() if not why]
    known = np.array(
        [[1.0 if name in (team, SITE) else 0.0 for team in names] for name in shown]
    ).reshape(-1, len(names))
    rank = np.linalg.matrix_rank(known) if len(known) else 0
    for size in range(1, len(names) + 1):
        for group in combinations(range(len(names)), size):
            desks = sum(sizes[n] for n in group)
            if not 0 < desks < k:
                continue
            # Empty teams say "no data": who knows that they add nothing may add them or not.
            target = np.zeros(len(names))
            target[list(group)] = 1.0
            free = np.array([np.eye(len(names))[n] for n in range(len(names)) if sizes[n] == 0])
            base = np.vstack([known, free.reshape(-1, len(names))])
            found = np.linalg.matrix_rank(np.vstack([base, target]))
            assert found > np.linalg.matrix_rank(base) or (rank == 0 and desks == 0)


def test_something_is_shown_where_it_can_be() -> None:
    for sizes in ({"a": 5, "b": 1}, {"a": 7, "b": 7, "c": 4}, {"a": 3, "b": 2}):
        assert "" in reasons(teams(**sizes)).values()


@pytest.mark.parametrize(
    ("lived", "desks"),
    [
        ([], 0),
        ([(0, 10)], 1),
        ([(0, 10), (20, 30), (40, 50)], 1),
        ([(0, 10), (10, 30)], 2),
        ([(0, 100), (0, 40), (50, 100)], 2),
        ([(0, 9), (1, 8), (2, 7), (3, 6), (4, 5)], 5),
    ],
)
def test_pids_that_never_lived_together_may_be_one_desk(
    lived: list[tuple[int, int]], desks: int
) -> None:
    assert fewest_desks(lives(lived)) == desks


@given(st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=4), min_size=1, max_size=8))
def test_rotation_never_makes_more_desks_than_there_are(shifts: list[list[int]]) -> None:
    lived = []
    for desk in shifts:
        at = 0
        for length in desk:
            lived.append((at, at + length - 1))
            at += length
    assert fewest_desks(lives(lived)) <= len(shifts)


def test_k_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "privacy.toml"
    file.write_text("k = 8\n")
    assert load(str(file)).k == 8
    assert load("").k == 5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("k = 4\n", "k must be a whole number of at least 5 desks, never lower"),
        ("k = 'many'\n", "at least 5 desks"),
        ("kk = 9\n", "unknown field `kk`"),
        ("k = \n", "not valid TOML"),
    ],
)
def test_a_lower_or_wrong_k_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "privacy.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=says):
        load(str(file))


@contextmanager
def an_ordinary_user() -> Iterator[None]:
    """Without root's rights, where the tests have them."""
    before = os.geteuid()
    os.seteuid(before or 65_534)
    try:
        yield
    finally:
        os.seteuid(before)


@needs_other_users
def test_a_file_of_another_user_in_a_folder_of_another_user_is_good() -> None:
    with an_ordinary_user():
        guard("/etc/passwd")
    guard("")


@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "says"),
    [
        (0o666, 0o755, "can be written by this user"),
        (0o644, 0o777, "lies in a folder that this user can write"),
    ],
)
@needs_other_users
def test_a_file_that_the_floor_could_change_is_refused(
    file_mode: int, folder_mode: int, says: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "privacy.toml"
        file.write_text("k = 5\n")
        file.chmod(file_mode)
        Path(name).chmod(folder_mode)
        with pytest.raises(SettingsError, match="is this user's own, so the floor could lower"):
            guard(str(file))
        if os.geteuid() == 0:
            with an_ordinary_user(), pytest.raises(SettingsError, match=says):
                guard(str(file))


def test_a_missing_file_is_no_reason_to_take_the_default(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(str(tmp_path / "privacy.toml"))
