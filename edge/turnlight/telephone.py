"""What the telephone system says about the calls, from the uplink's thread to the desk's."""

from __future__ import annotations

import logging
from collections import deque

import msgspec

from turnlight.call import SignalKind
from turnlight.messages import CallSignal, decode

_LOG = logging.getLogger(__name__)

PAYLOAD_MOST = 1024
"""Bytes of a message; a signal has 30."""
WAITING_MOST = 64
"""Signals that wait for the desk, which looks 25 times a second; older ones are dropped."""


class Telephone:
    """A queue between one thread that hears and one that takes.

    Attributes:
        refused: messages that were no signals, or too old to be one.
        stands: the last signal that was taken; None while nothing was said.
    """

    def __init__(self) -> None:
        self.refused = 0
        self.stands: SignalKind | None = None
        self._waiting: deque[SignalKind] = deque(maxlen=WAITING_MOST)
        self._heard = False
        self._complained = ""

    def hear(self, payload: bytes, retained: bool) -> None:
        """Take one message as it came; what is no signal is counted, and told once."""
        if retained:
            # it was true when it was published, and nobody knows when that was
            self._refuse("is retained, so it may be of any age; publish it without")
        elif len(payload) > PAYLOAD_MOST:
            self._refuse(f"has {len(payload)} bytes and may have {PAYLOAD_MOST}")
        else:
            try:
                signal = decode(payload, CallSignal).signal
            except msgspec.MsgspecError as error:
                self._refuse(f"is not one ({error}); see CallSignal in docs/wire.md")
            else:
                self._heard, self._complained = True, ""
                self._waiting.append(signal)

    def gone(self) -> None:
        """The broker is out of reach: what the telephone system says is not heard."""
        if self._heard:
            self._heard = False
            self._waiting.append("gone")

    def take(self) -> list[SignalKind]:
        """What was said since the last time."""
        said = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if said:
            self.stands = said[-1]
        return said

    def _refuse(self, why: str) -> None:
        self.refused += 1
        if why != self._complained:
            self._complained = why
            _LOG.warning("a message of the telephone system %s", why)
