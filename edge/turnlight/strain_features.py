"""What of a voice is compared: a few measures of its voiced frames, none of which a gain moves.

Everything comes from the core's rows. Semitones, dB per band and dB per frame are differences of
logarithms, so the same voice at another level has the same values.
"""

from __future__ import annotations

import itertools
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from turnlight.dsp import BAND_EDGES_HZ, FLAG_NUCLEUS, Frames

FEATURES = ("pitch", "tilt", "flux", "glide", "pace")
"""More of each is more strain. See `features`."""
FEATURE_VERSION = 1
"""Changes with every change of a feature; a model knows the one it was trained with."""
VOICED_MIN = 8
"""Voiced frames that make half a second worth looking at."""
VOICING_MIN_Q15 = 16_384
GLIDE_MAX = 4.0
"""Semitones within 10 ms; more is a jump of the tracker, not of the voice."""

Vector = npt.NDArray[np.float64]
Party = Literal["agent", "customer"]

_LINE_HZ = 300, 3450
_BANDS = [
    i
    for i, (low, high) in enumerate(itertools.pairwise(BAND_EDGES_HZ))
    if _LINE_HZ[0] <= low and high <= _LINE_HZ[1]
]
"""Bands that a telephone leaves whole."""
_INSIDE = slice(_BANDS[0], _BANDS[-1] + 1)
_PLACE = np.arange(len(_BANDS)) - (len(_BANDS) - 1) / 2
_SLOPE = _PLACE / (_PLACE @ _PLACE)


class Piece(msgspec.Struct, frozen=True, eq=False):
    """Half a second of one party's own speech, in which something is voiced."""

    pitch: Vector
    """Semitones over 1 Hz of each voiced frame."""
    tilt: float
    """Sum over the voiced frames of the spectrum's slope, dB per band."""
    flux: float
    """Sum over the steps of the mean change of a band, dB."""
    steps: int
    """Voiced frames right after a voiced frame."""
    glides: Vector
    """Change of the pitch in each step, semitones, without sign; jumps left out."""
    own: int
    """Frames in which this party talks and the other does not."""
    nuclei: int
    """Syllables among them."""


def piece(rows: Frames, party: Party = "customer") -> Piece | None:
    """One party's own speech in some rows of the core; None where too little is voiced."""
    other = "agent" if party == "customer" else "customer"
    own = (rows[f"{party}_talk"] == 1) & (rows[f"{other}_talk"] == 0)
    voiced = own & (rows[f"{party}_f0_hz_q4"] > 0)
    voiced &= rows[f"{party}_voicing_q15"] >= VOICING_MIN_Q15
    where = np.flatnonzero(voiced)
    if len(where) < VOICED_MIN:
        return None
    pitch = 12 * np.log2(rows[f"{party}_f0_hz_q4"][where] / 16)
    bands = rows[f"{party}_bands_db_q8"][where, _INSIDE] / 256
    step = np.diff(where) == 1
    glides = np.abs(np.diff(pitch)[step])
    return Piece(
        pitch=pitch,
        tilt=float((bands @ _SLOPE).sum()),
        flux=float(np.abs(np.diff(bands, axis=0)[step]).sum()) / len(_BANDS),
        steps=int(np.count_nonzero(step)),
        glides=glides[glides < GLIDE_MAX],
        own=int(np.count_nonzero(own)),
        nuclei=int(np.count_nonzero(own & (rows[f"{party}_flags"] & FLAG_NUCLEUS != 0))),
    )


def features(pieces: list[Piece]) -> Vector:
    """The measures of some speech, in the order of FEATURES.

    pitch: mean of the middle half of the pitch, semitones: what lies outside may be a wrong
    octave. tilt: mean slope of the spectrum inside the telephone band, dB per band; a pressed
    voice falls off less. flux: mean change of a band within 10 ms, dB. glide: mean change of the
    pitch within 10 ms, semitones. pace: syllables per second of speech.

    Args:
        pieces: a few seconds of speech.
    """
    pitch = np.sort(np.concatenate([piece.pitch for piece in pieces]))
    quarter = len(pitch) // 4
    glides = np.concatenate([piece.glides for piece in pieces])
    steps = max(1, sum(piece.steps for piece in pieces))
    own = sum(piece.own for piece in pieces)
    return np.array(
        [
            pitch[quarter : len(pitch) - quarter].mean(),
            sum(piece.tilt for piece in pieces) / len(pitch),
            sum(piece.flux for piece in pieces) / steps,
            glides.mean() if len(glides) else 0.0,
            100 * sum(piece.nuclei for piece in pieces) / own,
        ]
    )
