"""What the model is fitted to: changes of a voice against the own baseline. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from corpus import Talker, Utterance
from turnlight.strain import Baseline
from turnlight.strain_features import FEATURES

Matrix = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]
Names = npt.NDArray[np.str_]

WINDOW = 6
"""Half seconds with speech in one value: about as long as a sentence of EmoDB."""
BASELINE_MS = 10_000
CALM_SENTENCES = 6
DRAWS = 4
"""Times that another six sentences are the baseline."""


@dataclass(frozen=True)
class Examples:
    """Changes against six calm sentences of the same speaker on the same line; n rows each."""

    change: Matrix
    """Shape (n, features)."""
    high: Labels
    speaker: Names
    text: Names
    emotion: Names
    line: Names

    def where(self, chosen: Labels) -> Examples:
        """Some of them."""
        return replace(self, **{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


def draws(group: list[Utterance], draw: int) -> set[int]:
    """Which six calm sentences of one speaker are the baseline."""
    calm = [i for i, one in enumerate(group) if not one.high]
    rng = np.random.default_rng((draw, int(group[0].speaker)))
    return set(rng.choice(calm, CALM_SENTENCES, replace=False).tolist())


def against_six(utterances: list[Utterance]) -> Examples:
    """Every utterance against six calm ones, drawn DRAWS times; those six are left out."""
    change: list[Matrix] = []
    of: list[Utterance] = []
    groups: dict[tuple[str, str], list[Utterance]] = {}
    for one in utterances:
        groups.setdefault((one.speaker, one.line), []).append(one)
    for group in groups.values():
        for draw in range(DRAWS):
            six = draws(group, draw)
            baseline = Baseline([piece for i in six for piece in group[i].pieces], WINDOW)
            for i, one in enumerate(group):
                if i not in six:
                    change.append(baseline.change(one.pieces))
                    of.append(one)
    columns = {
        name: np.array([getattr(one, name) for one in of])
        for name in ("high", "speaker", "text", "emotion", "line")
    }
    return Examples(np.array(change), **columns)


def stretches(talker: Talker) -> Matrix:
    """Changes of a talker's windows, half a second apart, against the talker's first 10 s."""
    own_ms = np.cumsum([10 * piece.own for piece in talker.pieces])
    first = int(np.searchsorted(own_ms, BASELINE_MS)) + 1
    baseline = Baseline(talker.pieces[:first], WINDOW)
    later = talker.pieces[first:]
    windows = [later[end - WINDOW : end] for end in range(WINDOW, len(later) + 1)]
    return np.array([baseline.change(window) for window in windows]).reshape(-1, len(FEATURES))
