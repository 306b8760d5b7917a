"""The rights, proved against a real Mosquitto on the site's own configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from command import run
from site_broker import NOW, SiteBroker, made
from turnlight.provision.check import Finding, check
from turnlight.provision.site import Site
from turnlight.provision.trouble import ProvisionError

WINDOW = "turnlight/1/utrecht/turnlight-check/window"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = made(tmp_path_factory.mktemp("site"))
    with SiteBroker(site):
        yield site


def wrong(found: list[Finding]) -> set[tuple[str, str, str]]:
    return {(one.who, one.action, one.topic) for one in found if not one.right}


def test_every_role_can_do_its_work_and_nothing_else(site: Site) -> None:
    found = check(site, NOW)
    assert wrong(found) == set()
    did = {(one.who, one.action) for one in found if one.topic == WINDOW and one.happened}
    assert did == {("turnlight-check", "write"), ("_aggregator", "read")}
    refused = [one.who for one in found if one.action == "connect" and one.happened is False]
    assert len(refused) == 4


def test_every_role_tries_every_topic_both_ways(site: Site) -> None:
    tries = [one for one in check(site, NOW) if one.topic]
    roles, topics = {one.who for one in tries}, {one.topic for one in tries}
    assert len(tries) == len(roles) * len(topics) * 2
    assert len(roles) == 8


def test_the_command_prints_a_table_and_json_lines(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("provision", "check", "--site", str(site.folder))
    monkeypatch.setenv("COLUMNS", "160")
    code, table, _ = run(capsys, *arguments)
    assert code == 0
    assert "nobody, no certificate: refused" in table
    assert "tries went as they should" in table
    code, out, _ = run(capsys, *arguments, "--json")
    assert code == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert {*lines[0]} == {"who", "action", "topic", "allowed", "happened", "right"}


def test_rights_that_are_too_wide_or_too_narrow_are_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = made(tmp_path)
    acl = site.folder / "broker" / "acl"
    text = acl.read_text()
    text = text.replace("user _page\n", f"user _page\ntopic read {WINDOW}\n")
    text = text.replace("topic write turnlight/1/utrecht/device/+/call\n", "")
    acl.write_text(text)
    with SiteBroker(site):
        found = check(site, NOW)
        code, _, err = run(capsys, "provision", "check", "--site", str(tmp_path))
    assert code == 1
    calls = {
        f"turnlight/1/utrecht/device/{name}/call"
        for name in ("turnlight-check", "turnlight-check-2")
    }
    assert wrong(found) == {
        ("_page", "read", WINDOW),
        *(("_telephone", "write", call) for call in calls),
        # and what nobody can write, nobody can be shown to read
        *(("turnlight-check", "read", call) for call in calls if call.endswith("check/call")),
        *(("turnlight-check-2", "read", call) for call in calls if call.endswith("-2/call")),
    }
    assert "5 of 268 tries went wrong" in err


def test_a_broker_that_lets_anybody_in_is_found(tmp_path: Path) -> None:
    site = made(tmp_path)
    config = site.folder / "broker" / "mosquitto.conf"
    text = config.read_text().replace("require_certificate true", "require_certificate false")
    text = text.replace("use_identity_as_username true\n", "")
    config.write_text(text.replace("allow_anonymous false", "allow_anonymous true"))
    with SiteBroker(site):
        # the roles have no names then, so nothing else holds either
        assert ("nobody, no certificate", "connect", "") in wrong(check(site, NOW))


def test_no_broker_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="connection refused; is the broker running"):
        check(made(tmp_path), NOW)


# The socket of a failed handshake is left by paho to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broker_of_another_site_is_one_sentence(site: Site, tmp_path: Path) -> None:
    other = made(tmp_path)
    file = other.folder / "site.toml"
    file.write_text(file.read_text().replace(f"= {other.settings.port}", f"= {site.settings.port}"))
    with pytest.raises(ProvisionError, match="its certificate is not trusted"):
        check(Site(tmp_path), NOW)
