from __future__ import annotations

import re
import shutil
import ssl
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from command import run
from site_broker import NOW, made
from turnlight.provision import roles
from turnlight.provision import site as sites
from turnlight.provision.authority import Authority, new_key
from turnlight.provision.site import Site
from turnlight.provision.trouble import ProvisionError
from turnlight_floor import settings as floor_settings

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Nobody writes here; a test that does takes a copy."""
    return made(tmp_path_factory.mktemp("site"))


@pytest.fixture
def copy(site: Site, tmp_path: Path) -> Site:
    shutil.copytree(site.folder, tmp_path / "copy")
    copied = Site(tmp_path / "copy")
    copied.build(NOW)  # its units name its new folder
    return copied


def contents(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    return {
        str(path.relative_to(folder)): (
            path.read_bytes(),
            path.stat().st_mode,
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a_second_run_changes_nothing(site: Site) -> None:
    before = contents(site.folder)
    assert Site(site.folder).build(NOW + timedelta(hours=1)) == []
    assert contents(site.folder) == before


def test_private_keys_and_the_register_are_for_their_owner_alone(site: Site) -> None:
    secret = [*site.folder.rglob("*.key"), site.folder / "authority" / "register.json"]
    assert len(secret) == 9
    for path in secret:
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert (site.folder / "authority").stat().st_mode & 0o777 == 0o700


def test_every_key_is_ecdsa_on_p_256(site: Site) -> None:
    for path in site.folder.rglob("*.crt"):
        assert certificate(path).public_key().curve.name == "secp256r1"  # type: ignore[union-attr]


def test_the_rights_are_the_table_of_the_wire() -> None:
    text = (DOCS / "wire.md").read_text(encoding="utf-8")
    table = re.search(r"## What a broker must allow\n(.*?)\n\n`turnlight", text, re.S)
    assert table
    documented = {
        cells[0].strip(): [set(re.findall(r"`([^`]+)`", cell)) for cell in cells[1:3]]
        for cells in re.findall(r"^\| ([A-Za-z ]+) \|(.*?)\|(.*?)\|$", table[1], re.M)[1:]
    }
    names = {"_telephone": "telephone system", "_home-assistant": "Home Assistant"}
    every = [roles.device("<site>", "<team>", "<device>"), *roles.services("<site>")]
    assert documented == {
        names.get(role.user, role.user.strip("_<>")): [set(role.writes), set(role.reads)]
        for role in every
    }


def test_no_device_can_be_named_like_a_service() -> None:
    for role in roles.services("utrecht"):
        assert role.user.startswith("_")


def test_the_access_list_holds_every_role_and_nothing_for_everybody(site: Site) -> None:
    text = (site.folder / "broker" / "acl").read_text()
    users = re.findall(r"^user (.*)$", text, re.M)
    assert users == [
        "_aggregator",
        "_page",
        "_telephone",
        "_bridge",
        "_fleet",
        "_home-assistant",
        *sites.PROBES,
    ]
    # a line before the first user, and a pattern, would hold for all of them
    assert text.index("user ") < text.index("topic ")
    assert "pattern" not in text


def test_the_broker_lets_nobody_in_without_a_certificate(site: Site) -> None:
    lines = (site.folder / "broker" / "mosquitto.conf").read_text().splitlines()
    for line in (
        "allow_anonymous false",
        "require_certificate true",
        "use_identity_as_username true",
        "set_tcp_nodelay true",
        "max_packet_size 65536",
    ):
        assert line in lines
    assert len([line for line in lines if line.startswith("listener ")]) == 1
    # payloads are in no log
    assert not [line for line in lines if line.startswith("log_type") and "debug" in line]


def test_a_client_cannot_play_the_server_nor_the_server_a_client(site: Site) -> None:
    uses = {
        path.stem: {use.dotted_string for use in found.value}
        for path in site.folder.rglob("*.crt")
        if path.stem != "ca"
        for found in [certificate(path).extensions.get_extension_for_class(x509.ExtendedKeyUsage)]
    }
    server, client = {"1.3.6.1.5.5.7.3.1"}, {"1.3.6.1.5.5.7.3.2"}
    assert uses.pop("broker") == server
    assert uses == dict.fromkeys(
        ("aggregator", "page", "telephone", "bridge", "fleet", "home-assistant"), client
    )


def test_a_shared_database_reaches_the_floor_with_its_password_apart(
    site: Site, copy: Site
) -> None:
    folder = copy.folder
    url = "postgresql://floor@db.example/turnlight?sslrootcert=/etc/ca.crt"
    with (folder / "site.toml").open("a") as file:
        file.write(f'database = "{url}"\n')
    Site(folder).build(NOW)
    found = floor_settings.load(folder / "floor" / "floor.toml")
    word = folder / "floor" / "database-password"
    assert (found.database, found.database_password_file) == (url, str(word))
    assert found.snapshot_file == "/var/lib/turnlight-floor/floor.sqlite"
    assert word.stat().st_mode & 0o777 == 0o600
    credential = f"LoadCredential=database-password:{word}\n"
    assert credential in (folder / "units" / "turnlight-floor.service").read_text()
    assert "database" not in (site.folder / "units" / "turnlight-floor.service").read_text()
    word.write_text("spring-tide")
    Site(folder).build(NOW)
    assert word.read_text() == "spring-tide"


def test_the_floors_settings_are_valid_and_the_page_has_its_own_credential(site: Site) -> None:
    settings = floor_settings.load(site.folder / "floor" / "floor.toml")
    assert settings.page.broker
    assert settings.broker.cert_file.endswith("aggregator.crt")
    assert settings.page.broker.cert_file.endswith("page.crt")
    for broker in (settings.broker, settings.page.broker):
        context = ssl.create_default_context(cafile=broker.ca_file)
        context.load_cert_chain(broker.cert_file, broker.key_file)


def test_what_runs_out_is_made_anew_and_the_rest_stays(copy: Site) -> None:
    later = NOW + timedelta(days=sites.SERVICE_DAYS - 20)
    changed = copy.build(later)
    assert "broker/broker.crt" in changed
    assert "floor/page.key" in changed
    assert not [name for name in changed if "ca." in name or name.endswith((".toml", ".service"))]
    assert copy.build(later) == []


def test_another_name_of_the_broker_is_a_new_certificate(copy: Site) -> None:
    file = copy.folder / "site.toml"
    file.write_text(file.read_text().replace('hosts = ["', 'hosts = ["broker.example", "'))
    assert set(Site(copy.folder).build(NOW)) == {
        "broker/broker.key",
        "broker/broker.crt",
        "floor/floor.toml",
    }


def test_a_lost_authority_is_never_replaced_silently(copy: Site) -> None:
    (copy.folder / "broker" / "ca.crt").unlink()
    with pytest.raises(ProvisionError, match=r"authority/ca\.key is there and broker/ca\.crt is"):
        copy.build(NOW)


def test_a_key_of_another_authority_is_refused(copy: Site) -> None:
    _, key = Authority.make("other", NOW)
    from turnlight.provision.authority import key_pem

    (copy.folder / "authority" / "ca.key").write_bytes(key_pem(key))
    with pytest.raises(ProvisionError, match="do not belong together"):
        copy.authority()


def test_no_certificate_outlives_the_authority(copy: Site) -> None:
    late = NOW + timedelta(days=3600)
    issued = copy.issue(new_key().public_key(), "desk-1", "billing", late)
    authority = copy.authority().certificate
    assert issued.not_valid_after_utc <= authority.not_valid_after_utc


@pytest.mark.parametrize("unit", ["broker", "floor", "page"])
def test_the_units_are_valid_and_hardly_exposed(site: Site, unit: str) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    path = site.folder / "units" / f"turnlight-{unit}.service"
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", path],
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stdout[-300:] + said.stderr
    checked = subprocess.run(
        ["systemd-analyze", "verify", path], capture_output=True, text=True
    ).stderr
    complaints = [line for line in checked.splitlines() if "is not executable" not in line]
    assert [line for line in complaints if "turnlight" in line] == []


def test_the_command_makes_a_site_and_then_has_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("provision", "site", "utrecht", "--host", "localhost", "--folder", str(tmp_path))
    code, out, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    assert f"made {tmp_path}/authority/ca.key\n" in out
    assert run(capsys, *arguments) == (0, f"{tmp_path}: nothing to do\n", "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["utrecht"], "--host is missing"),
        (["Utrecht!", "--host", "localhost"], "a site is a name of a-z, 0-9 and -"),
        (["utrecht", "--host", "a b"], "a host a name or an address"),
    ],
)
def test_what_is_missing_or_wrong_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    folder = str(tmp_path / "new")
    code, out, err = run(capsys, "provision", "site", *arguments, "--folder", folder)
    assert (code, out) == (1, "")
    assert sentence in err
    assert err.count("\n") == 1
    assert not Path(folder).exists()


def test_a_folder_that_is_no_site_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    code, _, err = run(
        capsys, "provision", "site", "utrecht", "--host", "h", "--folder", str(tmp_path)
    )
    assert code == 1
    assert "is not empty and no site" in err
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    code, _, err = run(capsys, "provision", "check", "--site", str(tmp_path))
    assert code == 1
    assert "make one with `turnlight provision site NAME`" in err


def test_another_host_for_an_existing_site_is_not_guessed(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(
        capsys,
        *("provision", "site", "utrecht", "--host", "other", "--folder", str(site.folder)),
    )
    assert code == 1
    assert "hosts is ('127.0.0.1',)" in err
    assert "edit that file" in err
