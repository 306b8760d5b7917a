from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from documents import call, document, event, segment, story
from turnlight import picture
from turnlight.report import page

VOID = {"meta", "input", "link", "br"}


class Reader(HTMLParser):
    """Checks that tags nest, and gathers what the tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def shapes(self, name: str) -> list[dict[str, str]]:
        return [a for _, a in self.tags if name in a.get("class", "").split()]


@pytest.fixture(scope="module")
def told() -> str:
    return page([document(story(95, seed=4), notes=("The customer's channel is clipped.",))])


def test_the_page_nests_and_needs_nothing_from_outside(told: str) -> None:
    tags = {tag for tag, _ in Reader(told).tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "base"}
    assert not re.findall(r"https?:|//[a-z]|@import|src=|url\((?!#)", told)


def test_every_pattern_and_anchor_that_is_named_exists() -> None:
    text = page([document(story(95)), document(story(30), story(40, start_s=50))])
    names = [a["id"] for _, a in Reader(text).tags if "id" in a]
    assert len(names) == len(set(names))
    anchors = re.findall(r'href=["\']#([^"\']+)', text) + re.findall(r"url\(#([^)]+)\)", text)
    assert len(anchors) >= 3
    assert set(anchors) <= set(names)
    assert {a["for"] for tag, a in Reader(text).tags if tag == "label"} <= set(names)


def test_speech_stands_where_it_was_said() -> None:
    told = call(0, 60, segments=[segment("agent", 15, 30), segment("customer", 45, 48)])
    reader = Reader(picture.timeline(told))
    [agent], [customer] = reader.shapes("agent"), reader.shapes("customer")
    assert (agent["x"], agent["width"]) == ("25.00%", "25.00%")
    assert (customer["x"], customer["width"]) == ("75.00%", "5.00%")
    assert int(agent["y"]) + int(agent["height"]) < int(customer["y"])


def test_a_row_is_a_minute_and_speech_over_its_end_goes_on_in_the_next() -> None:
    reader = Reader(picture.timeline(call(0, 120, segments=[segment("agent", 57, 63)])))
    assert len(reader.shapes("row")) == 2
    first, second = reader.shapes("agent")
    assert (first["x"], first["width"]) == ("95.00%", "5.00%")
    assert (second["x"], second["width"]) == ("0.00%", "5.00%")


def test_a_short_call_fills_the_row() -> None:
    reader = Reader(picture.timeline(call(0, 18, segments=[segment("agent", 0, 10)])))
    [agent] = reader.shapes("agent")
    assert agent["width"] == "50.00%"


def test_overlap_covers_both_lanes() -> None:
    segments = [segment("agent", 0, 30), segment("customer", 27, 60)]
    reader = Reader(picture.timeline(call(0, 60, segments=segments)))
    [both], [agent], [customer] = (reader.shapes(n) for n in ("both", "agent", "customer"))
    assert (both["x"], both["width"]) == ("45.00%", "5.00%")
    assert both["y"] == agent["y"]
    bottom = int(customer["y"]) + int(customer["height"])
    assert int(both["y"]) + int(both["height"]) == bottom


def test_an_interruption_is_filled_when_it_took_the_floor() -> None:
    events = [
        event("interruption", "agent", 10, 11, floor_taken=True),
        event("interruption", "customer", 20, 21),
        event("backchannel", "agent", 30, 31),
    ]
    reader = Reader(picture.timeline(call(0, 60, events=events)))
    assert [mark["class"] for mark in reader.shapes("mark")] == ["mark", "mark open"]
    assert len(reader.shapes("backchannel")) == 1


def test_each_event_is_drawn_once_even_on_the_edge_of_a_row() -> None:
    events = [event("interruption", "agent", 60, 61), event("backchannel", "agent", 119.9, 120.3)]
    reader = Reader(picture.timeline(call(0, 180, events=events)))
    assert (len(reader.shapes("mark")), len(reader.shapes("backchannel"))) == (1, 1)


def test_the_arc_is_broken_where_nothing_was_measured() -> None:
    whole, broken = picture.arc([40.0, 70.0, 50.0, 20.0]), picture.arc([40.0, None, 50.0, 20.0])
    assert [len(re.findall("M", re.findall(r' d="([^"]*)"', p)[0])) for p in (whole, broken)] == [
        1,
        2,
    ]
    assert len(Reader(broken).shapes("arc-point")) == 3


def test_what_is_withheld_says_so() -> None:
    reader = Reader(page([document(call(0, 20))]))
    assert "Shown after 30 s of speech" in reader.text
    assert "Withheld: not enough of the customer's voice" in reader.text
    assert not reader.shapes("share")


def test_names_of_files_are_text_not_markup() -> None:
    reader = Reader(page([document(story(40), file="<b>a&b</b>.wav", notes=("<i>",))]))
    assert "<b>a&b</b>.wav" in reader.text
    assert not [tag for tag, _ in reader.tags if tag == "i"]


def test_several_recordings_begin_with_an_overview() -> None:
    one, several = page([document(story(40))]), page([document(story(40)), document(story(50))])
    assert ("Overview" in one, "Overview" in several) == (False, True)


def test_a_recording_without_a_call_says_so() -> None:
    assert "no calls" in Reader(page([document()])).text


def test_the_cues_are_listed_with_time_and_reason(told: str) -> None:
    text = Reader(told).text
    assert "let them finish" in text
    assert "The customer's strain was 78 and is back at 21." in text


def test_every_measure_is_listed(told: str) -> None:
    text = Reader(told).text
    for name in story(60).metrics:
        assert name in text


def test_light_dark_and_print_each_have_their_colours(told: str) -> None:
    style = told[told.index("<style>") : told.index("</style>")]
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
    used = set(re.findall(r"var\((--[a-z-]+)\)", style))
    dark = style[style.index("prefers-color-scheme: dark") :]
    for name in used:
        assert f"{name}:" in style
        assert f"{name}:" in dark
