from __future__ import annotations

import pytest

from documents import call, event, segment, story
from turnlight.document import CueDocument, SpanDocument
from turnlight.timeline import BANDS_MAX, FILL, Band, bands


def only(made: list[Band]) -> Band:
    [band] = made
    return band


def test_a_column_is_half_a_second_and_full_while_one_talks_all_along() -> None:
    band = only(
        bands(call(0, 10, segments=[segment("agent", 0, 5), segment("customer", 5, 10)]), 20)
    )
    assert band.agent == "█" * 10 + " " * 10
    assert band.customer == " " * 10 + "█" * 10
    assert band.axis == "╵0:00     ╵0:05"


def test_a_short_word_fills_its_column_by_the_part_that_was_spoken() -> None:
    band = only(bands(call(0, 5, segments=[segment("customer", 1.0, 1.25)]), 20))
    assert band.customer == "  ▄       "


def test_however_short_speech_leaves_a_trace() -> None:
    assert FILL[1] in only(bands(call(0, 5, segments=[segment("agent", 2, 2.01)]), 20)).agent


def test_speech_over_a_column_edge_is_shared_out() -> None:
    band = only(bands(call(0, 5, segments=[segment("agent", 0.75, 1.25)]), 20))
    assert band.agent[:4] == " ▄▄ "


def test_overlap_is_crossed_and_flagged() -> None:
    band = only(bands(call(0, 5, segments=[segment("agent", 0, 3), segment("customer", 2, 5)]), 20))
    assert band.marks == "    ××    "
    assert band.both == [False] * 4 + [True] * 2 + [False] * 4


def test_an_arrow_points_at_the_one_who_interrupted() -> None:
    segments = [segment("agent", 0, 3), segment("customer", 2, 5)]
    for party, arrow in (("agent", "▲"), ("customer", "▼")):
        events = [event("interruption", party, 2, 3, floor_taken=True)]
        band = only(bands(call(0, 5, segments=segments, events=events), 20))
        assert band.marks == f"    {arrow}×    "


def test_backchannels_silences_and_holds_have_signs_of_their_own() -> None:
    made = bands(
        call(
            0,
            20,
            events=[
                event("backchannel", "agent", 1, 1.4),
                event("backchannel", "customer", 2, 2.4),
                event("long_silence", None, 4, 10),
            ],
            holds=[SpanDocument(start_s=12, end_s=18)],
        ),
        40,
    )
    assert only(made).marks == "  ' .   ~~~~~~~~~~~~    ============    "


def test_cues_stand_by_their_number_where_the_lamp_showed_them() -> None:
    cues = [
        CueDocument(at_s=3, until_s=6, cue="let_finish", reason=""),
        CueDocument(at_s=8, until_s=10, cue="slow_down", reason=""),
    ]
    assert only(bands(call(0, 10, cues=cues), 20)).lamp == "      1         2   "


def test_a_call_within_a_file_keeps_the_clock_of_the_file() -> None:
    band = only(bands(call(62, 70, segments=[segment("agent", 62, 63)]), 30))
    assert band.axis == "╵1:00     ╵1:05"
    assert band.agent.startswith("    ██ ")


def test_the_last_band_ends_with_the_call() -> None:
    first, last = bands(call(0, 12, segments=[segment("agent", 0, 12)]), 20)
    assert (first.agent, last.agent) == ("█" * 20, "█" * 4)
    assert (first.axis, last.axis) == ("╵0:00     ╵0:05", "╵0:10")


@pytest.mark.parametrize("length_s", [1, 9, 61, 400, 2400, 3600, 14_400])
@pytest.mark.parametrize("columns", [28, 60, 88, 120])
def test_any_call_fits_the_width_and_a_few_bands(length_s: int, columns: int) -> None:
    made = bands(story(length_s), columns)
    assert len(made) <= BANDS_MAX
    for band in made:
        widths = {len(band.agent), len(band.marks), len(band.customer), len(band.lamp)}
        assert widths == {len(band.both)}
        assert len(band.agent) <= columns
    assert "".join(band.agent for band in made).strip()


def test_speech_is_drawn_as_much_as_there_is() -> None:
    told = story(600)
    made = bands(told, 100)
    spoken_s = sum(s.end_s - s.start_s for s in told.segments if s.party == "customer")
    first, second = made[0].axis.split()[:2]
    assert (first, second) == ("╵0:00", "╵0:30")
    seconds_per_column = 30 / made[0].axis.index(second)
    drawn_s = sum(FILL.index(c) for band in made for c in band.customer) / 8 * seconds_per_column
    assert drawn_s == pytest.approx(spoken_s, rel=0.05)
