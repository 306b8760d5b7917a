"""Who is due when, and what is thought of a desk: no broker, no clock."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from turnlight.messages import Health, Status, encode
from turnlight.provision.fleet import SILENT_S, Fleet
from turnlight.provision.rollout import Done, Due, Event, Judged, Looked, Passed, Rollout, Stopped
from turnlight.provision.waves import Before, Rules, Size, Trial, due, order, sizes

OLD, NEW = "0.1.0", "0.2.0"
RULES = Rules(NEW, back_within_s=600, soak_s=300, enough=0.8)
BEFORE = Before(OLD, audio_present=True, overruns_per_hour=0.0)


def health(
    version: str = NEW, uptime_s: int = 60, overruns: int = 0, *, sound: bool = True
) -> Health:
    return Health(
        version=version,
        uptime_s=uptime_s,
        overruns=overruns,
        outbox_depth=0,
        outbox_dropped=0,
        temperature_c=None,
        audio_present=sound,
    )


class World:
    """Desks that say how they are each minute."""

    def __init__(self, teams: dict[str, str]) -> None:
        self.now_s = 1000.0
        self.fleet = Fleet(teams)
        self.says: dict[str, Health | None] = {}
        for name in teams:
            self.goes(name, OLD, uptime_s=36_000)

    def goes(self, name: str, version: str, *, uptime_s: int = 0, sound: bool = True) -> None:
        self._status(name, "online")
        self.says[name] = health(version, uptime_s, sound=sound)

    def leaves(self, name: str) -> None:
        self._status(name, "offline")
        self.says[name] = None

    def changes(self, name: str, version: str) -> None:
        self.leaves(name)
        self.goes(name, version)

    def minute(self) -> None:
        self.now_s += 60
        for name, said in self.says.items():
            if said is not None:
                grown = health(
                    said.version, said.uptime_s + 60, said.overruns, sound=said.audio_present
                )
                self.says[name] = grown
                self.fleet.take(f"t/{name}/health", encode(grown), self.now_s)

    def _status(self, name: str, state: str) -> None:
        status = Status(state=state, session="00000000")  # type: ignore[arg-type]
        self.fleet.take(f"t/{name}/status", encode(status), self.now_s)


def teams(**numbers: int) -> dict[str, str]:
    return {f"{team}-{n:03}": team for team, count in numbers.items() for n in range(count)}


def plays(
    world: World, rollout: Rollout, happens: Callable[[str], None], minutes: int = 200
) -> list[Event]:
    """All that it says; `happens` to each desk that is due."""
    world.minute()
    events = said = rollout.begin(world.now_s)
    while rollout.end is None and minutes:
        for event in said:
            if isinstance(event, Due):
                for name in event.desks:
                    happens(name)
        world.minute()
        minutes -= 1
        said = rollout.step(world.now_s)
        events = events + said
    return events


def a_rollout(world: World, waves: str = "1 25% 100%", **more: object) -> Rollout:
    known = {desk.name: desk.team for desk in world.fleet}
    before: dict[str, Before] = {}
    return Rollout(world.fleet, known, RULES, sizes(waves), **{"before": before, **more})  # type: ignore[arg-type]


# --- waves


def test_sizes_are_numbers_or_shares_and_end_with_all() -> None:
    assert sizes("1 5% 100%") == (Size(number=1), Size(share=0.05), Size(share=1.0))
    for wrong in ("", "1", "1 50%", "x 100%", "0 100%", "101%", "100% 50%"):
        with pytest.raises(ValueError, match=r"100%|neither"):
            sizes(wrong)


@pytest.mark.parametrize(("desks", "after"), [(1, [1, 1, 1]), (7, [1, 1, 7]), (200, [1, 10, 200])])
def test_each_wave_ends_with_so_many(desks: int, after: list[int]) -> None:
    assert [size.of(desks) for size in sizes("1 5% 100%")] == after


def test_every_wave_is_spread_over_the_teams() -> None:
    ordered = order(teams(billing=50, sales=25, tech=25))
    assert len(set(ordered)) == 100
    for first in (4, 20, 60):
        names = [name.split("-")[0] for name in ordered[:first]]
        assert abs(names.count("billing") - first / 2) <= 1
        assert abs(names.count("sales") - first / 4) <= 1


def test_those_that_have_it_count_for_the_first_waves() -> None:
    ordered = [f"d{n}" for n in range(10)]
    waves = sizes("1 50% 100%")
    assert due(ordered, set(), waves) == (1, ["d0"])
    assert due(ordered, {"d0"}, waves) == (2, ["d1", "d2", "d3", "d4"])
    assert due(ordered, {"d7", "d8"}, waves) == (2, ["d0", "d1", "d2"])
    assert due(ordered, set(ordered), waves) == (3, [])


# --- one desk


def verdict(
    *said: tuple[float, Health], before: Before | None = BEFORE, until_s: float = 0
) -> Trial:
    fleet = Fleet({"d": "t"})
    fleet.take("t/d/status", encode(Status(state="online", session="00000000")), 0)
    trial = Trial(RULES, before, 0)
    for at_s, one in said:
        fleet.take("t/d/health", encode(one), at_s)
        trial.look(fleet["d"], at_s)
    if until_s:
        trial.look(fleet["d"], until_s)
    return trial


def minutes(*said: Health) -> list[tuple[float, Health]]:
    return [(60.0 * (n + 1), one) for n, one in enumerate(said)]


def test_it_is_well_after_its_time_and_not_before() -> None:
    steps = minutes(*(health(uptime_s=60 * n) for n in range(1, 7)))
    assert verdict(*steps[:5]).verdict == "wait"
    assert verdict(*steps).verdict == "well"


def test_it_must_come_back_in_time() -> None:
    steps = minutes(*(health(OLD, 9000 + 60 * n) for n in range(15)))
    trial = verdict(*steps)
    assert (trial.verdict, trial.why) == ("ill", "still has 0.1.0, 15 min after it was due")


def test_what_was_said_before_it_was_due_does_not_count() -> None:
    fleet = Fleet({"d": "t"})
    fleet.take("t/d/status", encode(Status(state="online", session="00000000")), 0)
    fleet.take("t/d/health", encode(health()), 10)
    trial = Trial(RULES, BEFORE, 20)
    assert trial.look(fleet["d"], 900) == "wait"
    assert trial.look(fleet["d"], 920) == "ill"
    assert "says nothing of its health" in trial.why


def test_one_that_falls_silent_is_not_well() -> None:
    trial = verdict(*minutes(health()), until_s=60 + SILENT_S + 1)
    assert trial.verdict == "wait"
    assert verdict(*minutes(health()), until_s=901).why.startswith("is online and says nothing")


def test_sound_must_be_as_it_was() -> None:
    deaf = minutes(*(health(uptime_s=60 * n, sound=False) for n in range(1, 16)))
    assert "has no sound, which it had before" in verdict(*deaf).why
    assert verdict(*deaf, before=Before(OLD, False, 0.0)).verdict == "well"
    # where nothing is known of it, sound is asked for
    assert verdict(*deaf, before=None).why.startswith("has no sound, 15")


def test_sound_may_come_late() -> None:
    steps = minutes(
        *(health(uptime_s=60 * n, sound=n > 4) for n in range(1, 11)),
    )
    assert verdict(*steps[:9]).verdict == "wait"
    assert verdict(*steps).verdict == "well"


def test_more_is_lost_than_before() -> None:
    steps = minutes(*(health(uptime_s=60 * n, overruns=2 * n) for n in range(1, 16)))
    assert "lost sound 2 times, more often than before" in verdict(*steps).why
    assert verdict(*steps, before=Before(OLD, True, 120.0)).verdict == "well"
    # what was lost at its start is not held against it
    assert (
        verdict(*minutes(*(health(uptime_s=60 * n, overruns=9) for n in range(1, 7)))).verdict
        == "well"
    )


def test_one_that_goes_back_is_ill_at_once() -> None:
    trial = verdict(*minutes(health(uptime_s=60), health(OLD, 10)))
    assert (trial.verdict, trial.why) == ("ill", "went back from 0.2.0 to 0.1.0")


def test_one_restart_is_forgiven_and_a_second_is_not() -> None:
    once = [health(uptime_s=120), *(health(uptime_s=60 * n) for n in range(1, 7))]
    assert verdict(*minutes(*once[:6])).verdict == "wait"
    assert verdict(*minutes(*once)).verdict == "well"
    assert "restarted 2 times" in verdict(*minutes(*(health(uptime_s=n) for n in (9, 8, 7)))).why


# --- a roll-out


def test_a_good_version_reaches_every_desk_wave_by_wave() -> None:
    world = World(teams(billing=12, sales=8))
    events = plays(world, a_rollout(world), lambda name: world.changes(name, NEW))
    assert [len(event.desks) for event in events if isinstance(event, Due)] == [1, 4, 15]
    assert events[-1] == Done(20, (), ())
    # nobody is due before the wave before is judged
    kinds = [type(event) for event in events if not isinstance(event, Judged)]
    assert kinds == [Due, Passed] * 3 + [Done]


def test_a_bad_version_stops_after_the_first_desk() -> None:
    world = World(teams(billing=20))
    events = plays(world, a_rollout(world), lambda name: world.leaves(name))
    assert [event.desks for event in events if isinstance(event, Due)] == [("billing-000",)]
    assert isinstance(events[-1], Stopped)
    assert events[-1].why == "billing-000: is offline, 15 min after it was due"


def test_a_wave_stops_as_soon_as_too_many_are_ill() -> None:
    world = World(teams(billing=20))

    def happens(name: str) -> None:
        if name == "billing-000":
            world.changes(name, NEW)
        elif name in ("billing-001", "billing-002"):
            world.goes(name, NEW, sound=False)

    events = plays(world, a_rollout(world, "1 50% 100%"), happens)
    assert isinstance(events[-1], Stopped)
    assert events[-1].wave == 2
    assert events[-1].desks == 9


def test_one_that_never_returns_does_not_hold_a_large_wave_up() -> None:
    world = World(teams(billing=20))
    lost = "billing-010"
    happens = lambda name: world.leaves(name) if name == lost else world.changes(name, NEW)  # noqa: E731
    events = plays(world, a_rollout(world), happens)
    assert events[-1] == Done(19, (lost,), ())


def test_those_that_are_away_are_in_no_wave_and_named_at_the_end() -> None:
    world = World(teams(billing=4))
    world.leaves("billing-002")
    rollout = a_rollout(world)
    world.minute()
    assert rollout.plan(world.now_s) == [("billing-000",), ("billing-001", "billing-003")]
    events = plays(world, rollout, lambda name: world.changes(name, NEW))
    assert events[-1] == Done(3, (), ("billing-002",))


def test_one_that_comes_in_meanwhile_joins_a_later_wave() -> None:
    world = World(teams(billing=4))
    world.leaves("billing-002")

    def happens(name: str) -> None:
        world.changes(name, NEW)
        if name == "billing-000":
            world.goes("billing-002", OLD)

    assert plays(world, a_rollout(world), happens)[-1] == Done(4, (), ())


def test_a_second_run_looks_at_those_that_have_it_before_it_goes_on() -> None:
    world = World(teams(billing=8))
    before: dict[str, Before] = {}
    world.goes("billing-001", OLD, sound=False)
    first = a_rollout(world, "2 100%", before=before)

    def happens(name: str) -> None:
        world.changes(name, NEW)
        world.goes(name, NEW, sound=name != "billing-001")

    plays(world, first, happens, minutes=2)
    assert first.end is None
    assert before["billing-001"] == Before(OLD, False, 0.0)
    events = plays(world, a_rollout(world, "2 100%", before=before), happens)
    assert events[0] == Looked(("billing-000", "billing-001"))
    # one of the two never had sound, which the run before has kept
    assert [type(event) for event in events[1:5]] == [Judged, Judged, Passed, Due]
    assert events[-1] == Done(8, (), ())


def test_a_desk_may_be_left_out() -> None:
    world = World(teams(billing=3))
    events = plays(
        world, a_rollout(world, without=["billing-000"]), lambda name: world.changes(name, NEW)
    )
    assert events[-1] == Done(2, (), ())


def test_what_is_no_message_or_of_no_desk_is_nothing() -> None:
    fleet = Fleet({"d": "t"})
    assert fleet.take("t/d/health", b"{}", 0) is None
    assert fleet.take("t/stranger/health", encode(health()), 0) is None


def test_events_have_their_name_in_json() -> None:
    said = msgspec.json.decode(msgspec.json.encode(Due(1, 4, ("d",))))
    assert said == {"event": "due", "wave": 1, "waves": 4, "desks": ["d"]}


def test_one_that_went_bad_after_it_was_given_the_version_stops_a_second_run() -> None:
    world = World(teams(billing=4))
    world.goes("billing-003", NEW, sound=False)
    events = plays(world, a_rollout(world), lambda name: world.changes(name, NEW))
    assert events[0] == Looked(("billing-003",))
    assert isinstance(events[-1], Stopped)
    assert events[-1].wave == 0
