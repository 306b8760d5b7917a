"""The trainer of the speech network: what it descends is the slope of its own loss."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

import sounds
from models.speech import gru

STEPS, BATCH, INPUTS, UNITS, OUTPUTS = 7, 9, 5, 32, 3
"""Nine sequences: one more than the C steps take at once."""


@pytest.fixture(name="lesson")
def _lesson():
    rng = np.random.default_rng(3)
    w = gru.drawn(INPUTS, UNITS, OUTPUTS, rng)
    for weights in w.all():
        weights += rng.normal(0, 0.3, weights.shape).astype(np.float32)
    x = rng.normal(size=(STEPS, BATCH, INPUTS)).astype(np.float32)
    memory = rng.uniform(-1, 1, (BATCH, UNITS)).astype(np.float32)
    slopes = rng.normal(size=(STEPS, BATCH, OUTPUTS)).astype(np.float32)
    return w, x, memory, slopes


def by_hand(w, x, memory):
    """The same network, unit by unit as Cho et al. have it, in float64."""

    def logistic(v):
        return 1 / (1 + np.exp(-v))

    odds, h = [], memory.astype(np.float64)
    for frame in x.astype(np.float64):
        reset, update, own = np.split(frame @ w.seen + w.bias, 3, axis=1)
        kept_reset, kept_update, kept_own = np.split(h @ w.kept, 3, axis=1)
        z = logistic(update + kept_update)
        new = np.tanh(own + logistic(reset + kept_reset) * (kept_own + w.kept_bias))
        h = z * h + (1 - z) * new
        odds.append(h @ w.out + w.out_bias)
    return np.array(odds), h


def test_the_steps_in_c_are_those_of_the_definition(lesson):
    w, x, memory, _ = lesson
    odds, last, _ = gru.forward(w, x, memory)
    expected_odds, expected_last = by_hand(w, x, memory)
    assert odds == pytest.approx(expected_odds, abs=1e-4)
    assert last == pytest.approx(expected_last, abs=1e-5)


def test_a_network_that_grew_says_the_same_until_it_learns(lesson):
    w, x, memory, _ = lesson
    more = gru.grown(w, 2 * UNITS, np.random.default_rng(8))
    odds, last, _ = gru.forward(w, x, memory)
    grown_odds, grown_last, _ = gru.forward(more, x, np.pad(memory, ((0, 0), (0, UNITS))))
    assert grown_odds == pytest.approx(odds, abs=1e-5)
    assert grown_last[:, :UNITS] == pytest.approx(last, abs=1e-5)
    assert np.abs(grown_last[:, UNITS:]).max() > 0.01


def test_gradients_are_the_slopes_of_the_loss(lesson):
    w, x, memory, slopes = lesson
    _, _, past = gru.forward(w, x, memory)
    found = gru.backward(w, past, slopes)
    rng = np.random.default_rng(4)
    for weights, gradient in zip(w.all(), found, strict=True):
        direction = rng.normal(size=weights.shape).astype(np.float32)
        step = np.float32(1e-3)
        losses = []
        for side in (step, -step):
            weights += side * direction
            losses.append(float((by_hand(w, x, memory)[0] * slopes).sum()))
            weights -= side * direction
        expected = (losses[0] - losses[1]) / (2 * step)
        assert float((gradient * direction).sum()) == pytest.approx(expected, rel=2e-3, abs=0.02)


def test_adam_finds_the_lowest_point_of_a_bowl():
    w = gru.drawn(2, UNITS, 1, np.random.default_rng(5))
    adam = gru.Adam(w, decay=0)
    for _ in range(2000):
        adam.step([2 * (p - np.float32(0.5)) for p in w.all()], 0.01)
    assert all(np.allclose(p, 0.5, atol=0.01) for p in w.all())


def test_the_mean_of_the_weights_is_where_they_swing_around():
    """Steps that are too large go to and fro around the lowest point; their mean lies in it."""
    w = gru.drawn(2, UNITS, 1, np.random.default_rng(5))
    adam = gru.Adam(w, decay=0)
    rng = np.random.default_rng(7)
    for _ in range(8000):
        noisy = [
            p - np.float32(0.5) + rng.normal(0, 3, p.shape).astype(np.float32) for p in w.all()
        ]
        adam.step(noisy, 0.02)
        adam.average()
    off, mean_off = (
        np.sqrt(np.mean([np.mean((p - 0.5) ** 2) for p in weights.all()]))
        for weights in (w, adam.mean)
    )
    assert mean_off < 0.4 * off


def test_evidence_is_blurred_by_as_much_as_is_said(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(gru.__file__).parent))
    train = importlib.import_module("train")
    x = np.zeros((300, 64, 92), np.float32)
    seen = train.blurred(x, np.random.default_rng(6))
    missing = (seen == 0).all(0)
    off, rough = seen.mean(0)[~missing], (seen - seen.mean(0))[:, ~missing]
    assert missing.mean() == pytest.approx(train.MISSING, abs=0.01)
    assert off.std() == pytest.approx(train.OFF, rel=0.05)
    assert rough.std() == pytest.approx(train.ROUGH, rel=0.05)
    assert seen.dtype == np.float32


@pytest.mark.parametrize("by_db", [-6, -12])
def test_a_softer_call_gives_the_same_evidence(monkeypatch, by_db):
    """What is seen are distances: a softer headset is no other desk.

    But for what 16 bits round away, for the odds of music, and for the periodicity of what is
    nearly silent.
    """
    monkeypatch.syspath_prepend(str(Path(gru.__file__).parent))
    evidence_of = importlib.import_module("train").evidence_of
    call = sounds.desk_call().astype(float)
    call += np.random.default_rng(6).normal(0, 30, call.shape)
    loud, soft = (
        evidence_of(np.round(call * gain).astype(np.int16)).astype(int).reshape(-1, 2, 46)
        for gain in (0.7, 0.7 * 10 ** (by_db / 20))
    )
    distances = [i for i in range(46) if i not in (33, 40, 41)]
    off = np.abs(loud - soft)[600:, :, distances]  # six seconds: room and voices are known
    assert off.mean() < 1  # half dB
    assert np.quantile(off, 0.99) <= 4


def test_outputs_that_are_taught_to_be_sooner_say_nearly_what_they_said_later(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(gru.__file__).parent))
    sooner = importlib.import_module("sooner")
    rng = np.random.default_rng(9)
    w = gru.drawn(INPUTS, UNITS, 4, rng)
    late = sooner.CONFIRM + 2
    # what comes can be foretold of waves
    turns = rng.uniform(0.1, 0.3, (6, 1, INPUTS)) * np.arange(400)[:, None]
    waves = 50 * np.sin(rng.uniform(0, 2 * np.pi, (6, 1, INPUTS)) + turns)
    evidence = np.round(waves + rng.normal(0, 4, waves.shape)).astype(np.int8)
    truth = rng.random((6, 400, 2)) < 0.5
    taught = sooner.sooner(w, evidence, truth, late)
    memory = np.zeros((6, UNITS), np.float32)
    x = importlib.import_module("train").seen(evidence)
    (said, _, _), (now, _, _) = (gru.forward(one, x, memory) for one in (w, taught))
    asked = said[2:, :, 2:]
    off, off_untaught = (np.abs(one[:-2, :, 2:] - asked).mean() for one in (now, said))
    assert off < 0.5 * off_untaught
    assert np.array_equal(now[..., :2], said[..., :2])
    assert taught.all()[0].tobytes() == w.all()[0].tobytes()


def test_outputs_that_need_not_be_sooner_stay_as_they_are(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(gru.__file__).parent))
    sooner = importlib.import_module("sooner")
    rng = np.random.default_rng(9)
    w = gru.drawn(INPUTS, UNITS, 4, rng)
    evidence = rng.integers(-64, 64, (6, 400, INPUTS)).astype(np.int8)
    taught = sooner.sooner(w, evidence, rng.random((6, 400, 2)) < 0.5, sooner.CONFIRM)
    for found, expected in zip(taught.all(), w.all(), strict=True):
        assert found == pytest.approx(expected, abs=1e-4)
