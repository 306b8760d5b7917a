from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames import rows
from turnlight import agent
from turnlight.agent import Listener
from turnlight.config import Config
from turnlight.dsp import FLAG_NUCLEUS, HOP_MS, Frames
from turnlight.messages import Window
from turnlight.metrics import Sums, WindowSums, add, measures, window_fields
from turnlight.strain import BLOCK, Strain
from turnlight.turns import Event

VECTORS = sorted((Path(__file__).parent / "vectors").glob("*.json"))
DOCUMENT = Path(__file__).parent.parent / "docs" / "metrics.md"


class GivenStrain:
    """Stands in for the meter and gives the strain that a vector names."""

    missing = BLOCK

    def __init__(self, spans: list[tuple[float, float, float]]) -> None:
        self._spans = spans
        self._now_s = 0.0
        self.value: Strain | None = None

    def reset(self) -> None:
        pass

    def push(self, piece: Frames, counting: bool) -> bool:
        self._now_s += len(piece) * HOP_MS / 1000
        values = [value for start, end, value in self._spans if start <= self._now_s < end]
        self.value = Strain(values[0], 1.0) if counting and values else None
        return self.value is not None


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_hand_made_timelines_have_their_values(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vector = json.loads(path.read_text())
    monkeypatch.setattr(agent, "StrainMeter", lambda _model: GivenStrain(vector.get("strain", [])))
    listener = Listener(msgspec.convert(vector.get("config", {}), Config), keep=True)
    made = rows(vector["agent"], vector["customer"], vector.get("hold", ()), vector.get("length_s"))
    for party, nuclei_s in vector.get("syllables", {}).items():
        made[f"{party}_flags"][[round(at_s * 100) for at_s in nuclei_s]] |= FLAG_NUCLEUS
    heard = [listener.hear(made), listener.finish()]
    (call,) = heard[0].calls + heard[1].calls
    assert call.metrics == vector["values"]
    assert [
        [e.kind, e.by, e.start_ms / 1000, e.end_ms / 1000, e.floor_taken] for e in call.events
    ] == vector["events"]


def test_there_are_many_hand_made_timelines_and_each_has_every_value() -> None:
    assert len(VECTORS) >= 40
    names = {*measures(Sums()), "call_arc"}
    for path in VECTORS:
        vector = json.loads(path.read_text())
        assert set(vector["values"]) == names, path.stem
        assert vector["why"].endswith("."), path.stem


counts = st.integers(0, 10_000)
offsets = st.dictionaries(st.integers(-500, 500).map(lambda n: 10 * n), st.integers(1, 9))


def like(value: object) -> st.SearchStrategy[object]:
    if isinstance(value, list):
        return st.lists(counts, min_size=len(value), max_size=len(value))
    return offsets if isinstance(value, dict) else counts


some_sums = st.builds(
    Sums, **{name: like(value) for name, value in msgspec.structs.asdict(Sums()).items()}
)


@given(some_sums, some_sums, some_sums)
def test_sums_are_added_in_any_order(a: Sums, b: Sums, c: Sums) -> None:
    assert add(a, b) == add(b, a)
    assert add(add(a, b), c) == add(a, add(b, c))
    assert add(a, Sums()) == a


def test_adding_takes_the_longest_and_sums_the_rest() -> None:
    both = add(
        Sums(agent_ms=10, longest_turn_ms=[5, 9], offsets_to_agent={100: 1}),
        Sums(agent_ms=20, longest_turn_ms=[7, 2], offsets_to_agent={100: 2, 300: 1}),
    )
    assert both.agent_ms == 30
    assert both.longest_turn_ms == [7, 9]
    assert both.offsets_to_agent == {100: 3, 300: 1}


@given(some_sums)
def test_measures_are_plain_and_shares_stay_within_the_whole(sums: Sums) -> None:
    found = measures(sums)
    assert json.loads(msgspec.json.encode(found)) == found
    share = found["talk_share"]
    assert share is None or 0 <= share <= 1


def test_an_empty_call_withholds_what_it_cannot_know() -> None:
    found = measures(Sums())
    withheld = {name for name, value in found.items() if value is None}
    assert withheld == {
        "agent_talk_pct",
        "customer_talk_pct",
        "talk_share",
        "silence_pct",
        "overtalk_pct",
        "response_latency_ms",
        "interactivity_per_min",
        "strain",
    }


def test_the_median_of_two_latencies_lies_between_them() -> None:
    assert measures(Sums(offsets_to_agent={-300: 5, 200: 1, 500: 1}))["response_latency_ms"] == 350


def test_syllable_rates_need_five_seconds_of_own_speech() -> None:
    sums = Sums(agent_ms=10_000, customer_ms=4_990, silence_ms=5_010, syllables=[40, 20])
    assert measures(sums)["articulation_rate"] == {"agent": 4.0, "customer": None}
    assert measures(sums)["speech_rate"] == {"agent": 2.0, "customer": None}


def test_window_fields_make_a_window_of_the_wire() -> None:
    sums = Sums(agent_ms=4_960, customer_ms=3_040, both_ms=40, silence_ms=1_910)
    for offset_ms in (-200, 0, 190, 200, 5_000):
        sums.count(Event("floor_change", "agent", 0, 0, True, 0, offset_ms))
    for length_ms in (100, 500, 3_000):
        sums.count(Event("overlap", "agent", 0, length_ms))
    sums.strain(20)
    sums.clipped_frames = 500
    fields = window_fields(WindowSums(1_700_000_000_000, 1_700_000_010_000, sums))
    window = msgspec.convert({**fields, "pid": "0" * 16, "seq": 0}, Window)
    assert window.start_s == 1_700_000_000
    assert (window.agent_ms, window.customer_ms, window.both_ms) == (5_000, 3_000, 0)
    assert window.silence_ms == 1_900
    assert window.latency_bins == (2, 1, 0, 0, 0, 0, 0, 0, 1)
    assert window.overlap_bins == (1, 0, 1, 0, 0, 1)
    assert window.strain_bins == (0, 1, 0, 0, 0)
    assert window.quality == 2


@pytest.mark.parametrize(
    "heading",
    ["## Measures of a call", "## Where the measures come from", "## How others define them"],
)
def test_every_measure_has_its_formula_its_source_and_what_others_say(heading: str) -> None:
    _, _, text = DOCUMENT.read_text().partition(f"{heading}\n")
    table = [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("|")]
    named = {name for row in table for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert {*measures(Sums()), "call_arc"} <= named
