"""How well the fit carries over: to other speakers, another sex, other emotions and texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from corpus import WOMEN
from examples import Examples, Labels, Matrix
from fit import Weights, auc, fit

Row = tuple[str, float]


def by_speaker(acted: Examples, fitted: Callable[[Examples], Weights]) -> Matrix:
    """Log-odds of each example by a model that never heard its speaker."""
    out = np.zeros(len(acted.high))
    for speaker in np.unique(acted.speaker):
        own = acted.speaker == speaker
        out[own] = fitted(acted.where(~own)).logit(acted.change[own])
    return out


def table(acted: Examples, ordinary: Matrix) -> Iterator[Row]:
    """AUC of high against low arousal, by what was left out or looked at."""

    def fitted(some: Examples) -> Weights:
        return fit(some, ordinary)

    score = by_speaker(acted, fitted)

    def of(chosen: Labels) -> float:
        return auc(score[chosen], acted.high[chosen])

    woman = np.isin(acted.speaker, list(WOMEN))
    yield "leave one speaker out, all lines", of(np.ones(len(woman), bool))
    for line in np.unique(acted.line):
        yield f"- on the line: {line}", of(acted.line == line)
    yield "- women", of(woman)
    yield "- men", of(~woman)
    for speaker in np.unique(acted.speaker):
        yield f"- speaker {speaker}", of(acted.speaker == speaker)
    for one in "WFA":
        for other in "NLT":
            yield f"- {one} against {other}", of(np.isin(acted.emotion, [one, other]))
    first = np.isin(acted.text, np.unique(acted.text)[::2])
    for high in "WFA":
        for low in "NLT":
            train = np.isin(acted.emotion, [high, low]) & first
            test = ~np.isin(acted.emotion, [high, low]) & ~first
            scores = []
            for heard in (woman, ~woman):
                model = fitted(acted.where(train & heard))
                left = test & ~heard
                scores.append(auc(model.logit(acted.change[left]), acted.high[left]))
            name = f"fitted to {high} and {low} of one sex: other emotions, sex and texts"
            yield name, float(np.mean(scores))
