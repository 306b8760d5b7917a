from __future__ import annotations

import contextlib
import random
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest

from turnlight import messages
from turnlight.messages import (
    LATENCY_EDGES_MS,
    OVERLAP_EDGES_MS,
    STRAIN_EDGES,
    Aggregate,
    CallSignal,
    Clock,
    Figures,
    Health,
    Message,
    Sides,
    Status,
    Window,
    decode,
    device_topic,
    encode,
    floor_topic,
    window_topic,
)

WINDOW = Window(
    pid="00112233445566ff",
    seq=7,
    start_s=1_764_000_000,
    agent_ms=4_200,
    customer_ms=5_100,
    both_ms=300,
    silence_ms=900,
    interruptions=Sides(agent=1, customer=2),
    latency_bins=(0, 1, 0, 0, 0, 0, 0, 0, 2),
    strain_bins=(3, 4, 5, 0, 0),
    quality=messages.Quality.CLIPPED,
)
HEALTH = Health(
    version="0.1.0",
    uptime_s=3600,
    overruns=0,
    outbox_depth=2,
    outbox_dropped=0,
    temperature_c=48.5,
    audio_present=True,
)
FIGURES = Figures(
    desks=5,
    agent_talk_pct=40.0,
    customer_talk_pct=45.0,
    talk_share=0.47,
    overtalk_pct=2.0,
    silence_pct=17.0,
    hold_pct=0.0,
    interruptions_per_customer_min=(0.5, 0.7),
    interruptions_taken_per_customer_min=(0.2, 0.3),
    backchannels_per_customer_min=(3.0, 2.0),
    long_silences_per_hour=4.0,
    turnarounds_per_hour=0.0,
    interactivity_per_min=9.0,
    response_latency_ms=None,
    latency_bins=(),
    overlap_bins=(),
    strain_bins=(),
)
AGGREGATE = Aggregate(
    site="home",
    team="billing",
    made_at_s=1_764_000_010.5,
    newest_window_s=1_764_000_010,
    k=5,
    now=FIGURES,
    today=None,
    today_withheld="protects another cell",
)
EXAMPLES: list[Message] = [
    WINDOW,
    Status(state="online", session="0a1b2c3d"),
    HEALTH,
    CallSignal(signal="hold"),
    Clock(at_s=1_764_000_010.5),
    AGGREGATE,
]


def names_inside(kind: Any) -> set[str]:
    """Field names of a struct and of every struct in its fields."""
    if get_origin(kind) is not None:
        return {name for part in get_args(kind) for name in names_inside(part)}
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return set()
    hints = get_type_hints(kind)
    return set(kind.__struct_fields__).union(*map(names_inside, hints.values()))


def test_a_window_has_these_fields_and_no_other() -> None:
    assert Window.__struct_fields__ == (
        "schema",
        "pid",
        "seq",
        "start_s",
        "length_ms",
        "agent_ms",
        "customer_ms",
        "both_ms",
        "silence_ms",
        "hold_ms",
        "interruptions",
        "interruptions_taken",
        "early_starts",
        "backchannels",
        "overtalks",
        "long_silences",
        "floor_changes",
        "turnarounds",
        "latency_bins",
        "overlap_bins",
        "strain_bins",
        "quality",
    )
    assert Sides.__struct_fields__ == ("agent", "customer")


FORBIDDEN = """
agent_strain name device cue pause mute dim site team user mac ip serial
text word audio lamp session host f0 pitch level
"""


@pytest.mark.parametrize("word", FORBIDDEN.split())
def test_a_window_has_no_field_for_who_it_was_or_what_the_lamp_did(word: str) -> None:
    parts = {part for name in names_inside(Window) for part in (name, *name.split("_"))}
    assert word not in parts
    assert f"{word}s" not in parts


def test_the_only_strain_in_a_window_is_one_list_and_not_by_side() -> None:
    assert [name for name in names_inside(Window) if "strain" in name] == ["strain_bins"]
    assert all(isinstance(count, int) for count in WINDOW.strain_bins)


@pytest.mark.parametrize("word", ["talk", "cue", "pause", "mute", "strain", "agent", "call", "pid"])
def test_health_says_nothing_about_behaviour(word: str) -> None:
    assert not [name for name in names_inside(Health) if word in name]


