"""A lamp never lies: when the monitor behind it falls silent, it shows the fault."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol

from turnlight.cues import CueShown
from turnlight.rights import Rights

if TYPE_CHECKING:
    from turnlight.lamps import Lamp

STALE_AFTER_MS = 3000
FRAME_MS = 40
_DARK = CueShown(at_ms=0, cue="idle", reason="")


class Watchdog:
    """Tells whether something that should be heard of again and again still is. Pure."""

    def __init__(self, bound_ms: int) -> None:
        self._bound_ms = bound_ms
        self._heard_ms: int | None = None

    def hear(self, now_ms: int) -> None:
        """It is alive."""
        self._heard_ms = now_ms

    def stale(self, now_ms: int) -> bool:
        """Nothing was heard for longer than the bound, counted from the first question."""
        if self._heard_ms is None:
            self._heard_ms = now_ms
        return now_ms - self._heard_ms > self._bound_ms


class GuardedLamp:
    """Any lamp, watched and ruled by the agent: the only one the monitor talks to.

    `show` and `alive` may be called from the monitor's thread while another one ticks: they leave
    word and return, so no light ever holds up the sound.

    Args:
        lamp: shows the cues; called from `tick` and `close` alone.
        bound_ms: without `show` or `alive` for so long the fault is shown.
        rights: what the agent asked for: to dim it, or to keep it dark.
    """

    def __init__(
        self, lamp: Lamp, bound_ms: int = STALE_AFTER_MS, rights: Rights | None = None
    ) -> None:
        self._lamp = lamp
        self._rights = rights or Rights()
        self._bound_ms = bound_ms
        self._watchdog = Watchdog(bound_ms)
        self._news: deque[CueShown] = deque()
        self._alive = False
        self._last = CueShown(at_ms=0, cue="idle", reason="no call")
        self._shows: Literal["cue", "fault", "nothing"] = "cue"
        self._brightness = 1.0

    def show(self, cue: CueShown) -> None:
        """Show this cue from the next tick on."""
        self._news.append(cue)

    def alive(self) -> None:
        """The monitor works and has nothing new to say."""
        self._alive = True

    def tick(self, now_ms: int) -> None:
        """Draw the moment `now_ms` of a monotonic clock."""
        news = [self._news.popleft() for _ in range(len(self._news))]
        if news or self._alive:
            self._alive = False
            self._watchdog.hear(now_ms)
        stale = self._watchdog.stale(now_ms)
        dark = self._rights.muted(now_ms) or self._rights.paused(now_ms)
        was, self._shows = self._shows, "nothing" if dark else "fault" if stale else "cue"
        if self._shows == "nothing" != was:
            self._lamp.show(_DARK)
        elif self._shows == "fault" != was:
            self._lamp.show(self._fault_cue())
        elif self._shows == "cue" != was and not news:
            self._lamp.show(self._last)
        for cue in news:
            if self._shows == "cue":
                self._lamp.show(cue)
            self._last = cue
        if self._rights.brightness != self._brightness:
            self._brightness = self._rights.brightness
            self._lamp.dim(self._brightness)
        self._lamp.tick(now_ms)

    def close(self) -> None:
        """Put the light out."""
        self._lamp.close()

    def _fault_cue(self) -> CueShown:
        seconds = self._bound_ms / 1000
        return CueShown(
            at_ms=self._last.at_ms,
            cue="fault",
            reason=f"the monitor has not been heard of for {seconds:.0f} s",
        )


class Drawn(Protocol):
    """What a thread draws: a lamp, guarded or not."""

    def tick(self, now_ms: int) -> None:
        """Draw this moment."""

    def close(self) -> None:
        """Put the light out."""


class LampThread:
    """Ticks a lamp 25 times a second in a thread of its own, whatever the sound does.

    Args:
        lamp: what is drawn.
        failed: called from the thread when the light has stopped for good.

    Attributes:
        failure: why the light stopped, when it did.
    """

    def __init__(self, lamp: Drawn, failed: Callable[[], None] = lambda: None) -> None:
        self._lamp = lamp
        self._failed = failed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lamp", daemon=True)
        self.failure: OSError | None = None

    def start(self) -> None:
        """Begin to draw."""
        self._thread.start()

    def stop(self) -> None:
        """Draw once more, so that the last cue is seen, and put the light out."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            try:
                while not self._stopping.wait(FRAME_MS / 1000):
                    self._lamp.tick(int(time.monotonic() * 1000))
                self._lamp.tick(int(time.monotonic() * 1000))
            finally:
                # A light that nobody draws any more must not keep its last cue.
                self._lamp.close()
        except OSError as error:
            self.failure = error
            self._failed()
