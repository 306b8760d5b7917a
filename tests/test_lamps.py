"""Lamps: what each cue looks like, that none of them harms an eye, and that none of them lies."""

from __future__ import annotations

import io
import itertools
import json
import runpy
import threading
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from rich.console import Console

from turnlight.config import LampSettings
from turnlight.cues import Cue, CueShown
from turnlight.lamps import (
    GuardedLamp,
    LampThread,
    LinesLamp,
    RecordingLamp,
    lamp_for,
)
from turnlight.lamps.effects import EFFECTS, Rgb, colour, linear
from turnlight.lamps.guard import STALE_AFTER_MS, Watchdog
from turnlight.lamps.terminal import TerminalLamp, lamp_line
from turnlight.rights import Rights

CUES: tuple[Cue, ...] = get_args(Cue)
SPACING_MS = 15_000
STEP_MS = 20


def luminance(rgb: Rgb) -> float:
    """Relative luminance as WCAG 2 defines it."""
    red, green, blue = linear(rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def lightness(rgb: Rgb) -> float:
    """CIE L*, 0..100: how light it looks to an eye that sees no colour."""
    y = luminance(rgb)
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def light(cue: Cue, until_ms: int, start_ms: int = 0, brightness: float = 1.0) -> list[Rgb]:
    return [colour(cue, at, brightness) for at in range(start_ms, until_ms, STEP_MS)]


def swings(values: list[float], least: float, dark_below: float) -> list[int]:
    """Where each change by at least `least`, opposite to the one before, is complete.

    The darker end of the change must lie below `dark_below`.
    """
    found, direction, low, high = [], 0, values[0], values[0]
    for index, value in enumerate(values):
        low, high = min(low, value), max(high, value)
        if direction <= 0 and value - low >= least and low < dark_below:
            found.append(index)
            direction, high = 1, value
        elif direction >= 0 and high - value >= least and value < dark_below:
            found.append(index)
            direction, low = -1, value
    return found


def flashes_in_any_second(values: list[float], least: float, dark_below: float) -> float:
    """Most flashes within one second; a flash is a pair of opposite changes."""
    turns = swings(values, least, dark_below)
    within = 1000 // STEP_MS
    most = max((sum(a <= b < a + within for b in turns) for a in turns), default=0)
    return most / 2


def saturated_red(rgb: Rgb) -> float:
    """WCAG's red: (R - G - B) * 320 of linear light, where red is at least 80 % of it."""
    red, green, blue = linear(rgb)
    total = red + green + blue
    return max(red - green - blue, 0) * 320 if total and red / total >= 0.8 else 0.0


def test_the_flash_count_counts() -> None:
    strobe = [float(index // 5 % 2) for index in range(200)]
    assert flashes_in_any_second(strobe, 0.1, 0.8) == 5
    assert flashes_in_any_second([index / 200 for index in range(200)], 0.1, 0.8) <= 0.5
    assert flashes_in_any_second([0.5, 0.55] * 100, 0.1, 0.8) == 0


def test_every_cue_has_a_light() -> None:
    assert set(EFFECTS) == set(CUES)


@pytest.mark.parametrize("cue", CUES)
def test_no_cue_flashes_more_than_three_times_a_second(cue: Cue) -> None:
    shown = light(cue, 60_000)
    assert flashes_in_any_second([luminance(rgb) for rgb in shown], 0.1, 0.8) <= 3
    assert flashes_in_any_second([saturated_red(rgb) for rgb in shown], 20, np.inf) <= 3


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(CUES, 2)))
def test_no_change_of_cue_flashes_more_than_three_times_a_second(before: Cue, after: Cue) -> None:
    for late_ms in (0, 500, 1000, 2000, 9_900):
        last_s = light(before, SPACING_MS + late_ms, SPACING_MS + late_ms - 1000)
        shown = last_s + light(after, 2000)
        assert flashes_in_any_second([luminance(rgb) for rgb in shown], 0.1, 0.8) <= 3
        assert flashes_in_any_second([saturated_red(rgb) for rgb in shown], 20, np.inf) <= 3


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(CUES, 2)))
def test_patterns_differ_without_colour(one: Cue, other: Cue) -> None:
    """In lightness alone, over 20 s and at any moment of looking, by more than an eye overlooks."""
    first = np.array([lightness(rgb) for rgb in light(one, 20_000)])
    second = np.array([lightness(rgb) for rgb in light(other, 20_000)])
    closest = min(
        np.sqrt(np.mean((first - np.roll(second, shift)) ** 2))
        for shift in range(0, len(second), 250 // STEP_MS)
    )
    assert closest > 5


def test_idle_is_dark_and_listening_is_steady_dim_green() -> None:
    assert set(light("idle", 30_000)) == {(0, 0, 0)}
    ((red, green, blue),) = set(light("listening", 30_000))
    assert green > red
    assert green > blue
    assert 15 < lightness((red, green, blue)) < 35


def peaks(cue: Cue, until_ms: int) -> list[int]:
    """Times at which the light is strongest."""
    strength = [max(rgb) for rgb in light(cue, until_ms)]
    top = max(strength) * 0.98
    rising = [i for i in range(1, len(strength)) if strength[i] >= top > strength[i - 1]]
    return [index * STEP_MS for index in rising]


@pytest.mark.parametrize(
    ("cue", "count"),
    [("long_turn", 2), ("let_finish", 1), ("turnaround", 1), ("share_floor", 2)],
)
def test_pulses_are_as_many_as_the_cue_says(cue: Cue, count: int) -> None:
    assert len(peaks(cue, 10_000)) == count


@pytest.mark.parametrize("cue", ["let_finish", "turnaround"])
def test_a_single_pulse_does_not_come_back(cue: Cue) -> None:
    assert len(peaks(cue, 120_000)) == 1


@pytest.mark.parametrize("cue", ["slow_down", "breathe"])
def test_breathing_is_four_seconds_in_and_six_out(cue: Cue) -> None:
    strength = [max(rgb) for rgb in light(cue, 20_000)]
    breath = strength[: 10_000 // STEP_MS]
    assert strength[len(breath) :] == breath
    top = 4000 // STEP_MS
    assert breath[:top] == sorted(breath[:top])
    assert breath[top:] == sorted(breath[top:], reverse=True)
    assert breath[top] == max(breath)


def test_the_fault_blinks_once_in_ten_seconds() -> None:
    shown = light("fault", 20_000)
    lit = [index * STEP_MS for index, rgb in enumerate(shown) if rgb != (0, 0, 0)]
    assert [at for at in lit if at - STEP_MS not in lit] == [0, 10_000]
    assert max(lit) < 10_300
    assert set(shown) == {(0, 0, 0), (255, 0, 0)}


@pytest.mark.parametrize("cue", CUES)
def test_the_dimmer_only_takes_light_away(cue: Cue) -> None:
    full, half = light(cue, 20_000), light(cue, 20_000, brightness=0.5)
    assert all(h <= f for a, b in zip(full, half, strict=True) for f, h in zip(a, b, strict=True))
    assert set(light(cue, 20_000, brightness=0.0)) == {(0, 0, 0)}


def shown(cue: Cue, at_ms: int = 0, reason: str = "because") -> CueShown:
    return CueShown(at_ms=at_ms, cue=cue, reason=reason)


def test_the_watchdog_counts_from_the_first_question() -> None:
    watchdog = Watchdog(3000)
    assert not watchdog.stale(50_000)
    assert not watchdog.stale(53_000)
    assert watchdog.stale(53_001)
    watchdog.hear(53_500)
    assert not watchdog.stale(56_500)
    assert watchdog.stale(56_501)


def test_a_guarded_lamp_passes_cues_on_in_order_at_the_next_tick() -> None:
    lamp = RecordingLamp()
    guarded = GuardedLamp(lamp)
    guarded.show(shown("listening", 10))
    guarded.show(shown("long_turn", 20, "61 s"))
    assert lamp.history == []
    guarded.tick(5)
    assert lamp.history == [(10, "listening", "because"), (20, "long_turn", "61 s")]
    assert lamp.ticks == [5]
    guarded.close()
    assert lamp.closed


def test_a_lamp_whose_monitor_falls_silent_shows_the_fault_once() -> None:
    lamp = RecordingLamp()
    guarded = GuardedLamp(lamp)
    guarded.show(shown("listening", 10))
    for now_ms in range(0, 10_000, 40):
        guarded.tick(now_ms)
    assert [cue for _, cue, _ in lamp.history] == ["listening", "fault"]
    assert lamp.history[1][2] == "the monitor has not been heard of for 3 s"


def test_a_monitor_that_never_said_a_word_is_a_fault_too() -> None:
    lamp = RecordingLamp()
    guarded = GuardedLamp(lamp)
    guarded.tick(1000)
    guarded.tick(1001 + STALE_AFTER_MS)
    assert [cue for _, cue, _ in lamp.history] == ["fault"]


def test_a_living_monitor_without_news_keeps_its_cue() -> None:
    lamp = RecordingLamp()
    guarded = GuardedLamp(lamp)
    guarded.show(shown("listening"))
    for now_ms in range(0, 60_000, 40):
        if now_ms % 2000 == 0:
            guarded.alive()
        guarded.tick(now_ms)
    assert [cue for _, cue, _ in lamp.history] == ["listening"]


@pytest.mark.parametrize(
    ("back", "then"), [(None, "long_turn"), ("breathe", "breathe")], ids=["alive", "news"]
)
def test_a_monitor_that_comes_back_takes_the_fault_away(back: Cue | None, then: Cue) -> None:
    lamp = RecordingLamp()
    guarded = GuardedLamp(lamp)
    guarded.show(shown("long_turn"))
    guarded.tick(0)
    guarded.tick(5000)
    if back:
        guarded.show(shown(back))
    else:
        guarded.alive()
    guarded.tick(5040)
    assert [cue for _, cue, _ in lamp.history] == ["long_turn", "fault", then]


def test_the_thread_ticks_until_it_is_stopped_and_puts_the_light_out() -> None:
    lamp = RecordingLamp()
    ticked = threading.Event()
    lamp.ticks = Ticks(ticked)
    thread = LampThread(lamp)
    thread.start()
    assert ticked.wait(5)
    thread.stop()
    assert lamp.closed
    assert lamp.ticks == sorted(lamp.ticks)
    assert thread.failure is None


def test_a_muted_lamp_is_dark_and_then_shows_what_is_due() -> None:
    lamp, rights = RecordingLamp(), Rights()
    guarded = GuardedLamp(lamp, rights=rights)
    guarded.show(shown("listening"))
    guarded.tick(0)
    rights.ask("mute", 100)
    guarded.tick(100)
    guarded.show(shown("let_finish", 200))
    guarded.tick(200)
    guarded.tick(60_000)  # not even a fault is shown
    assert [cue for _, cue, _ in lamp.history] == ["listening", "idle"]
    guarded.alive()
    rights.ask("unmute", 60_100)
    guarded.tick(60_100)
    assert [cue for _, cue, _ in lamp.history] == ["listening", "idle", "let_finish"]


def test_a_paused_desk_has_a_dark_lamp() -> None:
    lamp, rights = RecordingLamp(), Rights()
    guarded = GuardedLamp(lamp, rights=rights)
    rights.ask("pause 1", 0)
    guarded.show(shown("listening"))
    guarded.tick(0)
    guarded.alive()
    guarded.tick(60_000)
    assert [cue for _, cue, _ in lamp.history] == ["idle", "listening"]


def test_the_agents_dimmer_reaches_the_lamp_once() -> None:
    lamp, rights = RecordingLamp(), Rights()
    guarded = GuardedLamp(lamp, rights=rights)
    guarded.tick(0)
    rights.ask("dim 30", 0)
    guarded.tick(40)
    guarded.tick(80)
    assert lamp.dimmed == [0.3]


class Ticks(list[int]):
    """Tells when a lamp has been ticked three times."""

    def __init__(self, enough: threading.Event) -> None:
        super().__init__()
        self._enough = enough

    def append(self, now_ms: int) -> None:
        super().append(now_ms)
        if len(self) >= 3:
            self._enough.set()


def test_a_light_that_is_gone_stops_the_thread_which_tells_of_it() -> None:
    class Gone(RecordingLamp):
        def tick(self, now_ms: int) -> None:
            raise OSError(f"no light at {now_ms} ms")

    lamp, told = Gone(), threading.Event()
    thread = LampThread(lamp, failed=told.set)
    thread.start()
    assert told.wait(60)
    thread.stop()
    assert str(thread.failure).startswith("no light at ")
    assert lamp.closed, "what can be put out is"


def test_lines_are_json_with_seconds() -> None:
    stream = io.StringIO()
    lamp = LinesLamp(stream)
    lamp.show(shown("long_turn", 61_250, "you have talked for 61 s — pause"))
    lamp.tick(0)
    lamp.close()
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"at_s": 61.25, "cue": "long_turn", "reason": "you have talked for 61 s — pause"}
    ]


