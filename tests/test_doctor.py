from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from broker import Broker
from command import run
from site_broker import NOW, SiteBroker, made
from turnlight import diagnosis
from turnlight.channels import ChannelReport
from turnlight.config import Config
from turnlight.diagnosis import Finding
from turnlight.provision import bundle, desks
from turnlight.provision.batch import Wanted
from turnlight.provision.site import Site

CALL = Path(__file__).parents[1] / "edge" / "turnlight" / "calls" / "short.opus"
CHECKS = [
    *("sound", "channels", "levels", "lamp", "model"),
    *("clock", "certificate", "broker", "disk", "temperature"),
]


def settings(folder: Path, sound: Path = CALL, more: str = "") -> Path:
    """A desk whose tap is a recording, far faster than real time."""
    path = folder / "desk.toml"
    path.write_text(
        f'[desk]\nstate_dir = "{folder}"\n[audio]\nsource = "file"\nfile = "{sound}"\n'
        f'pace = 1000\n[lamp]\nkind = "none"\n{more}'
    )
    return path


def examined(
    capsys: pytest.CaptureFixture[str], config: Path, *more: str
) -> tuple[int, dict[str, dict[str, str]]]:
    code, out, err = run(capsys, "doctor", "--config", str(config), "--json", *more)
    assert err == ""
    findings = [json.loads(line) for line in out.splitlines()]
    return code, {finding["check"]: finding for finding in findings}


def report(**found: object) -> ChannelReport:
    good: dict[str, object] = {
        "seconds": 3.0,
        "loudest_dbfs": (-20.0, -22.0),
        "clipped_pct": (0.0, 0.0),
        "dc_dbfs": (None, None),
        "bandwidth": ("wide", "narrow"),
        "identical": False,
        "confidence": 0.99,
    }
    return ChannelReport(**{**good, **found})  # type: ignore[arg-type]


# --- a whole desk


def test_every_check_says_one_sentence_and_one_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, found = examined(capsys, settings(tmp_path), "--seconds", "30")
    assert list(found) == CHECKS
    for finding in found.values():
        assert finding["found"]
        assert "\n" not in finding["found"] + finding["remedy"]
        assert bool(finding["remedy"]) == (finding["severity"] != "ok"), finding
    assert found["channels"]["severity"] == "ok"
    assert found["broker"]["severity"] == "warning"


def test_for_people_it_is_a_list_with_remedies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "doctor", "--config", str(settings(tmp_path)))
    assert "✓ model        the strain model loads\n" in out
    assert "! broker       none is set, so nothing is sent\n" in out
    assert "→ run `turnlight enroll`\n" in out


def test_a_desk_of_a_site_is_in_good_order_and_then_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = made(tmp_path / "site")
    config = _installed(site, tmp_path, 0)
    with SiteBroker(site) as broker:
        _, found = examined(capsys, config)
        assert found["broker"]["severity"] == found["certificate"]["severity"] == "ok"
        assert found["certificate"]["found"] == "good for 729 more days"
        with site.changing():
            site.revoke("desk-1", NOW)
        broker.restart()
        code, found = examined(capsys, config)
    assert code == 1
    assert "does not accept the certificate of this desk" in found["broker"]["found"]


def test_a_certificate_that_ends_or_is_readable_by_others_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = made(tmp_path / "site")
    config = _installed(site, tmp_path, 740)
    _, found = examined(capsys, config)
    assert found["certificate"]["found"] == "the certificate has expired"
    key = tmp_path / "desk" / "desk.key"
    key.chmod(0o644)
    _, found = examined(capsys, config)
    assert found["certificate"]["remedy"] == f"run `chmod 600 {key}`"
    key.write_text("nothing")
    _, found = examined(capsys, config)
    assert "damaged or not a pair" in found["certificate"]["found"]
    assert "connection refused" in found["broker"]["found"] + found["broker"]["remedy"] or (
        "is not a PEM file" in found["broker"]["found"]
    )


def _installed(site: Site, folder: Path, days_ago: int) -> Path:
    when = NOW - timedelta(days=days_ago)
    (given,) = desks.give(site, [Wanted("desk-1", "billing")], folder, when)
    granted, key = bundle.unpack(Path(given.bundle))
    granted.install(key, Config(), folder / "desk")
    config = folder / "desk" / "turnlight.toml"
    text = config.read_text()
    for name, value in (
        ("source", '"file"'),
        ("file", f'"{CALL}"'),
        ("pace", "1000.0"),
        ("state_dir", f'"{folder}"'),
    ):
        (line,) = [line for line in text.splitlines() if line.startswith(f"#{name} = ")]
        text = text.replace(line, f"{name} = {value}")
    config.write_text(text)
    return config


