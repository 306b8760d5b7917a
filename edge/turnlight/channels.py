"""What is wrong with the two channels: pure sums over int16 sound at 16 kHz, and a verdict."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from turnlight.identity import DOUBTFUL, SWAPPED, Pair, confidence

Pcm = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float64]
Bandwidth = Literal["narrow", "wide", "unknown"]

RATE_HZ = 16_000
HOP = 160
SILENT_DBFS = -70.0
"""A channel whose loudest 10 ms lie below this carries no voice, only an open line."""

_BATCH = 100 * HOP
_FULL_SCALE = 32_768.0
_SAME_RESIDUAL = 1e-5
"""Share of one channel's power that the other does not explain. Separate microphones leave far
more; a mono call stored as stereo leaves rounding, also after a lossy codec."""
_CLIPPED_NOTE_PCT = 0.01
_DC_NOTE_DBFS = -40.0
_SPEECH_DBFS = -50.0
_DOMINANT_DB = 6.0
"""A hop speaks for its own channel only where the other is this much weaker: sidetone carries
the agent's wide voice into the narrow telephone channel, bleed the reverse."""
_EVERY = 4
_HOPS_NEEDED = 100
_NARROW_DB, _WIDE_DB = -40.0, -28.0
"""Power of 4.3-7.5 kHz against 0.3-3.4 kHz. A telephone channel has only noise up there."""
_LOW_BINS, _HIGH_BINS = slice(3, 35), slice(43, 76)
_ROOM_QUANTILE = 0.1
"""Part of the time in which nothing but the background is heard."""
_LEAST_DBFS = -110

DOUBT = (
    "agent and customer may be swapped: their channels do not sound like a microphone and a line"
)
"""What is said where nobody knows whose channel is whose."""


class ChannelReport(msgspec.Struct, frozen=True):
    """What was found; pairs are agent, customer. dBFS against a full-scale square wave."""

    seconds: float
    loudest_dbfs: tuple[float | None, float | None]
    """Level of the loudest 10 ms; None is digital silence."""
    clipped_pct: tuple[float, float]
    """Share of samples at full scale."""
    dc_dbfs: tuple[float | None, float | None]
    bandwidth: tuple[Bandwidth, Bandwidth]
    """Of the parts where this channel is the louder one; unknown without 4 s of evidence."""
    identical: bool
    """Both carry the same sound, one perhaps fainter."""
    confidence: float
    """That the agent is the agent, 0..1; see `identity.confidence`."""

    @property
    def silent(self) -> tuple[bool, bool]:
        """Channels that carry no voice at all."""
        agent, customer = (db is None or db < SILENT_DBFS for db in self.loudest_dbfs)
        return agent, customer

    @property
    def swapped(self) -> bool:
        """The agent's channel sounds like a telephone line and the customer's does not."""
        return self.confidence < SWAPPED

    @property
    def doubtful(self) -> bool:
        """It is not known whose channel is whose."""
        return self.confidence < DOUBTFUL

    def refusal(self) -> str | None:
        """Why this sound cannot be analysed, with the remedy; None when it can."""
        match self.silent:
            case (True, True):
                return "both channels are silent; check the recorder's inputs"
            case (True, False):
                return "the agent's channel is silent; check the recorder's input for it"
            case (False, True):
                return "the customer's channel is silent; check the recorder's input for it"
        if self.identical:
            return (
                "both channels carry the same sound (a mono call saved as stereo); "
                "record agent and customer on separate channels"
            )
        if self.swapped:
            return (
                "agent and customer look swapped: the agent's channel has telephone bandwidth "
                "and the customer's has not; give --swap or exchange the two files, or set "
                "audio.trust_channels = true if they are right as they are"
            )
        return None

    def notes(self) -> list[str]:
        """Doubts that do not stop an analysis, one sentence each."""
        notes = []
        for party, clipped, dc in zip(
            ("agent", "customer"), self.clipped_pct, self.dc_dbfs, strict=True
        ):
            if clipped > _CLIPPED_NOTE_PCT:
                notes.append(f"the {party}'s channel is clipped ({clipped:.2g} % of samples)")
            if dc is not None and dc > _DC_NOTE_DBFS:
                notes.append(f"the {party}'s channel has a DC offset ({dc:.0f} dBFS)")
        if self.doubtful:
            notes.append(
                f"{DOUBT}; give --swap if they are, and set audio.trust_channels = true if not"
            )
        return notes


