"""The eight demo calls through the core: what is heard against what their scripts say.

The voices are synthetic and the truth is exact; this proves the timing of turns, not stress.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

import truth
from turnlight.agent import Listener
from turnlight.call import CallRecord
from turnlight.config import Config
from turnlight.dsp import Core
from turnlight.recording import open_recording

by_name = pytest.mark.parametrize("path", truth.CALLS, ids=lambda path: path.stem)


@functools.cache
def heard(path: Path, by_db: float = 0.0) -> CallRecord:
    """The call as recorded, or turned by so much."""
    core, listener = Core(), Listener(Config(), keep=True)
    recorded = np.concatenate(list(open_recording(path.with_suffix(".opus")).blocks()))
    pcm = np.round(recorded * 10 ** (by_db / 20)).astype(np.int16)
    calls = listener.hear(core.process(pcm)).calls
    calls += listener.hear(core.flush()).calls
    calls += listener.finish().calls
    (call,) = calls
    return call


@by_name
@pytest.mark.parametrize("by_db", [0, -10, -15, -25])
def test_talk_share_is_within_two_points_on_soft_desks_too(path: Path, by_db: float) -> None:
    wanted = truth.of(path)["metrics"]["talk_share"]
    assert heard(path, by_db).metrics["talk_share"] == pytest.approx(wanted, abs=0.02)


@by_name
def test_every_scripted_interruption_is_found_and_none_is_invented(path: Path) -> None:
    scripted = truth.events(truth.of(path), "interruption")
    found = [event for event in heard(path).events if event.kind == "interruption"]
    assert [(e.by, e.floor_taken) for e in found] == [(e["by"], e["floor_taken"]) for e in scripted]
    for event, wanted in zip(found, scripted, strict=True):
        assert event.start_ms / 1000 == pytest.approx(wanted["start_s"], abs=0.2)


@pytest.mark.parametrize("kind", ["backchannel", "early_start"])
def test_nine_of_ten_are_found_and_few_invented(kind: str) -> None:
    scripted = found = matched = 0
    for path in truth.CALLS:
        wanted = truth.events(truth.of(path), kind)
        got = [event for event in heard(path).events if event.kind == kind]
        scripted, found = scripted + len(wanted), found + len(got)
        matched += sum(
            any(e.by == w["by"] and abs(e.start_ms / 1000 - w["start_s"]) < 0.3 for e in got)
            for w in wanted
        )
    assert matched >= 0.9 * scripted
    assert found - matched <= 0.1 * scripted


@by_name
def test_holds_are_found_within_half_a_second(path: Path) -> None:
    scripted = truth.of(path)["hold"]
    assert len(heard(path).holds) == len(scripted)
    for (start_ms, end_ms), hold in zip(heard(path).holds, scripted, strict=True):
        assert start_ms / 1000 == pytest.approx(hold["start_s"], abs=0.5)
        assert end_ms / 1000 == pytest.approx(hold["end_s"], abs=0.5)


def cues(name: str) -> list[str]:
    (path,) = (path for path in truth.CALLS if path.stem == name)
    return [cue.cue for cue in heard(path).cues]


def test_the_lamp_tells_each_story() -> None:
    assert cues("long-winded") == ["share_floor", "long_turn"]
    assert set(cues("interrupting")) == {"let_finish"}
    assert cues("calm") == ["long_silence"]
    assert cues("angry-then-calm")[:2] == ["slow_down", "turnaround"]
    assert cues("backchannels") == []
    assert cues("short") == []
