"""What was asked, what was measured in this run, and whether it is enough."""

from __future__ import annotations

from dataclasses import dataclass

from bench.systems import CONFIRMED, OURS
from bench.table import Row, shown

Tables = dict[str, list[Row]]

MUSIC = "hold music"


@dataclass(frozen=True)
class Asked:
    """One line of what the core is held to."""

    what: str
    section: str
    column: str
    row: dict[str, str]
    """The row of the section's table: column and text of it."""
    least: float | None
    """None where only a goal was named."""
    goal: float | dict[str, str]
    """A figure, or the row whose figure it is."""
    more: bool = False
    """More is better."""


GRID = {"where": "grid", "who": OURS}
COUNTED = {"where": "grid", "who": CONFIRMED}
"""What is counted goes by the confirmed decision."""
ORDINARY = {"what": "false high, ordinary speech"}
LOAD = {"what": "under load"}
OPENING = {"what": "opening a page"}
OPEN = {"what": "50 open pages"}
HOUR = {"what": "an hour, simulated clock"}
ASKED = (
    Asked("AUC per 10 ms on desks", "desk", "AUC", GRID, 0.98, 0.99, more=True),
    Asked("false alarms at 95 % hits on desks", "desk", "false alarms at 95 % hits", GRID, 6, 3),
    Asked("AUC on clean calls", "clean", "AUC", {"who": OURS}, 0.997, 0.999, more=True),
    Asked(
        "AUC on single noisy voices (goal: silero's)",
        "noisy",
        "AUC",
        {"who": OURS},
        0.95,
        {"who": "silero"},
        more=True,
    ),
    Asked("talk share error on desks, points", "desk", "share error", COUNTED, 2, 1),
    Asked("overlap wrong, % of the call", "desk", "overlap wrong", COUNTED, 1.5, 0.5),
    Asked(
        "overlap runs of 0.5 s and more: F1", "desk", "overlap F1", COUNTED, 0.85, 0.92, more=True
    ),
    Asked(
        "called speech in tones, keys, breath, silence, %",
        "line",
        "called speech",
        {"what": "all but music"},
        2,
        0.5,
    ),
    Asked("called speech in hold music, %", "line", "called speech", {"what": MUSIC}, 10, 3),
    Asked("gross pitch errors, %", "pitch", "gross errors", {"who": OURS, "what": "all"}, 5, 3),
    Asked(
        "throughput against earshot's, whole calls",
        "speed",
        "ratio",
        {"against": "earshot", "fed": "one piece"},
        2,
        2,
        more=True,
    ),
    Asked(
        "throughput against webrtcvad's, whole calls",
        "speed",
        "ratio",
        {"against": "webrtcvad 3", "fed": "one piece"},
        None,
        1,
        more=True,
    ),
    Asked(
        "throughput against earshot's, 10 ms at a time",
        "speed",
        "ratio",
        {"against": "earshot", "fed": "10 ms"},
        None,
        2,
        more=True,
    ),
    Asked(
        "recovered within 2 s, share of the events, %",
        "recovery",
        "recovered, %",
        {"event": "all"},
        100,
        100,
        more=True,
    ),
    Asked("aarch64 instructions per second, millions", "cost", "instructions, M", {}, 8, 4),
    Asked("state, KiB", "cost", "state, KiB", {}, 48, 24),
    Asked("stack, KiB", "cost", "stack, KiB", {}, 8, 4),
    Asked("code and tables, KiB", "cost", "code and tables, KiB", {}, 192, 96),
    Asked("wrong cues, per hour of conversation", "cues", "wrong, per hour", {"cue": "all"}, 1, 1),
    Asked(
        "syllable nuclei against counted syllables of sentences, r",
        "pace",
        "count r",
        {"what": "both"},
        0.75,
        0.75,
        more=True,
    ),
    Asked(
        "articulation rate against the counted one, r",
        "pace",
        "rate r",
        {"what": "both"},
        None,
        0.75,
        more=True,
    ),
    Asked(
        "interruptions of the demo calls, F1",
        "turns",
        "F1",
        {"desk": "all", "kind": "interruption"},
        0.9,
        1,
        more=True,
    ),
    Asked(
        "backchannels of the demo calls, F1",
        "turns",
        "F1",
        {"desk": "all", "kind": "backchannel"},
        0.85,
        1,
        more=True,
    ),
    Asked("from the sound that causes it to the lamp, p99, ms", "lamp", "p99, ms", {}, 250, 250),
    Asked("onset known, median, ms", "latency", "onset, median", {"where": "desks"}, 60, 60),
    Asked("end known, median, ms", "latency", "end, median", {"where": "desks"}, 150, 150),
    Asked(
        "strain: AUC of high against low arousal, speakers never heard",
        "strain",
        "AUC",
        {"what": "high against low, other speakers", "who": OURS},
        0.97,
        0.99,
        more=True,
    ),
    Asked("strain: AUC lost by int8", "strain", "AUC lost", {}, 0.01, 0.003),
    Asked(
        "strain: sign of the arc, calm-high-calm, %",
        "strain",
        "right, %",
        {"what": "arc, calm-high-calm"},
        90,
        97,
        more=True,
    ),
    Asked(
        "strain: sign of the arc, calm-high, %",
        "strain",
        "right, %",
        {"what": "arc, calm-high"},
        90,
        97,
        more=True,
    ),
    Asked(
        "strain: false highs per hour of ordinary speech", "strain", "per hour", ORDINARY, 1, 0.2
    ),
    Asked(
        "strain: times less than eGeMAPS costs", "strain", "times less", {}, 100, 1000, more=True
    ),
    Asked("strain: MB of a device process", "strain", "MB", {}, 60, 45),
    Asked("floor: windows per second", "floor", "windows/s", LOAD, 4_990, 4_990, more=True),
    Asked("floor: windows lost", "floor", "lost", LOAD, 0, 0),
    Asked("floor: published to shown, p99, s", "floor", "delay p99, s", LOAD, 1, 1),
    Asked("floor: restart, s", "floor", "restart, s", LOAD, 5, 5),
    Asked("floor: memory, second half-hour against the first", "floor", "growth", HOUR, 1.05, 1.01),
    Asked("page: first paint, p95, s", "page", "first paint p95, s", OPENING, 1, 1),
    Asked(
        "page: processor of 50 open ones, % of a core",
        "page",
        "processor, % of a core",
        OPEN,
        50,
        50,
    ),
    Asked("page: published to shown, p99, s", "page", "delay p99, s", OPEN, 2, 2),
)


