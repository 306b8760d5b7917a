"""Whether the channel that the settings call the agent's is the agent's. Pure.

The settings are believed nine times in ten, and what the channels sound like speaks for or against
them. docs/metrics.md gives the reasons and what was measured.
"""

from __future__ import annotations

import math

SWAPPED, DOUBTFUL = 0.1, 0.5
"""Below the first the channels are swapped; below the second nobody knows whose is whose."""

SETTINGS_LOG_ODDS = math.log(9)
TRUSTED_LOG_ODDS = 8.0
"""Of settings that say that they are right: more than all evidence together."""

BANDWIDTH_BLUNT_DB = 10.0
"""Two voices on equal channels differ by less."""
BANDWIDTH_DB, BANDWIDTH_MOST = 2.5, 6.0
"""One unit of log-odds for so many dB beyond that, and at most so many units."""
ROOM_DB, ROOM_MOST = 6.0, 1.0
"""The same for the background: rooms and lines are both noisy or quiet, so it says little."""

Pair = tuple[float | None, float | None]
"""Agent's and customer's, as the settings have it; None where it was not measured."""


def confidence(highs_db: Pair, room_dbfs: Pair, trusted: bool) -> float:
    """How likely the first channel is the agent's, 0..1.

    Args:
        highs_db: what lies above a telephone's band, against what lies in it, while this channel's
            own voice speaks. A microphone beside the desk has it, most lines have not.
        room_dbfs: background. The room is heard by the microphone, and in the earpiece only as
            sidetone.
        trusted: the settings say that they are right.
    """
    log_odds = TRUSTED_LOG_ODDS if trusted else SETTINGS_LOG_ODDS
    log_odds += _evidence(highs_db, BANDWIDTH_BLUNT_DB, BANDWIDTH_DB, BANDWIDTH_MOST)
    log_odds += _evidence(room_dbfs, 0.0, ROOM_DB, ROOM_MOST)
    return 1 / (1 + math.exp(-log_odds))


def _evidence(pair: Pair, blunt_db: float, per_db: float, most: float) -> float:
    agent, customer = pair
    if agent is None or customer is None:
        return 0.0
    apart = agent - customer
    beyond = math.copysign(max(0.0, abs(apart) - blunt_db), apart)
    return min(most, max(-most, beyond / per_db))
