from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import pytest

from documents import call, document, segment, story
from frames import rows
from turnlight import analysis
from turnlight.config import CallSettings, Config
from turnlight.document import Analysis, encode, overlaps
from turnlight.recording import open_recording

CALL = Path(analysis.__file__).parent / "calls" / "short.opus"


@pytest.fixture(scope="module")
def progress() -> list[float]:
    return []


@pytest.fixture(scope="module")
def heard(progress: list[float]) -> Analysis:
    return analysis.analyze(open_recording(CALL), Config(), progress.append)


def test_the_document_is_the_analysis_as_json() -> None:
    made = document(story(60), notes=("a note",))
    encoded = encode(made)
    assert b"\n" not in encoded
    assert msgspec.json.decode(encoded, type=Analysis) == made


def test_progress_runs_from_nothing_to_all(heard: Analysis, progress: list[float]) -> None:
    assert heard.source.duration_s > 0
    assert progress == sorted(progress)
    assert progress[0] < 0.05
    assert progress[-1] == pytest.approx(1, abs=0.01)


def test_a_call_is_in_order_and_inside_the_file(heard: Analysis) -> None:
    assert heard.calls
    for told in heard.calls:
        assert 0 <= told.start_s < told.end_s <= heard.source.duration_s
        starts = [s.start_s for s in told.segments]
        assert starts == sorted(starts)
        for span in [*told.segments, *told.events, *told.holds]:
            assert told.start_s <= span.start_s <= span.end_s <= told.end_s
        for cue in told.cues:
            assert cue.at_s < cue.until_s
            assert cue.reason


def test_speech_of_one_party_never_overlaps_itself(heard: Analysis) -> None:
    for told in heard.calls:
        for party in ("agent", "customer"):
            spoken = [s for s in told.segments if s.party == party]
            for one, next_one in itertools.pairwise(spoken):
                assert one.end_s < next_one.start_s


def test_segments_say_the_same_as_the_metrics(heard: Analysis) -> None:
    for told in heard.calls:
        spoken_ms = sum(round((s.end_s - s.start_s) * 1000) for s in told.segments)
        assert spoken_ms == told.metrics["talk_sum_ms"]
        both_ms = sum(round((end - start) * 1000) for start, end in overlaps(told))
        assert spoken_ms - both_ms == told.metrics["talk_time_ms"]


def test_on_a_slow_line_nothing_lies_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "rows", lambda _: [rows([(4, 6)], [(0, 3)])])
    config = Config(call=CallSettings(line_delay_ms=300))
    (told,) = analysis.analyze(open_recording(CALL), config, lambda _: None).calls
    assert [(s.party, s.start_s, s.end_s) for s in told.segments] == [
        ("customer", 0.0, 2.7),
        ("agent", 4.0, 6.0),
    ]
    assert (told.start_s, told.metrics["duration_ms"]) == (0.0, 6_300)


def test_overlaps_are_where_both_talk() -> None:
    told = call(
        0,
        20,
        segments=[
            segment("agent", 0, 5),
            segment("customer", 1, 2),
            segment("customer", 4, 9),
            segment("agent", 9, 12),
            segment("agent", 13, 15),
            segment("customer", 14, 16),
        ],
    )
    assert overlaps(told) == [(1, 2), (4, 5), (14, 15)]
