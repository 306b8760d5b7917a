"""The running desk: sound in, light and anonymous windows out.

    source -> core -> listener -> lamp
                           \\-> shift -> outbox -> uplink -> broker

The loop waits for the sound and for nothing else: the lamp and the uplink have threads of their
own, and a broker that is away costs it nothing.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from turnlight import __version__
from turnlight.agent import Heard, Listener
from turnlight.audio import BLOCK_MS, Source, SourceStalled, open_source
from turnlight.channel_watch import ChannelWatch
from turnlight.config import Config
from turnlight.cues import CueShown
from turnlight.dsp import Core
from turnlight.lamps import GuardedLamp
from turnlight.messages import Health, Quality
from turnlight.metrics import WindowSums, window_fields
from turnlight.now import Now
from turnlight.outbox import Outbox
from turnlight.recording import InputError
from turnlight.rights import Rights
from turnlight.shift import Shift
from turnlight.strain_model import ModelError
from turnlight.systemd import Notifier
from turnlight.telephone import Telephone
from turnlight.uplink import Uplink

_LOG = logging.getLogger(__name__)

REOPEN_EVERY_S = 2.0
LAST_WINDOWS_S = 4.0
"""How long the end of the process waits for the broker to take the last windows."""
DRIFT_MS = 500
"""Between calls the sound's clock is set by the wall clock when they are so far apart."""
_TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")


class Windows:
    """The way out: completed windows get the shift's pid and leave through the outbox.

    Args:
        config: the desk's settings, with a broker.
        health: how the device is, given what this knows: the outbox and the clock.
        telephone: told what the telephone system says.
    """

    def __init__(
        self,
        config: Config,
        health: Callable[[Outbox, int | None], Health],
        telephone: Telephone,
    ) -> None:
        state_dir = Path(config.desk.state_dir).expanduser()
        self._shift = Shift(state_dir, config.uplink.shift_hours)
        self._outbox = Outbox(state_dir / "outbox.sqlite", config.uplink.keep_days)
        self._uplink = Uplink(
            config.uplink,
            config.desk,
            self._outbox,
            lambda: health(self._outbox, self._uplink.clock_skew_s),
            telephone,
        )
        self._uplink.start()

    @property
    def away_s(self) -> float:
        """How long the broker has been out of reach."""
        return self._uplink.away_s

    def send(self, window: WindowSums, flaws: Quality) -> None:
        """Let one window leave, with what was wrong besides."""
        fields = window_fields(window)
        fields["quality"] |= flaws
        stamped = self._shift.stamp(fields, fields["start_s"])
        if stamped is not None:
            self._uplink.send(stamped, time.time())

    def close(self) -> None:
        """Give the broker a moment for the last windows; what it does not take stays on disk."""
        deadline = time.monotonic() + LAST_WINDOWS_S
        while self._uplink.state == "online" and self._outbox.depth and time.monotonic() < deadline:
            time.sleep(0.05)
        self._uplink.stop()
        self._outbox.close()
        self._shift.close()


