"""The page's door: signing in, roles, sessions, and what a stranger gets."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from broker import Broker
from floor_feed import Publisher, await_line, await_port, child, shown_cell
from test_page import AXE, has, live
from turnlight.messages import floor_topic
from turnlight.mosquitto import free_port
from turnlight_floor import gate, sessions, users
from turnlight_floor.sessions import PER_ADDRESS, PER_NAME, WITHIN_S, Attempts, Sessions

PASSWORD = "correct horse battery"
NOW_S = 1_790_000_000.0

# --- passwords, sessions and attempts: pure


def test_a_password_is_kept_as_a_salted_scrypt_hash() -> None:
    one, other = users.hashed(PASSWORD), users.hashed(PASSWORD)
    assert one != other
    assert one.startswith("scrypt$15$8$3$")
    assert PASSWORD not in one
    assert users.matches(PASSWORD, one)
    assert not users.matches(PASSWORD + " ", one)
    assert not users.matches("", one)
    assert not users.matches(PASSWORD, "nonsense")


def test_the_file_of_users_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    anna = users.user("anna", ["it", "manager"], PASSWORD)
    users.save(path, {"anna": anna})
    assert path.stat().st_mode & 0o777 == 0o600
    assert users.load(path) == {"anna": anna}
    assert anna.roles == ("manager", "it")
    assert users.load(tmp_path / "absent.json") == {}
    path.write_text("{")
    with pytest.raises(users.UsersError, match="not a file of users"):
        users.load(path)


@pytest.mark.parametrize(
    ("name", "roles", "password", "words"),
    [
        ("anna", ["boss"], PASSWORD, "manager, it"),
        ("anna", [], PASSWORD, "manager, it"),
        ("anna", ["it"], "short", "at least 12"),
        ("an na", ["it"], PASSWORD, "cannot be a name"),
        ("", ["it"], PASSWORD, "cannot be a name"),
    ],
)
def test_a_user_that_will_not_do_is_refused(
    name: str, roles: list[str], password: str, words: str
) -> None:
    with pytest.raises(users.UsersError, match=words):
        users.user(name, roles, password)


ANNA = users.User("anna", ("manager",), "hash")


def test_a_session_ends_in_time_on_leaving_and_when_its_user_changes() -> None:
    kept = Sessions(lifetime_s=60)
    token = kept.open(ANNA, NOW_S)
    session = kept.find(token, NOW_S + 59)
    assert session is not None
    assert session.user == ANNA
    assert kept.current(session, NOW_S + 59) is session
    assert kept.find(token, NOW_S + 60) is None
    assert kept.find("", NOW_S) is None
    assert kept.find(token[:-1], NOW_S) is None
    kept.keep({"anna": users.User("anna", ("it",), "hash")})
    assert kept.find(token, NOW_S) is None
    assert kept.current(session, NOW_S) is None
    again = kept.open(ANNA, NOW_S)
    assert again != token
    kept.close(again)
    assert kept.find(again, NOW_S) is None


def test_failures_from_one_address_have_to_wait_and_others_need_not() -> None:
    attempts = Attempts()
    for n in range(PER_ADDRESS):
        assert attempts.wait_s("a", f"name{n}", NOW_S + n) == 0
        attempts.failed("a", f"name{n}", NOW_S + n)
    assert attempts.wait_s("a", "new", NOW_S + 10) == WITHIN_S - 10
    assert attempts.wait_s("b", "name0", NOW_S + 10) == 0
    assert attempts.wait_s("a", "new", NOW_S + WITHIN_S) == 0


def test_failures_for_one_name_have_to_wait_from_wherever_they_come() -> None:
    attempts = Attempts()
    for n in range(PER_NAME):
        attempts.failed(f"address{n}", "anna", NOW_S)
    assert attempts.wait_s("another", "anna", NOW_S) == WITHIN_S
    assert attempts.wait_s("another", "ola", NOW_S) == 0


def test_a_flood_of_names_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST", 100)
    attempts = Attempts()
    for n in range(1000):
        attempts.failed(f"address{n}", f"name{n}", NOW_S)
    assert len(attempts._failed) == 100


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/en", "manager"),
        ("/fa/wall", "manager"),
        ("/api/aggregates", "manager"),
        ("/sv/devices", "it"),
        ("/_nicegui_ws/socket.io/", None),
    ],
)
def test_each_path_is_for_a_role(path: str, role: str | None) -> None:
    assert gate.role_of(path) == role


# --- the page as a process


class Door:
    """A client of the page that keeps cookies and follows nothing."""

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        self.port = port
        self.address = address
        self.cookies: dict[str, str] = {}

    def ask(
        self, path: str, form: dict[str, str] | None = None, **headers: str
    ) -> tuple[int, Any, str]:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=30, source_address=(self.address, 0)
        )
        sent = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **headers}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        body = None if form is None else urlencode(form)
        connection.request("GET" if form is None else "POST", path, body, sent)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        connection.close()
        return answer.status, answer.headers, text

    def sign_in(self, name: str, password: str = PASSWORD, **fields: str) -> tuple[int, Any, str]:
        _, _, text = self.ask("/en/login")
        [form] = re.findall(r'name="form" value="([^"]+)"', text)
        given = {"form": form, "name": name, "password": password, **fields}
        return self.ask("/en/login", given)


class Floor:
    def __init__(self, folder: Path, port: int, publisher: Publisher | None) -> None:
        self.config = folder / "floor.toml"
        self.port = port
        self.publisher = publisher

    def user(self, *arguments: str, password: str = PASSWORD) -> str:
        ran = subprocess.run(
            [
                sys.executable,
                "-m",
                "turnlight",
                "page",
                "user",
                *arguments,
                "--config",
                str(self.config),
            ],
            input=f"{password}\n",
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    folder, port = tmp_path_factory.mktemp("door"), free_port()
    with Broker(folder) as broker, Publisher(broker.host, broker.port) as publisher:
        found = Floor(folder, port, publisher)
        found.config.write_text(f"[broker]\nport = {broker.port}\n[page]\nport = {port}\n")
        found.user("add", "anna", "--role", "manager")
        found.user("add", "ivar", "--role", "it")
        found.user("add", "both", "--role", "it", "--role", "manager")
        with child("page", found.config) as running:
            await_line(running, "connected")
            await_port(port)
            publisher.send(floor_topic("home", "service"), live("service"), retain=True)
            yield found


@pytest.fixture
def door(floor: Floor) -> Door:
    return Door(floor.port)


def test_users_are_listed_without_their_hashes(floor: Floor) -> None:
    listed = [json.loads(line) for line in floor.user("list", "--json").splitlines()]
    assert listed == [
        {"name": "anna", "roles": ["manager"]},
        {"name": "both", "roles": ["manager", "it"]},
        {"name": "ivar", "roles": ["it"]},
    ]


@pytest.mark.parametrize("path", ["/", "/en", "/pl/wall", "/en/devices"])
def test_a_stranger_is_asked_to_sign_in(door: Door, path: str) -> None:
    status, headers, _ = door.ask(path)
    assert status == 303
    assert re.match(r"/(en|pl)/login", headers["Location"])


@pytest.mark.parametrize(
    "path", ["/api/aggregates", "/_nicegui_ws/socket.io/?EIO=4&transport=polling", "/docs", "/x"]
)
def test_a_stranger_gets_nothing_else_either(door: Door, path: str) -> None:
    status, _, text = door.ask(path)
    assert (status, text) == (401, "Sign in first.")


def test_a_strangers_websocket_is_refused(floor: Floor) -> None:
    with socket.create_connection(("127.0.0.1", floor.port), timeout=20) as raw:
        raw.sendall(
            b"GET /_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
            b"Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert raw.recv(100).split(b"\r\n")[0].startswith(b"HTTP/1.1 403")


def test_every_answer_carries_the_security_headers(door: Door) -> None:
    door.sign_in("both")
    for path in ("/en", "/en/login", "/api/aggregates", "/page.css", "/nowhere"):
        _, headers, _ = door.ask(path)
        assert "default-src 'self'" in headers["Content-Security-Policy"] or (
            "default-src 'none'" in headers["Content-Security-Policy"]
        )
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"


def test_the_session_is_a_cookie_that_no_script_reads(door: Door) -> None:
    status, headers, _ = door.sign_in("anna")
    assert (status, headers["Location"]) == (303, "/en")
    [cookie] = [c for c in headers.get_all("Set-Cookie") if c.startswith(gate.SESSION)]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=43200" in cookie
    assert door.ask("/api/aggregates")[0] == 200


@pytest.mark.parametrize(
    ("name", "allowed", "refused", "home"),
    [
        ("anna", ["/en", "/en/wall", "/api/aggregates"], ["/en/devices"], "/en"),
        ("ivar", ["/en/devices"], ["/en", "/fa/wall", "/api/aggregates"], "/en/devices"),
        ("both", ["/en", "/en/devices", "/api/aggregates"], [], "/en"),
    ],
)
def test_each_role_sees_its_own(
    door: Door, name: str, allowed: list[str], refused: list[str], home: str
) -> None:
    assert door.sign_in(name)[1]["Location"] == home
    assert [door.ask(path)[0] for path in allowed] == [200] * len(allowed)
    for path in refused:
        status, _, text = door.ask(path)
        assert status == 403
        assert "talk" not in text


def test_a_wrong_password_and_an_unknown_name_are_told_alike(door: Door) -> None:
    told = [door.sign_in(name, "not the password") for name in ("anna", "nobody")]
    assert [status for status, _, _ in told] == [403, 403]
    alerts = [re.findall(r'role="alert">([^<]*)', text) for _, _, text in told]
    assert alerts == [["Name or password is wrong."]] * 2
    assert gate.SESSION not in door.cookies
    door.sign_in("anna")  # what failed is forgotten


def test_a_form_from_elsewhere_is_refused(door: Door) -> None:
    assert door.sign_in("anna", form="made up")[0] == 403
    _, _, text = door.ask("/en/login")
    [form] = re.findall(r'name="form" value="([^"]+)"', text)
    given = {"form": form, "name": "anna", "password": PASSWORD}
    assert door.ask("/en/login", given, Origin="http://evil.example")[0] == 403
    assert gate.SESSION not in door.cookies
    assert door.ask("/en/login", given, Origin=f"http://127.0.0.1:{door.port}")[0] == 303


def test_signing_out_ends_the_session_and_cannot_be_forged(door: Door) -> None:
    door.sign_in("anna")
    door.ask("/logout", {"form": "made up"})
    assert door.ask("/en")[0] == 200
    [form] = set(re.findall(r'name=\W*"form\W*" value=\W*"([\w-]+)', door.ask("/en")[2]))
    door.ask("/logout", {"form": form})
    assert door.ask("/en")[0] == 303


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example", "/en/../x", "/api/x"])
def test_signing_in_leads_to_a_view_and_nowhere_else(door: Door, then: str) -> None:
    assert door.sign_in("anna", then=then)[1]["Location"] == "/en"


def test_signing_in_leads_back_to_the_view_that_was_asked_for(door: Door) -> None:
    location = door.ask("/pl/wall")[1]["Location"]
    assert urlsplit(location).query == "then=/pl/wall"
    assert door.sign_in("anna", then="/pl/wall")[1]["Location"] == "/pl/wall"


def test_too_large_a_form_is_no_form(door: Door) -> None:
    assert door.sign_in("anna", more="x" * 5000)[0] == 403


def test_a_removed_user_is_out_at_once(floor: Floor, door: Door) -> None:
    floor.user("add", "gone", "--role", "manager")
    door.sign_in("gone")
    assert door.ask("/en")[0] == 200
    floor.user("remove", "gone")
    deadline = time.monotonic() + 20
    while door.ask("/en")[0] != 303:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert door.ask("/api/aggregates")[0] == 401


def test_guessing_has_to_wait(floor: Floor) -> None:
    """From an address of its own, so that the other tests need not."""
    door = Door(floor.port, "127.0.0.9")
    told = [door.sign_in("nobody", f"guess number {n}") for n in range(PER_ADDRESS + 1)]
    assert [status for status, _, _ in told] == [403] * PER_ADDRESS + [429]
    assert 0 < int(told[-1][1]["Retry-After"]) <= WITHIN_S


def test_open_to_the_network_without_users_it_does_not_start(tmp_path: Path) -> None:
    config = tmp_path / "floor.toml"
    config.write_text('[page]\nhost = "0.0.0.0"\n')
    with child("page", config) as running:
        _, err = running.communicate(timeout=30)
    assert running.returncode == 2
    assert "turnlight page user add" in err
    assert len(err.strip().splitlines()) == 1


def test_without_users_it_answers_to_this_machines_names_alone(tmp_path: Path) -> None:
    """A foreign name that resolves to loopback would let any web site read the page."""
    port = free_port()
    config = tmp_path / "floor.toml"
    config.write_text(f"[broker]\nport = {free_port()}\n[page]\nport = {port}\n")
    with child("page", config) as running:
        await_line(running, "trying again")
        await_port(port)
        door = Door(port)
        assert door.ask("/api/aggregates")[0] == 200
        assert door.ask("/api/aggregates", Host=f"localhost:{port}")[0] == 200
        assert door.ask("/api/aggregates", Host="evil.example")[0] == 421


def test_over_tls_the_cookie_stays_on_tls(tmp_path: Path) -> None:
    port = free_port()
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=page")
    subprocess.run(
        ["openssl", "req", "-x509", *key, "-keyout", "page.key", "-out", "page.crt"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    config = tmp_path / "floor.toml"
    config.write_text(
        f"[broker]\nport = {free_port()}\n[page]\nport = {port}\n"
        'cert_file = "page.crt"\nkey_file = "page.key"\n'
    )
    Floor(tmp_path, port, None).user("add", "anna", "--role", "manager")
    with child("page", config) as running:
        await_line(running, f"https://127.0.0.1:{port}/")
        await_line(running, "trying again")
        await_port(port)
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        url = f"https://127.0.0.1:{port}/en/login"
        with urllib.request.urlopen(url, timeout=30, context=trusting) as answer:
            headers = answer.headers
        assert "; Secure" in headers["Set-Cookie"]
        assert headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    config = tmp_path / "floor.toml"
    config.write_text('[page]\ncert_file = "none.crt"\nkey_file = "none.key"\n')
    with child("page", config) as running:
        _, err = running.communicate(timeout=30)
    assert running.returncode == 2
    assert re.fullmatch(r".*none\.crt: cannot be read: No such file or directory\n", err)


# --- in a browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def enter(page: Page, floor: Floor, name: str, path: str = "en") -> None:
    page.goto(f"http://127.0.0.1:{floor.port}/{path}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_manager_signs_in_looks_and_leaves(page: Page, floor: Floor) -> None:
    enter(page, floor, "anna")
    has(page, "team-service-talk-share", "0.42")
    expect(page.get_by_role("link", name="Devices")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto(f"http://127.0.0.1:{floor.port}/en")
    expect(page.get_by_label("Password")).to_be_visible()


def test_axe_finds_nothing_in_the_form(page: Page, floor: Floor) -> None:
    for code in ("en", "fa"):
        page.goto(f"http://127.0.0.1:{floor.port}/{code}/login")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert page.evaluate("axe.run().then(found => found.violations.map(v => v.id))") == []


def test_an_open_page_goes_blank_when_its_user_is_removed(page: Page, floor: Floor) -> None:
    floor.user("add", "brief", "--role", "manager")
    enter(page, floor, "brief")
    has(page, "team-service-talk-share", "0.42")
    floor.user("remove", "brief")
    expect(page.get_by_label("Password")).to_be_visible()
    expect(page.get_by_test_id("team-service")).to_have_count(0)


def test_one_of_it_sees_devices_and_no_aggregate(page: Page, floor: Floor) -> None:
    enter(page, floor, "ivar", "en/devices")
    expect(page.get_by_test_id("empty")).to_contain_text("No device has reported")
    expect(page.get_by_role("link", name="Floor")).to_have_count(0)
    assert shown_cell("service").team not in page.content()
