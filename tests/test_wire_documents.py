"""The generated documents of the wire are current, and say what messages.py says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from turnlight.messages import PAYLOADS

DOCS = Path(__file__).parent.parent / "docs"
SCHEMA = json.loads((DOCS / "wire.schema.json").read_text(encoding="utf-8"))
ASYNCAPI = json.loads((DOCS / "wire.asyncapi.json").read_text(encoding="utf-8"))


def test_the_committed_documents_are_what_the_types_give() -> None:
    made = subprocess.run(
        [sys.executable, str(DOCS / "make_wire.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr


def test_a_payload_is_one_of_the_messages_and_each_refuses_unknown_fields() -> None:
    names = [payload.__name__ for payload in PAYLOADS]
    assert [one["$ref"] for one in SCHEMA["anyOf"]] == [f"#/$defs/{name}" for name in names]
    assert all(schema["additionalProperties"] is False for schema in SCHEMA["$defs"].values())


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda one: one.__name__)
def test_a_schema_has_the_fields_of_its_type_and_each_is_explained(payload: type[Struct]) -> None:
    properties = SCHEMA["$defs"][payload.__name__]["properties"]
    assert tuple(properties) == payload.__struct_fields__
    assert all(field["description"] for field in properties.values())


def references(inside: Any) -> set[str]:
    if isinstance(inside, dict):
        found = {inside["$ref"]} if "$ref" in inside else set()
        return found.union(*map(references, inside.values()))
    return set().union(*map(references, inside)) if isinstance(inside, list) else set()


@pytest.mark.parametrize("document", [SCHEMA, ASYNCAPI], ids=["JSON Schema", "AsyncAPI"])
def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        at: Any = document
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]


def test_patterns_are_those_that_every_json_schema_reader_knows() -> None:
    patterns = re.findall(r'"pattern": "([^"]*)"', json.dumps(SCHEMA))
    assert patterns
    assert not [pattern for pattern in patterns if r"\Z" in pattern]


def test_the_channels_are_the_documented_topics() -> None:
    addresses = {channel["address"] for channel in ASYNCAPI["channels"].values()}
    wire = (DOCS / "wire.md").read_text(encoding="utf-8")
    topics = re.findall(r"^\| `((?:turnlight|homeassistant)/[^`]*)` \| \w+ \|", wire, re.M)
    assert addresses == {re.sub(r"<(\w+)>", r"{\1}", topic) for topic in topics}