def terminal() -> Console:
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        width=70,
        height=20,
        legacy_windows=False,
    )


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_terminal_shows_dot_cue_and_reason_in_colour() -> None:
    console = terminal()
    lamp = TerminalLamp(console=console)
    lamp.show(shown("slow_down", 0, "the customer's strain is 71"))
    lamp.tick(1000)
    lamp.tick(5000)
    lamp.close()
    assert "slow down" in text(console)
    assert "the customer's strain is 71" in text(console)
    red, green, blue = colour("slow_down", 4000)
    assert f"38;2;{red};{green};{blue}m●" in text(console)


def test_the_terminal_is_drawn_only_when_the_light_changes() -> None:
    console = terminal()
    lamp = TerminalLamp(console=console)
    lamp.show(shown("listening"))
    lamp.tick(0)
    once = text(console)
    for now_ms in range(0, 10_000, 40):
        lamp.tick(now_ms)
    assert text(console) == once


def test_the_light_of_a_cue_begins_when_it_is_shown_whatever_the_clock_says() -> None:
    console = terminal()
    lamp = TerminalLamp(console=console)
    lamp.show(shown("fault", 0))
    lamp.tick(987_654_321)
    assert "38;2;255;0;0m●" in text(console)


def test_a_dark_lamp_is_an_open_dot() -> None:
    line = lamp_line(shown("idle", 0, "no call"), (0, 0, 0), "desk 3")
    assert line.plain == "desk 3  ○ idle             no call"