class Desk:
    """One desk, from its sources to its lamp.

    Args:
        config: all settings.
        lamp: shows the cues.
        rights: what the agent asked for.
        stopping: set to end.
    """

    def __init__(
        self, config: Config, lamp: GuardedLamp, rights: Rights, stopping: threading.Event
    ) -> None:
        self._config = config
        self._lamp = lamp
        self._rights = rights
        self._stopping = stopping
        self._started_s = time.monotonic()
        self._overruns = 0
        self._heard_s = -1e9
        self._notifier = Notifier(os.environ)
        self._warned: set[str] = set()
        self._telephone = Telephone()
        self._windows = (
            Windows(config, self._health, self._telephone) if config.uplink.host else None
        )
        self._listener: Listener | None = None
        self._hearing = threading.Lock()
        """Held while the listener hears, so that another thread may ask how the call goes."""

    def run(self, source: Source) -> None:
        """Listen until told to stop or the recording ends; a lost tap is opened again."""
        while not self._listen(source):
            while (again := self._open()) is None:
                self._lamp.alive()
                if self._stopping.wait(REOPEN_EVERY_S):
                    return
            source = again

    def now(self) -> Now:
        """How the call that is on goes, for its agent alone; empty without a call."""
        with self._hearing:
            listener = self._listener
            return listener.so_far() if listener and listener.situation.in_call else {}

    def close(self) -> None:
        """Let the last windows leave."""
        if self._windows:
            self._windows.close()

    def _open(self) -> Source | None:
        try:
            return open_source(self._config.audio)
        except InputError as error:
            _LOG.debug("%s", error)
            return None

    def _listen(self, source: Source) -> bool:
        """Hear one unbroken stretch of sound; False when the tap was lost."""
        core = Core(source.rate_hz)
        watch = ChannelWatch(source.rate_hz, self._config.audio.trust_channels)
        listener: Listener | None = None
        epoch_ms, heard_ms = 0.0, 0.0
        lost = fault = ""
        overruns = 0
        try:
            while not self._stopping.is_set():
                pcm = source.read()
                if not len(pcm):
                    break
                self._heard_s = time.monotonic()
                wall_ms, block_ms = time.time() * 1000, len(pcm) * 1000 / source.rate_hz
                heard_ms += block_ms
                self._lamp.alive()
                missed, overruns = source.overruns - overruns, source.overruns
                self._overruns += missed
                signals = self._telephone.take()
                if self._rights.paused(now_ms()):
                    # to systemd, too, it must look like an idle desk
                    self._notifier.hears(now_ms())
                    if listener:  # as if both had hung up
                        self._deliver(self._finish(listener), _flaws(watch))
                        listener = None
                    continue
                if listener and self._drifted(listener, wall_ms - epoch_ms - heard_ms):
                    self._deliver(self._finish(listener), _flaws(watch))
                    listener = None
                if listener is None:
                    core.reset()
                    epoch_ms, heard_ms = wall_ms - block_ms, block_ms
                    listener = Listener(self._config, keep=False, epoch_ms=round(epoch_ms))
                    fault = ""
                    signals = [self._telephone.stands] if self._telephone.stands else []
                rows = core.process(pcm)
                if len(rows):
                    self._notifier.hears(now_ms())
                watch.hear(pcm, rows)
                now = watch.fault or self._stale()
                with self._hearing:
                    self._listener = listener
                    for said in signals:
                        listener.signal(said)
                    if missed:
                        listener.lose(missed * BLOCK_MS)
                    self._coach(listener)
                    listener.doubt(watch.doubt)
                    told = listener.fault(now) if now != fault else Heard()
                    heard = listener.hear(rows)
                if now != fault:
                    self._warn(watch.fault)
                fault = now
                self._deliver(told, _flaws(watch))
                self._deliver(heard, _flaws(watch))
        except SourceStalled as error:
            lost = str(error)
        finally:
            source.close()
        if listener:
            with self._hearing:
                heard = listener.hear(core.flush())
            self._deliver(heard, _flaws(watch))
            self._deliver(self._finish(listener), _flaws(watch))
        if lost:
            _LOG.warning("%s", lost)
            self._lamp.show(CueShown(at_ms=round(heard_ms), cue="fault", reason=lost))
        return not lost

    def _stale(self) -> str:
        """Why the lamp shows a fault although the desk hears: the broker is out of reach."""
        after_s = self._config.uplink.fault_after_s
        if self._windows is None or self._windows.away_s <= after_s:
            return ""
        return (
            f"The broker has been out of reach for over {after_s:g} s; what was measured waits "
            "on this desk. Its log says why."
        )

    def _warn(self, fault: str) -> None:
        if fault and fault not in self._warned:
            self._warned.add(fault)
            _LOG.warning("%s", fault)

    def _finish(self, listener: Listener) -> Heard:
        with self._hearing:
            self._listener = None
            return listener.finish()

    def _drifted(self, listener: Listener, apart_ms: float) -> bool:
        live = self._config.audio.source == "portaudio"
        return live and listener.idle and abs(apart_ms) > DRIFT_MS

    def _coach(self, listener: Listener) -> None:
        try:
            listener.coach(self._rights.coached)
        except ModelError as error:
            _LOG.warning("%s", error)
            self._rights.coached = False

    def _deliver(self, heard: Heard, flaws: Quality) -> None:
        for cue in heard.cues:
            self._lamp.show(cue)
        if self._windows:
            for window in heard.windows:
                self._windows.send(window, flaws)

    def _health(self, outbox: Outbox, clock_skew_s: int | None) -> Health:
        return Health(
            version=__version__,
            uptime_s=int(time.monotonic() - self._started_s),
            overruns=self._overruns,
            outbox_depth=outbox.depth,
            outbox_dropped=outbox.dropped,
            temperature_c=temperature_c(),
            audio_present=time.monotonic() - self._heard_s < 5.0,
            clock_skew_s=clock_skew_s,
        )


def _flaws(watch: ChannelWatch) -> Quality:
    return Quality.CHANNELS_DOUBTFUL if watch.fault or watch.doubt else Quality(0)


def now_ms() -> float:
    """Milliseconds of the clock of the lamp and of the agent's rights."""
    return time.monotonic() * 1000


def temperature_c() -> float | None:
    """Of the processor; None where it has no sensor."""
    try:
        return int(_TEMPERATURE.read_text()) / 1000
    except (OSError, ValueError):
        return None
