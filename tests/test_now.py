"""How the call that is on goes, as its agent sees it."""

from __future__ import annotations

import io

from rich.console import Console

from frames import rows
from turnlight.agent import Listener
from turnlight.config import Config
from turnlight.cues import CueShown
from turnlight.lamps.terminal import TerminalLamp
from turnlight.now import table


def told(now: dict[str, dict[str, object]]) -> list[str]:
    screen = io.StringIO()
    Console(file=screen, width=100).print(table(now))
    return [line.rstrip() for line in screen.getvalue().splitlines() if line.strip()]


def test_the_last_minute_the_last_five_and_the_call_stand_below_each_other() -> None:
    listener = Listener(Config(), keep=False)
    listener.hear(rows([(0, 20), (100, 140)], [(20.5, 99), (120, 120.5)], length_s=150))
    title, *lines = told(listener.so_far())
    assert title.split("  ")[-1].strip() == "strain"
    assert [line[:14].strip() for line in lines] == ["last minute", "last 5 min", "this call"]
    assert lines[0].split()[2:4] == ["79", "%"]
    assert lines[2].split()[2:4] == ["43", "%"]


def test_what_is_withheld_is_a_dash() -> None:
    listener = Listener(Config(), keep=False)
    listener.hear(rows([(0, 5)], [], length_s=8))
    assert told(listener.so_far())[1].split()[2:] == ["–", "0", "0", "–", "0", "%", "–"]


def test_without_a_call_there_is_nothing_to_show() -> None:
    assert told({}) == []


def test_the_terminal_shows_it_below_the_lamp_and_asks_once_a_second() -> None:
    asked: list[int] = []

    def under() -> str:
        asked.append(1)
        return "so it goes " + "on " * len(asked)

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80)
    lamp = TerminalLamp(console=console, under=under)
    lamp.show(CueShown(0, "listening", ""))
    for now_ms in range(0, 3_000, 40):
        lamp.tick(now_ms)
    lamp.close()
    assert len(asked) == 3
    assert "so it goes on on on" in screen.getvalue()