def find(rows: list[Row], wanted: dict[str, str], column: str) -> float | None:
    """The figure of the row that has these texts, if there is one."""
    for row in rows:
        if column in row and all(row.get(name) == text for name, text in wanted.items()):
            return float(row[column])
    return None


def verdict(asked: Asked, value: float, goal: float) -> str:
    """Goal reached, reached, or missed."""
    sign = 1 if asked.more else -1
    if asked.least is not None and sign * value < sign * asked.least:
        return "missed"
    if sign * value >= sign * goal:
        return "goal reached"
    return "goal missed" if asked.least is None else "reached"


def rows(tables: Tables) -> list[Row]:
    """One row for each figure asked; what was not measured in this run says so."""
    out: list[Row] = []
    for asked in ASKED:
        table = tables.get(asked.section, [])
        value = find(table, asked.row, asked.column)
        goal = asked.goal if not isinstance(asked.goal, dict) else None
        if isinstance(asked.goal, dict):
            goal = find(table, asked.goal, asked.column)
        row: Row = {
            "what": asked.what,
            "at least": "" if asked.least is None else shown(asked.column, asked.least),
            "goal": "",
            "measured": "",
        }
        if goal is not None:
            row["goal"] = shown(asked.column, goal)
        if value is None or goal is None:
            row["verdict"] = "not measured"
        else:
            row |= {"measured": shown(asked.column, value), "verdict": verdict(asked, value, goal)}
        out.append(row)
    return out
