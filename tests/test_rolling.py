from __future__ import annotations

import functools
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from turnlight.metrics import Sums, add
from turnlight.rolling import Rolling

LENGTH_MS = 10_000

seconds = st.lists(
    st.tuples(st.integers(1, 8), st.integers(0, 1000), st.integers(0, 9_000)), max_size=60
)
"""Seconds since the one before, agent's speech, longest turn."""


def merged(pushed: list[tuple[int, Sums]], now_ms: int) -> Sums:
    inside = [sums for start_ms, sums in pushed if start_ms >= now_ms - LENGTH_MS]
    return functools.reduce(add, inside, Sums())


@given(seconds, st.integers(0, 30))
def test_rolling_sums_are_those_of_the_seconds_within_the_length(
    steps: list[tuple[int, int, int]], wait_s: int
) -> None:
    rolling, pushed, now_ms = Rolling(LENGTH_MS), [], 0
    for step_s, agent_ms, longest_ms in steps:
        now_ms += step_s * 1000
        sums = Sums(agent_ms=agent_ms, longest_turn_ms=[longest_ms, 0])
        rolling.push(now_ms, sums)
        pushed.append((now_ms, sums))
        assert rolling.sums(now_ms) == merged(pushed, now_ms)
    now_ms += wait_s * 1000
    assert rolling.sums(now_ms) == merged(pushed, now_ms)


def test_what_is_never_asked_for_is_forgotten_all_the_same() -> None:
    rolling = Rolling(LENGTH_MS)
    tracemalloc.start()
    try:
        for second in range(100):
            rolling.push(second * 1000, Sums())
        before, _ = tracemalloc.get_traced_memory()
        for second in range(100, 1000):
            rolling.push(second * 1000, Sums())
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 30_000
