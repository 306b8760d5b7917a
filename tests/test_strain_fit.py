"""How the strain model is fitted, on made-up voices whose answer is known."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from frames import rows, voice
from turnlight.strain_features import FEATURES, Piece, features, piece
from turnlight.strain_model import StrainModel

sys.path.insert(0, str(Path(__file__).parents[1] / "models/strain"))
import examples as made_examples
import fit as fitting
from corpus import Utterance, pieces_of
from examples import CALM_SENTENCES, DRAWS, Examples, against_six
from fit import CALM_LOGIT, HIGH_LOGIT, REACH, auc, fit

PITCH, PACE = FEATURES.index("pitch"), FEATURES.index("pace")


def said(f0_hz: float) -> list[Piece]:
    made = rows([], [(0, 3)])
    voice(made, 0, 3, f0_hz)
    return pieces_of(made)


@pytest.fixture(name="drawn")
def _drawn() -> tuple[Examples, np.ndarray]:
    """High arousal moves every feature but pace by two; ordinary speech is calm."""
    rng = np.random.default_rng(5)
    high = np.arange(400) % 2 == 0
    change = rng.normal(size=(400, len(FEATURES)))
    change[high] += 2
    change[:, PACE] = rng.normal(size=400)
    names = np.full(400, "x")
    return Examples(change, high, names, names, names, names), rng.normal(size=(500, len(FEATURES)))


def test_no_weight_is_negative_even_where_a_feature_misleads(drawn) -> None:
    acted, ordinary = drawn
    acted.change[acted.high, PACE] -= 5
    weights = fit(acted, ordinary).weights
    assert weights.min() == 0 == weights[PACE]
    assert (np.delete(weights, PACE) > 0).all()


def test_weights_are_pulled_towards_each_other(drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    near = fit(*drawn).weights
    monkeypatch.setattr(fitting, "PULL", 0.0)
    free = fit(*drawn).weights
    assert near[PACE] / near.max() > free[PACE] / free.max()


def test_no_change_is_calm_and_seven_of_200_ordinary_stretches_are_high(drawn) -> None:
    model = fit(*drawn)
    assert model.logit(np.zeros((1, len(FEATURES))))[0] == CALM_LOGIT
    assert (model.logit(drawn[1]) > HIGH_LOGIT).mean() == pytest.approx(0.035, abs=0.002)


def test_what_is_far_off_counts_no_more_than_its_reach(drawn) -> None:
    model = fit(*drawn)
    far, farther = np.zeros((2, len(FEATURES)))
    far[PITCH], farther[PITCH] = REACH * model.scales[PITCH], 1e6
    assert model.logit(far[None]) == model.logit(farther[None])


def test_scales_do_not_mind_a_few_wild_talkers(drawn) -> None:
    acted, ordinary = drawn
    wild = np.concatenate([ordinary, np.full((10, len(FEATURES)), 100.0)])
    assert fit(acted, wild).scales == pytest.approx(fit(acted, ordinary).scales, rel=0.05)


def test_auc_counts_equal_scores_half() -> None:
    high = np.array([False, True, False, True])
    assert auc(np.array([1.0, 2.0, 2.0, 3.0]), high) == 0.875


def test_six_calm_sentences_are_the_baseline_and_are_not_examples() -> None:
    calm = [Utterance("3", f"t{i}", "N", False, "line", said(120)) for i in range(8)]
    high = [Utterance("3", "t0", "W", True, "line", said(170))]
    found = against_six(calm + high)
    assert len(found.high) == DRAWS * (len(calm) - CALM_SENTENCES + 1)
    assert found.change[found.high][:, PITCH] == pytest.approx(12 * np.log2(170 / 120), abs=0.01)
    assert found.change[~found.high] == pytest.approx(0, abs=1e-6)


def test_speakers_are_compared_with_themselves_only() -> None:
    low = [Utterance("3", f"t{i}", "N", False, "line", said(100)) for i in range(7)]
    other = [replace(one, speaker="8", pieces=said(220)) for one in low]
    assert against_six(low + other).change == pytest.approx(0, abs=1e-6)


def test_features_of_a_voice_by_hand() -> None:
    made = rows([], [(0, 3)])
    voice(made, 0, 3, f0_hz=200, tilt_db=-6)
    made["customer_f0_hz_q4"][1::2] = 206 * 16
    made["customer_bands_db_q8"][1::2] += 3 * 256
    made["customer_flags"][::20] = 8
    found = dict(zip(FEATURES, features(pieces_of(made)), strict=True))
    glide = 12 * np.log2(206 / 200)
    assert found["pitch"] == pytest.approx(12 * np.log2(200) + glide / 2, abs=0.01)
    assert found["flux"] == pytest.approx(3)
    assert found["glide"] == pytest.approx(glide, abs=0.001)
    assert found["pace"] == pytest.approx(5)
    bands = np.r_[np.zeros(5), np.full(7, -6.0)]
    assert found["tilt"] == pytest.approx(np.polyfit(np.arange(12), bands, 1)[0])


def test_half_a_second_with_little_voice_is_passed_over() -> None:
    made = rows([], [(0, 0.5)])
    voice(made, 0, 0.07)
    assert piece(made) is None
    voice(made, 0, 0.08)
    assert piece(made) is not None


def test_the_committed_model_was_made_for_these_windows() -> None:
    manifest = StrainModel().manifest
    assert manifest.window_blocks == made_examples.WINDOW
    assert manifest.baseline_ms == made_examples.BASELINE_MS
