"""What is said in the calls: dialogues.toml as frozen, checked values."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

Party = Literal["agent", "customer"]
PARTIES: tuple[Party, Party] = ("agent", "customer")
KINDS = ("turn", "backchannel", "interruption")
PAUSES = ("typing", "hold")

T = TypeVar("T")


class DialogueError(ValueError):
    """The dialogue file says something that cannot be made into a call."""


@dataclass(frozen=True)
class Speaker:
    """One party of one call."""

    voice: str
    level_dbfs: float  # RMS while speaking
    speed: float = 1.0


@dataclass(frozen=True)
class Desk:
    """Headset, line and room of one call."""

    bleed_db: float  # earpiece heard in the microphone, relative to the earpiece
    bleed_delay_ms: float
    sidetone_db: float  # microphone heard in the earpiece, relative to the microphone
    room_dbfs: float  # RMS of the room tone in the microphone
    packet_loss_pct: float = 0.0
    line_snr_db: float | None = None  # customer's level over hum and noise; None: a quiet line
    babble_db: float | None = None  # colleagues, relative to the agent; None: an empty room


@dataclass(frozen=True)
class Line:
    """One utterance, and where it goes."""

    who: Party
    say: str
    kind: str = "turn"
    gap: float | None = None  # s after the latest end of speech so far
    at: float | None = None  # s after the start of the line spoken over
    speed: float = 1.0  # factor on the speaker's own speed
    gain: float = 0.0  # dB on the speaker's level
    pitch: float = 0.0  # semitones
    range: float = 1.0  # factor on the pitch movement
    tilt: float = 0.0  # dB of high shelf
    spoken: float = 1.0  # share heard before the speaker breaks off
    strain: str = "calm"
    ipa: str | None = None

    @property
    def heard(self) -> str:
        """The words that are heard; a broken-off line ends with a dash."""
        if self.spoken >= 1.0:
            return self.say
        words = self.say.split()
        return " ".join(words[: max(1, round(len(words) * self.spoken))]) + " \u2014"


@dataclass(frozen=True)
class Pause:
    """A stretch in which nobody speaks."""

    pause: str
    seconds: float


@dataclass(frozen=True)
class Call:
    """One call of the file."""

    name: str
    title: str
    story: str
    seed: int
    lead_s: float
    tail_s: float
    agent: Speaker
    customer: Speaker
    desk: Desk
    items: tuple[Line | Pause, ...] = field(default_factory=tuple)

    def speaker(self, party: Party) -> Speaker:
        """The speaker of one party."""
        return self.agent if party == "agent" else self.customer

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines without the pauses."""
        return tuple(item for item in self.items if isinstance(item, Line))


@dataclass(frozen=True)
class Babble:
    """Voices and texts of the colleagues in the background."""

    voices: tuple[str, ...]
    texts: tuple[str, ...]


def _build(kind: type[T], table: dict[str, Any], where: str) -> T:
    """One frozen value from one table, refusing keys that the type does not have."""
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(table) - known)
    if unknown:
        raise DialogueError(f"{where}: unknown key {unknown[0]!r}; known are {sorted(known)}")
    return kind(**table)


def _item(table: dict[str, Any], where: str, first: bool) -> Line | Pause:
    """One line or pause."""
    if "pause" in table:
        pause = _build(Pause, table, where)
        if pause.pause not in PAUSES:
            raise DialogueError(f"{where}: pause = {pause.pause!r}; expected one of {PAUSES}")
        return pause
    line = _build(Line, table, where)
    if line.who not in PARTIES or line.kind not in KINDS:
        raise DialogueError(
            f"{where}: who = {line.who!r}, kind = {line.kind!r} is not a known pair"
        )
    if not first and (line.gap is None) == (line.at is None):
        raise DialogueError(f"{where}: give exactly one of gap and at")
    return line


def load(path: Path) -> tuple[tuple[Call, ...], Babble]:
    """Read and check the dialogue file."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    calls = []
    for table in document["call"]:
        where = f"{path.name}, call {table['name']!r}"
        rows = table.pop("lines")
        for party in PARTIES:
            table[party] = _build(Speaker, table[party], where)
        table["desk"] = _build(Desk, table["desk"], where)
        items = tuple(
            _item(row, f"{where}, line {number}", number == 1)
            for number, row in enumerate(rows, start=1)
        )
        calls.append(_build(Call, {**table, "items": items}, where))
    babble = document["babble"]
    return tuple(calls), Babble(tuple(babble["voices"]), tuple(babble["texts"]))
