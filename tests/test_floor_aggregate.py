from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floor_feed import NOON_S, pid, window
from turnlight.messages import Aggregate, Quality, Sides, Window
from turnlight_floor.aggregate import LATE_S, SKEW_S, SPARE_WINDOWS, Picture, day_start
from turnlight_floor.desks import Kept, Runs, saw
from turnlight_floor.release import Release

UTC = ZoneInfo("UTC")
K = 5


def picture() -> Picture:
    return Picture("home", UTC)


def aggregates(seen: Picture, now_s: float) -> list[Aggregate]:
    return Release(seen, K).aggregates(now_s)


def cell(seen: Picture, now_s: float, team: str) -> Aggregate:
    return next(found for found in aggregates(seen, now_s) if found.team == team)


def floor_of(desks: int, **fields: object) -> Picture:
    seen = picture()
    for desk in range(desks):
        for seq in range(12):
            got = seen.apply(
                "service", window(desk, seq, NOON_S + 10 * seq, **fields), NOON_S + 130
            )
            assert got == "accepted"
    return seen


def test_five_desks_make_a_team_and_a_site() -> None:
    seen = floor_of(5)
    cells = aggregates(seen, NOON_S + 130)
    assert [found.team for found in cells] == ["_site", "service"]
    for found in cells:
        assert found.now is not None
        assert found.now == found.today
        assert found.now.desks == 5
        assert found.now.talk_share == 0.4
        assert found.now.silence_pct == 25.0
        assert found.newest_window_s == NOON_S + 120


def test_a_window_counts_once_however_often_it_comes() -> None:
    seen = floor_of(5)
    before = aggregates(seen, NOON_S + 130)
    assert seen.apply("service", window(2, 7, NOON_S + 70), NOON_S + 130) == "duplicate"
    assert aggregates(seen, NOON_S + 130) == before


WINDOWS = st.lists(
    st.builds(
        lambda desk, slot, agent, customer: (
            ("service", "sales", "billing")[desk % 3],
            window(
                desk,
                slot,
                NOON_S + 10 * slot,
                agent_ms=100 * agent,
                customer_ms=100 * customer,
                silence_ms=0,
                interruptions=Sides(agent % 3, 0),
            ),
        ),
        st.integers(0, 29),
        st.integers(0, 40),
        st.integers(0, 50),
        st.integers(0, 50),
    ),
    unique_by=lambda item: (item[1].pid, item[1].seq),
    max_size=120,
)


