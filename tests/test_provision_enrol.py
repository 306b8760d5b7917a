"""A fresh desk and the enrolment server, over real TLS on loopback."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from command import run
from desk import MakeDesk, until
from site_broker import NOW, SiteBroker, made
from turnlight import config
from turnlight.mosquitto import HOST
from turnlight.provision import enrol
from turnlight.provision.batch import Wanted
from turnlight.provision.code import code, fingerprint, new_secret, split
from turnlight.provision.desk_office import WRONG_MOST, DeskOffice, Refused
from turnlight.provision.enrol_server import EnrolServer
from turnlight.provision.site import Site
from turnlight.provision.throttle import Throttle
from turnlight.provision.trouble import ProvisionError

DESK = Wanted("desk-1", "billing")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return made(tmp_path / "site")


class Serving:
    """The enrolment server of a site in a thread, and what it said."""

    def __init__(self, site: Site) -> None:
        self.said: list[str] = []
        self.server = EnrolServer(site, HOST, 0, self.said.append)
        self.port = self.server.server_port
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def __enter__(self) -> Serving:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def serving(site: Site) -> Iterator[Serving]:
    with Serving(site) as running:
        yield running


def invited(site: Site, desk: Wanted = DESK, hours: float = 1.0) -> str:
    (one,) = DeskOffice(site).invite([desk], NOW, hours)
    return one.code


def request_of(folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    return enrol._key_and_request(folder)[0]


# --- a desk enrolls


def test_a_fresh_desk_enrolls_by_its_code_and_sends(
    site: Site,
    serving: Serving,
    tmp_path: Path,
    make_desk: MakeDesk,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed = invited(site).upper().replace("-", " ")
    folder = tmp_path / "etc"
    code_, out, err = run(
        capsys,
        *("enroll", typed, "--server", f"{HOST}:{serving.port}", "--folder", str(folder)),
    )
    assert (code_, err) == (0, "")
    assert out.startswith("desk-1 of team billing belongs to utrecht now")
    assert serving.said == [f"{HOST}: desk-1 of team billing enrolled"]
    settings = config.load(folder / "turnlight.toml")
    assert (settings.desk.site, settings.desk.team) == ("utrecht", "billing")
    uplink = {k: getattr(settings.uplink, k) for k in ("tls", "ca_file", "cert_file", "key_file")}
    with SiteBroker(site):
        desk = make_desk(settings.uplink.port, settings.desk, **uplink)
        desk.uplink.start()
        desk.send(3)
        until(lambda: desk.outbox.depth == 0, 30)
        desk.uplink.stop()


def test_the_key_is_the_desks_own_and_nobody_elses_to_read(
    site: Site, serving: Serving, tmp_path: Path
) -> None:
    folder = tmp_path / "etc"
    granted, key = enrol.enroll(HOST, serving.port, invited(site), folder)
    granted.install(key, config.Config(), folder)
    private = serialization.load_pem_private_key(key, None)
    certificate = x509.load_pem_x509_certificate(granted.certificate.encode())
    assert private.public_key() == certificate.public_key()
    assert (folder / "desk.key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in folder.iterdir()) == [
        "ca.crt",
        "desk.crt",
        "desk.key",
        "turnlight.toml",
    ]
    for path in site.folder.rglob("*"):
        assert not path.is_file() or key not in path.read_bytes()


def test_what_the_settings_said_about_the_desk_stays(
    site: Site, serving: Serving, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "turnlight.toml").write_text('[lamp]\nkind = "usb"\n[cues]\nspacing_s = 30\n')
    at = ("--server", f"{HOST}:{serving.port}", "--folder", str(tmp_path))
    assert run(capsys, "enroll", invited(site), *at)[0] == 0
    settings = config.load(tmp_path / "turnlight.toml")
    assert (settings.lamp.kind, settings.cues.spacing_s) == ("usb", 30.0)
    assert settings.uplink.host == HOST


def test_a_bundle_does_the_same_without_a_network(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(
        capsys,
        *("provision", "device", "--site", str(site.folder), "--team", "billing"),
        *("--name", "desk-1", "--out", str(tmp_path)),
    )
    folder = tmp_path / "etc"
    bundle = str(tmp_path / "desk-1.tar")
    assert run(capsys, "enroll", "--bundle", bundle, "--folder", str(folder))[0] == 0
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert set(before) == {"ca.crt", "desk.crt", "desk.key", "turnlight.toml"}
    assert run(capsys, "enroll", "--bundle", bundle, "--folder", str(folder))[0] == 0
    assert before == {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


# --- what it does not do


def test_a_code_works_once(site: Site, serving: Serving, tmp_path: Path) -> None:
    given = invited(site)
    enrol.enroll(HOST, serving.port, given, tmp_path)
    with pytest.raises(ProvisionError, match="this code is wrong, used or too old"):
        enrol.enroll(HOST, serving.port, given, tmp_path)
    assert len(site.register().of("desk-1")) == 1


def test_a_code_that_two_desks_use_at_once_works_for_one(site: Site, tmp_path: Path) -> None:
    secret, _ = split(invited(site))
    office = DeskOffice(site)
    body = json.dumps({"secret": secret, "request": request_of(tmp_path)}).encode()
    outcomes: list[object] = []

    def ask() -> None:
        try:
            outcomes.append(office.enroll(body, "10.0.0.1", NOW).device)
        except Refused as error:
            outcomes.append(error.status.value)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["403", "403", "403", "desk-1"]


def test_a_code_ends(site: Site, tmp_path: Path) -> None:
    secret, _ = split(invited(site, hours=1))
    body = json.dumps({"secret": secret, "request": request_of(tmp_path)}).encode()
    with pytest.raises(Refused, match="too old"):
        DeskOffice(site).enroll(body, "10.0.0.1", NOW + timedelta(hours=1, seconds=1))


def test_a_new_code_for_a_desk_ends_the_old_one(site: Site, tmp_path: Path) -> None:
    old, _ = split(invited(site))
    new, _ = split(invited(site))
    request = request_of(tmp_path)
    office = DeskOffice(site)
    with pytest.raises(Refused):
        office.enroll(json.dumps({"secret": old, "request": request}).encode(), "a", NOW)
    office.enroll(json.dumps({"secret": new, "request": request}).encode(), "a", NOW)


def test_guessing_is_stopped(site: Site, tmp_path: Path) -> None:
    secret, _ = split(invited(site))
    request = request_of(tmp_path)
    office = DeskOffice(site)

    def ask(secret: str, who: str, later_s: float = 0) -> int:
        body = json.dumps({"secret": secret, "request": request}).encode()
        try:
            office.enroll(body, who, NOW + timedelta(seconds=later_s))
        except Refused as error:
            return error.status.value
        return 200

    assert [ask(new_secret(), "10.0.0.1") for _ in range(WRONG_MOST)] == [403] * WRONG_MOST
    assert ask(secret, "10.0.0.1") == 429
    assert ask(secret, "10.0.0.2") == 200
    assert ask(new_secret(), "10.0.0.1", later_s=61) == 403


def test_many_addresses_that_guess_together_are_stopped_too() -> None:
    throttle = Throttle(most=5, in_all=8, per_s=60)
    for number in range(8):
        assert not throttle.closed(f"10.0.0.{number}", 0)
        throttle.failed(f"10.0.0.{number}", 0)
    assert throttle.closed("10.0.1.1", 59)
    assert not throttle.closed("10.0.1.1", 61)


@pytest.mark.parametrize("kind", ["rsa", "text", "json"])
def test_a_request_that_makes_no_sense_does_not_use_up_the_code(site: Site, kind: str) -> None:
    secret, _ = split(invited(site))
    request = "-----BEGIN NOTHING-----"
    if kind == "rsa":
        from cryptography.hazmat.primitives import hashes

        key = rsa.generate_private_key(65537, 2048)
        csr = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, hashes.SHA256())
        request = csr.public_bytes(serialization.Encoding.PEM).decode()
    body = b"{" if kind == "json" else json.dumps({"secret": secret, "request": request}).encode()
    with pytest.raises(Refused) as caught:
        DeskOffice(site).enroll(body, "10.0.0.1", NOW)
    assert caught.value.status == 400
    assert secret not in (site.folder / "authority" / "invitations.json").read_text()
    assert "desk-1" in (site.folder / "authority" / "invitations.json").read_text()


def test_the_name_is_the_invitations_and_not_the_requests(
    site: Site, serving: Serving, tmp_path: Path
) -> None:
    granted, _ = enrol.enroll(HOST, serving.port, invited(site), tmp_path)
    (name,) = x509.load_pem_x509_certificate(granted.certificate.encode()).subject
    assert name.value == "desk-1"


def test_another_sites_server_never_hears_the_secret(site: Site, tmp_path: Path) -> None:
    other = made(tmp_path / "other")
    with Serving(other) as stranger:
        with pytest.raises(ProvisionError, match="is not the site that this code is from"):
            enrol.enroll(HOST, stranger.port, invited(site), tmp_path)
        assert stranger.said == []


def test_a_server_that_only_shows_the_right_authority_never_hears_the_secret(
    site: Site, tmp_path: Path
) -> None:
    """It is public, so a stranger can show it; but the stranger has no certificate of it."""
    other = made(tmp_path / "other")
    with Serving(other) as stranger:
        stranger.server.ca = site.ca_file.read_bytes()
        with pytest.raises(ProvisionError, match="its certificate does not hold"):
            enrol.enroll(HOST, stranger.port, invited(site), tmp_path)


def test_the_server_answers_while_a_visitor_says_nothing(
    site: Site, serving: Serving, tmp_path: Path
) -> None:
    with socket.create_connection((HOST, serving.port)):
        enrol.enroll(HOST, serving.port, invited(site), tmp_path)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", b"404"),
        (b"POST /enroll HTTP/1.0\r\nContent-Length: 99999\r\n\r\n", b"400"),
        (b"POST /enroll HTTP/1.0\r\n\r\n", b"400"),
        (b"POST /ca HTTP/1.0\r\nContent-Length: 0\r\n\r\n", b"404"),
    ],
)
def test_it_does_two_things_and_no_more(
    site: Site, serving: Serving, request_: bytes, status: bytes
) -> None:
    context = ssl.create_default_context(cafile=str(site.ca_file))
    with (
        socket.create_connection((HOST, serving.port)) as bare,
        context.wrap_socket(bare, server_hostname=HOST) as link,
    ):
        link.sendall(request_)
        assert link.recv(100).split()[1] == status


# --- codes


def test_a_code_is_a_secret_and_a_fingerprint(site: Site) -> None:
    ca = site.ca_file.read_text()
    secret = new_secret()
    whole = code(secret, ca)
    assert [len(part) for part in whole.split("-")] == [5] * 6
    assert split(whole) == (secret, fingerprint(ca))
    assert split(whole.upper().replace("-", " ").replace("0", "O").replace("1", "l")) == split(
        whole
    )


@pytest.mark.parametrize("text", ["", "abc", "u" * 30, "0" * 29, "0" * 31])
def test_what_is_no_code_is_said_before_anything_is_sent(text: str, tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="copy it whole"):
        enrol.enroll(HOST, 1, text, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "give either a code or --bundle"),
        (["abc", "--bundle", "x"], "give either a code or --bundle"),
        (["abc"], "--server is missing"),
        (["abc", "--server", "a:b:c/d"], "must be HOST or HOST:PORT"),
    ],
)
def test_wrong_use_of_enroll(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code_, _, err = run(capsys, "enroll", *arguments, "--folder", str(tmp_path))
    assert code_ == 2
    assert sentence in err


def test_no_server_is_one_sentence(site: Site, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        with pytest.raises(ProvisionError, match="connection refused"):
            enrol.enroll(HOST, taken.getsockname()[1], invited(site), tmp_path)


def test_invitations_are_kept_as_digests_for_their_owner_alone(site: Site) -> None:
    secret, _ = split(invited(site))
    file = site.folder / "authority" / "invitations.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert secret not in file.read_text()


def test_codes_for_a_hundred_desks(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("provision", "invite", "--site", str(site.folder), "--team", "billing")
    code_, out, _ = run(capsys, *arguments, "--count", "100")
    assert code_ == 0
    rows = [line.split(",") for line in out.splitlines()]
    assert rows[0] == ["device", "team", "code", "ends"]
    assert len({row[2] for row in rows[1:]}) == 100
    _, out, _ = run(capsys, *arguments, "--count", "1")
    assert out.splitlines()[1].startswith("billing-101,")
