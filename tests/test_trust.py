"""What the sound is too poor for is withheld, with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile

import turnlight
from documents import METRICS, call, document
from frames import rows, voice
from turnlight.agent import Listener
from turnlight.analysis import analyze
from turnlight.call import CallRecord
from turnlight.config import Config
from turnlight.cues import Cue
from turnlight.document import Analysis, QualityDocument
from turnlight.recording import open_recording
from turnlight.report import page
from turnlight.trust import (
    AT_ONCE,
    LEAK_FOR_LOOKS,
    NOT_KNOWN_WHOSE,
    RATES,
    STRAINS,
    WHOSE,
    LiveTrust,
    withheld,
    without,
)
from turnlight.wording import WITHHELD, facts, measures, no_share, strain

CALLS = Path(turnlight.__file__).with_name("calls")


def quality(**fields: Any) -> QualityDocument:
    return msgspec.structs.replace(document().quality, **fields)


def test_of_good_sound_nothing_is_withheld() -> None:
    assert withheld(quality()) == {}


@pytest.mark.parametrize(
    ("fields", "names", "why"),
    [
        ({"channel_confidence": 0.31}, WHOSE, NOT_KNOWN_WHOSE),
        ({"bleed_db": -5.5}, AT_ONCE, "the customer is nearly as loud in the agent's microphone"),
        ({"sidetone_db": -6.0}, AT_ONCE, "the agent is nearly as loud in the earpiece"),
        ({"clipped_pct": 12.0}, STRAINS, "12 % of the time is clipped"),
        (
            {"customer_snr_db": 7.0},
            [f"{name}.customer" for name in RATES],
            "the customer is only 7 dB above the noise",
        ),
    ],
)
def test_what_the_sound_is_too_poor_for_is_named_with_the_reason(
    fields: dict[str, float], names: tuple[str, ...], why: str
) -> None:
    found = withheld(quality(**fields))
    assert sorted(found) == sorted(names)
    assert all(reason.startswith(why) for reason in found.values())


def test_a_withheld_measure_is_none_and_the_others_stay() -> None:
    kept = without(METRICS, {"talk_share": "because", "speech_rate.agent": "because"})
    assert kept["talk_share"] is None
    assert kept["speech_rate"] == {"agent": None, "customer": METRICS["speech_rate"]["customer"]}
    same = METRICS.keys() - {"talk_share", "speech_rate"}
    assert {name: kept[name] for name in same} == {name: METRICS[name] for name in same}


def test_every_measure_that_may_be_withheld_is_one() -> None:
    assert set(WHOSE + AT_ONCE + RATES + STRAINS) <= {*METRICS, "call_arc"}


def test_the_reason_stands_beside_what_is_withheld() -> None:
    reasons = withheld(quality(channel_confidence=0.3))
    told = call(0, 60, metrics=without(METRICS, reasons), metrics_withheld=reasons)
    by_label = {fact.label: fact for fact in facts(told)}
    for label in ("Interruptions", "Backchannels", "Response latency", "Longest story"):
        assert (by_label[label].value, by_label[label].detail) == (WITHHELD, NOT_KNOWN_WHOSE)
    assert by_label["Silence"].value != WITHHELD
    assert strain(told).detail == NOT_KNOWN_WHOSE
    assert no_share(told) == f"withheld: {NOT_KNOWN_WHOSE}"
    assert dict(measures(told))["talk_share"] == WITHHELD
    assert page([document(told, told)]).count(NOT_KNOWN_WHOSE.replace("'", "&#x27;")) >= 10


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """A call in which the agent sounds almost like a line, and the customer almost like a desk."""
    sound = np.concatenate(list(open_recording(CALLS / "interrupting.opus").blocks()))
    agent, customer = sound.astype(float).T
    spectrum, hz = np.fft.rfft(agent), np.fft.rfftfreq(len(agent), 1 / 16_000)
    agent = np.fft.irfft(spectrum * np.where(hz > 3400, 10 ** (-28 / 20), 1), len(agent))
    # hiss that comes with the customer's voice and lies above the telephone's band
    spectrum = np.fft.rfft(np.random.default_rng(1).normal(size=len(customer)))
    hiss = np.fft.irfft(spectrum * (hz > 4300), len(customer))
    envelope = np.sqrt(np.convolve(customer**2, np.ones(800) / 800, "same"))
    customer = customer + hiss / hiss.std() * envelope * 10 ** (-27 / 20)
    both = np.clip(np.round(np.stack([agent, customer], 1)), -32768, 32767).astype(np.int16)
    path = tmp_path_factory.mktemp("doubt") / "doubtful.wav"
    soundfile.write(path, both, 16_000)
    return analyze(open_recording(path), Config(), lambda _: None)


def test_of_a_call_whose_channels_may_be_swapped_nothing_is_said_by_party(
    doubtful: Analysis,
) -> None:
    assert 0.1 < doubtful.quality.channel_confidence < 0.5
    assert any("may be swapped" in note for note in doubtful.quality.notes)
    (told,) = doubtful.calls
    assert {name for name in WHOSE if told.metrics[name] is None} == set(WHOSE)
    assert {name for name, why in told.metrics_withheld.items() if why == NOT_KNOWN_WHOSE} == set(
        WHOSE
    )
    assert told.metrics["talk_time_ms"] > 0
    assert told.metrics["overtalks"]["count"] > 0
    assert not {"interruption", "backchannel", "early_start"} & {e.kind for e in told.events}
    assert {e.by for e in told.events if e.kind == "overtalk"} == {None}
    assert (told.strain, told.call_arc) == (None, [None] * 4)
    assert "let_finish" not in {cue.cue for cue in told.cues}
    (because,) = {w.because for w in told.withheld if NOT_KNOWN_WHOSE in w.because}
    assert because == f"The sound is too poor for it: {NOT_KNOWN_WHOSE}."


# ---- live


def test_a_leak_counts_once_it_has_lasted_and_until_it_has_gone() -> None:
    trust = LiveTrust()

    def looks(count: int, bleed_db: float | None) -> set[Cue]:
        for _ in range(count):
            trust.look(0, bleed_db, None)
        return set(trust.doubts)

    assert looks(LEAK_FOR_LOOKS - 1, -5) == set()
    assert looks(1, -12) == set()
    assert looks(LEAK_FOR_LOOKS, -5) == {"let_finish"}
    assert looks(5 * LEAK_FOR_LOOKS, -7.5) == {"let_finish"}
    assert looks(LEAK_FOR_LOOKS, -9) == set()


def test_lost_sound_counts_for_ten_seconds() -> None:
    trust = LiveTrust()
    trust.lose(1_000, 80)
    trust.look(1_000, None, None)
    assert trust.doubts == {}
    trust.lose(2_000, 40)
    trust.look(2_000, None, None)
    assert set(trust.doubts) == {"let_finish", "long_turn", "share_floor", "long_silence"}
    assert "120 ms of the last 10 s were lost" in trust.doubts["let_finish"]
    trust.look(11_100, None, None)
    assert trust.doubts == {}


def heard(doubt: str = "", lost_ms: int = 0, leak_db: int = -20) -> tuple[set[Cue], CallRecord]:
    """Of a call in which the agent takes the floor: what the lamp said, and the call's record."""
    made = rows([(4, 9)], [(0, 5.5), (26, 27)], length_s=30)
    made["bleed_db_q8"] = leak_db * 256
    listener, said = Listener(Config(), keep=True), set()
    listener.doubt(doubt)
    for second in range(30):
        listener.lose(lost_ms)
        said |= {cue.cue for cue in listener.hear(made[100 * second : 100 * second + 100]).cues}
    (told,) = listener.finish().calls
    return said, told


@pytest.mark.parametrize(
    ("poor", "why"),
    [
        ({"doubt": NOT_KNOWN_WHOSE}, NOT_KNOWN_WHOSE),
        ({"lost_ms": 200}, "were lost, since this device is too slow"),
        ({"leak_db": -4}, "the customer is nearly as loud in the agent's microphone (-4 dB)"),
    ],
)
def test_the_lamp_does_not_say_what_the_sound_is_too_poor_for(
    poor: dict[str, Any], why: str
) -> None:
    assert "let_finish" in heard()[0]
    said, told = heard(**poor)
    assert "let_finish" not in said
    because = [w.because for w in told.withheld if w.cue == "let_finish"]
    assert because
    assert because[0].startswith("The sound is too poor for it: ")
    assert why in because[0]


def test_no_strain_is_measured_of_who_may_be_the_agent() -> None:
    made = rows([], [(0, 60)])
    voice(made, 0, 60)
    for doubt, measured in (("", True), (NOT_KNOWN_WHOSE, False)):
        listener = Listener(Config(), keep=True)
        listener.doubt(doubt)
        listener.hear(made)
        (told,) = listener.finish().calls
        assert (told.metrics["strain"] is not None) == measured
