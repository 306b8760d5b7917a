"""A telephone system's messages: the border they come through, and a desk that goes by them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import Broker, Subscriber
from desk import until
from sounds import Pcm
from turnlight.config import AudioSettings, Config, DeskSettings, UplinkSettings
from turnlight.lamps import GuardedLamp, RecordingLamp
from turnlight.live import Desk
from turnlight.messages import CallSignal, encode
from turnlight.rights import Rights
from turnlight.telephone import PAYLOAD_MOST, WAITING_MOST, Telephone

CALL = "turnlight/1/home/device/desk-7/call"
START = encode(CallSignal(signal="start"))


def test_signals_are_taken_in_order_and_the_last_one_stands() -> None:
    telephone = Telephone()
    assert telephone.take() == []
    assert telephone.stands is None
    for signal in ("start", "hold", "resume"):
        telephone.hear(encode(CallSignal(signal=signal)), retained=False)
    assert telephone.take() == ["start", "hold", "resume"]
    assert telephone.take() == []
    assert telephone.stands == "resume"


@pytest.mark.parametrize(
    ("payload", "retained", "why"),
    [
        (START, True, "is retained, so it may be of any age; publish it without"),
        (START + b" " * PAYLOAD_MOST, False, f"and may have {PAYLOAD_MOST}"),
        (b"", False, "is not one"),
        (b'{"schema":1,"signal":"\xff"}', False, "is not one"),
        (b"[]", False, "is not one"),
        (b"start", False, "is not one"),
        (b'{"schema":1,"signal":"ring"}', False, "`$.signal`"),
        (b'{"schema":2,"signal":"start"}', False, "`$.schema`"),
        (b'{"schema":1,"signal":"start","caller":"+31"}', False, "unknown field `caller`"),
        (b'{"schema":1}', False, "missing required field `signal`"),
    ],
)
def test_what_is_no_signal_is_counted_and_told_once(
    payload: bytes, retained: bool, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    telephone = Telephone()
    for _ in range(3):
        telephone.hear(payload, retained)
    assert telephone.take() == []
    assert telephone.refused == 3
    (record,) = caplog.records
    assert why in record.getMessage()


@given(st.binary(max_size=2 * PAYLOAD_MOST), st.booleans())
def test_nothing_that_comes_can_stop_the_uplink(payload: bytes, retained: bool) -> None:
    telephone = Telephone()
    telephone.hear(payload, retained)
    assert (telephone.refused, telephone.take()) == (1, [])


def test_a_flood_does_not_fill_the_memory() -> None:
    telephone = Telephone()
    for _ in range(10_000):
        telephone.hear(START, retained=False)
    assert len(telephone.take()) == WAITING_MOST


def test_a_telephone_system_that_never_spoke_cannot_be_gone() -> None:
    telephone = Telephone()
    telephone.gone()
    assert telephone.take() == []
    telephone.hear(START, retained=False)
    telephone.gone()
    telephone.gone()
    assert telephone.take() == ["start", "gone"]


# ---- a desk on a real broker


class Silence:
    """Nobody ever speaks: what begins a call here was said by the telephone system."""

    rate_hz = 16_000
    overruns = 0

    def read(self) -> Pcm:
        time.sleep(0.004)  # ten times as fast as a call
        return np.zeros((640, 2), np.int16)

    def close(self) -> None:
        """Nothing to give back."""


class Running:
    """A desk in a thread, and what its lamp was told."""

    def __init__(self, folder: Path, port: int, **uplink: Any) -> None:
        config = Config(
            desk=DeskSettings(device="desk-7", state_dir=str(folder / "state")),
            # a sound that is faster than time would else be taken for a clock that drifts
            audio=AudioSettings(source="file", file="silence"),
            uplink=UplinkSettings(
                **{"host": Broker.host, "port": port, "publish_jitter_s": 0.0, **uplink}
            ),
        )
        self.rights, self._stopping = Rights(), threading.Event()
        self.shown: list[str] = []
        lamp = GuardedLamp(RecordingLamp(), rights=self.rights)
        lamp.show = lambda cue: self.shown.append(cue.cue)  # type: ignore[method-assign]
        self._desk = Desk(config, lamp, self.rights, self._stopping)
        self._thread = threading.Thread(target=self._desk.run, args=(Silence(),))
        self._thread.start()

    def pause(self, wish: str) -> None:
        self.rights.ask(wish, time.monotonic() * 1000)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._desk.close()


@pytest.fixture
def running(broker: Broker, floor: Subscriber, tmp_path: Path) -> Iterator[Running]:
    desk = Running(tmp_path, broker.port)
    try:
        floor.wait(lambda: bool(floor.on("/health")), 30)
        until(lambda: "idle" in desk.shown)
        yield desk
    finally:
        desk.stop()


def say(floor: Subscriber, payload: bytes, retain: bool = False) -> None:
    floor.client.publish(CALL, payload, qos=1, retain=retain).wait_for_publish(10)


def test_the_telephone_system_alone_begins_holds_and_ends_a_silent_call(
    running: Running, floor: Subscriber
) -> None:
    say(floor, START)
    until(lambda: running.shown[-1] == "listening", 30)
    say(floor, encode(CallSignal(signal="hold")))

    def held_ms() -> int:
        return sum(json.loads(message.payload)["hold_ms"] for message in floor.on("/window"))

    floor.wait(lambda: held_ms() >= 10_000, 60)
    say(floor, encode(CallSignal(signal="end")))
    until(lambda: running.shown[-1] == "idle", 30)


def test_what_is_no_signal_does_not_disturb_the_desk(
    running: Running, floor: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    say(floor, b"\xff" * 60_000)
    say(floor, b'{"schema":1,"signal":"start","caller":"+31"}')
    until(lambda: "unknown field `caller`" in caplog.text)
    assert set(running.shown) == {"idle"}
    say(floor, START)
    until(lambda: running.shown[-1] == "listening", 30)


def test_a_retained_start_of_yesterday_begins_no_call(
    broker: Broker, floor: Subscriber, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    say(floor, START, retain=True)
    desk = Running(tmp_path, broker.port)
    try:
        until(lambda: "publish it without" in caplog.text, 30)
        say(floor, encode(CallSignal(signal="resume")))
        until(lambda: "listening" in desk.shown, 30)
        # the only call is the one that was resumed
        assert desk.shown.count("listening") == 1
    finally:
        desk.stop()


def test_without_its_broker_the_desk_goes_by_the_sound_again(
    running: Running, broker: Broker, floor: Subscriber
) -> None:
    say(floor, START)
    until(lambda: running.shown[-1] == "listening", 30)
    broker.stop()
    # 20 s of silence, ten times as fast
    until(lambda: running.shown[-1] == "idle", 60)


def test_a_desk_that_was_paused_knows_afterwards_how_the_call_stands(
    running: Running, floor: Subscriber
) -> None:
    running.pause("pause")
    until(lambda: running.shown[-1] == "idle", 30)
    say(floor, START)
    say(floor, encode(CallSignal(signal="hold")))
    say(floor, encode(CallSignal(signal="resume")))
    time.sleep(0.5)
    assert set(running.shown) == {"idle"}
    running.pause("resume")
    until(lambda: running.shown[-1] == "listening", 30)


def test_a_desk_whose_broker_is_out_of_reach_for_too_long_shows_the_fault(
    broker: Broker, tmp_path: Path
) -> None:
    desk = Running(tmp_path, broker.port, fault_after_s=1.0)
    try:
        until(lambda: "idle" in desk.shown, 30)
        time.sleep(1.5)
        assert "fault" not in desk.shown
        broker.stop()
        until(lambda: desk.shown[-1] == "fault", 30)
        broker.start()
        until(lambda: desk.shown[-1] == "idle", 60)
        assert desk.shown.count("fault") == 1
    finally:
        desk.stop()


def test_a_desk_without_a_broker_in_its_settings_has_none_to_miss(tmp_path: Path) -> None:
    desk = Running(tmp_path, 1, host="", fault_after_s=0.0)
    try:
        until(lambda: "idle" in desk.shown, 30)
        time.sleep(0.3)
        assert set(desk.shown) == {"idle"}
    finally:
        desk.stop()
