"""Watches the channels of a running desk: dead, doubled or swapped ones are told while it runs."""

from __future__ import annotations

import numpy as np

from turnlight.channels import RATE_HZ, SILENT_DBFS, ChannelCheck, Pcm
from turnlight.dsp import HOP_MS, Frames
from turnlight.trust import NOT_KNOWN_WHOSE

SAME_WITHIN_S = 10
"""Sound by which doubled channels are known."""
SAME_DBFS = -50.0
"""Below this there is no voice that could be doubled."""
HOPS = 200
"""Of each party's own voice, by which swapped channels are known: 8 s of it."""
DEAD_AFTER_MS = 120_000
"""Speech of the one during which the other's channel was silent throughout. People mute themselves
and listen, and talk to colleagues while the line is idle; hardly ever for so long."""

SAME = (
    "Both channels carry the same sound: connect microphone and earpiece to separate channels "
    "of the tap."
)
SWAPPED = (
    "Agent and customer are swapped: exchange the two plugs or set audio.agent_channel to the "
    "other channel; if they are right as they are, set audio.trust_channels = true."
)
DEAD = (
    "The agent's channel is silent while the customer talks: switch the microphone on, or check "
    "its plug.",
    "The customer's channel is silent while the agent talks: check the plug of the earpiece.",
)
_SILENT_Q8 = round(SILENT_DBFS * 256)


class ChannelWatch:
    """Takes the sound and the core's rows, and says what is wrong until it no longer is.

    Args:
        rate_hz: of the sound, 16000 or 48000.
        trusted: the settings say that the agent's channel is the agent's.

    Attributes:
        doubt: why it is not known whose channel is whose, as part of a sentence; empty when it is.
    """

    def __init__(self, rate_hz: int, trusted: bool) -> None:
        self.doubt = ""
        self._thirds = rate_hz // RATE_HZ
        self._trusted = trusted
        self._same = self._swapped = False
        self._short, self._long = ChannelCheck(), ChannelCheck(trusted)
        self._short_left = SAME_WITHIN_S * RATE_HZ
        self._unanswered_ms = [0, 0]
        """Speech of the other since this channel last carried any sound."""

    @property
    def fault(self) -> str:
        """What is wrong and what to do, as a sentence; empty when nothing is."""
        if self._same:
            return SAME
        for silent_ms, sentence in zip(self._unanswered_ms, DEAD, strict=True):
            if silent_ms >= DEAD_AFTER_MS:
                return sentence
        return SWAPPED if self._swapped else ""

    def hear(self, pcm: Pcm, rows: Frames) -> None:
        """Take the next sound, int16 (n, 2), agent first, and the rows that came of it."""
        self._await_answers(rows)
        if self._thirds > 1:
            # what lies above 8 kHz folds down, which only a microphone's channel has
            whole = len(pcm) // self._thirds * self._thirds
            pcm = pcm[:whole].reshape(-1, self._thirds, 2).mean(axis=1).astype(np.int16)
        self._short.hear(pcm)
        self._long.hear(pcm)
        self._short_left -= len(pcm)
        if self._short_left <= 0:
            self._judge()

    def _await_answers(self, rows: Frames) -> None:
        for side, (party, other) in enumerate((("agent", "customer"), ("customer", "agent"))):
            if (rows[f"{party}_level_db_q8"] > _SILENT_Q8).any():
                self._unanswered_ms[side] = 0
            else:
                talk = np.count_nonzero(rows[f"{other}_talk"])
                self._unanswered_ms[side] += int(talk) * HOP_MS

    def _judge(self) -> None:
        report = self._short.report()
        if max(db or SILENT_DBFS for db in report.loudest_dbfs) > SAME_DBFS:
            self._same = report.identical
        self._short, self._short_left = ChannelCheck(), SAME_WITHIN_S * RATE_HZ
        if self._long.hops >= HOPS:
            report = self._long.report()
            self._swapped = report.swapped
            self.doubt = NOT_KNOWN_WHOSE if report.doubtful else ""
            self._long = ChannelCheck(self._trusted)
