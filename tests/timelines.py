"""Calls by chance, and their sums counted in one pass: no seconds, no windows, no ledger."""

from __future__ import annotations

import itertools

import msgspec
from hypothesis import strategies as st

from settled import frames, settled, spans
from turnlight.metrics import LONG_SILENCE_MS, Sums
from turnlight.turns import TICK_MS, Event, Floor


class Timeline(msgspec.Struct, frozen=True):
    """Settled frames of one call, all of the same length, and the strain of some of them."""

    agent: list[bool]
    customer: list[bool]
    hold: list[bool]
    strain: dict[int, int]


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    runs = st.lists(st.integers(1, 400), min_size=2, max_size=20)
    sides = [settled(frames(draw(runs))) for _ in range(2)]
    holds = frames(draw(st.lists(st.integers(1, 1500), max_size=5)))
    length = max(len(side) for side in [*sides, holds])
    agent, customer, hold = (side + [False] * (length - len(side)) for side in [*sides, holds])
    agent, customer = (
        [on and not held for on, held in zip(side, hold, strict=True)] for side in (agent, customer)
    )
    values = st.dictionaries(
        st.integers(0, length // 50).map(lambda n: 50 * n), st.integers(0, 100)
    )
    return Timeline(agent, customer, hold, draw(values))


def one_pass(timeline: Timeline, since: int = 0, until: int | None = None) -> Sums:
    """The sums of the frames from one to before another, as known when that one was heard.

    Args:
        since: what was decided before this frame is left out.
        until: a later frame than the last known; without it, the call has ended.
    """
    either = [a or b for a, b in zip(timeline.agent, timeline.customer, strict=True)]
    if True not in either[:until]:
        return Sums()
    first = either.index(True)
    hold = [held and i > first for i, held in enumerate(timeline.hold)]
    busy = spans([on or held for on, held in zip(either, hold, strict=True)])
    part = slice(since, until)
    spoken, both = sum(either[part]), sum(timeline.agent[part]) + sum(timeline.customer[part])
    sums = Sums(
        agent_ms=TICK_MS * sum(timeline.agent[part]),
        customer_ms=TICK_MS * sum(timeline.customer[part]),
        both_ms=TICK_MS * (both - spoken),
        hold_ms=TICK_MS * sum(hold[part]),
    )
    inside = range(since, len(hold) if until is None else until)
    for (_, start), (end, _) in itertools.pairwise(busy):
        length_ms = (end - start) * TICK_MS
        if end <= inside.stop:
            sums.silence_ms += TICK_MS * len(range(max(start, since), end))
        if end in inside:
            sums.silence(length_ms)
            if length_ms > LONG_SILENCE_MS:
                sums.count(Event("long_silence", None, start * TICK_MS, end * TICK_MS))
    for event in events(timeline, first, hold, ended=until is None):
        if since * TICK_MS <= event.decided_ms and (
            until is None or event.decided_ms < until * TICK_MS
        ):
            sums.count(event)
    for i, value in timeline.strain.items():
        if i in inside and i >= first and not hold[i]:
            sums.strain(value)
    return sums


def events(timeline: Timeline, first: int, hold: list[bool], ended: bool) -> list[Event]:
    floor = Floor()
    for i, held in enumerate(hold):
        if held and not hold[i - 1]:
            floor.close(i * TICK_MS)
        elif not held and i >= first:
            floor.tick(i * TICK_MS, timeline.agent[i], timeline.customer[i])
    if ended:
        floor.close(len(hold) * TICK_MS)
    return floor.take()[0]
