"""What the lamp should say: a pure state machine over the state of the call.

docs/cues.md explains each cue. Listening and idle are states, not cues; everything else says
something, so it is spaced, it ends, and it carries its reason in words. What was due and never
said is told as well.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import msgspec

from turnlight.config import CueSettings
from turnlight.turns import Event

Cue = Literal[
    "idle",
    "listening",
    "share_floor",
    "long_turn",
    "let_finish",
    "slow_down",
    "own_voice",
    "long_silence",
    "turnaround",
    "breathe",
    "fault",
]

STATES = frozenset({"idle", "listening"})
"""What the lamp shows when it says nothing."""

PRIVATE = frozenset({"own_voice"})
"""What only the own lamp may know: these stand in no record of a call."""

PRIORITY: tuple[Cue, ...] = (
    "let_finish",
    "slow_down",
    "own_voice",
    "turnaround",
    "long_turn",
    "share_floor",
    "long_silence",
)
"""When several are due, the first is shown."""

SHOWN_MS: dict[Cue, int] = {
    "let_finish": 3_000,
    "slow_down": 20_000,
    "own_voice": 20_000,
    "turnaround": 4_000,
    "long_turn": 5_000,
    "share_floor": 12_000,
    "long_silence": 60_000,
}
"""How long each is shown; `long_silence` ends with the silence, `breathe` as configured."""

DAY_MS = 24 * 3_600_000
FRESH_MS = 3_000
"""An interruption that could not be shown so soon is not shown at all: it would puzzle."""


class CueShown(msgspec.Struct, frozen=True):
    """The lamp changed."""

    at_ms: int
    cue: Cue
    reason: str
    """A short English sentence with the numbers; empty for a state."""


class CueWithheld(msgspec.Struct, frozen=True):
    """A cue was due and was never shown."""

    at_ms: int
    """When it became due."""
    cue: Cue
    reason: str
    """What it would have said."""
    because: str
    """What stood against it, as a sentence."""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """All that a cue may depend on, at one moment."""

    in_call: bool = False
    on_hold: bool = False
    agent_ms: int = 0
    """Speech in the rolling window."""
    customer_ms: int = 0
    agent_turn_ms: int = 0
    """Length of the agent's turn so far; 0 while the customer holds the floor."""
    silence_ms: int = 0
    """Length of the mutual silence so far."""
    strain: float | None = None
    strain_high: bool = False
    strain_turned: bool = False
    """It was high in this call and is back."""
    own_strain: float | None = None
    """Of the agent's own voice, where the agent asked for coaching."""
    own_strain_high: bool = False
    fault: str = ""
    """What is broken, as a sentence; empty when nothing is."""
    doubts: dict[Cue, str] = {}
    """Cues that the sound is too poor for, and why, as part of a sentence."""


