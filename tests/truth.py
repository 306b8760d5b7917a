"""What the demo calls' scripts say happened, beside each recording as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import turnlight

CALLS = sorted((Path(turnlight.__file__).parent / "calls").glob("*.json"))


def of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def events(truth: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [event for event in truth["events"] if event["kind"] == kind]


def talk_s(truth: dict[str, Any], party: str, until_s: float) -> float:
    """Speech of a party in the first `until_s` seconds."""
    return sum(
        max(0.0, min(segment["end_s"], until_s) - segment["start_s"])
        for segment in truth["segments"]
        if segment["party"] == party
    )
