from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from documents import METRICS, call, document, event, story
from turnlight import wording
from turnlight.summary import Summary


def shown(analysis: Any, width: int = 100, **options: Any) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False, **options).print(Summary(analysis))
    return stream.getvalue()


def test_it_tells_the_call_from_the_share_to_the_sound() -> None:
    text = shown(document(story(95, seed=4), file="call.flac"))
    for part in (
        "call.flac",
        "agent 43 % · customer 57 %",
        "listens at least as much as they talk",
        "Interruptions",
        "Response latency   0.62 s",
        "48 → 74 → 52 → 21",
        "it turned around",
        "slow down",
        "The agent had 71 % of the speech of the last 60 s.",
        "Sidetone           not measured",
    ):
        assert part in text


@pytest.mark.parametrize("width", [40, 60, 80, 132, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = shown(document(story(600)), width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width


def test_without_colour_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = shown(document(story(95)))
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = shown(document(story(95)), force_terminal=True)
    assert "38;" not in terminal
    assert plain.count("█") > 50


def test_the_legend_explains_just_the_signs_that_are_there() -> None:
    text = shown(document(call(0, 20, events=[event("interruption", "agent", 5, 6)])))
    assert "▲ agent interrupts" in text
    assert "customer interrupts" not in text


def test_notes_stand_at_the_top() -> None:
    lines = shown(document(story(30), notes=("channels look swapped",))).splitlines()
    assert "channels look swapped" in lines[1]


def test_a_share_is_withheld_below_thirty_seconds_of_speech() -> None:
    text = shown(document(call(0, 20, metrics=METRICS | {"talk_share": None})))
    assert "shown after 30 s of speech" in text


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.33, "twice as much"),
        (0.5, "at least as much"),
        (0.51, "talks more"),
        (0.66, "holds the floor"),
    ],
)
def test_a_share_is_put_in_words_by_its_band(share: float, words: str) -> None:
    assert words in wording.share(share)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.42, "0.42 s"),
        (6.24, "6.2 s"),
        (59.96, "1 min 00 s"),
        (65, "1 min 05 s"),
        (3720, "1 h 02 min"),
    ],
)
def test_lengths_are_given_as_people_say_them(seconds: float, words: str) -> None:
    assert wording.duration_s(seconds) == words


def test_clock_times_get_hours_from_one_on() -> None:
    assert [wording.clock(s) for s in (0, 59.99, 61, 3599, 3661)] == [
        "0:00",
        "0:59",
        "1:01",
        "59:59",
        "1:01:01",
    ]


def test_interruptions_are_told_by_whom_and_what_came_of_them() -> None:
    events = [
        event("interruption", "agent", 1, 2, floor_taken=True),
        event("interruption", "agent", 3, 4),
        event("interruption", "customer", 5, 6),
    ]
    fact = wording.facts(call(0, 10, events=events))[0]
    assert (fact.value, fact.detail) == ("agent 2, customer 1", "floor taken 1 by the agent")


def test_every_measure_is_put_in_words() -> None:
    rows = dict(wording.measures(call(0, 10, metrics=METRICS)))
    assert rows.keys() == METRICS.keys()
    assert rows["overtalks"] == "count 3, total 3.1 s, longest 1.6 s"
    assert rows["turnaround"] == "yes"
