"""Looks a desk over: tries each thing that it needs, and says what it found."""

from __future__ import annotations

import ctypes
import secrets
import shutil
import ssl
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr

from turnlight import diagnosis, doorway, lamps
from turnlight.audio import SourceStalled, open_source
from turnlight.channels import RATE_HZ, ChannelCheck, ChannelReport
from turnlight.config import Config
from turnlight.diagnosis import Finding, fault, ok
from turnlight.doorway import DoorError
from turnlight.lamps import LampError
from turnlight.link import authenticate
from turnlight.live import temperature_c
from turnlight.provision.probe import Probe
from turnlight.provision.trouble import ProvisionError
from turnlight.recording import InputError
from turnlight.strain_model import ModelError, StrainModel
from turnlight.trouble import LinkError

_ADJTIMEX_BYTES = 512
"""More than the kernel's struct timex, of which only the answer counts."""
_TIME_ERROR = 5


def look(config: Config, listen_s: float) -> Iterator[Finding]:
    """Each finding as soon as it is known.

    Args:
        config: the desk's settings.
        listen_s: for how long to listen to the two channels.
    """
    yield from _sound(config, listen_s)
    for check in (_lamp, _model, _clock, _certificate, _broker, _disk, _temperature):
        yield check(config)


def _sound(config: Config, listen_s: float) -> Iterator[Finding]:
    if _runs(config):
        yield ok("sound", "the desk runs and has the sound input; stop it to measure levels here")
        return
    try:
        name, report = _heard(config, listen_s)
    except (InputError, SourceStalled) as error:
        yield fault("sound", str(error))
        return
    yield ok("sound", f"{name} opens with two channels at {config.audio.rate_hz} Hz")
    yield diagnosis.channels(report, config.audio.agent_channel)
    yield diagnosis.levels(report)


def _runs(config: Config) -> bool:
    try:
        doorway.ask(config.desk.door, "")
    except DoorError:
        return False
    return True


def _heard(config: Config, listen_s: float) -> tuple[str, ChannelReport]:
    source = open_source(config.audio)
    check, heard = ChannelCheck(config.audio.trust_channels), 0.0
    try:
        while heard < listen_s:
            pcm = source.read()
            if not len(pcm):
                break
            heard += len(pcm) / source.rate_hz
            if source.rate_hz != RATE_HZ:
                pcm = np.asarray(soxr.resample(pcm, source.rate_hz, RATE_HZ), np.int16)
            check.hear(pcm)
    finally:
        source.close()
    return str(getattr(source, "device", config.audio.file)), check.report()


def _lamp(config: Config) -> Finding:
    try:
        return ok("lamp", f"{config.lamp.kind}: {lamps.found(config.lamp)}")
    except LampError as error:
        return fault("lamp", str(error), "see `turnlight lamp list` and docs/lamps.md")


def _model(config: Config) -> Finding:
    if not config.strain.customer:
        return ok("model", "strain is switched off, so no model is needed")
    try:
        StrainModel()
    except ModelError as error:
        return fault("model", str(error))
    return ok("model", "the strain model loads")


def _clock(_config: Config) -> Finding:
    try:
        said = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_ADJTIMEX_BYTES))
    except (OSError, AttributeError):
        said = -1
    return diagnosis.clock(None if said < 0 else said != _TIME_ERROR)


def _certificate(config: Config) -> Finding:
    uplink = config.uplink
    if not uplink.cert_file:
        return ok("certificate", "none is set")
    remedy = "enroll again with `turnlight enroll`"
    try:
        ssl.create_default_context().load_cert_chain(uplink.cert_file, uplink.key_file)
        rights = Path(uplink.key_file).stat().st_mode
        ends_s = _ends_s(uplink.cert_file)
    except ssl.SSLError:
        return fault("certificate", "certificate and key are damaged or not a pair", remedy)
    except OSError as error:
        remedy = "run `apt-get install openssl`" if error.filename == "openssl" else remedy
        return fault("certificate", f"{error.filename}: {error.strerror}", remedy)
    if stat.S_IMODE(rights) & 0o077:
        return fault(
            "certificate", "others can read the desk's key", f"run `chmod 600 {uplink.key_file}`"
        )
    return diagnosis.certificate(ends_s, time.time())


def _ends_s(file: str) -> float:
    # the standard library reads no dates of a certificate that nobody presented
    said = subprocess.run(
        ["openssl", "x509", "-noout", "-enddate", "-in", file],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return float(ssl.cert_time_to_seconds(said.removeprefix("notAfter=")))


def _broker(config: Config) -> Finding:
    uplink = config.uplink
    if not uplink.host:
        return Finding(
            "broker", "warning", "none is set, so nothing is sent", "run `turnlight enroll`"
        )
    try:
        Probe(
            "this desk", uplink.host, uplink.port, lambda client: authenticate(client, uplink)
        ).close()
    except (LinkError, ProvisionError) as error:
        return fault("broker", str(error))
    return ok("broker", f"{uplink.host}:{uplink.port} accepts this desk")


def _disk(config: Config) -> Finding:
    place = Path(config.desk.state_dir).expanduser()
    while not place.exists():
        place = place.parent
    try:
        (probe := place / f".doctor-{secrets.token_hex(4)}").touch()
        probe.unlink()
    except OSError as error:
        return fault(
            "disk",
            f"{place} cannot be written ({error.strerror})",
            "run this as the desk's user, or set desk.state_dir",
        )
    return diagnosis.disk(shutil.disk_usage(place).free, str(place))


def _temperature(_config: Config) -> Finding:
    return diagnosis.temperature(temperature_c())
