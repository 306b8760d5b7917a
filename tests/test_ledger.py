from __future__ import annotations

import functools
import random
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from timelines import Timeline, one_pass, timelines
from turnlight.call import Conversation
from turnlight.config import CallSettings, Config
from turnlight.metrics import Sums, add, measures
from turnlight.strain import Strain
from turnlight.turns import TICK_MS

CONFIG = Config(call=CallSettings(end_after_silence_s=86_400))
"""One call, however long a silence."""
ROLLING_MS = (3_000, 8_000)


def hear(conversation: Conversation, timeline: Timeline, at: Iterable[int]) -> None:
    for i in at:
        agent, customer, hold = timeline.agent[i], timeline.customer[i], timeline.hold[i]
        conversation.tick(i * TICK_MS, agent, customer, hold)
        if conversation.counting and i in timeline.strain:
            conversation.strain(Strain(timeline.strain[i], 1.0))


def merged(parts: Iterable[Sums]) -> Sums:
    return functools.reduce(add, parts, Sums())


@settings(max_examples=60, deadline=None)
@given(timelines(), st.integers(0, 9_999), st.randoms(use_true_random=False))
def test_windows_of_any_split_added_in_any_order_are_one_pass(
    timeline: Timeline, epoch_ms: int, chance: random.Random
) -> None:
    conversation = Conversation(CONFIG, keep=False, epoch_ms=epoch_ms)
    hear(conversation, timeline, range(len(timeline.agent)))
    conversation.finish(len(timeline.agent) * TICK_MS)
    parts = [window.sums for window in conversation.take_windows()]
    chance.shuffle(parts)
    cuts = sorted(chance.randint(0, len(parts)) for _ in range(3))
    groups = [parts[a:b] for a, b in zip([0, *cuts], [*cuts, len(parts)], strict=True)]
    whole = merged(merged(group) for group in groups)
    assert whole == one_pass(timeline)
    for call in conversation.take_ended():
        assert {**measures(whole), "call_arc": call.call_arc} == call.metrics


@settings(max_examples=60, deadline=None)
@given(timelines(), st.integers(0, 99).map(lambda n: 10 * n), st.lists(st.floats(0, 1), max_size=4))
def test_rolling_sums_are_one_pass_over_exactly_those_seconds(
    timeline: Timeline, epoch_ms: int, moments: list[float]
) -> None:
    conversation = Conversation(CONFIG, keep=False, epoch_ms=epoch_ms, rolling_ms=ROLLING_MS)
    heard = 0
    for second in sorted({int(m * len(timeline.agent)) // 100 for m in moments}):
        now = second * 100 + (-epoch_ms % 1000) // TICK_MS
        if now >= len(timeline.agent):
            continue
        hear(conversation, timeline, range(heard, now + 1))
        heard = now + 1
        for length_ms in ROLLING_MS:
            since = max(0, now - length_ms // TICK_MS)
            assert conversation.ledger.so_far(length_ms) == one_pass(timeline, since, now)
        assert conversation.ledger.so_far() == one_pass(timeline, 0, now)