class Cues:
    """Decides what the lamp shows, one situation after the other."""

    def __init__(self, settings: CueSettings) -> None:
        self._settings = settings
        self.shown: CueShown | None = None
        """What the lamp shows; None before the first look, which always says it."""
        self._said_ms: deque[int] = deque(maxlen=settings.daily_budget)
        """When the last cues that said something began."""
        self._until_ms = 0
        self._due: dict[Cue, CueWithheld] = {}
        """What is due and not shown yet."""
        self._withheld: list[CueWithheld] = []
        self._in_call = False
        self._new_call()

    def _new_call(self) -> None:
        self._armed: set[Cue] = set(PRIORITY)
        self._taken_ms: int | None = None
        self._interruptions: deque[int] = deque()
        self._was_strained = False
        self._hard_ms: int | None = None
        """When a hard call ended; None when there is nothing to breathe after."""

    def look(self, now_ms: int, s: Situation, events: list[Event]) -> CueShown | None:
        """Take the situation and what was decided since; gives the lamp's change, if it changes."""
        if s.in_call and not self._in_call:
            self._new_call()
        elif self._in_call and not s.in_call and self._was_strained:
            self._hard_ms = now_ms
        self._in_call = s.in_call
        self._note(now_ms, s, events)
        due = self._causes(now_ms, s)
        cue, reason = self._decide(now_ms, s, due)
        self._keep_book(now_ms, s, due, cue)
        shown = self.shown
        if shown and cue == shown.cue and (cue != "fault" or reason == shown.reason):
            return None
        self.shown = CueShown(now_ms, cue, reason)
        return self.shown

    def take_withheld(self) -> list[CueWithheld]:
        """What was due, was not shown and is no longer due, since the last time."""
        withheld, self._withheld = self._withheld, []
        return withheld

    def _note(self, now_ms: int, s: Situation, events: list[Event]) -> None:
        self._was_strained |= (s.strain_high or s.strain_turned) and "slow_down" not in s.doubts
        for event in events:
            if event.kind == "interruption" and event.by == "agent":
                self._interruptions.append(now_ms)
                if event.floor_taken:
                    self._taken_ms = now_ms
        horizon_ms = now_ms - round(self._settings.interruptions_in_s * 1000)
        while self._interruptions and self._interruptions[0] < horizon_ms:
            self._interruptions.popleft()
        # hysteresis: what was shown is armed again only when its cause has clearly gone
        if not s.agent_turn_ms:
            self._armed.add("long_turn")
        if not s.silence_ms:
            self._armed.add("long_silence")
        if not s.strain_high:
            self._armed.add("slow_down")
        if not s.own_strain_high:
            self._armed.add("own_voice")
        if s.strain_high:
            self._armed.add("turnaround")
        if _share(s) < self._settings.share_back:
            self._armed.add("share_floor")

    def _causes(self, now_ms: int, s: Situation) -> dict[Cue, str]:
        """What could be said now, the most important first, with its reason."""
        if not s.in_call:
            return {}
        found = ((cue, self._reason(cue, now_ms, s)) for cue in PRIORITY if cue in self._armed)
        return {cue: reason for cue, reason in found if reason}

    def _decide(self, now_ms: int, s: Situation, due: dict[Cue, str]) -> tuple[Cue, str]:
        if s.fault:
            return "fault", s.fault
        if not s.in_call:
            return self._after(now_ms)
        if not s.on_hold:
            if self.shown and self._lasts(now_ms, s):
                return self.shown.cue, self.shown.reason
            sure = [cue for cue in due if cue not in s.doubts]
            if sure and not self._against(now_ms):
                cue, reason = sure[0], due[sure[0]]
                self._speak(cue, now_ms, SHOWN_MS[cue])
                return cue, reason
        return ("listening" if self._settings.listening_light else "idle"), ""

    def _keep_book(self, now_ms: int, s: Situation, due: dict[Cue, str], shown: Cue) -> None:
        """Notes what is due and not shown, until it is shown or no longer due."""
        for cue in [cue for cue in self._due if cue == shown or cue not in due]:
            missed = self._due.pop(cue)
            if cue != shown:
                self._withheld.append(missed)
        for cue, reason in due.items():
            if cue != shown and cue not in self._due:
                because = self._because(now_ms, s, cue, shown)
                self._due[cue] = CueWithheld(now_ms, cue, reason, because)

    def _because(self, now_ms: int, s: Situation, cue: Cue, shown: Cue) -> str:
        """What stands against a cue that is due, as a sentence."""
        if cue in s.doubts:
            return f"The sound is too poor for it: {s.doubts[cue]}."
        if s.fault:
            return "The lamp showed a fault."
        if s.on_hold:
            return "The call was on hold."
        if shown not in STATES:
            return f"The lamp was saying: {shown.replace('_', ' ')}."
        return self._against(now_ms)

    def _after(self, now_ms: int) -> tuple[Cue, str]:
        """No call: dark, or the pause after a hard one."""
        if self._hard_ms is None:
            return "idle", ""
        until_ms = self._hard_ms + round(self._settings.breathe_s * 1000)
        if now_ms >= until_ms:
            self._hard_ms = None
            return "idle", ""
        if self.shown and self.shown.cue == "breathe":
            return "breathe", self.shown.reason
        if self._against(now_ms):
            return "idle", ""
        self._speak("breathe", now_ms, until_ms - now_ms)
        return "breathe", "That was a hard call. Take a breath before the next one."

    def _against(self, now_ms: int) -> str:
        """Why nothing new may be said now, as a sentence; empty when it may."""
        said, spacing_s = self._said_ms, self._settings.spacing_s
        if said and now_ms - said[-1] < round(spacing_s * 1000):
            ago_s = (now_ms - said[-1]) / 1000
            return f"The last cue began {ago_s:.0f} s before; {spacing_s:g} s lie between two."
        if len(said) == self._settings.daily_budget and now_ms - said[0] < DAY_MS:
            return f"The budget of cues for 24 hours ({len(said)}) is used up."
        return ""

    def _speak(self, cue: Cue, now_ms: int, for_ms: int) -> None:
        self._said_ms.append(now_ms)
        self._until_ms = now_ms + for_ms
        self._armed.discard(cue)
        if cue == "let_finish":
            self._armed.add(cue)
            self._taken_ms = None
            self._interruptions.clear()

    def _lasts(self, now_ms: int, s: Situation) -> bool:
        """Whether what is shown is a cue that is still to be seen."""
        if self.shown is None or self.shown.cue not in SHOWN_MS or now_ms >= self._until_ms:
            return False
        return self.shown.cue != "long_silence" or s.silence_ms > 0

    def _reason(self, cue: Cue, now_ms: int, s: Situation) -> str:
        """Why this cue is due, or nothing."""
        settings = self._settings
        match cue:
            case "let_finish":
                if self._taken_ms is not None and now_ms - self._taken_ms <= FRESH_MS:
                    return "You took the floor from the customer while they were speaking."
                times = self._interruptions
                if len(times) >= 2 and now_ms - times[-1] <= FRESH_MS:
                    within = f"{settings.interruptions_in_s:g} seconds"
                    return f"You interrupted the customer {len(times)} times in {within}."
            case "slow_down":
                if s.strain_high and s.strain is not None:
                    return (
                        f"The customer's voice is strained: {s.strain:.0f} of 100 "
                        f"for {settings.strain_for_s:g} seconds of speech."
                    )
            case "own_voice":
                if s.own_strain_high and s.own_strain is not None:
                    return f"Your own voice is strained: {s.own_strain:.0f} of 100. Nobody else knows."
            case "turnaround":
                if s.strain_turned and s.strain is not None:
                    return f"The customer's voice is calm again: {s.strain:.0f} of 100."
            case "long_turn":
                if s.agent_turn_ms > settings.long_turn_s * 1000:
                    return f"You have held the floor for {s.agent_turn_ms / 1000:.0f} seconds."
            case "share_floor":
                enough = s.agent_ms + s.customer_ms >= settings.share_after_speech_s * 1000
                if enough and _share(s) > settings.share_over:
                    span = _span(settings.share_window_s)
                    return f"You have talked {100 * _share(s):.0f} % of the last {span}."
            case "long_silence":
                if s.silence_ms > settings.silence_s * 1000:
                    return f"Nobody has spoken for {settings.silence_s:g} seconds."
        return ""


def _share(s: Situation) -> float:
    return s.agent_ms / (s.agent_ms + s.customer_ms) if s.agent_ms + s.customer_ms else 0.0


def _span(seconds: float) -> str:
    return "minute" if seconds == 60 else f"{seconds:g} seconds"
