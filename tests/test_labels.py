"""What the device finds between the two in the demo calls, against labels made by hand."""

from __future__ import annotations

import pytest

import truth
from bench import turns
from bench.table import Row

DESKS = ("as recorded", "a hissing room")
LEAST_F1 = {"interruption": 0.9, "backchannel": 0.85, "early start": 0.85}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return turns.rows({name: turns.DESKS[name] for name in DESKS})


def test_every_label_is_of_something_that_somebody_says_there() -> None:
    said = {path.stem: truth.of(path)["segments"] for path in truth.CALLS}
    for one in turns.labels():
        begins = [part["start_s"] for part in said[one.call] if part["party"] == one.by]
        assert min(abs(one.at_s - start_s) for start_s in begins) < 0.02
    assert {path.stem for path in truth.CALLS} == {one.call for one in turns.labels()}


@pytest.mark.parametrize("kind", LEAST_F1)
def test_kinds_are_told_apart_on_every_desk(rows: list[Row], kind: str) -> None:
    found = [row for row in rows if row["kind"] == kind]
    assert [row["desk"] for row in found] == [*DESKS, "all"]
    assert min(float(row["F1"]) for row in found) >= LEAST_F1[kind]


def test_a_label_counts_once_and_only_near_it() -> None:
    label = turns.Label("calm", "backchannel", "customer", 10.0)
    near, far = (turns.Label("calm", "backchannel", "customer", at) for at in (10.2, 10.4))
    other = turns.Label("calm", "backchannel", "agent", 10.0)
    assert turns.matched([near, near], [label]) == 1
    assert turns.matched([far, other], [label]) == 0
