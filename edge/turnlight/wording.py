"""The words of the summary and the report: one name for one thing, numbers with their units."""

from __future__ import annotations

from typing import Any

import msgspec

from turnlight.document import (
    CallDocument,
    EventDocument,
    QualityDocument,
    interruptions,
)

SHARE_EDGES = (0.33, 0.50, 0.65)
_SHARE_BANDS = (
    "listens twice as much as they talk",
    "listens at least as much as they talk",
    "talks more than they listen",
    "holds the floor",
)

WITHHELD = "withheld"
"""A measure whose sound was too little or too bad: not guessed."""

CUES = {
    "share_floor": "share the floor",
    "long_turn": "long turn",
    "let_finish": "let them finish",
    "slow_down": "slow down",
    "own_voice": "own voice",
    "long_silence": "long silence",
    "turnaround": "turnaround",
    "breathe": "breathe",
    "fault": "fault",
}

STRAIN_NOTE = (
    "Strain compares the customer's voice with the same voice at the start of the call. "
    "It is not an emotion."
)


def clock(at_s: float) -> str:
    """A time as m:ss, or h:mm:ss from an hour on."""
    seconds = int(at_s + 0.0005)
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def duration_s(seconds: float) -> str:
    """A length: `0.42 s`, `6.2 s`, `1 min 05 s`, `1 h 02 min`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole // 60 % 60:02} min"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 call`, `3 calls`, `no calls`."""
    return f"{count or 'no'} {one if count == 1 else many or one + 's'}"


def cue(name: str) -> str:
    """A cue's name as people say it."""
    return CUES.get(name, name)


def share(talk_share: float) -> str:
    """What the agent's share of the speech means."""
    return _SHARE_BANDS[sum(talk_share > edge for edge in SHARE_EDGES)]


def event(found: EventDocument) -> str:
    """One event as a short sentence."""
    length = duration_s(found.end_s - found.start_s)
    if found.kind == "interruption":
        floor = "takes the floor" if found.floor_taken else "does not take the floor"
        return f"{found.by} interrupts, {length} of overlap, {floor}"
    kind = found.kind.replace("_", " ")
    return f"{kind} by {found.by}, {length}" if found.by else f"{kind}, {length}"


class Fact(msgspec.Struct, frozen=True):
    """One line of the summary, one tile of the report."""

    label: str
    value: str
    detail: str = ""


def facts(call: CallDocument) -> list[Fact]:
    """What matters about a call, in the order in which one asks for it."""
    found = [
        ("interruptions", _interruptions(call)),
        ("overtalk_pct", _overlap(call)),
        ("backchannels", _backchannels(call)),
        (
            "response_latency_ms",
            Fact("Response latency", length(call, "response_latency_ms"), "agent's answer, median"),
        ),
        (
            "longest_monologue_ms",
            Fact("Longest monologue", length(call, "longest_monologue_ms"), "agent"),
        ),
        (
            "longest_customer_story_ms",
            Fact("Longest story", length(call, "longest_customer_story_ms"), "customer"),
        ),
        ("silence_pct", _silence(call)),
        *([("hold_ms", _hold(call))] if call.holds else []),
    ]
    reasons = call.metrics_withheld
    return [
        Fact(fact.label, WITHHELD, reasons[name]) if name in reasons else fact
        for name, fact in found
    ]


def count(call: CallDocument, by: str) -> str:
    """How often one party interrupted."""
    withheld = "interruptions" in call.metrics_withheld
    return WITHHELD if withheld else str(len(interruptions(call, by)))


def no_share(call: CallDocument) -> str:
    """Why there is no talk share."""
    why = call.metrics_withheld.get("talk_share")
    return f"{WITHHELD}: {why}" if why else "shown after 30 s of speech"


def length(call: CallDocument, name: str) -> str:
    """A measure in ms as a length."""
    value = call.metrics.get(name)
    return WITHHELD if value is None else duration_s(value / 1000)


def _percent(call: CallDocument, name: str) -> str:
    value = call.metrics.get(name)
    return WITHHELD if value is None else f"{value:.0f} %"


def _by_both(agent: int, customer: int) -> str:
    if not agent + customer:
        return "none"
    return f"agent {agent}, customer {customer}"


