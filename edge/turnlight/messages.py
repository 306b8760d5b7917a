"""Every byte that may leave a device, and every byte the floor publishes: one frozen type each.

This module is the complete list. What has no type here cannot be sent: there is no field for
the agent's strain, for a name, for a device inside a window, for a cue or for a pause, and
`tests/test_messages.py` holds it to that. docs/wire.md explains each field.
"""

from __future__ import annotations

import enum
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

M = TypeVar("M", bound="Message | Discovery")

SCHEMA: Final = 1
"""Number of the wire's schema: in every topic and in every payload."""

WINDOW_MS: Final = 10_000
"""Length of one window; windows start at multiples of it since the Unix epoch, UTC."""

ROUND_MS = 100
"""Durations in a window are rounded to this, so that no exact timing leaves the desk."""

LATENCY_EDGES_MS = (200, 400, 700, 1000, 1500, 2000, 3000, 5000)
"""Upper edges of the response latency bins; the last bin is open: len(edges) + 1 bins."""

OVERLAP_EDGES_MS = (200, 500, 1000, 2000, 3000)
"""Upper edges of the overlap duration bins; the last bin is open."""

STRAIN_EDGES = (20, 40, 60, 80)
"""Upper edges of the customer strain bins (0..100), one count per half second of speech."""

Count = Annotated[int, Meta(ge=0, le=100_000)]
Millis = Annotated[int, Meta(ge=0, le=WINDOW_MS, multiple_of=ROUND_MS)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Percent = Annotated[float, Meta(ge=0.0, le=100.0)]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}\Z",
        description="a name of a-z, 0-9 and -, at most 63 characters, not beginning with -",
    ),
]
"""A site's, team's or device's name: one MQTT topic level, so no `/`, `+`, `#`, no leading `_`."""

LatencyBins = Annotated[tuple[Count, ...], Meta(min_length=9, max_length=9)]
OverlapBins = Annotated[tuple[Count, ...], Meta(min_length=6, max_length=6)]
StrainBins = Annotated[tuple[Count, ...], Meta(min_length=5, max_length=5)]


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all messages share: the schema number, and that an unknown field is refused."""

    schema: Literal[1] = SCHEMA


class Sides(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Counts of one kind of event by the side that did it."""

    agent: Count = 0
    customer: Count = 0


