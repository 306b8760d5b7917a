from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floor_feed import window
from turnlight.messages import Figures, Sides
from turnlight_floor.figures import (
    MAX_SHARE,
    ceiling,
    clipped_sum,
    figures,
    in_call_ms,
    median_ms,
    vector,
)

FIVE = 5


def of(**fields: object) -> Figures:
    """Figures of five desks, each with six equal windows."""
    sums = [6 * value for value in vector(window(**fields))]
    return figures(FIVE, [sums] * FIVE)


def test_a_hand_made_group() -> None:
    found = of(
        agent_ms=4000,
        customer_ms=5000,
        both_ms=500,
        silence_ms=1500,
        interruptions=Sides(1, 0),
        interruptions_taken=Sides(1, 0),
        backchannels=Sides(0, 2),
        floor_changes=2,
        turnarounds=1,
        long_silences=1,
        latency_bins=(0, 0, 2, 0, 0, 0, 0, 0, 0),
        overlap_bins=(1, 1, 0, 0, 0, 0),
        strain_bins=(6, 3, 1, 0, 0),
    )
    assert found == Figures(
        desks=5,
        agent_talk_pct=40.0,
        customer_talk_pct=50.0,
        talk_share=0.44,
        overtalk_pct=5.0,
        silence_pct=15.0,
        hold_pct=0.0,
        interruptions_per_customer_min=(12.0, 0.0),
        interruptions_taken_per_customer_min=(12.0, 0.0),
        backchannels_per_customer_min=(0.0, 24.0),
        long_silences_per_hour=360.0,
        turnarounds_per_hour=360.0,
        interactivity_per_min=12.0,
        response_latency_ms=550,
        latency_bins=(0, 0, 1, 0, 0, 0, 0, 0, 0),
        overlap_bins=(0.5, 0.5, 0, 0, 0, 0),
        strain_bins=(0.6, 0.3, 0.1, 0, 0),
    )


def test_hold_is_measured_against_all_call_time() -> None:
    found = of(agent_ms=2000, customer_ms=2000, silence_ms=1000, hold_ms=5000)
    assert found.hold_pct == 50.0
    assert found.agent_talk_pct == 40.0


def test_without_half_a_minute_of_speech_there_is_no_share() -> None:
    little = vector(window(agent_ms=2000, customer_ms=3000, silence_ms=5000))
    assert figures(FIVE, [little] * 5).talk_share is None
    assert figures(FIVE, [little] * 6).talk_share == 0.4


def test_only_hold_divides_by_nothing() -> None:
    found = of(agent_ms=0, customer_ms=0, silence_ms=0, hold_ms=10_000)
    assert found.hold_pct == 100.0
    assert found.agent_talk_pct == 0.0
    assert found.response_latency_ms is None
    assert found.latency_bins == ()


@pytest.mark.parametrize(
    ("bins", "median"),
    [
        ((0, 0, 0, 0, 0, 0, 0, 0, 0), None),
        ((1, 0, 0, 0, 0, 0, 0, 0, 0), 100),
        ((2, 2, 0, 0, 0, 0, 0, 0, 0), 200),
        ((0, 0, 4, 0, 0, 0, 0, 0, 0), 550),
        ((0, 0, 0, 0, 0, 0, 0, 0, 3), 5000),
    ],
)
def test_median_lies_inside_its_bin(bins: tuple[int, ...], median: int | None) -> None:
    assert median_ms(np.array(bins, dtype=np.float64)) == median


TIMES = st.lists(st.integers(1, 86_400_000), min_size=5, max_size=60)


@given(TIMES)
def test_no_desk_carries_more_than_its_share(times: list[int]) -> None:
    cap = ceiling(np.array(times, dtype=np.float64), MAX_SHARE)
    weights = np.minimum(times, cap)
    assert weights.max() <= MAX_SHARE * weights.sum() * (1 + 1e-9)


@given(st.lists(st.integers(900, 1100), min_size=5, max_size=20))
def test_desks_that_are_alike_are_not_clipped(times: list[int]) -> None:
    assert ceiling(np.array(times, dtype=np.float64), MAX_SHARE) >= max(times)


def test_one_long_desk_moves_the_share_by_its_clipped_weight_only() -> None:
    short = vector(window(agent_ms=0, customer_ms=10_000, silence_ms=0))
    long = [360 * value for value in vector(window(agent_ms=10_000, customer_ms=0, silence_ms=0))]
    total = clipped_sum(np.array([short] * 4 + [long], dtype=np.float64))
    assert total[0] / (total[0] + total[1]) == pytest.approx(MAX_SHARE)


def test_every_desk_in_a_call_has_time() -> None:
    assert in_call_ms(vector(window(agent_ms=0, customer_ms=0, silence_ms=0))) == 0
    assert in_call_ms(vector(window(agent_ms=0, customer_ms=0, silence_ms=0, hold_ms=100))) == 100


def test_figures_are_rounded_so_that_a_single_event_does_not_show() -> None:
    exact = msgspec.to_builtins(of(agent_ms=3300, customer_ms=4400, silence_ms=2300))
    for name in ("agent_talk_pct", "customer_talk_pct", "silence_pct", "hold_pct"):
        assert exact[name] == round(exact[name])
    assert exact["overtalk_pct"] * 2 == round(exact["overtalk_pct"] * 2)
    assert exact["talk_share"] == round(exact["talk_share"], 2)