def _interruptions(call: CallDocument) -> Fact:
    agent, customer = (interruptions(call, by) for by in ("agent", "customer"))
    taken = sum(e.floor_taken for e in agent), sum(e.floor_taken for e in customer)
    if not sum(taken):
        return Fact(
            "Interruptions",
            _by_both(len(agent), len(customer)),
            "the floor was never taken" if agent or customer else "",
        )
    who = [
        f"{count} by the {party}"
        for count, party in zip(taken, ("agent", "customer"), strict=True)
        if count
    ]
    return Fact(
        "Interruptions",
        _by_both(len(agent), len(customer)),
        f"floor taken {' and '.join(who)}",
    )


def _overlap(call: CallDocument) -> Fact:
    runs = [e.end_s - e.start_s for e in call.events if e.kind == "overtalk"]
    detail = f"{counted(len(runs), 'run')} of 0.5 s or more"
    if runs:
        detail += f", longest {duration_s(max(runs))}"
    return Fact("Both talk", _percent(call, "overtalk_pct"), detail)


def _backchannels(call: CallDocument) -> Fact:
    by = [e.by for e in call.events if e.kind == "backchannel"]
    return Fact(
        "Backchannels",
        _by_both(by.count("agent"), by.count("customer")),
        "signs of listening: credited" if by else "",
    )


def _silence(call: CallDocument) -> Fact:
    long = [e.end_s - e.start_s for e in call.events if e.kind == "long_silence"]
    detail = f"{counted(len(long), 'silence')} over 5 s"
    if long:
        detail += f", longest {duration_s(max(long))}"
    return Fact("Silence", _percent(call, "silence_pct"), detail)


def _hold(call: CallDocument) -> Fact:
    total = sum(h.end_s - h.start_s for h in call.holds)
    return Fact("On hold", duration_s(total), counted(len(call.holds), "time"))


def strain(call: CallDocument) -> Fact:
    """The customer's strain by quarter of the call."""
    if all(value is None for value in call.call_arc):
        why = call.metrics_withheld.get("strain", "not enough of the customer's voice")
        return Fact("Customer's strain", WITHHELD, why)
    arc = " → ".join("·" if value is None else f"{value:.0f}" for value in call.call_arc)
    detail = "by quarter of the call"
    if call.metrics.get("turnaround"):
        detail += "; it turned around"
    return Fact("Customer's strain", arc, detail)


def measures(call: CallDocument) -> list[tuple[str, str]]:
    """Every measure of the call: its name in docs/metrics.md, and its value with the unit."""
    return [(name, _value(name, value)) for name, value in call.metrics.items()]


def _value(name: str, value: Any) -> str:
    if value is None:
        return WITHHELD
    if isinstance(value, dict):
        parts = [f"{_plain(key)} {_value(f'{name}.{key}', v)}" for key, v in value.items()]
        return ("; " if any(isinstance(v, dict) for v in value.values()) else ", ").join(parts)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.startswith("floor_transfer_offsets_ms"):
        return _offsets(value)
    if isinstance(value, list):
        return ", ".join(_value(name, v) for v in value)
    if "_ms" in name:
        return duration_s(value / 1000)
    if "_pct" in name:
        return f"{value:.1f} %"
    if name.endswith("_per_min"):
        return f"{value:.1f} per minute"
    if "_rate" in name:
        return f"{value:.1f} per second"
    if name in ("strain", "call_arc"):
        return f"{value:.0f}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _offsets(histogram: list[list[int]]) -> str:
    """Floor-transfer offsets: how many there were, and between what."""
    if not histogram:
        return "none"
    count = sum(many for _, many in histogram)
    least, most = histogram[0][0] / 1000, histogram[-1][0] / 1000
    return f"{counted(count, 'time')}, {least:.2f} s to {most:.2f} s"


def _plain(name: str) -> str:
    for unit in ("_ms", "_pct"):
        name = name.removesuffix(unit)
    return name.replace("_", " ")


def quality(found: QualityDocument) -> list[tuple[str, str]]:
    """What was measured of the sound, without the notes."""

    def db(value: float | None) -> str:
        return "not measured" if value is None else f"{value:.0f} dB".replace("-", "−")

    return [
        ("Level", f"agent {db(found.agent_level_db)}, customer {db(found.customer_level_db)}"),
        ("Above noise", f"agent {db(found.agent_snr_db)}, customer {db(found.customer_snr_db)}"),
        ("Bleed", f"{db(found.bleed_db)} (customer in the agent's microphone)"),
        ("Sidetone", f"{db(found.sidetone_db)} (agent in the earpiece)"),
        ("Clipped", f"{found.clipped_pct:.2f} % of the time"),
        ("Channels", f"{found.channel_confidence * 100:.0f} % sure that the agent is the agent"),
    ]
