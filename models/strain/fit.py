"""The model's weights: one for each feature, none negative, pulled towards each other. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize
from scipy.stats import rankdata

from examples import Examples
from turnlight.strain_features import FEATURES

Matrix = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]

REACH = 3.0
"""A feature counts up to so many scales either way, so that none can carry the result alone."""
PULL = 0.03
"""How strongly the weights are pulled towards their mean: ten actors cannot say much about which
feature serves in another language."""
CALM_LOGIT, HIGH_LOGIT = -2.0, float(np.log(60 / 40))
"""No change is strain 12; what `ordinary_limit` gives is 60."""


@dataclass(frozen=True)
class Weights:
    """logit = clip(change / scales, -REACH, REACH) @ weights + bias."""

    scales: Matrix
    weights: Matrix
    bias: float

    def logit(self, change: Matrix) -> Matrix:
        """Of changes, shape (n, features)."""
        bounded: Matrix = np.clip(change / self.scales, -REACH, REACH)
        return bounded @ self.weights + self.bias


def auc(score: Matrix, truth: Labels) -> float:
    """Chance that one of high arousal scores above one of low; equal scores count half."""
    ones = int(truth.sum())
    ranks = rankdata(score)
    return float((ranks[truth].sum() - ones * (ones + 1) / 2) / (ones * (len(truth) - ones)))


def fit(acted: Examples, ordinary: Matrix) -> Weights:
    """Weights of these examples.

    Args:
        acted: of both kinds; they give the weights.
        ordinary: changes in ordinary speech, shape (n, features); they and the calm sentences
            give the scales, and which strain is high.
    """
    calm = acted.change[~acted.high]
    scales = (spread(calm) + spread(ordinary)) / 2
    seen = np.clip(acted.change / scales, -REACH, REACH)
    sign = np.where(acted.high, 1.0, -1.0)
    share = np.where(acted.high, acted.high.mean(), 1 - acted.high.mean())

    def loss(values: Matrix) -> tuple[float, Matrix]:
        weights, bias = values[:-1], values[-1]
        margin = sign * (seen @ weights + bias)
        slope = -sign / (1 + np.exp(margin)) / share / 2 / len(sign)
        off = weights - weights.mean()
        cost = (np.logaddexp(0, -margin) / share / 2).mean() + PULL * (off**2).sum()
        return float(cost + 0.01 * (weights**2).sum()), np.r_[
            seen.T @ slope + 2 * PULL * off + 0.02 * weights, slope.sum()
        ]

    bounds = [(0.0, None)] * len(FEATURES) + [(None, None)]
    start = np.r_[np.full(len(FEATURES), 0.3), -1.0]
    weights = optimize.minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x[:-1]
    plain = Weights(scales, weights, 0.0)
    limit = ordinary_limit(plain.logit(ordinary))
    return Weights(scales, weights * (HIGH_LOGIT - CALM_LOGIT) / limit, CALM_LOGIT)


def spread(changes: Matrix) -> Matrix:
    """Half of the range in which two of three changes lie, by feature."""
    low, high = np.percentile(changes, (100 / 6, 500 / 6), axis=0)
    return np.asarray(high - low) / 2


def ordinary_limit(scores: Matrix) -> float:
    """What seven of two hundred windows of ordinary speech exceed.

    Over it for five seconds on end, as the cue asks, is far rarer.
    """
    return float(np.quantile(scores, 0.965))