@settings(deadline=None, max_examples=60)
@given(WINDOWS, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_an_aggregate(windows, random) -> None:
    now_s = NOON_S + 420
    straight, shuffled = picture(), picture()
    for team, one in windows:
        straight.apply(team, one, now_s)
    again = windows + random.sample(windows, k=len(windows) // 3)
    random.shuffle(again)
    for team, one in again:
        shuffled.apply(team, one, now_s)
        shuffled.forget(now_s)
    assert aggregates(shuffled, now_s) == aggregates(straight, now_s)


@given(st.permutations([*range(12), 3, 7]))
def test_numbers_seen_in_any_order_become_runs(numbers: list[int]) -> None:
    runs: Runs = []
    repeated = [number for number in numbers if saw(runs, number)]
    assert sorted(repeated) == [3, 7]
    assert runs == [[0, 11]]


def test_now_is_the_last_five_minutes_and_today_is_all_of_it() -> None:
    seen = floor_of(5)
    later_s = NOON_S + 120 + 300
    for desk in range(5):
        one = window(desk, 99, later_s - 10, agent_ms=8000, customer_ms=2000, silence_ms=0)
        seen.apply("service", one, later_s)
    found = cell(seen, later_s, "service")
    assert found.now is not None
    assert found.today is not None
    assert found.now.talk_share == 0.8
    assert 0.4 < found.today.talk_share < 0.5


def test_now_is_right_after_a_pause_that_is_longer_than_the_slots_are_kept() -> None:
    seen = floor_of(5)
    release = Release(seen, K)
    release.aggregates(NOON_S + 130)
    for minute in range(1, 40):
        seen.forget(NOON_S + 130 + 60 * minute)
        release.aggregates(NOON_S + 130 + 60 * minute)
    later_s = NOON_S + 3000
    for desk in range(5):
        one = window(desk, 99, later_s - 10, agent_ms=8000, customer_ms=2000, silence_ms=0)
        seen.apply("service", one, later_s)
    found = next(one for one in release.aggregates(later_s) if one.team == "service")
    assert found.now is not None
    assert found.now.talk_share == 0.8


def test_a_late_window_counts_in_its_own_minute() -> None:
    now_s = NOON_S + LATE_S + 60
    seen = picture()
    for desk in range(5):
        assert seen.apply("service", window(desk, 0, NOON_S), now_s) == "accepted"
    figures, why = Release(seen, K).minute(NOON_S)["service"]
    assert figures is not None
    assert why == ""
    assert Release(seen, K).minute(NOON_S + 60)["service"] == (None, "no data")
    found = cell(seen, now_s, "service")
    assert found.now is None
    assert found.now_withheld == "no data"
    assert found.today is not None


def test_hours_of_windows_kept_back_still_make_the_days_sums() -> None:
    punctual, kept_back = picture(), picture()
    evening_s = NOON_S + 8 * 3600
    sent = [window(desk, seq, NOON_S + 10 * seq) for desk in range(6) for seq in range(30)]
    for one in sent:
        punctual.apply("service", one, one.start_s + 12)
        punctual.forget(one.start_s + 12)
        kept_back.apply("service", one, evening_s)
    punctual.forget(evening_s)
    assert aggregates(punctual, evening_s) == aggregates(kept_back, evening_s)


def test_a_clock_that_is_ahead_is_refused() -> None:
    ahead = window(1, 0, NOON_S + SKEW_S)
    assert picture().apply("service", ahead, NOON_S) == "future"
    assert picture().apply("service", ahead, NOON_S + 10) == "accepted"


def test_yesterdays_windows_are_too_late() -> None:
    assert picture().apply("service", window(1, 0, NOON_S - 86_400), NOON_S) == "late"


@pytest.mark.parametrize(
    "fields",
    [
        {"agent_ms": 9000, "customer_ms": 9000},
        {"agent_ms": 9000, "customer_ms": 0, "silence_ms": 9000},
        {"agent_ms": 1000, "customer_ms": 1000, "both_ms": 9000},
    ],
)
def test_more_speech_than_time_is_absurd(fields: dict[str, int]) -> None:
    assert picture().apply("service", window(1, 0, **fields), NOON_S) == "absurd"


@pytest.mark.parametrize("flag", [Quality.NO_AUDIO, Quality.CHANNELS_DOUBTFUL])
def test_a_window_with_unfit_sound_is_not_counted(flag: Quality) -> None:
    seen = floor_of(4)
    assert seen.apply("service", window(9, 0, NOON_S, quality=int(flag)), NOON_S + 60) == "unfit"
    assert cell(seen, NOON_S + 130, "service").now_withheld == "too few desks"


def test_a_desk_without_a_call_does_not_count_towards_k() -> None:
    seen = floor_of(4)
    idle = {"agent_ms": 0, "customer_ms": 0, "silence_ms": 0}
    assert seen.apply("service", window(9, 0, NOON_S, **idle), NOON_S + 60) == "accepted"
    assert cell(seen, NOON_S + 130, "service").now_withheld == "too few desks"


def test_a_change_of_shift_makes_no_desk_two() -> None:
    # Three desks, each with one pid until the change and another after it: six pids, three desks.
    seen = picture()
    for desk in range(3):
        for seq in range(12):
            seen.apply("service", window(desk, seq, NOON_S + 10 * seq), NOON_S + 250)
            seen.apply("service", window(desk + 100, seq, NOON_S + 120 + 10 * seq), NOON_S + 250)
    found = cell(seen, NOON_S + 250, "service")
    assert found.now_withheld == found.today_withheld == "too few desks"


def test_a_clock_that_is_a_little_ahead_at_midnight_loses_nothing() -> None:
    midnight_s = NOON_S + 43_200
    seen = picture()
    for desk in range(5):
        assert seen.apply("service", window(desk, 0, midnight_s), midnight_s - 20) == "accepted"
    seen.forget(midnight_s + 20)
    found = cell(seen, midnight_s + 20, "service").today
    assert found is not None
    assert found.desks == 5


def test_nothing_of_yesterday_remains_after_midnight() -> None:
    seen = floor_of(6)
    seen.forget(NOON_S + 86_400)
    assert seen.kept() == Kept(day_s=NOON_S + 43_200)
    assert seen.desks.slots == {}
    assert aggregates(seen, NOON_S + 86_400) == []


def test_a_day_leaves_fifteen_minutes_of_slots_and_one_row_a_desk() -> None:
    seen = picture()
    for seq in range(400):
        at_s = NOON_S + 10 * seq
        seen.apply("service", window(1, seq, at_s), at_s + 12)
        seen.forget(at_s + 12)
    assert len(seen.desks.slots) <= (300 + LATE_S + 60) // 10 + 2
    assert seen.kept().pids == [pid(1)]
    assert seen.kept().runs == [[[0, 399]]]


def test_a_restored_picture_goes_on_where_it_ended() -> None:
    seen = floor_of(5)
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(seen.kept()), type=Kept)
    again = Picture("home", UTC, kept, seen.changed_slots())
    assert aggregates(again, NOON_S + 130) == aggregates(seen, NOON_S + 130)
    assert again.apply("service", window(0, 0), NOON_S + 130) == "duplicate"


def test_a_day_begins_at_the_sites_midnight() -> None:
    stockholm = ZoneInfo("Europe/Stockholm")
    for when in ("2026-03-29T01:59", "2026-03-29T12:00", "2026-10-25T23:59", "2026-07-01T00:00"):
        at = datetime.fromisoformat(when).replace(tzinfo=stockholm)
        start = datetime.fromtimestamp(day_start(int(at.timestamp()), stockholm), stockholm)
        assert (start.date(), start.hour, start.minute) == (at.date(), 0, 0)


def test_no_field_of_an_aggregate_could_carry_a_pid() -> None:
    seen = floor_of(5)
    sent = b"".join(msgspec.json.encode(found) for found in aggregates(seen, NOON_S + 130))
    assert all(pid(desk).encode() not in sent for desk in range(5))
    assert {"pid", "seq"} <= set(Window.__struct_fields__)
    assert not {"pid", "seq"} & set(Aggregate.__struct_fields__)


def test_a_flood_of_one_pid_is_counted_and_weighs_no_more_than_ten_seconds() -> None:
    seen = floor_of(5)
    outcomes = [
        seen.apply("service", window(4, 1000 + n, NOON_S), NOON_S + 130) for n in range(500)
    ]
    assert outcomes.count("flood") >= 500 - SPARE_WINDOWS
    of_the_slot = seen.between(NOON_S, NOON_S + 10)[4]
    assert of_the_slot[:5].max() == 100


def test_a_backlog_of_hours_is_no_flood() -> None:
    seen = picture()
    for seq in range(2000):
        assert (
            seen.apply("service", window(1, seq, NOON_S + 10 * seq), NOON_S + 20_000) == "accepted"
        )


def test_a_pid_belongs_to_one_team() -> None:
    seen = floor_of(5)
    assert seen.apply("sales", window(2, 99, NOON_S), NOON_S + 130) == "wrong team"
    assert [found.team for found in aggregates(seen, NOON_S + 130)] == ["_site", "service"]


def test_invented_pids_end_at_a_number_that_fits_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("turnlight_floor.aggregate.MOST_DESKS", 20)
    seen = picture()
    outcomes = [seen.apply("service", window(desk), NOON_S + 12) for desk in range(30)]
    assert outcomes == ["accepted"] * 20 + ["too many desks"] * 10
    assert seen.apply("service", window(3, 1, NOON_S), NOON_S + 12) == "accepted"