class Window(Message, frozen=True, kw_only=True):
    """Anonymous sums of one aligned window of one desk. Published once, not retained."""

    pid: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
    """Random 64 bits, new every shift; never derived from the device."""
    seq: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    """Number of the window under this pid; pid and seq make a window unique."""
    start_s: Annotated[int, Meta(ge=0, lt=2**33, multiple_of=WINDOW_MS // 1000)]
    """Start of the window, Unix seconds, UTC."""
    length_ms: Literal[10_000] = WINDOW_MS
    agent_ms: Millis = 0
    """Agent's speech; `both_ms` is part of it and of `customer_ms`."""
    customer_ms: Millis = 0
    both_ms: Millis = 0
    silence_ms: Millis = 0
    """Neither speaks, inside a call, hold left out."""
    hold_ms: Millis = 0
    interruptions: Sides = Sides()
    interruptions_taken: Sides = Sides()
    """Those of `interruptions` that took the floor."""
    early_starts: Sides = Sides()
    backchannels: Sides = Sides()
    overtalks: Count = 0
    long_silences: Count = 0
    floor_changes: Count = 0
    turnarounds: Count = 0
    latency_bins: LatencyBins = (0,) * 9
    """Agent's response latency: counts per bin of LATENCY_EDGES_MS."""
    overlap_bins: OverlapBins = (0,) * 6
    strain_bins: StrainBins = (0,) * 5
    """Customer's strain only: counts per bin of STRAIN_EDGES."""
    quality: Annotated[int, Meta(ge=0, le=255)] = 0
    """Bit set of `Quality`: what was wrong with the sound in this window."""


class Quality(enum.IntFlag):
    """Bits of `Window.quality`."""

    OVERRUN = 1
    CLIPPED = 2
    NO_AUDIO = 4
    CHANNELS_DOUBTFUL = 8


class Status(Message, frozen=True, kw_only=True):
    """Is the device there? Retained; the last will says offline."""

    state: Literal["online", "offline"]
    session: Annotated[str, Meta(pattern=r"^[0-9a-f]{8}\Z")]
    """Random per connection attempt, so that an old will is told from a new session."""


class Health(Message, frozen=True, kw_only=True):
    """How the device is, each 60 s. Nothing about behaviour, ever."""

    version: Annotated[str, Meta(max_length=32)]
    uptime_s: Annotated[int, Meta(ge=0)]
    overruns: Annotated[int, Meta(ge=0)]
    outbox_depth: Annotated[int, Meta(ge=0)]
    outbox_dropped: Annotated[int, Meta(ge=0)]
    temperature_c: Annotated[float, Meta(ge=-60, le=150)] | None
    audio_present: bool
    clock_skew_s: int | None = None
    """Device's clock less the floor's, in whole seconds; None while the floor was not heard."""


class Sensor(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One sensor of a device, and where Home Assistant reads it, in its own words."""

    platform: Literal["sensor", "binary_sensor"]
    unique_id: str
    name: str
    state_topic: str
    value_template: str
    entity_category: Literal["diagnostic"]
    expire_after: Annotated[int, Meta(ge=60)] | None = None
    """Seconds after which a silent device's value is unknown."""
    device_class: Literal["connectivity", "temperature"] | None = None
    state_class: Literal["measurement", "total_increasing"] | None = None
    unit_of_measurement: Literal["windows", "°C"] | None = None


class HealthSensors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sensors of a device: there is no other."""

    online: Sensor
    audio_present: Sensor
    overruns: Sensor
    outbox_depth: Sensor
    temperature_c: Sensor
    version: Sensor


class Discovered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Home Assistant is told of the device itself."""

    identifiers: tuple[str]
    name: str
    manufacturer: Literal["Turnlight"] = "Turnlight"
    model: Literal["desk lamp"] = "desk lamp"
    sw_version: str


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which program says so."""

    name: Literal["Turnlight"] = "Turnlight"
    sw_version: str


class Discovery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Home Assistant finds a device's health. Optional, retained; its form is Home
    Assistant's, so it carries no schema number."""

    device: Discovered
    origin: Origin
    components: HealthSensors


class CallSignal(Message, frozen=True, kw_only=True):
    """What a telephone system may say about a call, to one device. Optional; it wins over sound."""

    signal: Literal["start", "hold", "resume", "end"]


class Clock(Message, frozen=True, kw_only=True):
    """What time it is on the floor, so that a device can tell a wrong clock. Not retained."""

    at_s: Annotated[float, Meta(ge=0)]
    """Unix seconds, UTC, at the moment of sending."""


class Figures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measures of a group of at least k desks over one time range; rates and shares, never sums."""

    desks: Annotated[int, Meta(ge=5)]
    """Distinct desks (pids) that contributed."""
    agent_talk_pct: Percent
    customer_talk_pct: Percent
    talk_share: Share | None
    """A / (A + C); None below 30 s of speech."""
    overtalk_pct: Percent
    silence_pct: Percent
    hold_pct: Percent
    """Hold / (D + hold)."""
    interruptions_per_customer_min: tuple[float, float]
    """By the agent, by the customer; per minute of the customer's speech."""
    interruptions_taken_per_customer_min: tuple[float, float]
    backchannels_per_customer_min: tuple[float, float]
    long_silences_per_hour: float
    turnarounds_per_hour: float
    interactivity_per_min: float
    response_latency_ms: int | None
    """Median, interpolated in its bin; None where nothing was measured."""
    latency_bins: tuple[Share, ...]
    """Share of each bin of LATENCY_EDGES_MS; empty where nothing was measured."""
    overlap_bins: tuple[Share, ...]
    strain_bins: tuple[Share, ...]


class Aggregate(Message, frozen=True, kw_only=True):
    """What the floor shows of one team, or of the site (`_site`). Retained."""

    site: Name
    team: Annotated[str, Meta(pattern=r"^([a-z0-9][a-z0-9-]{0,62}|_site)\Z")]
    made_at_s: Annotated[float, Meta(ge=0)]
    """When the aggregator computed this, Unix seconds."""
    newest_window_s: Annotated[int, Meta(ge=0)]
    """End of the newest window inside; what is older than a minute is not live."""
    k: Annotated[int, Meta(ge=5)]
    now: Figures | None
    """The last five minutes; None when withheld, then `now_withheld` says why."""
    today: Figures | None
    now_withheld: Literal["", "no data", "too few desks", "protects another cell"] = ""
    today_withheld: Literal["", "no data", "too few desks", "protects another cell"] = ""


PAYLOADS: Final[tuple[type[msgspec.Struct], ...]] = (*Message.__subclasses__(), Discovery)
"""Every payload there is."""


def window_topic(site: str, team: str) -> str:
    """Topic a device publishes its windows to."""
    return f"turnlight/{SCHEMA}/{site}/{team}/window"


def device_topic(site: str, device: str, leaf: Literal["status", "health", "call"]) -> str:
    """Topic of one device's status, health, or telephone signals."""
    return f"turnlight/{SCHEMA}/{site}/device/{device}/{leaf}"


def clock_topic(site: str) -> str:
    """Topic of the floor's clock."""
    return f"turnlight/{SCHEMA}/{site}/clock"


def discovery_node(site: str) -> str:
    """A site's name in Home Assistant's topics; no site is called with a `_`, so none is another's
    beginning."""
    return f"turnlight_{site}"


def discovery_topic(site: str, device: str) -> str:
    """Topic at which Home Assistant looks for a device."""
    return f"homeassistant/device/{discovery_node(site)}/{device}/config"


def floor_topic(site: str, team: str) -> str:
    """Topic of a team's aggregate, or of the site's with team `_site`."""
    return f"turnlight/{SCHEMA}/{site}/floor/{team}"


def encode(message: Message | Discovery) -> bytes:
    """One message as JSON (UTF-8)."""
    return msgspec.json.encode(message)


def decode(payload: bytes, kind: type[M]) -> M:
    """Check and decode one payload.

    Raises:
        msgspec.ValidationError: a field is unknown, missing or out of range; the text names it.
        msgspec.DecodeError: the payload is not JSON in UTF-8.
    """
    try:
        return msgspec.json.decode(payload, type=kind)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"not UTF-8: {error.reason}") from None
