"""What a desk's measured values mean: one sentence and one remedy each. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from turnlight.channels import ChannelReport

Severity = Literal["ok", "warning", "fault"]
_RANK: dict[Severity, int] = {"ok": 0, "warning": 3, "fault": 1}

WEAK_DBFS = -40.0
"""The loudest 10 ms of somebody who talks into a headset lie above this."""
DISK_LEAST = 100_000_000
"""Bytes; the largest outbox takes some 60 MB."""
DISK_LOW = 500_000_000
HOT_C, TOO_HOT_C = 75.0, 85.0
"""A Pi slows itself down from 80 °C, and much from 85."""
DAY_S = 86_400
ENDS_SOON_DAYS = 30


class Finding(msgspec.Struct, frozen=True):
    """What was found in one place."""

    check: str
    severity: Severity
    found: str
    """One sentence without its full stop."""
    remedy: str = ""
    """What to do; empty where all is well."""


def ok(check: str, found: str) -> Finding:
    """All is well there."""
    return Finding(check, "ok", found)


def fault(check: str, sentence: str, remedy: str = "") -> Finding:
    """It does not work; an error's own sentence brings its remedy behind a semicolon."""
    found, _, own = sentence.partition("; ")
    return Finding(check, "fault", found, remedy or own)


def exit_code(findings: Sequence[Finding]) -> int:
    """0 when all is well, 1 when something does not work, 3 when there are only warnings."""
    severities = {finding.severity for finding in findings}
    worst: Severity = (
        "fault" if "fault" in severities else "warning" if "warning" in severities else "ok"
    )
    return _RANK[worst]


def channels(report: ChannelReport, agent_channel: int) -> Finding:
    """Which channel is whose, and whether both carry something."""
    other = 1 - agent_channel
    if report.identical:
        return fault("channels", str(report.refusal()))
    match report.silent:
        case (True, True):
            return Finding(
                "channels",
                "warning",
                "both channels are silent",
                "look again during a call; if it stays so, check the tap's cables",
            )
        case (True, False) | (False, True):
            party = "agent" if report.silent[0] else "customer"
            return Finding(
                "channels",
                "warning",
                f"the {party}'s channel is silent",
                "look again while both talk; if it stays so, check that side's cable",
            )
    if report.swapped:
        return fault(
            "channels",
            "the channels look swapped: the agent's sounds like a telephone line",
            f"set audio.agent_channel to {other}",
        )
    if report.doubtful:
        return Finding(
            "channels",
            "warning",
            "the channels may be swapped: they do not sound like a microphone and a line",
            f"set audio.agent_channel to {other} if they are, and audio.trust_channels to true "
            "if not",
        )
    if "unknown" in report.bandwidth:
        return ok("channels", "both channels carry sound; whose is which needs a longer talk")
    return ok("channels", "both channels carry sound, and nothing says that they are swapped")


def levels(report: ChannelReport) -> Finding:
    """How loud the two are."""
    parties = ("agent", "customer")
    said = ", ".join(
        f"{party} up to {'silence' if db is None else f'{db:.0f} dBFS'}"
        for party, db in zip(parties, report.loudest_dbfs, strict=True)
    )
    for party, pct in zip(parties, report.clipped_pct, strict=True):
        if pct > 0.01:
            return Finding(
                "levels",
                "warning",
                f"the {party}'s channel is clipped ({pct:.2g} % of samples)",
                "turn that input down with alsamixer",
            )
    for party, db in zip(parties, report.loudest_dbfs, strict=True):
        if db is not None and not report.silent[parties.index(party)] and db < WEAK_DBFS:
            return Finding(
                "levels",
                "warning",
                f"the {party}'s channel is faint ({said})",
                "turn that input up with alsamixer, and look again during a call",
            )
    return ok("levels", said)


def certificate(ends_s: float, now_s: float) -> Finding:
    """How long the desk's certificate lasts."""
    days = int((ends_s - now_s) // DAY_S)
    remedy = "ask IT for a new one: `turnlight provision rotate`, then `turnlight enroll`"
    if days < 0:
        return fault("certificate", "the certificate has expired", remedy)
    if days < ENDS_SOON_DAYS:
        return Finding("certificate", "warning", f"the certificate ends in {days} days", remedy)
    return ok("certificate", f"good for {days} more days")


def disk(free: int, where: str) -> Finding:
    """Bytes that are free where the outbox is."""
    said = f"{free / 1e9:.1f} GB free in {where}"
    remedy = "make room, or take a larger card"
    if free < DISK_LEAST:
        return fault("disk", said, remedy)
    return Finding("disk", "warning", said, remedy) if free < DISK_LOW else ok("disk", said)


def temperature(celsius: float | None) -> Finding:
    """Of the processor."""
    if celsius is None:
        return ok("temperature", "this machine has no sensor")
    said = f"the processor has {celsius:.0f} °C"
    remedy = "let air to it, or give it a heat sink"
    if celsius >= TOO_HOT_C:
        return fault("temperature", said, remedy)
    if celsius >= HOT_C:
        return Finding("temperature", "warning", said, remedy)
    return ok("temperature", said)


def clock(synchronised: bool | None) -> Finding:
    """Whether a time server sets the clock; None where the kernel does not tell."""
    if synchronised is None:
        return ok("clock", "this system does not tell whether a time server sets it")
    if not synchronised:
        return Finding(
            "clock",
            "warning",
            "no time server sets the clock; windows may count at the wrong time",
            "run `timedatectl set-ntp true`, and let the network reach a time server",
        )
    return ok("clock", "a time server sets it")