def test_a_long_reason_stays_one_line() -> None:
    console = terminal()
    lamp = TerminalLamp(console=console)
    lamp.show(shown("fault", 0, "very " * 40 + "long"))
    lamp.tick(0)
    assert "\n" not in text(console)
    assert "…" in text(console)


def test_without_a_terminal_each_cue_is_one_line() -> None:
    console = Console(file=io.StringIO(), width=40)
    lamp = TerminalLamp(console=console)
    lamp.show(shown("listening", 0, "a call is on"))
    lamp.tick(0)
    lamp.show(shown("long_turn", 0, "you have talked for 61 s without a pause"))
    lamp.tick(40)
    lamp.close()
    lines = text(console).splitlines()
    assert len(lines) == 2
    assert lines[1].endswith("long turn        you have talked for 61 s without a pause")


@pytest.mark.parametrize("kind", ["terminal", "lines", "none"])
def test_every_kind_of_the_settings_has_a_lamp(kind: str) -> None:
    settings = LampSettings(kind=kind)  # type: ignore[arg-type]
    lamp = lamp_for(settings, Rights())
    lamp.tick(0)
    lamp.close()


def test_the_picture_of_the_lamps_is_that_of_the_effects() -> None:
    docs = Path(__file__).parents[1] / "docs"
    picture = runpy.run_path(str(docs / "make_lamps.py"))["picture"]
    assert (docs / "lamps.svg").read_text() == picture(), "run docs/make_lamps.py"


def test_every_cue_is_described() -> None:
    described = (Path(__file__).parents[1] / "docs" / "lamps.md").read_text()
    assert [cue for cue in CUES if f"`{cue}`" not in described] == []
