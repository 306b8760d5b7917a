"""The call that is on, as its agent may see it: the last minute, the last five, all of it.

Nobody else is shown this, and nothing of it is sent or stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from turnlight import wording

if TYPE_CHECKING:
    from rich.table import Table

NOW = "now"
"""What one says at the doorway to be told."""
NO_CALL = "No call is on."
_TIMES = {"last_60_s": "last minute", "last_5_min": "last 5 min", "call": "this call"}
_TITLES = ("you talk", "cut in", "backchannels", "answer after", "silence", "strain")

Now = dict[str, dict[str, Any]]
"""`Listener.so_far`; empty while no call is on."""


def table(now: Now) -> Table:
    """A line for each length of time; empty while no call is on."""
    from rich.table import Table  # a desk without a terminal goes without it

    grid = Table.grid(padding=(0, 2, 0, 0))
    if not now:
        return grid
    for justify in ("left", *("right" for _ in _TITLES)):
        grid.add_column(justify=justify, no_wrap=True)  # type: ignore[arg-type]
    grid.add_row("", *_TITLES, style="dim")
    for name, title in _TIMES.items():
        grid.add_row(title, *_values(now[name]))
    return grid


def _values(measures: dict[str, Any]) -> list[str]:
    share, latency_ms = measures["talk_share"], measures["response_latency_ms"]
    silence, strain = measures["silence_pct"], measures["strain"]
    return [
        _or_dash(share, lambda value: f"{100 * value:.0f} %"),
        str(measures["interruptions"]["agent"]["count"]),
        str(measures["backchannels"]["agent"]),
        _or_dash(latency_ms, lambda value: wording.duration_s(value / 1000)),
        _or_dash(silence, lambda value: f"{value:.0f} %"),
        _or_dash(strain, lambda value: f"{value:.0f}"),
    ]


def _or_dash(value: float | None, told: Callable[[float], str]) -> str:
    """A dash for what is withheld: too little was heard."""
    return "–" if value is None else told(value)
