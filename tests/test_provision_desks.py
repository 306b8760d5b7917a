"""Desks with certificates of the site, against a real Mosquitto on the site's configuration."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from command import run
from desk import Desk, MakeDesk, until
from site_broker import NOW, SiteBroker, made
from turnlight import config
from turnlight.config import Config
from turnlight.provision import batch, bundle, desks, listing
from turnlight.provision.batch import Wanted
from turnlight.provision.site import Site
from turnlight.provision.trouble import ProvisionError

# The socket of a refused handshake is left by paho to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return made(tmp_path / "site")


@pytest.fixture
def broker(site: Site) -> Iterator[SiteBroker]:
    with SiteBroker(site) as running:
        yield running


class Shop:
    """Makes desks that run on what their bundle holds."""

    def __init__(self, site: Site, make_desk: MakeDesk) -> None:
        self._site, self._make = site, make_desk

    def give(self, name: str, *, days_ago: int = 0) -> Path:
        when = NOW - timedelta(days=days_ago)
        (given,) = desks.give(self._site, [Wanted(name, "billing")], self._site.folder, when)
        return Path(given.bundle)

    def desk(self, bundle_file: Path) -> Desk:
        granted, key = bundle.unpack(bundle_file)
        folder = bundle_file.with_suffix("")
        granted.install(key, Config(), folder)
        settings = config.load(folder / "turnlight.toml")
        uplink = {
            name: getattr(settings.uplink, name)
            for name in ("tls", "ca_file", "cert_file", "key_file")
        }
        desk = self._make(self._site.settings.port, settings.desk, **uplink)
        desk.uplink.start()
        return desk


@pytest.fixture
def shop(site: Site, make_desk: MakeDesk) -> Shop:
    return Shop(site, make_desk)


def sends(desk: Desk) -> None:
    """Its windows arrive."""
    desk.send(3)
    until(lambda: desk.outbox.depth == 0, 30)


# --- what a desk may do with its certificate


def test_a_desk_sends_its_windows_with_what_its_bundle_holds(site: Site, shop: Shop) -> None:
    file = shop.give("desk-1")
    with SiteBroker(site):
        sends(shop.desk(file))


def test_a_new_desk_gets_its_rights_while_the_broker_runs(broker: SiteBroker, shop: Shop) -> None:
    old = shop.desk(shop.give("desk-1"))
    broker.reload()
    sends(old)
    new = shop.desk(shop.give("desk-2"))
    broker.reload()
    sends(new)
    assert old.uplink.state == "online"


def test_a_rotated_desk_works_with_both_until_the_old_one_is_revoked(
    site: Site, broker: SiteBroker, shop: Shop
) -> None:
    first = shop.give("desk-1").rename(site.folder / "first.tar")
    second = Path(desks.rotate(site, "desk-1", site.folder, NOW).bundle)
    broker.reload()
    old = shop.desk(first)
    sends(old)
    old.uplink.stop()
    old.outbox.close()
    new = shop.desk(second)
    sends(new)
    with site.changing():
        site.revoke("desk-1", NOW, old_only=True)
    broker.restart()
    sends(new)


# --- who is shut out


def test_a_revoked_desk_is_cut_off_and_the_others_lose_nothing(
    site: Site, broker: SiteBroker, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    stolen, other = shop.desk(shop.give("desk-1")), shop.desk(shop.give("desk-2"))
    broker.reload()
    sends(stolen)
    sends(other)
    with site.changing():
        (gone,) = site.revoke("desk-1", NOW)
    assert gone.user == "desk-1"
    broker.restart()
    sends(other)
    stolen.send(1)
    until(lambda: "certificate" in caplog.text, 30)
    assert stolen.uplink.state == "offline"
    assert stolen.outbox.depth == 1


def test_a_revoked_desk_has_no_rights_from_the_reload_on(
    site: Site, broker: SiteBroker, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """Even before its connection ends."""
    stolen = shop.desk(shop.give("desk-1"))
    broker.reload()
    sends(stolen)
    with site.changing():
        site.revoke("desk-1", NOW)
    broker.reload()
    until(lambda: _refused_one(stolen, caplog), 30)


def _refused_one(desk: Desk, caplog: pytest.LogCaptureFixture) -> bool:
    if not desk.outbox.depth:
        desk.send(1)
    return "Not authorized" in caplog.text


@pytest.mark.parametrize("why", ["expired", "foreign"])
def test_an_expired_or_foreign_certificate_is_refused(
    site: Site, broker: SiteBroker, tmp_path: Path, make_desk: MakeDesk, why: str
) -> None:
    giver = site if why == "expired" else made(tmp_path / "other")
    desk_of = Shop(giver, make_desk)
    file = desk_of.give("desk-1", days_ago=1000 if why == "expired" else 0)
    granted, key = bundle.unpack(file)
    folder = file.with_suffix("")
    granted.install(key, Config(), folder)
    broker.reload()
    desk = make_desk(
        site.settings.port,
        tls=True,
        ca_file=str(site.ca_file),
        cert_file=str(folder / "desk.crt"),
        key_file=str(folder / "desk.key"),
    )
    desk.send(1)
    desk.uplink.start()
    until(lambda: "certificate verify failed" in broker.log.read_text(), 30)
    assert desk.outbox.depth == 1


# --- a hundred desks


def test_a_hundred_desks_are_one_command(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(
        capsys,
        *("provision", "device", "--site", str(site.folder), "--team", "billing"),
        *("--count", "100", "--out", str(tmp_path / "out")),
    )
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len({row["serial"] for row in rows}) == 100
    assert rows[0]["device"] == "billing-001"
    assert rows[-1]["device"] == "billing-100"
    for row in (rows[0], rows[-1]):
        path = Path(row["bundle"])
        assert path.stat().st_mode & 0o777 == 0o600
        granted, key = bundle.unpack(path)
        assert (granted.device, granted.team) == (row["device"], "billing")
        own = x509.load_pem_x509_certificate(granted.certificate.encode())
        assert f"{own.serial_number:x}" == row["serial"]
        assert b"PRIVATE KEY" in key
    acl = (site.folder / "broker" / "acl").read_text()
    assert acl.count("topic write turnlight/1/utrecht/billing/window") == 100


def test_desks_come_from_csv_and_go_on_by_number(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text(
        "\ufeffteam,device,room\nbilling,billing-007,12\nsales,north,3\n"
    )
    arguments = ("provision", "device", "--site", str(site.folder))
    code, out, _ = run(capsys, *arguments, "--csv", str(tmp_path / "in.csv"))
    assert code == 0
    assert [line.split(",")[:2] for line in out.splitlines()[1:]] == [
        ["billing-007", "billing"],
        ["north", "sales"],
    ]
    _, out, _ = run(capsys, *arguments, "--team", "billing", "--count", "1")
    assert out.splitlines()[1].startswith("billing-008,billing,")


def test_a_list_with_one_wrong_desk_gives_none(site: Site) -> None:
    list(desks.give(site, [Wanted("desk-1", "billing")], site.folder, NOW))
    before = site.register()
    with pytest.raises(ProvisionError, match="desk-1: has a certificate already"):
        list(desks.give(site, [Wanted("desk-2", "b"), Wanted("desk-1", "b")], site.folder, NOW))
    with pytest.raises(ProvisionError, match="desk-3: is named twice"):
        list(desks.give(site, [Wanted("desk-3", "b"), Wanted("desk-3", "c")], site.folder, NOW))
    assert site.register() == before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("device\nd1\n", "team is missing"),
        ("", "device and team is missing"),
        ("device,team\n", "names no device"),
        ("device,team\nd1,b\nD2,b\n", r"in\.csv, line 3: device is `D2`, but must be a name"),
        ("device,team\nd1\n", "line 2: team is ``, but must be a name"),
        ("device,team\nd1,floor\n", "line 2: team is `floor`, which the wire reserves"),
        ("device,team\nturnlight-check,b\n", "is for `turnlight provision check`"),
    ],
)
def test_a_wrong_list_is_named_by_its_line(text: str, sentence: str) -> None:
    with pytest.raises(ProvisionError, match=sentence):
        batch.from_csv(text, "in.csv", None)


# --- the register


def test_what_ends_soon_is_warned_of_with_the_remedy(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    list(desks.give(site, [Wanted("desk-1", "billing")], site.folder, NOW - timedelta(days=710)))
    code, out, err = run(capsys, "provision", "list", "--site", str(site.folder))
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines()][-1] == ["desk-1", "billing", "ends"]
    assert "desk-1: its certificate ends (" in err
    assert "run `turnlight provision rotate desk-1`" in err


def test_states_of_a_certificate(site: Site) -> None:
    list(desks.give(site, [Wanted("desk-1", "billing")], site.folder, NOW))
    states = [listing.rows(site, NOW + timedelta(days=days))[-1]["state"] for days in (0, 701, 731)]
    assert states == ["valid", "ends soon", "expired"]
    with site.changing():
        site.revoke("desk-1", NOW)
    assert listing.rows(site, NOW)[-1]["state"] == "revoked"
    assert listing.warnings(listing.rows(site, NOW)) == []


def test_revoking_is_by_name_and_once(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    at = ("--site", str(site.folder))
    assert "has no certificate" in run(capsys, "provision", "revoke", "desk-1", *at)[2]
    assert "no desk of this name" in run(capsys, "provision", "rotate", "desk-1", *at)[2]
    list(desks.give(site, [Wanted("desk-1", "billing")], site.folder, NOW))
    code, out, err = run(capsys, "provision", "revoke", "desk-1", *at)
    assert code == 0
    assert out.startswith("revoked ")
    assert "systemctl restart turnlight-broker" in err
    assert "no certificate is left" in run(capsys, "provision", "revoke", "desk-1", *at)[2]
    assert "user desk-1" not in (site.folder / "broker" / "acl").read_text()
    crl = x509.load_pem_x509_crl((site.folder / "broker" / "crl.pem").read_bytes())
    assert [f"{one.serial_number:x}" for one in crl] == [out.split()[1]]


def test_a_desk_of_a_revoked_name_can_be_given_again(site: Site) -> None:
    wanted = [Wanted("desk-1", "billing")]
    list(desks.give(site, wanted, site.folder, NOW))
    with site.changing():
        site.revoke("desk-1", NOW)
    list(desks.give(site, wanted, site.folder, NOW))
    assert site.register().teams() == {"desk-1": "billing"}


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"no tar")
    with pytest.raises(ProvisionError, match=r"x\.tar: is no desk's bundle"):
        bundle.unpack(tmp_path / "x.tar")
    with pytest.raises(ProvisionError, match="cannot be read: No such file"):
        bundle.unpack(tmp_path / "y.tar")
