"""A simulated floor for pictures: what `turnlight floor` would publish of four teams in five weeks.

Figures wander slowly round a mean that has its own daily shape; one team is too small to be shown.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime

from turnlight.messages import LATENCY_EDGES_MS, Aggregate, Figures, Health

SITE = "north-harbour"
TEAMS = {"billing": (14, 0.46), "returns": (3, 0.5), "service": (22, 0.41), "sales": (11, 0.57)}
"""Desks and mean talk share."""
OPENS_MIN, SLOT_S, WEEKS = 8 * 60, 300, 4


def zone_at_three() -> str:
    """A time zone in which it is about three in the afternoon, so that the day has a history."""
    ahead = (15 - datetime.now(UTC).hour + 11) % 24 - 11
    return f"Etc/GMT{-ahead:+d}"


def figures(desks: int, share: float, warmth: float, dice: random.Random) -> Figures:
    """Believable figures round a talk share; `warmth` is 0 to 1, how hard the hour is."""
    spoken = 82 - 6 * warmth
    latency = [dice.gauss(mean, 0.01) for mean in (0.05, 0.14, 0.3, 0.22, 0.14, 0.08, 0.04, 0.02)]
    latency = [max(0.0, value) for value in (*latency, 0.01)]
    strain = [0.48 - 0.2 * warmth, 0.26, 0.14 + 0.08 * warmth, 0.08 + 0.08 * warmth, 0.04 * warmth]
    both = 2 + 2 * share + dice.uniform(0, 1)
    return Figures(
        desks=desks,
        agent_talk_pct=round(spoken * share),
        customer_talk_pct=round(spoken * (1 - share)),
        talk_share=round(share, 2),
        overtalk_pct=round(2 * both) / 2,
        silence_pct=round(14 + 4 * dice.random()),
        hold_pct=round(4 + 5 * warmth),
        interruptions_per_customer_min=(
            round(0.2 + 1.6 * max(0.0, share - 0.35) + 0.5 * warmth + dice.uniform(0, 0.15), 1),
            round(0.2 + 0.5 * warmth + dice.uniform(0, 0.1), 1),
        ),
        interruptions_taken_per_customer_min=(0.1, 0.1),
        backchannels_per_customer_min=(round(2.6 - 2 * share + dice.uniform(0, 0.4), 1), 0.6),
        long_silences_per_hour=round(2 + 3 * dice.random(), 1),
        turnarounds_per_hour=round(0.3 + 0.9 * warmth * dice.random(), 1),
        interactivity_per_min=8.0,
        response_latency_ms=50 * round((620 + 260 * warmth + dice.uniform(-60, 60)) / 50),
        latency_bins=_shares(latency),
        overlap_bins=(0.42, 0.3, 0.18, 0.07, 0.02, 0.01),
        strain_bins=_shares(strain),
    )


def moment(at_s: float, slot: int, of_day: int, dice: random.Random) -> list[Aggregate]:
    """The cells of one moment: `slot` five minutes after opening, on a day of its own."""
    hour = slot * SLOT_S / 3600
    warmth = 0.35 + 0.3 * math.sin(hour * 0.9 + of_day) ** 2 + (0.25 if 3 < hour < 4.5 else 0.0)
    cells = []
    for team, (desks, mean) in [*TEAMS.items(), ("_site", (47, 0.46))]:
        share = mean + 0.03 * math.sin(hour * 1.1 + len(team) + of_day) + dice.gauss(0, 0.007)
        shown = desks >= 5
        made = figures(desks, share, min(1.0, warmth), dice) if shown else None
        today = figures(desks + 1, mean + 0.01, 0.5, dice) if shown else None
        why = "" if shown else "too few desks"
        cells.append(
            Aggregate(
                site=SITE,
                team=team,
                made_at_s=round(at_s, 1),
                newest_window_s=int(at_s) - 4,
                k=5,
                now=made,
                today=today,
                now_withheld=why,
                today_withheld=why,
            )
        )
    return cells


def story(now: datetime) -> Iterator[list[Aggregate]]:
    """Every five minutes of the weeks before and of today, up to now."""
    opened = now.replace(hour=0, minute=0, second=0).timestamp() + 60 * OPENS_MIN
    for back in range(WEEKS, -1, -1):
        dice = random.Random(back)
        start_s = opened - back * 7 * 86_400
        until_s = now.timestamp() if back == 0 else start_s + 10 * 3600
        at_s, slot = start_s + SLOT_S - 1, 0
        while at_s < until_s:
            yield moment(at_s, slot, back, dice)
            at_s, slot = at_s + SLOT_S, slot + 1
        if back == 0:
            yield moment(until_s, slot, back, dice)


def health(number: int) -> Health:
    """A device's health; two of them have something wrong."""
    dice = random.Random(number)
    return Health(
        version="0.1.0",
        uptime_s=dice.randrange(3600, 900_000),
        overruns=dice.choice((0, 0, 0, 1, 3)),
        outbox_depth=41 if number == 5 else dice.choice((0, 1)),
        outbox_dropped=0,
        temperature_c=round(dice.uniform(44, 58), 1),
        audio_present=number != 3,
    )


def _shares(parts: list[float]) -> tuple[float, ...]:
    assert len(parts) in (5, len(LATENCY_EDGES_MS) + 1)
    return tuple(round(part / sum(parts), 2) for part in parts)
