"""The running desk: sound in, light and anonymous windows out.

    source -> core -> listener -> lamp
                           \\-> shift -> outbox -> uplink -> broker

The loop waits for the sound and for nothing else: the lamp and the uplink have threads of their
own, and a broker that is away costs it nothing.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from turnlight import __version__
from turnlight.agent import Heard, Listener
from turnlight.audio import BLOCK_MS, Source, SourceStalled, open_source
from turnlight.channel_watch import ChannelWatch
from turnlight.config import Config
from turnlight.cues import CueShown
from turnlight.doorway import REFUSED, DoorError, Doorway
from turnlight.dsp import Core
from turnlight.lamps import GuardedLamp, LampError, LampThread, lamp_for
from turnlight.messages import Health, Quality
from turnlight.metrics import WindowSums, window_fields
from turnlight.outbox import Outbox
from turnlight.recording import InputError
from turnlight.rights import Refused, Rights
from turnlight.shift import Shift
from turnlight.strain_model import ModelError
from turnlight.systemd import Notifier
from turnlight.telephone import Telephone
from turnlight.uplink import Uplink

if TYPE_CHECKING:
    from turnlight.button import AgentButton

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
        health: how the device is, without what this knows itself.
        telephone: told what the telephone system says.
    """

    def __init__(
        self, config: Config, health: Callable[[Outbox], Health], telephone: Telephone
    ) -> None:
        state_dir = Path(config.desk.state_dir).expanduser()
        self._shift = Shift(state_dir, config.uplink.shift_hours)
        self._outbox = Outbox(state_dir / "outbox.sqlite", config.uplink.keep_days)
        self._uplink = Uplink(
            config.uplink, config.desk, self._outbox, lambda: health(self._outbox), telephone
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
        self._uplink.send(self._shift.stamp(fields, fields["start_s"]), time.time())

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

    def run(self, source: Source) -> None:
        """Listen until told to stop or the recording ends; a lost tap is opened again."""
        while not self._listen(source):
            while (again := self._open()) is None:
                self._lamp.alive()
                if self._stopping.wait(REOPEN_EVERY_S):
                    return
            source = again

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
                now_ms, block_ms = time.time() * 1000, len(pcm) * 1000 / source.rate_hz
                heard_ms += block_ms
                self._lamp.alive()
                missed, overruns = source.overruns - overruns, source.overruns
                self._overruns += missed
                signals = self._telephone.take()
                if self._rights.paused(_now_ms()):
                    # to systemd, too, it must look like an idle desk
                    self._notifier.hears(_now_ms())
                    if listener:  # as if both had hung up
                        self._deliver(listener.finish(), _flaws(watch))
                        listener = None
                    continue
                if listener and self._drifted(listener, now_ms - epoch_ms - heard_ms):
                    self._deliver(listener.finish(), _flaws(watch))
                    listener = None
                if listener is None:
                    core.reset()
                    epoch_ms, heard_ms = now_ms - block_ms, block_ms
                    listener = Listener(self._config, keep=False, epoch_ms=round(epoch_ms))
                    fault = ""
                    signals = [self._telephone.stands] if self._telephone.stands else []
                for said in signals:
                    listener.signal(said)
                if missed:
                    listener.lose(missed * BLOCK_MS)
                self._coach(listener)
                rows = core.process(pcm)
                if len(rows):
                    self._notifier.hears(_now_ms())
                watch.hear(pcm, rows)
                listener.doubt(watch.doubt)
                if (now := watch.fault or self._stale()) != fault:
                    fault = now
                    self._deliver(listener.fault(fault), _flaws(watch))
                    self._warn(watch.fault)
                self._deliver(listener.hear(rows), _flaws(watch))
        except SourceStalled as error:
            lost = str(error)
        finally:
            source.close()
        if listener:
            self._deliver(listener.hear(core.flush()), _flaws(watch))
            self._deliver(listener.finish(), _flaws(watch))
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

    def _health(self, outbox: Outbox) -> Health:
        return Health(
            version=__version__,
            uptime_s=int(time.monotonic() - self._started_s),
            overruns=self._overruns,
            outbox_depth=outbox.depth,
            outbox_dropped=outbox.dropped,
            temperature_c=_temperature_c(),
            audio_present=time.monotonic() - self._heard_s < 5.0,
        )


def _flaws(watch: ChannelWatch) -> Quality:
    return Quality.CHANNELS_DOUBTFUL if watch.fault or watch.doubt else Quality(0)


def _now_ms() -> float:
    """The clock of the lamp and of the agent's rights."""
    return time.monotonic() * 1000


def _temperature_c() -> float | None:
    try:
        return int(_TEMPERATURE.read_text()) / 1000
    except (OSError, ValueError):
        return None


def _open_door(config: Config, rights: Rights) -> Doorway | None:
    def answer(line: str) -> str:
        try:
            return rights.ask(line, _now_ms())
        except Refused as error:
            return f"{REFUSED}{error}"

    try:
        return Doorway(config.desk.door, answer)
    except DoorError as error:
        _LOG.warning("%s; until then the agent cannot dim, mute or pause this desk", error)
        return None


def _open_button(config: Config, rights: Rights) -> AgentButton | None:
    if config.lamp.gpio_button < 0:
        return None
    try:
        from turnlight.button import AgentButton  # needs a package that other desks lack

        return AgentButton(config.lamp.gpio_button, rights)
    except LampError as error:
        _LOG.warning("%s; until then the agent has no button", error)
        return None


def run(config: Config) -> None:
    """Run one desk until SIGTERM, SIGINT, SIGHUP or the end of its recording.

    Raises:
        LampError: the lamp's kind needs a package that is not installed.
        InputError: the sound input or the recording cannot be used.
        ModelError: strain is to be measured and its model cannot be used.
        ShiftError, OutboxError: the desk's state directory cannot be used.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: stopping.set())
    with ExitStack() as stack:
        source = open_source(config.audio)
        rights = Rights(own_lamp=config.lamp.kind not in ("mqtt", "lines"))
        lamp = lamp_for(config.lamp, rights)
        desk = Desk(config, lamp, rights, stopping)
        stack.callback(desk.close)
        thread = LampThread(lamp)
        thread.start()
        stack.callback(thread.stop)
        if door := _open_door(config, rights):
            stack.callback(door.close)
        if button := _open_button(config, rights):
            stack.callback(button.close)
        desk.run(source)
