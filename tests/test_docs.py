"""Nothing undocumented: each fact of the code is looked up in the page that should carry it."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from turnlight import config, messages

DOCS = Path(__file__).parent.parent / "docs"
STRUCTS: list[type[msgspec.Struct]] = [
    *messages.PAYLOADS,
    messages.Discovered,
    messages.HealthSensors,
    messages.Origin,
    messages.Sensor,
    messages.Sides,
    messages.Figures,
]
TOPICS = [
    messages.window_topic("<site>", "<team>"),
    *(messages.device_topic("<site>", "<device>", leaf) for leaf in ("status", "health", "call")),
    messages.discovery_topic("<site>", "<device>"),
    messages.clock_topic("<site>"),
    messages.floor_topic("<site>", "<team>"),
    messages.floor_topic("<site>", "_site"),
]


def section(page: str, heading: str = "") -> str:
    """Text of a page under one heading, up to the next of any level."""
    text = (DOCS / page).read_text(encoding="utf-8")
    if not heading:
        return text
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.M | re.S)
    assert found, f"docs/{page} has no heading `{heading}`"
    return found[1]


def table(page: str, heading: str = "") -> dict[str, list[str]]:
    """Rows of the tables there whose first cell is code: that code, and the other cells."""
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", section(page, heading), re.M)
    assert len(dict(rows)) == len(rows), "a row comes twice"
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in rows}


def test_every_setting_is_documented_and_no_other() -> None:
    assert list(table("config.md")) == list(config.keys())


@pytest.mark.parametrize("key", config.keys())
def test_the_documented_default_is_the_default(key: str) -> None:
    default, meaning = table("config.md")[key]
    value = config.keys()[key].default
    assert default == f"`{msgspec.json.encode(value).decode().replace(',', ', ')}`"
    assert meaning


@pytest.mark.parametrize(("ending", "word"), [("_s", "second"), ("_ms", "milli"), ("_hz", "hertz")])
def test_a_setting_with_a_unit_says_so(ending: str, word: str) -> None:
    for key, (_, meaning) in table("config.md").items():
        if key.endswith(ending):
            assert word in meaning, key


def test_the_example_settings_are_valid() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", section("config.md"), re.S)
    assert config.parse(example, "docs/config.md").desk.device == "desk-17"


def test_every_topic_is_documented_and_no_other() -> None:
    assert list(table("wire.md", "Topics")) == TOPICS


def test_every_message_has_its_topic() -> None:
    carried = {cells[0] for cells in table("wire.md", "Topics").values()}
    assert carried == {payload.__name__ for payload in messages.PAYLOADS}


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_field_is_documented_and_no_other(struct: type[msgspec.Struct]) -> None:
    assert tuple(table("wire.md", struct.__name__)) == struct.__struct_fields__


@pytest.mark.parametrize(
    "struct",
    [struct for struct in STRUCTS if struct is not messages.Figures],
    ids=lambda struct: struct.__name__,
)
def test_the_example_is_a_whole_message(struct: type[msgspec.Struct]) -> None:
    (example,) = re.findall(r"```json\n(.*?)\n```", section("wire.md", struct.__name__), re.S)
    decoded = msgspec.json.decode(example, type=struct)
    assert msgspec.json.encode(decoded) == example.encode()


@pytest.mark.parametrize(
    ("field", "edges"),
    [
        ("latency_bins", messages.LATENCY_EDGES_MS),
        ("overlap_bins", messages.OVERLAP_EDGES_MS),
        ("strain_bins", messages.STRAIN_EDGES),
    ],
)
def test_the_edges_of_the_bins_are_documented(field: str, edges: tuple[int, ...]) -> None:
    unit, meaning = table("wire.md", "Window")[field]
    assert unit == f"{len(edges) + 1} counts"
    assert f"upper edges {', '.join(map(str, edges))}" in meaning


def test_every_bit_of_quality_is_documented() -> None:
    _, meaning = table("wire.md", "Window")["quality"]
    for bit in messages.Quality:
        assert f"{bit.value} {str(bit.name).lower().replace('_', ' ')}" in meaning


def test_the_schema_number_is_documented() -> None:
    assert f"The schema number is {messages.SCHEMA}." in section("wire.md", "Versions")
