"""What the speech network is taught by: words end by themselves, and short ones fall between."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE_HZ = 16_000
SOURCES = Path(__file__).resolve().parents[1] / "models/speech"


@pytest.fixture(name="conversations")
def _conversations(monkeypatch):
    monkeypatch.syspath_prepend(str(SOURCES))
    return importlib.import_module("conversations")


def words(*lengths_s: float, pause_s: float = 0.1) -> np.ndarray:
    """Noise for so long each, with pauses of a fainter noise between."""
    rng = np.random.default_rng(1)
    parts = []
    for length_s in lengths_s:
        parts += [rng.normal(0, 0.1, int(length_s * RATE_HZ))]
        parts += [rng.normal(0, 1e-4, int(pause_s * RATE_HZ))]
    return np.concatenate(parts[:-1])


def test_an_utterance_is_cut_in_a_pause(conversations):
    dry = words(0.6, 0.8, 0.7)  # pauses from 0.6 and from 1.5 s on
    cut = conversations.until_pause(dry, 2.0)
    assert 1.5 <= len(cut) / RATE_HZ <= 1.6
    assert (cut == dry[: len(cut)]).all()


def test_a_short_utterance_is_left_whole(conversations):
    dry = words(0.6, 0.8)
    assert len(conversations.until_pause(dry, 2.0)) == len(dry)


def test_between_come_the_shortest_of_what_somebody_says(conversations, tmp_path):
    lengths_s = (2.0, 0.4, 3.0, 0.5, 1.0, 0.6, 5.0, 0.7, 4.0, 0.8, 6.0, 7.0)
    paths = []
    for number, length_s in enumerate(lengths_s):
        paths.append(tmp_path / f"{number}.flac")
        soundfile.write(paths[-1], np.zeros(int(length_s * RATE_HZ)), RATE_HZ)
    found = conversations.shortest(paths)
    assert [lengths_s[int(path.stem)] for path in found] == [0.4, 0.5, 0.6, 0.7, 0.8]


def test_before_a_call_that_opens_the_microphone_hears_a_fainter_room(conversations):
    desks, voices = (importlib.import_module(name) for name in ("desks", "voices"))
    rng = np.random.default_rng(5)
    desk = replace(desks.ordinary_desk(rng), opens=True, talkers=0, snr_db=6.0, muted=False)
    desk = replace(desk, held=False, bleed_db=None, turned=0.0, rival_db=None)
    dry = rng.normal(0, 0.1, (20 * RATE_HZ, 2))
    call = conversations.Call(dry.copy(), np.ones((2000, 2), bool))
    microphone = desks.put_on(desk, call, voices.Material(), rng)[:, 0].astype(float)
    starts = int(call.speech.argmax(0)[0])
    assert 200 <= starts < 800
    assert (call.speech[:starts].any(), call.speech[starts:].all()) == (False, True)
    before, after = np.split(microphone, [starts * RATE_HZ // 100])
    assert 0 < before.std() < after.std() / 3
