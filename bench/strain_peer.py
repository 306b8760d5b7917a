"""The peer of the strain model: openSMILE's eGeMAPS and a linear SVM, speaker by speaker."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import opensmile
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from turnlight.dsp import RATE_HZ

Matrix = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]
NAME = "openSMILE eGeMAPS, linear SVM"
COST = 0.01
"""C of the SVM, as usual for some hundred examples of 88 values."""

_EXTRACTOR = opensmile.Smile(
    feature_set=opensmile.FeatureSet.eGeMAPSv02,
    feature_level=opensmile.FeatureLevel.Functionals,
)


def egemaps(sound: Matrix) -> Matrix:
    """The 88 functionals of one utterance, full scale 1."""
    values: Matrix = np.asarray(_EXTRACTOR.process_signal(sound, RATE_HZ), float)
    return values.ravel()


def scores(train: Matrix, high: Labels, test: Matrix) -> Matrix:
    """Distances of `test` from the SVM's plane, trained on the others."""
    scaler = StandardScaler().fit(train)
    machine = LinearSVC(C=COST, class_weight="balanced", random_state=0)
    machine.fit(scaler.transform(train), high)
    return np.asarray(machine.decision_function(scaler.transform(test)))
