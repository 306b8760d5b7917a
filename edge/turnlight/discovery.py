"""What Home Assistant is told of this device, so that it shows its health. Pure."""

from __future__ import annotations

from functools import partial

from turnlight import __version__
from turnlight.config import DeskSettings
from turnlight.messages import (
    Discovered,
    Discovery,
    HealthSensors,
    Origin,
    Sensor,
    device_topic,
    discovery_node,
)

EXPIRE_S = 180
"""Health that was missed three times is shown no longer."""


def discovery(desk: DeskSettings) -> Discovery:
    """The message for one desk: where its sensors are read, and nothing that they say."""
    identity = f"{discovery_node(desk.site)}_{desk.device}"
    health = partial(
        Sensor,
        entity_category="diagnostic",
        state_topic=device_topic(desk.site, desk.device, "health"),
        expire_after=EXPIRE_S,
    )
    return Discovery(
        device=Discovered(
            identifiers=(identity,), name=f"Turnlight {desk.device}", sw_version=__version__
        ),
        origin=Origin(sw_version=__version__),
        components=HealthSensors(
            # Status is retained and has a last will: it does not expire.
            online=Sensor(
                platform="binary_sensor",
                unique_id=f"{identity}_online",
                name="Online",
                entity_category="diagnostic",
                state_topic=device_topic(desk.site, desk.device, "status"),
                value_template="{{ 'ON' if value_json.state == 'online' else 'OFF' }}",
                device_class="connectivity",
            ),
            audio_present=health(
                platform="binary_sensor",
                unique_id=f"{identity}_audio_present",
                name="Audio present",
                value_template="{{ 'ON' if value_json.audio_present else 'OFF' }}",
            ),
            overruns=health(
                platform="sensor",
                unique_id=f"{identity}_overruns",
                name="Overruns",
                value_template="{{ value_json.overruns }}",
                state_class="total_increasing",
            ),
            outbox_depth=health(
                platform="sensor",
                unique_id=f"{identity}_outbox_depth",
                name="Outbox",
                value_template="{{ value_json.outbox_depth }}",
                state_class="measurement",
                unit_of_measurement="windows",
            ),
            temperature_c=health(
                platform="sensor",
                unique_id=f"{identity}_temperature_c",
                name="Temperature",
                # null becomes "None", which Home Assistant takes for unknown
                value_template="{{ value_json.temperature_c }}",
                device_class="temperature",
                state_class="measurement",
                unit_of_measurement="°C",
            ),
            version=health(
                platform="sensor",
                unique_id=f"{identity}_version",
                name="Version",
                value_template="{{ value_json.version }}",
            ),
        ),
    )