class ChannelCheck:
    """Running sums over two channels, in bounded memory; the same for files and for live sound.

    Args:
        trusted: the settings say that the agent's channel is the agent's.
    """

    def __init__(self, trusted: bool = False) -> None:
        self._trusted = trusted
        self._pending: list[Pcm] = []
        self._pending_samples = 0
        self._samples = 0
        self._sum = np.zeros(2)
        self._products = np.zeros((2, 2))
        self._full_scale = np.zeros(2, np.int64)
        self._loudest = np.zeros(2)
        self._low = np.zeros(2)
        self._high = np.zeros(2)
        self._hops = [0, 0]
        self._levels = np.zeros((2, 1 - _LEAST_DBFS), np.int64)
        """How many hops there were of each whole dBFS, digital silence left out."""
        self._window = np.hanning(HOP + 1)[:HOP]

    def hear(self, pcm: Pcm) -> None:
        """Add sound: int16 of shape (n, 2), agent first, any n."""
        self._pending.append(pcm)
        self._pending_samples += len(pcm)
        if self._pending_samples >= _BATCH:
            self._settle()

    def report(self) -> ChannelReport:
        """What is known by now. A last piece shorter than 10 ms is left out."""
        self._settle()
        count = max(self._samples, 1)
        mean = self._sum / count
        covariance = self._products / count - np.outer(mean, mean)
        power = float(covariance[0, 0] * covariance[1, 1])
        highs_db = self._highs_db()
        clipped_pct = [round(100.0 * int(n) / count, 4) for n in self._full_scale]
        return ChannelReport(
            seconds=self._samples / RATE_HZ,
            loudest_dbfs=(_dbfs(self._loudest[0]), _dbfs(self._loudest[1])),
            clipped_pct=(clipped_pct[0], clipped_pct[1]),
            dc_dbfs=(_dbfs(mean[0] ** 2), _dbfs(mean[1] ** 2)),
            bandwidth=(_bandwidth(highs_db[0]), _bandwidth(highs_db[1])),
            identical=power > 0 and 1 - float(covariance[0, 1]) ** 2 / power < _SAME_RESIDUAL,
            confidence=confidence(highs_db, self._room_dbfs(), self._trusted),
        )

    @property
    def hops(self) -> int:
        """Hops of each party's own voice that the bandwidth goes by; the lesser number."""
        return min(self._hops)

    def _settle(self) -> None:
        pcm = np.concatenate(self._pending) if self._pending else np.empty((0, 2), np.int16)
        whole = len(pcm) - len(pcm) % HOP
        self._pending = [pcm[whole:].copy()]
        self._pending_samples = len(pcm) - whole
        if not whole:
            return
        pcm = pcm[:whole]
        self._samples += whole
        # Exact for a batch of up to 2**22 samples: squares of at most 2**30 sum to below 2**53.
        sound = np.ascontiguousarray(pcm.T, np.float64)
        self._full_scale += np.count_nonzero((sound == 32_767) | (sound == -32_768), axis=1)
        self._products += sound @ sound.T
        hops = sound.reshape(2, -1, HOP)
        sums = hops.sum(axis=2)
        self._sum += sums.sum(axis=1)
        level = np.maximum(np.einsum("chs,chs->ch", hops, hops) / HOP - (sums / HOP) ** 2, 0)
        self._loudest = np.maximum(self._loudest, level.max(axis=1))
        for own, other in ((0, 1), (1, 0)):
            heard = level[own][level[own] > 0]
            dbfs = 10 * np.log10(heard / _FULL_SCALE**2)
            steps = np.clip(np.rint(dbfs), _LEAST_DBFS, 0).astype(np.intp) - _LEAST_DBFS
            self._levels[own] += np.bincount(steps, minlength=1 - _LEAST_DBFS)
            self._listen(own, hops[own], level[own], level[other])

    def _listen(self, own: int, hops: Floats, level: Floats, other_level: Floats) -> None:
        speech = level > _FULL_SCALE**2 * 10 ** (_SPEECH_DBFS / 10)
        dominant = level > other_level * 10 ** (_DOMINANT_DB / 10)
        chosen = hops[speech & dominant][::_EVERY]
        power = np.abs(np.fft.rfft(chosen * self._window)) ** 2
        self._low[own] += power[:, _LOW_BINS].sum()
        self._high[own] += power[:, _HIGH_BINS].sum()
        self._hops[own] += len(chosen)

    def _highs_db(self) -> Pair:
        """Power above the telephone's band against that in it."""
        agent, customer = (
            10 * float(np.log10(max(high / low, 1e-12))) if hops >= _HOPS_NEEDED and low else None
            for high, low, hops in zip(self._high, self._low, self._hops, strict=True)
        )
        return agent, customer

    def _room_dbfs(self) -> Pair:
        agent, customer = (
            int(np.searchsorted(np.cumsum(levels), _ROOM_QUANTILE * levels.sum())) + _LEAST_DBFS
            if levels.any()
            else None
            for levels in self._levels
        )
        return agent, customer


def _bandwidth(highs_db: float | None) -> Bandwidth:
    if highs_db is None:
        return "unknown"
    if highs_db < _NARROW_DB:
        return "narrow"
    return "wide" if highs_db > _WIDE_DB else "unknown"


def _dbfs(power: float) -> float | None:
    return round(float(10 * np.log10(power / _FULL_SCALE**2)), 1) if power > 0 else None
