"""The broker is away for eight hours, on a clock that the test holds."""

from __future__ import annotations

import random
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

from floor_feed import NOON_S
from turnlight.delivery import INFLIGHT, Delivery
from turnlight.messages import Aggregate, Sides, Window, encode, window_topic
from turnlight.outbox import Outbox
from turnlight.shift import Shift
from turnlight_floor.aggregate import Picture
from turnlight_floor.service import Floor

DESKS = 6
BEGIN_S = NOON_S - 3 * 3600
AWAY_S = (NOON_S - 2 * 3600, NOON_S + 6 * 3600)
END_S = AWAY_S[1] + 60
STEP_S = 30
"""A window each half minute: a third of a real desk's, so that the test is quick."""
TOPIC = window_topic("home", "service")


class Desk:
    """The device's own shift, outbox and delivery, without the network between."""

    def __init__(self, folder: Path, number: int) -> None:
        self.shift = Shift(folder / f"desk-{number}", (6, 22), UTC)
        self.outbox = Outbox(folder / f"desk-{number}" / "outbox.db", 7)
        self.delivery = Delivery(INFLIGHT)
        self.mid = 0

    def measures(self, at_s: int, dice: random.Random) -> Window:
        talk, listen = 100 * dice.randrange(0, 50), 100 * dice.randrange(0, 50)
        fields = {"start_s": at_s, "agent_ms": talk, "customer_ms": listen}
        window = self.shift.stamp({**fields, "interruptions": Sides(talk // 4000, 0)}, at_s)
        self.outbox.put(TOPIC, encode(window), at_s + 12)
        return window

    def sends(self, floor: Floor, at_s: float, dice: random.Random) -> None:
        """Until nothing waits; now and then an acknowledgement is lost with its connection."""
        while self.outbox.depth:
            due = self.outbox.pending(at_s, INFLIGHT)
            for row in self.delivery.choose(due, round(at_s * 1000)):
                self.mid += 1
                self.delivery.sent(self.mid, row.id, round(at_s * 1000))
                floor.take(row.topic, row.payload, at_s)
                if dice.random() < 0.02:
                    self.delivery = Delivery(INFLIGHT)
                    break
                row_id = self.delivery.acknowledged(self.mid)
                assert row_id == row.id
                self.outbox.delete(row.id)

    def close(self) -> None:
        self.outbox.close()
        self.shift.close()


def cells(floor: Floor, at_s: float) -> list[Aggregate]:
    floor.picture.forget(at_s)
    return floor.release.aggregates(at_s)


def test_after_eight_hours_without_a_broker_the_day_is_as_if_it_had_been_there(
    tmp_path: Path,
) -> None:
    dice = random.Random(4)
    zone = ZoneInfo("UTC")
    spared, struck = (
        Floor("home", Picture("home", zone), 5),
        Floor("home", Picture("home", zone), 5),
    )
    desks = [Desk(tmp_path, number) for number in range(DESKS)]
    made = 0
    for at_s in range(BEGIN_S, END_S, STEP_S):
        for desk in desks:
            window = desk.measures(at_s, dice)
            made += 1
            spared.take(TOPIC, encode(window), at_s + 12)
            if not AWAY_S[0] <= at_s < AWAY_S[1]:
                desk.sends(struck, at_s + 12, dice)
        if at_s % 300 == 0:
            spared.tick(at_s + 12)
            struck.tick(at_s + 12)
    assert struck.counters.accepted == spared.counters.accepted == made
    assert struck.counters.duplicate > 50
    assert not struck.counters.refused
    assert [desk.outbox.dropped for desk in desks] == [0] * DESKS
    assert cells(struck, END_S) == cells(spared, END_S)
    site, service = cells(struck, END_S)
    assert service.today is not None
    assert service.today.desks == DESKS
    assert site.today == service.today
    for desk in desks:
        desk.close()
