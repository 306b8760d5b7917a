"""The other detectors, behind one shape: stereo int16 in, a score per 10 ms and channel out.

All but the plain one hear each channel alone, as they were made to.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import distribution

import earshot
import numpy as np
import numpy.typing as npt
import onnxruntime
import webrtcvad

from bench.labels import HOP
from bench.scores import Score
from bench.systems import OURS, ours, ours_score
from turnlight.dsp import RATE_HZ, Pcm

Mono = npt.NDArray[np.int16]
SILERO_CHUNK = 512
"""The only length silero takes at 16 kHz: 32 ms."""
SILERO_CONTEXT = 64
EARSHOT_CHUNK = 256
SMOOTH = 33
"""Frames over which a plain level, or a detector's yes or no, is averaged for its AUC."""


def _per_frame(scores: Score, chunk: int, frames: int) -> Score:
    """Scores of longer chunks, looked up at the middle of each 10 ms."""
    middle = (np.arange(frames) * HOP + HOP // 2) // chunk
    return scores[np.minimum(middle, len(scores) - 1)]


def _chunks(mono: Mono, length: int) -> Mono:
    return np.pad(mono, (0, -len(mono) % length)).reshape(-1, length)


def webrtc(mode: int) -> Callable[[Pcm], Score]:
    """webrtcvad says yes or no; its score is the share of yes in the 330 ms around."""

    def score(pcm: Pcm) -> Score:
        out = np.zeros((len(pcm) // HOP, 2))
        for k in (0, 1):
            vad = webrtcvad.Vad(mode)
            frames = _chunks(np.ascontiguousarray(pcm[:, k]), HOP)[: len(out)]
            said = [vad.is_speech(frame.tobytes(), RATE_HZ) for frame in frames]
            out[:, k] = np.convolve(said, np.ones(SMOOTH) / SMOOTH, "same")
        return out

    return score


def earshot_score(pcm: Pcm) -> Score:
    """Probability of earshot, frames of 16 ms."""
    out = np.zeros((len(pcm) // HOP, 2))
    for k in (0, 1):
        detector = earshot.Detector()
        frames = _chunks(np.ascontiguousarray(pcm[:, k]), EARSHOT_CHUNK)
        scores = np.array([float(detector.predict_i16(frame)) for frame in frames])
        out[:, k] = _per_frame(scores, EARSHOT_CHUNK, len(out))
    return out


@cache
def silero_session() -> onnxruntime.InferenceSession:
    """The network of the silero-vad package, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # read as a file: importing the package would ask for torch
    path = distribution("silero-vad").locate_file("silero_vad/data/silero_vad.onnx")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def silero_score(pcm: Pcm) -> Score:
    """Probability of silero, chunks of 32 ms, both channels in one call."""
    session = silero_session()
    sound = np.stack([_chunks(pcm[:, k], SILERO_CHUNK) for k in (0, 1)], 1) / np.float32(32768)
    state = np.zeros((2, 2, 128), np.float32)
    heard = np.zeros((2, SILERO_CONTEXT + SILERO_CHUNK), np.float32)
    rate = np.array(RATE_HZ, np.int64)
    scores = np.zeros((len(sound), 2))
    for i, chunk in enumerate(sound):
        heard = np.concatenate([heard[:, -SILERO_CONTEXT:], chunk], 1)
        out, state = session.run(None, {"input": heard, "state": state, "sr": rate})
        scores[i] = out[:, 0]
    return _per_frame(scores, SILERO_CHUNK, len(pcm) // HOP)


def plain_score(pcm: Pcm) -> Score:
    """No learning at all: the smoothed level, and who is louder."""
    frames = pcm[: len(pcm) // HOP * HOP].reshape(-1, HOP, 2).astype(float)
    db = 10 * np.log10((frames**2).mean(1) + 1e-3)
    level = np.stack([np.convolve(db[:, k], np.ones(SMOOTH) / SMOOTH, "same") for k in (0, 1)], 1)
    score: Score = level + np.clip(level - level[:, ::-1], -30, 10)
    return score


PEERS: dict[str, Callable[[Pcm], Score]] = {
    "webrtcvad 3": webrtc(3),
    "webrtcvad 2": webrtc(2),
    "earshot": earshot_score,
    "silero": silero_score,
    "level, who is louder": plain_score,
}


def heard(pcm: Pcm) -> dict[str, Score]:
    """The same sound, heard by every system."""
    return {OURS: ours_score(ours(pcm))} | {name: peer(pcm) for name, peer in PEERS.items()}
