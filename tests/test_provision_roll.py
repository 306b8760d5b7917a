"""`turnlight provision roll` and `fleet`: a real Mosquitto, and desks that say how they are."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from command import run
from site_broker import NOW, SiteBroker, made
from turnlight.messages import Health, Status, device_topic, encode
from turnlight.provision.authority import certificate_pem, key_pem, new_key
from turnlight.provision.site import Site

PROGRAM = [sys.executable, "-c", "import sys; from turnlight.cli import main; sys.exit(main())"]
OLD, NEW = "0.1.0", "0.2.0"
QUICK = ("--soak", "0.02", "--look", "20")
NAMES = [f"billing-{n}" for n in range(5)] + [f"sales-{n}" for n in range(3)]


class SimulatedDesk:
    """Says each 0.2 s how it is, as a desk does each 60 s."""

    def __init__(self, site: Site, name: str, folder: Path) -> None:
        self.version, self.sound = OLD, True
        self._site, self._name = site, name
        self._ticks = 50_000
        self._client: Client | None = None
        self._lock = threading.Lock()
        key = new_key()
        with site.changing():
            certificate = site.issue(key.public_key(), name, name.split("-")[0], NOW)
        self._files = folder / f"{name}.crt", folder / f"{name}.key"
        self._files[0].write_bytes(certificate_pem(certificate))
        self._files[1].write_bytes(key_pem(key))

    def starts(self, version: str | None = None, *, sound: bool | None = None) -> None:
        with self._lock:
            self.version = version or self.version
            self.sound = self.sound if sound is None else sound
            settings = self._site.settings
            context = ssl.create_default_context(cafile=str(self._site.ca_file))
            context.load_cert_chain(*self._files)
            client = Client(
                CallbackAPIVersion.VERSION2, self._name, protocol=MQTTProtocolVersion.MQTTv5
            )
            client.reconnect_delay_set(1, 1)
            client.tls_set_context(context)
            client.will_set(self._topic("status"), self._status("offline"), 1, retain=True)
            topic, online = self._topic("status"), self._status("online")
            client.on_connect = lambda c, *_: c.publish(topic, online, 1, retain=True)
            client.connect(settings.hosts[0], settings.port)
            client.loop_start()
            self._client = client

    def ends(self) -> None:
        """As in a crash: the broker says so."""
        with self._lock:
            if self._client:
                self._client.publish(self._topic("status"), self._status("offline"), 1, True)
                self._client.disconnect()
                self._client.loop_stop()
                self._client, self._ticks = None, 0

    def restarts(self, version: str, *, sound: bool | None = None) -> None:
        self.ends()
        self.starts(version, sound=sound)

    def says(self) -> None:
        with self._lock:
            self._ticks += 1
            if self._client:
                self._client.publish(self._topic("health"), encode(self._health()), 1)

    def _health(self) -> Health:
        return Health(
            version=self.version,
            uptime_s=self._ticks,
            overruns=0,
            outbox_depth=0,
            outbox_dropped=0,
            temperature_c=None,
            audio_present=self.sound,
        )

    def _status(self, state: str) -> bytes:
        return encode(Status(state=state, session="00000000"))  # type: ignore[arg-type]

    def _topic(self, leaf: str) -> str:
        return device_topic(self._site.settings.site, self._name, leaf)  # type: ignore[arg-type]


class Floor:
    """A site, its broker, and eight desks with the old version."""

    def __init__(self, folder: Path) -> None:
        self.site = made(folder)
        self.desks = {name: SimulatedDesk(self.site, name, folder) for name in NAMES}
        self.broker = SiteBroker(self.site)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._talk)

    def _talk(self) -> None:
        while not self._stopping.wait(0.2):
            for desk in self.desks.values():
                desk.says()

    def __enter__(self) -> Floor:
        self.broker.start()
        for desk in self.desks.values():
            desk.starts()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        for desk in self.desks.values():
            desk.ends()
        self.broker.stop()

    def rolls(
        self, *options: str, on_due: Callable[[str], None], most: int = 99
    ) -> tuple[list[str], int, str]:
        """Names that were due, exit code, standard error; ends it after `most` names."""
        command = [*PROGRAM, "provision", "roll", NEW, "--site", str(self.site.folder)]
        with subprocess.Popen(
            [*command, *QUICK, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            assert process.stderr
            guard = threading.Timer(90, process.kill)
            guard.start()
            due = []
            for line in process.stdout:
                due.append(line.strip())
                on_due(due[-1])
                if len(due) == most:
                    process.terminate()
                    break
            said = process.stderr.read()
            guard.cancel()
        return due, process.returncode, said


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    with Floor(tmp_path) as floor:
        yield floor


def test_a_good_wave_gives_the_go_to_the_next(
    floor: Floor, capsys: pytest.CaptureFixture[str]
) -> None:
    due, code, said = floor.rolls(on_due=lambda name: floor.desks[name].restarts(NEW))
    assert code == 0, said
    assert sorted(due) == sorted(NAMES)
    assert "wave 1 of 4: 1 due" in said
    assert "done: 8 well" in said
    code, out, _ = run(capsys, "provision", "fleet", "--site", str(floor.site.folder))
    assert code == 0
    assert "8 desks: 8 with 0.2.0" in out
    code, out, _ = run(capsys, "provision", "fleet", "--site", str(floor.site.folder), "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["device"] for line in lines] == sorted(NAMES)
    assert {line["health"]["version"] for line in lines} == {NEW}
    assert {line["state"] for line in lines} == {"online"}


def test_a_bad_wave_stops_and_says_why(floor: Floor) -> None:
    due, code, said = floor.rolls(
        "--waves=3 100%",
        "--back=0.05",
        on_due=lambda name: floor.desks[name].restarts(NEW, sound=name != "sales-0"),
    )
    assert code == 1
    assert len(due) == 3
    assert "stopped in wave 1: 1 of 3 not well (sales-0: has no sound, which it had before" in said
    assert "run `turnlight provision roll 0.2.0` again" in said


def test_a_desk_that_never_returns_stops_a_small_wave(floor: Floor) -> None:
    due, code, said = floor.rolls("--back=0.05", on_due=lambda name: floor.desks[name].ends())
    assert (len(due), code) == (1, 1)
    assert f"{due[0]}: is offline" in said


def test_one_that_goes_back_by_itself_is_seen(floor: Floor) -> None:
    def goes_back(name: str) -> None:
        floor.desks[name].restarts(NEW)
        threading.Timer(0.7, floor.desks[name].restarts, [OLD]).start()

    due, code, said = floor.rolls("--soak=1", on_due=goes_back)
    assert (len(due), code) == (1, 1)
    assert f"{due[0]}: went back from 0.2.0 to 0.1.0" in said


def test_a_second_run_goes_on_where_the_first_ended(floor: Floor) -> None:
    def on_due(name: str) -> None:
        floor.desks[name].restarts(NEW)

    floor.desks["billing-4"].ends()
    floor.desks["sales-1"].restarts(OLD, sound=False)
    first, code, _ = floor.rolls("--waves=50% 100%", on_due=on_due, most=3)
    assert code != 0
    assert {path.name for path in floor.site.folder.glob("rollout.json")} == {"rollout.json"}
    second, code, said = floor.rolls("--waves=50% 100%", on_due=on_due)
    assert "3 have it already; looking at them first" in said
    # sales-1 had no sound before, and the one that is away is named
    assert code == 3, said
    assert "away: billing-4; run this again when they are back" in said
    assert sorted([*first, *second, "billing-4"]) == sorted(NAMES)


def test_a_broker_that_restarts_is_no_fault_of_the_desks(floor: Floor) -> None:
    def on_due(name: str) -> None:
        floor.desks[name].restarts(NEW)
        if name == "billing-0":
            floor.broker.restart()

    due, code, said = floor.rolls("--waves=100%", on_due=on_due)
    assert (len(due), code) == (8, 0), said


def test_the_plan_does_nothing(floor: Floor, capsys: pytest.CaptureFixture[str]) -> None:
    floor.desks["sales-2"].ends()
    arguments = ("provision", "roll", NEW, "--site", str(floor.site.folder), "--plan")
    code, out, err = run(capsys, *arguments, "--waves=1 50% 100%")
    assert code == 0
    assert [len(line.split()) for line in out.splitlines()] == [1, 3, 3]
    assert "in no wave: sales-2" in err
    code, out, _ = run(capsys, *arguments, "--json", "--without", "sales-2")
    assert {*json.loads(out.splitlines()[0])} == {"wave", "desks"}
    assert not (floor.site.folder / "rollout.json").exists()


def test_wrong_use_is_one_sentence(floor: Floor, capsys: pytest.CaptureFixture[str]) -> None:
    site = ("--site", str(floor.site.folder))
    code, _, err = run(capsys, "provision", "roll", NEW, *site, "--waves", "1 50%")
    assert (code, "the last wave must be 100%" in err) == (2, True)
    code, _, err = run(capsys, "provision", "roll", NEW, *site, "--without", "nobody")
    assert (code, "there is no such desk" in err) == (2, True)
    (floor.site.folder / "services" / "fleet.crt").unlink()
    code, _, err = run(capsys, "provision", "fleet", *site)
    assert code == 1
    assert "run `turnlight provision site utrecht` again" in err
