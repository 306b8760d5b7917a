"""Joins the stages: numbers in, meaning out.

rows -> settled speech -> turns -> call -> metrics -> cues     (at once)
     \\-> settled confirmed speech -> the same -> call records, windows     (5 s behind)
     \\-> strain (2 Hz) ----------------------------/
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec
import numpy as np

from turnlight.call import CallRecord, Conversation, SignalKind
from turnlight.clipping import Clipping
from turnlight.config import Config
from turnlight.cues import PRIVATE, STATES, Cue, Cues, CueShown, CueWithheld, Situation
from turnlight.doubt import USUAL, Doubt, Margins
from turnlight.dsp import (
    CONFIRM,
    DB_NONE,
    FLAG_CLIPPED,
    FLAG_MUSIC,
    FLAG_NUCLEUS,
    FLAG_TONE,
    HOP_MS,
    Frames,
)
from turnlight.metrics import WindowSums, measures
from turnlight.own_voice import OwnVoice
from turnlight.settle import HOLD_SETTLE_MS, SETTLE_MS, HoldSettler, PairSettler, Settler
from turnlight.strain import Strain, StrainMeter
from turnlight.strain_model import StrainModel
from turnlight.tones import Line, LineTones
from turnlight.trust import CUES_OF_STRAIN, LiveTrust

LOOK_MS = 100
"""How often the lamp is decided."""

ROLLING_MS = {"last_60_s": 60_000, "last_5_min": 300_000}
"""Windows of `Listener.so_far`, besides the call."""

_COLUMNS = (
    "agent_talk",
    "customer_talk",
    "agent_confirmed",
    "customer_confirmed",
    "agent_flags",
    "customer_flags",
    "customer_level_db_q8",
    "agent_speech_q15",
    "customer_speech_q15",
    "agent_confirmed_q15",
    "customer_confirmed_q15",
)


class Heard(msgspec.Struct):
    """What became known."""

    cues: list[CueShown] = msgspec.field(default_factory=list)
    """Changes of the lamp, in order."""
    calls: list[CallRecord] = msgspec.field(default_factory=list)
    """Calls that ended."""
    windows: list[WindowSums] = msgspec.field(default_factory=list)
    """Windows that are complete; one without a call is not given."""


class Listener:
    """Numbers to meaning: no clock and no I/O, the same live and offline.

    The lamp goes by what can no longer change, and by no more than SETTLE_MS behind the sound.
    What is counted is HOLD_SETTLE_MS behind, since music on hold is recognised late and nothing
    of it may count as speech; so it goes by the core's confirmed decisions.

    What the customer says belongs to the moment in which it was spoken, one delay of the line
    before it is heard. So the agent's decisions wait for as long, and all is that much later.

    Args:
        config: the desk's settings.
        keep: whether ended calls list their segments, events and cues; without it memory is
            bounded.
        epoch_ms: Unix time of the sound's time 0; windows are aligned with it.
        margins: what the lamp asks for before it says something.

    Raises:
        ModelError: strain is to be measured and its model cannot be used.
    """

    def __init__(
        self, config: Config, keep: bool, epoch_ms: int = 0, margins: Margins = USUAL
    ) -> None:
        self._settings = config.cues
        self._keep = keep
        self._now_ms = 0
        self._line_ms = config.call.line_ms
        self._pairs = PairSettler(self._line_ms)
        self._known_ms = -self._line_ms
        """End of what the lamp knows."""
        self._doubt = Doubt(margins, self._line_ms)
        self._settled = deque([(False, False)] * (SETTLE_MS // HOP_MS))
        """The lamp's frames once more, all as late, for the line's tones."""
        self._confirmed_settlers = Settler(self._line_ms), Settler()
        self._agent_nuclei = deque([False] * (self._line_ms // HOP_MS))
        self._unconfirmed = deque([(0, 0)] * CONFIRM, CONFIRM)
        """Decisions that were not confirmed yet."""
        self._hold = HoldSettler()
        self._tones = LineTones()
        self._strain = StrainMeter(StrainModel()) if config.strain.customer else None
        """None where the site does not measure strain."""
        self._share_ms = round(config.cues.share_window_s * 1000)
        self._own_voice: OwnVoice | None = None
        """None unless the agent asked for coaching."""
        self._lamp_side = Conversation(
            config,
            keep=False,
            rolling_ms=(self._share_ms, *ROLLING_MS.values()),
            strain_margin=margins.strain,
            strain_longer=margins.strain_blocks,
        )
        self._books = Conversation(config, keep, epoch_ms)
        self._unsettled: deque[_Extras | None] = deque()
        self._uncounted: deque[tuple[bool, bool]] = deque(
            [(False, False)] * ((HOLD_SETTLE_MS - SETTLE_MS) // HOP_MS - CONFIRM)
        )
        self._unbooked: deque[_Extras | None] = deque([None] * (HOLD_SETTLE_MS // HOP_MS))
        self._signals: tuple[SignalKind, ...] = ()
        """What the telephone system said since the last frame."""
        self._lost_ms = 0
        """Sound lost since the last frame."""
        self._measured: Strain | None = None
        """Strain that waits for its place among the frames."""
        self._voice_of_ms: int | None = None
        """Start of the call that the strain's baseline belongs to."""
        self._clipping = Clipping()
        self._trust = LiveTrust()
        self._fault = ""
        self._cues = Cues(config.cues, margins)
        self.situation = Situation()
        """What the lamp was decided from last."""
        self._shown: list[CueShown] = []
        self._withheld: list[CueWithheld] = []

    def hear(self, rows: Frames) -> Heard:
        """Take more rows of the core; any split of the same rows gives the same."""
        heard = Heard()
        while len(rows):
            # a half second of strain ends with a piece
            meters = [meter for meter in (self._strain, self._own_voice) if meter]
            end = min([meter.missing for meter in meters], default=len(rows))
            piece, rows = rows[:end], rows[end:]
            frames = zip(*(piece[name].tolist() for name in _COLUMNS), strict=True)
            for i, frame in enumerate(frames):
                self._frame(*frame)
                self._now_ms += HOP_MS
                if self._now_ms % LOOK_MS == 0:
                    leaks = _db(piece["bleed_db_q8"][i]), _db(piece["sidetone_db_q8"][i])
                    self._trust.look(self._now_ms, *leaks)
                    self._look(heard)
            self._measure(piece)
        self._collect(heard)
        return heard

    def finish(self) -> Heard:
        """End of the sound: settles what is open and ends the call."""
        heard, end_ms = Heard(), self._now_ms
        # what came too late to be confirmed stays as it was decided first
        first = list(self._unconfirmed)
        behind = (HOLD_SETTLE_MS + self._line_ms) // HOP_MS
        for talk in first + [(0, 0)] * (behind - CONFIRM):
            self._frame(0, 0, *talk, 0, 0, DB_NONE, 0, 0, 0, 0)
            self._now_ms += HOP_MS
        self._now_ms = end_ms
        self._books.finish(end_ms)
        self._show(self._cues.look(end_ms, Situation(fault=self._fault), []), heard)
        self._collect(heard)
        return heard

    def so_far(self) -> dict[str, dict[str, Any]]:
        """Every measure of the call that is on: its last 60 s, its last 5 min, all of it.

        Whole seconds, as far as the lamp knows them; a silence counts once speech has followed.
        """
        ledger = self._lamp_side.ledger
        rolling = {name: ledger.so_far(length_ms) for name, length_ms in ROLLING_MS.items()}
        return {name: measures(sums) for name, sums in {**rolling, "call": ledger.so_far()}.items()}

    @property
    def idle(self) -> bool:
        """Whether no call is on."""
        return self._lamp_side.start_ms is None and self._books.start_ms is None

    def signal(self, signal: SignalKind) -> None:
        """The telephone system speaks, about now; it wins over the sound until it is `gone`."""
        self._signals += (signal,)
        self._hold.line = None if signal == "gone" else signal == "hold"

    def doubt(self, reason: str) -> None:
        """Say why it is not known whose channel is whose, as part of a sentence; empty when it is.

        Meanwhile no strain is measured, since it could be the agent's.
        """
        self._trust.whose = reason

    def lose(self, lost_ms: int) -> None:
        """So much sound before this moment was lost."""
        self._trust.lose(self._now_ms, lost_ms)
        self._lost_ms += lost_ms

    def coach(self, on: bool) -> None:
        """Follow the agent's own voice too, or no longer: only the lamp's cue ever tells of it.

        Raises:
            ModelError: the strain model cannot be used.
        """
        if not on:
            self._own_voice = None
        elif self._own_voice is None:
            self._own_voice = OwnVoice(self._settings)

    def fault(self, reason: str) -> Heard:
        """Say what is broken outside of here, as a sentence; an empty one when it works again."""
        self._fault = reason
        heard = Heard()
        self._look(heard)
        return heard

    def _frame(
        self,
        agent_talk: int,
        customer_talk: int,
        agent_confirmed: int,
        customer_confirmed: int,
        agent_flags: int,
        customer_flags: int,
        customer_level_q8: int,
        agent_q15: int,
        customer_q15: int,
        agent_sure_q15: int,
        customer_sure_q15: int,
    ) -> None:
        now_ms = self._now_ms - self._line_ms
        pairs = self._pairs.push(agent_talk == 1, customer_talk == 1)
        self._settled.extend(pairs)
        hold = self._hold.push(customer_flags & FLAG_MUSIC != 0, customer_level_q8)
        tone = customer_flags & FLAG_TONE != 0
        line = self._tones.push(tone, customer_level_q8, *self._settled.popleft())
        self._agent_nuclei.append(agent_flags & FLAG_NUCLEUS != 0)
        nuclei = (self._agent_nuclei.popleft(), customer_flags & FLAG_NUCLEUS != 0)
        clipped = (agent_flags | customer_flags) & FLAG_CLIPPED != 0
        self._clipping.push(clipped)
        extras = None
        news = self._measured or self._signals or self._lost_ms
        if nuclei != _NO_NUCLEI or clipped or news:
            extras = _Extras(nuclei, clipped, self._measured, self._signals, self._lost_ms)
            self._measured, self._signals, self._lost_ms = None, (), 0

        music = (agent_flags | customer_flags) & FLAG_MUSIC != 0
        speech_q15 = 32767 if music else max(agent_q15, customer_q15)
        self._doubt.push(now_ms + HOP_MS, speech_q15, agent_q15, agent_sure_q15, customer_sure_q15)
        self._unsettled.append(extras)
        known = self._known_of(self._hold.on, self._tones.now)
        if known == "hung_up":  # it stands in no later frame, and this one may still wait
            self._lamp_side.hang_up(self._known_ms)
        for agent, customer in pairs:
            besides = self._unsettled.popleft()
            self._enter(self._lamp_side, self._known_ms, agent, customer, known, besides)
            self._known_ms += HOP_MS

        self._unconfirmed.append((agent_talk, customer_talk))
        self._uncounted.append(
            (
                self._confirmed_settlers[0].push(agent_confirmed == 1),
                self._confirmed_settlers[1].push(customer_confirmed == 1),
            )
        )
        agent, customer = self._uncounted.popleft()
        self._unbooked.append(extras)
        extras = self._unbooked.popleft()
        known = self._known_of(hold, line)
        self._enter(self._books, now_ms - HOLD_SETTLE_MS, agent, customer, known, extras)

    def _known_of(self, music: bool, tones: Line) -> Line:
        """What is known of the line: the telephone system, which `music` minds, wins over tones."""
        if self._hold.line is None and tones != "open":
            return tones
        return "held" if music else "open"

    @staticmethod
    def _enter(
        side: Conversation,
        at_ms: int,
        agent: bool,
        customer: bool,
        line: Line,
        extras: _Extras | None,
    ) -> None:
        if extras is not None:
            for signal in extras.signals:
                side.signal(at_ms, signal)
        if line == "hung_up":
            side.hang_up(at_ms)
        side.tick(at_ms, agent, customer, line != "open")
        if extras is not None and side.counting:
            sums = side.ledger.sums
            sums.syllables[0] += extras.nuclei[0] and agent
            sums.syllables[1] += extras.nuclei[1] and customer
            sums.clipped_frames += extras.clipped
            sums.lost_ms += extras.lost_ms
            if extras.strain:
                side.strain(extras.strain)

    def _measure(self, piece: Frames) -> None:
        side = self._lamp_side
        counts = side.counting and not self._trust.whose
        if self._own_voice:
            self._own_voice.push(piece, side.start_ms, counts)
        if self._strain is None:
            return
        if side.start_ms != self._voice_of_ms and len(piece) == self._strain.missing:
            self._voice_of_ms = side.start_ms
            self._strain.reset()
        if self._strain.push(piece, counts):
            self._measured = self._strain.value

    def _look(self, heard: Heard) -> None:
        side, at_ms = self._lamp_side, self._known_ms
        floor, recent = side.floor, side.ledger.so_far(self._share_ms)
        silent_since_ms = side.silent_since_ms
        strain = self._strain.value if self._strain else None
        silence_ms = 0 if silent_since_ms is None else at_ms - silent_since_ms
        self.situation = Situation(
            in_call=side.start_ms is not None,
            on_hold=side.hold_since_ms is not None,
            agent_ms=recent.agent_ms,
            customer_ms=recent.customer_ms,
            agent_turn_ms=at_ms - floor.turn_start_ms if floor.holder == 0 else 0,
            silence_ms=silence_ms,
            quiet_ms=max(0, min(silence_ms, at_ms - self._doubt.heard_ms)),
            strain=strain.value if strain else None,
            strain_high=side.course.high,
            strain_turned=side.course.turned,
            own_strain=self._own_voice.strain if self._own_voice else None,
            own_strain_high=self._own_voice is not None and self._own_voice.high,
            fault=self._fault or self._clipping.reason(),
            undecided=self._doubt.undecided,
            doubts=self._doubts(),
        )
        events = side.take_events()
        doubtful = [e for e in events if e.kind == "interruption" and not self._doubt.believes(e)]
        sure = [event for event in events if event not in doubtful]
        self._show(self._cues.look(self._now_ms, self.situation, sure, doubtful), heard)

    def _doubts(self) -> dict[Cue, str]:
        unclear = self._doubt.unclear
        found: dict[Cue, str] = dict.fromkeys(CUES_OF_STRAIN, unclear) if unclear else {}
        return found | self._trust.doubts

    def _show(self, shown: CueShown | None, heard: Heard) -> None:
        withheld = self._cues.take_withheld()
        if self._keep:
            self._withheld += [missed for missed in withheld if missed.cue not in PRIVATE]
        if shown is None:
            return
        heard.cues.append(shown)
        if self._keep and shown.cue not in STATES | PRIVATE:
            self._shown.append(shown)

    def _collect(self, heard: Heard) -> None:
        self._lamp_side.take_ended()
        self._lamp_side.take_windows()
        heard.windows = self._books.take_windows()
        for call in self._books.take_ended():
            until_ms = call.ended_ms + self._line_ms + SETTLE_MS + LOOK_MS
            heard.calls.append(
                msgspec.structs.replace(
                    call,
                    cues=[c for c in self._shown if call.start_ms <= c.at_ms <= until_ms],
                    withheld=[c for c in self._withheld if call.start_ms <= c.at_ms <= until_ms],
                )
            )
            self._shown = [cue for cue in self._shown if cue.at_ms > until_ms]
            self._withheld = [cue for cue in self._withheld if cue.at_ms > until_ms]


def _db(value_q8: np.int16) -> float | None:
    return None if value_q8 == DB_NONE else int(value_q8) / 256


class _Extras(msgspec.Struct, frozen=True):
    """What few frames carry besides speech."""

    nuclei: tuple[bool, bool]
    clipped: bool
    strain: Strain | None
    signals: tuple[SignalKind, ...]
    lost_ms: int


_NO_NUCLEI = (False, False)