def test_a_broker_without_certificates_is_fine_too(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uplink = f'[uplink]\nhost = "{broker.host}"\nport = {broker.port}\n'
    _, found = examined(capsys, settings(tmp_path, more=uplink))
    assert found["broker"]["found"] == f"{broker.host}:{broker.port} accepts this desk"


def test_a_missing_tap_is_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = settings(tmp_path)
    config.write_text('[audio]\ndevice = "no such headset"\n[lamp]\nkind = "none"\n')
    code, found = examined(capsys, config)
    assert code == 1
    assert "no such headset" in found["sound"]["found"]
    assert found["sound"]["remedy"]
    assert "channels" not in found


def test_the_sound_itself_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voice = np.random.default_rng(1).normal(0, 0.1, 48_000).astype(np.float32)
    for name, right in (("same", voice), ("silent", voice * 0)):
        sound = tmp_path / f"{name}.wav"
        soundfile.write(sound, np.stack([voice, right], 1), 16_000)
        _, found = examined(capsys, settings(tmp_path, sound))
        said = found.get("channels", found["sound"])["found"]
        assert {"same": "the same sound", "silent": "customer's channel is silent"}[name] in said


# --- what values mean


@pytest.mark.parametrize(
    ("found", "severity", "words"),
    [
        ({}, "ok", "nothing says that they are swapped"),
        ({"bandwidth": ("unknown", "narrow")}, "ok", "needs a longer talk"),
        ({"confidence": 0.05}, "fault", "look swapped"),
        ({"confidence": 0.3}, "warning", "may be swapped"),
        ({"identical": True}, "fault", "the same sound"),
        ({"loudest_dbfs": (None, None)}, "warning", "both channels are silent"),
        ({"loudest_dbfs": (-20.0, -90.0)}, "warning", "the customer's channel is silent"),
        ({"loudest_dbfs": (None, -20.0)}, "warning", "the agent's channel is silent"),
    ],
)
def test_channels(found: dict[str, object], severity: str, words: str) -> None:
    finding = diagnosis.channels(report(**found), 0)
    assert finding.severity == severity
    assert words in finding.found


def test_swapped_channels_name_the_setting() -> None:
    swapped = report(confidence=0.05)
    assert diagnosis.channels(swapped, 0).remedy == "set audio.agent_channel to 1"
    assert diagnosis.channels(swapped, 1).remedy == "set audio.agent_channel to 0"


@pytest.mark.parametrize(
    ("found", "severity", "words"),
    [
        ({}, "ok", "agent up to -20 dBFS, customer up to -22 dBFS"),
        ({"loudest_dbfs": (-20.0, None)}, "ok", "customer up to silence"),
        ({"loudest_dbfs": (-50.0, -20.0)}, "warning", "the agent's channel is faint"),
        ({"clipped_pct": (0.0, 2.0)}, "warning", "the customer's channel is clipped (2 %"),
    ],
)
def test_levels(found: dict[str, object], severity: str, words: str) -> None:
    finding = diagnosis.levels(report(**found))
    assert finding.severity == severity
    assert words in finding.found


@pytest.mark.parametrize(
    ("finding", "severity"),
    [
        (diagnosis.certificate(86_400 * 31, 0), "ok"),
        (diagnosis.certificate(86_400 * 29, 0), "warning"),
        (diagnosis.certificate(0, 1), "fault"),
        (diagnosis.disk(2 * 10**9, "/"), "ok"),
        (diagnosis.disk(3 * 10**8, "/"), "warning"),
        (diagnosis.disk(10**7, "/"), "fault"),
        (diagnosis.temperature(None), "ok"),
        (diagnosis.temperature(60.0), "ok"),
        (diagnosis.temperature(80.0), "warning"),
        (diagnosis.temperature(90.0), "fault"),
        (diagnosis.clock(True), "ok"),
        (diagnosis.clock(None), "ok"),
        (diagnosis.clock(False), "warning"),
    ],
)
def test_severities(finding: Finding, severity: str) -> None:
    assert finding.severity == severity
    assert bool(finding.remedy) == (severity != "ok")


@pytest.mark.parametrize(
    ("severities", "code"),
    [(["ok"], 0), (["ok", "warning"], 3), (["warning", "fault", "ok"], 1), ([], 0)],
)
def test_the_exit_code_is_the_worst(severities: list[str], code: int) -> None:
    findings = [Finding("x", severity, "y") for severity in severities]  # type: ignore[arg-type]
    assert diagnosis.exit_code(findings) == code
