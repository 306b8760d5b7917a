"""A device's outbox and uplink, and what tests ask of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from broker import Subscriber
from turnlight.config import DeskSettings, UplinkSettings
from turnlight.messages import Health, Status, Window, decode, device_topic
from turnlight.outbox import Outbox
from turnlight.uplink import Uplink

DESK = DeskSettings(site="home", team="billing", device="desk-7")
STATUS = device_topic("home", "desk-7", "status")
PID = "00112233445566ff"


def window(seq: int) -> Window:
    return Window(pid=PID, seq=seq, start_s=1_764_000_000 + 10 * seq, agent_ms=100 * (seq % 100))


class Desk:
    """One device: an outbox, an uplink and what it sent."""

    def __init__(self, folder: Path, host: str, port: int, desk: DeskSettings, **settings: object):
        self.outbox = Outbox(folder / f"{desk.device}.db", 7)
        chosen: dict[str, object] = {"publish_jitter_s": 0.0, **settings}
        self.uplink = Uplink(
            UplinkSettings(host=host, port=port, **chosen),  # type: ignore[arg-type]
            desk,
            self.outbox,
            self.health,
        )
        self.sent: list[Window] = []

    def health(self) -> Health:
        return Health(
            version="0.1.0",
            uptime_s=0,
            overruns=0,
            outbox_depth=self.outbox.depth,
            outbox_dropped=self.outbox.dropped,
            temperature_c=None,
            audio_present=True,
        )

    def send(self, count: int) -> None:
        for _ in range(count):
            self.sent.append(window(len(self.sent)))
            self.uplink.send(self.sent[-1], time.time())


MakeDesk = Callable[..., Desk]


def statuses(floor: Subscriber) -> list[Status]:
    return [decode(message.payload, Status) for message in floor.on("/status")]


def arrived(floor: Subscriber) -> list[Window]:
    return [decode(message.payload, Window) for message in floor.on("/window")]


def until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
