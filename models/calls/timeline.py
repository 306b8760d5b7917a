"""Places the spoken lines of a call on its timeline, and knows the events that were meant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from desk import RATE_HZ, Signal, line_band
from dialogues import Call, DialogueError, Line, Party, Pause
from truth import Event, Span, speech_mask, speech_pieces
from voices import Voices, levelled, utterance

BREAK_OFF_FADE_S = 0.06
EDGE_S = 0.04  # kept before and after the speech of a line, faded
HOLD_START_S = 0.5  # the music begins this long after the last word


@dataclass(frozen=True)
class Spoken:
    """One line as audio, with its speech pieces in seconds from the start of the audio."""

    line: Line
    audio: Signal
    pieces: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Placed:
    """A spoken line at its place; ``at_s`` is where its audio starts."""

    spoken: Spoken
    at_s: float

    @property
    def line(self) -> Line:
        """The line of the dialogue."""
        return self.spoken.line

    @property
    def spans(self) -> list[Span]:
        """Its speech on the timeline of the call."""
        return [
            Span(self.line.who, round(self.at_s + start_s, 3), round(self.at_s + end_s, 3))
            for start_s, end_s in self.spoken.pieces
        ]

    @property
    def start_s(self) -> float:
        """First speech."""
        return self.spans[0].start_s

    @property
    def end_s(self) -> float:
        """Last speech."""
        return self.spans[-1].end_s


@dataclass(frozen=True)
class Timeline:
    """A whole call: lines, silences that have a name, and the length."""

    placed: tuple[Placed, ...]
    typing: tuple[tuple[float, float], ...]
    hold: tuple[tuple[float, float], ...]
    duration_s: float

    @property
    def spans(self) -> list[Span]:
        """All speech in order of time."""
        spans = [span for placed in self.placed for span in placed.spans]
        return sorted(spans, key=lambda span: span.start_s)

    def voice(self, party: Party) -> Signal:
        """One party's dry voice over the whole call."""
        track = np.zeros(round(self.duration_s * RATE_HZ))
        for placed in self.placed:
            if placed.line.who == party:
                at = round(placed.at_s * RATE_HZ)
                track[at : at + len(placed.spoken.audio)] += placed.spoken.audio
        return track


def speak(call: Call, line: Line, voices: Voices) -> Spoken:
    """Say one line: shaped, broken off where the dialogue says so, trimmed and at its level."""
    speaker = call.speaker(line.who)
    vocoded = any(other.who == line.who and other.pitch != 0.0 for other in call.lines)
    audio = utterance(voices, line, speaker, vocoded)
    pieces = speech_pieces(audio)
    if line.spoken < 1.0:
        first_s, last_s = pieces[0][0], pieces[-1][1]
        stop = round((first_s + (last_s - first_s) * line.spoken) * RATE_HZ)
        fade = round(BREAK_OFF_FADE_S * RATE_HZ)
        audio = audio[:stop].copy()
        audio[-fade:] *= np.linspace(1.0, 0.0, fade)
        pieces = speech_pieces(audio)
    start = max(0, round((pieces[0][0] - EDGE_S) * RATE_HZ))
    audio = audio[start : round((pieces[-1][1] + EDGE_S) * RATE_HZ)]
    edge = np.linspace(0.0, 1.0, round(EDGE_S / 2 * RATE_HZ))
    audio[: len(edge)] *= edge
    audio[-len(edge) :] *= edge[::-1]
    pieces = speech_pieces(audio)
    heard = line_band(audio) if line.who == "customer" else audio
    mask = speech_mask(len(audio), pieces)
    return Spoken(line, levelled(heard, mask, speaker.level_dbfs + line.gain), tuple(pieces))


def place(call: Call, spoken: dict[int, Spoken]) -> Timeline:
    """Put the spoken lines (by their index in the dialogue) where the dialogue wants them."""
    placed: list[Placed] = []
    typing: list[tuple[float, float]] = []
    hold: list[tuple[float, float]] = []
    last_s = call.lead_s  # latest end of speech so far; backchannels do not move it
    host: Placed | None = None  # the line that a backchannel or an interruption goes over
    for index, item in enumerate(call.items):
        if isinstance(item, Pause):
            start_s = last_s + (HOLD_START_S if item.pause == "hold" else 0.0)
            last_s = start_s + item.seconds
            (hold if item.pause == "hold" else typing).append((start_s, last_s))
            continue
        if item.at is not None:
            if host is None or host.line.who == item.who:
                raise DialogueError(f"{call.name}: {item.say!r} has nothing to go over")
            want_s = host.start_s + item.at
        else:
            want_s = last_s + (item.gap or 0.0)
        # whole milliseconds: the truth is rounded to them
        at_s = round(want_s - spoken[index].pieces[0][0], 3)
        here = Placed(spoken[index], at_s)
        placed.append(here)
        if item.kind != "backchannel":
            if here.end_s >= last_s:
                host = here
            last_s = max(last_s, here.end_s)
    duration_s = round(last_s + call.tail_s, 2)
    return Timeline(tuple(placed), tuple(typing), tuple(hold), duration_s)


def meant_events(timeline: Timeline) -> list[Event]:
    """The events that the dialogue asks for, with the times that came out."""
    events = []
    for here in timeline.placed:
        line = here.line
        if line.kind == "backchannel":
            events.append(Event("backchannel", line.who, here.start_s, here.end_s, False))
            continue
        if line.kind == "turn" and (line.gap is None or line.gap >= 0.0):
            continue
        over = [
            span
            for span in timeline.spans
            if span.party != line.who and span.start_s < here.start_s < span.end_s
        ]
        if not over:
            raise DialogueError(f"{line.say!r} was meant to overlap, and does not")
        mine = here.spans[0]
        end_s = min(mine.end_s, over[0].end_s)
        kind = "interruption" if line.kind == "interruption" else "early_start"
        events.append(Event(kind, line.who, here.start_s, end_s, mine.end_s > over[0].end_s))
    return sorted(events, key=lambda event: event.start_s)