def test_this_list_of_examples_covers_every_message() -> None:
    assert {type(example) for example in EXAMPLES} == set(Message.__subclasses__())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_a_message_comes_back_as_it_was_sent(example: Message) -> None:
    assert decode(encode(example), type(example)) == example


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_every_payload_carries_the_schema_number(example: Message) -> None:
    assert msgspec.json.decode(encode(example))["schema"] == messages.SCHEMA == 1


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_an_unknown_field_is_refused(example: Message) -> None:
    payload = msgspec.json.decode(encode(example)) | {"mood": "angry"}
    with pytest.raises(msgspec.ValidationError, match="unknown field `mood`"):
        decode(msgspec.json.encode(payload), type(example))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_another_schema_is_refused(example: Message) -> None:
    payload = msgspec.json.decode(encode(example)) | {"schema": 2}
    with pytest.raises(msgspec.ValidationError, match="schema"):
        decode(msgspec.json.encode(payload), type(example))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pid", "desk-7"),
        ("pid", "00112233445566FF"),
        ("pid", "00112233445566ff\n"),
        ("seq", -1),
        ("seq", 2**31),
        ("seq", 1.5),
        ("start_s", 1_764_000_001),
        ("start_s", 10**20),
        ("length_ms", 20_000),
        ("agent_ms", 10_100),
        ("agent_ms", -100),
        ("agent_ms", 4_250),
        ("agent_ms", "4200"),
        ("overtalks", 100_001),
        ("overtalks", True),
        ("interruptions", {"agent": 1, "customer": 0, "name": "x"}),
        ("interruptions", 3),
        ("latency_bins", [0] * 8),
        ("overlap_bins", [0] * 7),
        ("strain_bins", [0, 0, 0, 0, -1]),
        ("quality", 256),
    ],
)
def test_a_window_out_of_its_limits_is_refused_by_the_fields_name(field: str, value: Any) -> None:
    payload = msgspec.json.decode(encode(WINDOW)) | {field: value}
    with pytest.raises(msgspec.ValidationError, match=rf"`\$\.{field}"):
        decode(msgspec.json.encode(payload), Window)


@pytest.mark.parametrize("field", ["pid", "seq", "start_s"])
def test_a_window_without_its_identity_is_refused(field: str) -> None:
    payload = msgspec.json.decode(encode(WINDOW))
    del payload[field]
    with pytest.raises(msgspec.ValidationError, match=f"missing required field `{field}`"):
        decode(msgspec.json.encode(payload), Window)


@pytest.mark.parametrize("payload", [b"", b"\xff\xff", b"[]", b"null", b'{"schema":1', b"[" * 9000])
def test_rubbish_is_refused_as_such(payload: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(payload, Window)


def test_any_damage_to_a_payload_is_refused_or_still_a_window() -> None:
    random_ = random.Random(1)
    good = encode(WINDOW)
    for _ in range(2000):
        bad = bytearray(good)
        bad[random_.randrange(len(bad))] = random_.randrange(256)
        with contextlib.suppress(msgspec.DecodeError):
            assert isinstance(decode(bytes(bad), Window), Window)


def test_bins_are_one_more_than_their_edges() -> None:
    assert len(WINDOW.latency_bins) == len(LATENCY_EDGES_MS) + 1
    assert len(WINDOW.overlap_bins) == len(OVERLAP_EDGES_MS) + 1
    assert len(WINDOW.strain_bins) == len(STRAIN_EDGES) + 1


def test_no_group_below_five_desks_can_be_published() -> None:
    payload = msgspec.json.decode(encode(AGGREGATE))
    payload["now"]["desks"] = 4
    with pytest.raises(msgspec.ValidationError, match="desks"):
        decode(msgspec.json.encode(payload), Aggregate)
    with pytest.raises(msgspec.ValidationError, match="k"):
        decode(msgspec.json.encode(payload | {"now": None, "k": 4}), Aggregate)


def test_topics_carry_the_schema_number_and_keep_the_window_apart_from_the_device() -> None:
    assert window_topic("home", "billing") == "turnlight/1/home/billing/window"
    assert device_topic("home", "desk-7", "status") == "turnlight/1/home/device/desk-7/status"
    assert floor_topic("home", "_site") == "turnlight/1/home/floor/_site"
