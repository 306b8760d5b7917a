"""How far the settings can be believed about whose channel is whose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlight.identity import DOUBTFUL, SWAPPED, confidence

NOTHING = (None, None)
decibels = st.floats(-120, 0)
pairs = st.one_of(st.just(NOTHING), st.tuples(decibels, decibels))


def test_without_evidence_the_settings_are_believed_nine_times_in_ten() -> None:
    assert confidence(NOTHING, NOTHING, trusted=False) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("highs_db", "room_dbfs", "least", "most"),
    [
        # measured on real and on made desks, see docs/metrics.md
        ((-16.4, -64.5), (-65.0, -68.0), 0.99, 1.0),
        ((-21.1, -44.3), (-29.0, -41.0), 0.99, 1.0),
        ((-15.0, -9.7), (-50.0, -62.0), 0.9, 1.0),
        ((-44.3, -50.4), (-92.0, -65.0), 0.5, 0.9),
        ((-44.3, -21.1), (-40.0, -28.0), 0.0, SWAPPED),
        ((-64.5, -16.4), (-68.0, -65.0), 0.0, SWAPPED),
        ((-49.0, -33.0), (-48.8, -33.0), SWAPPED, DOUBTFUL),
    ],
    ids=[
        "a microphone and a line",
        "a real telephone call on a noisy desk",
        "two wide channels",
        "two lines",
        "that call, swapped",
        "swapped",
        "a dull microphone, swapped",
    ],
)
def test_what_the_channels_sound_like_speaks_for_or_against(
    highs_db: tuple[float, float], room_dbfs: tuple[float, float], least: float, most: float
) -> None:
    assert least < confidence(highs_db, room_dbfs, trusted=False) <= most


@given(pairs, pairs)
def test_who_says_that_the_settings_are_right_is_never_doubted(
    highs_db: tuple[float, float], room_dbfs: tuple[float, float]
) -> None:
    assert confidence(highs_db, room_dbfs, trusted=True) > DOUBTFUL


@given(pairs)
def test_the_background_alone_never_refuses(room_dbfs: tuple[float, float]) -> None:
    assert confidence(NOTHING, room_dbfs, trusted=False) > DOUBTFUL
