"""Signing in at an identity provider: who gets in, and every lie that must not."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from broker import Broker
from floor_feed import Publisher, await_line, await_port, child
from identity import CLIENT, SECRET, Claims, Identity, Key, fields, signed_with_the_secret, unsigned
from test_page import AXE, has, live
from test_page_door import NOW_S, PASSWORD, Door, Floor
from turnlight.messages import floor_topic
from turnlight.mosquitto import free_port
from turnlight_floor import gate, oidc, settings
from turnlight_floor.sessions import PER_ADDRESS, Sessions
from turnlight_floor.settings import OidcSettings, SettingsError
from turnlight_floor.users import User

MANAGERS = ["staff", "floor-managers"]


@pytest.fixture(scope="module")
def identity() -> Iterator[Identity]:
    with Identity() as running:
        yield running


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Floor]:
    """A page with a local user beside the provider."""
    folder, port = tmp_path_factory.mktemp("oidc"), free_port()
    with Broker(folder) as broker, Publisher(broker.host, broker.port) as publisher:
        found = Floor(folder, port, publisher)
        (folder / "secret").write_text(SECRET + "\n")
        found.config.write_text(
            f"[broker]\nport = {broker.port}\n[page]\nport = {port}\nsession_hours = 2\n"
            + identity.settings(f"http://127.0.0.1:{port}", "secret")
        )
        found.user("add", "ola", "--role", "manager")
        with child("page", found.config) as running:
            await_line(running, "connected")
            await_port(port)
            publisher.send(floor_topic("home", "service"), live("service"), retain=True)
            yield found


class Traveller(Door):
    """A browser that goes to the provider and back, step by step."""

    def __init__(self, port: int, identity: Identity, address: str = "127.0.0.1") -> None:
        super().__init__(port, address)
        self.identity = identity

    def leave(self, query: str = "") -> dict[str, str]:
        """To the provider: what it is asked."""
        status, headers, _ = self.ask(f"/en/oidc{query}")
        assert status == 303
        at = urlsplit(headers["Location"])
        assert headers["Location"].startswith(f"{self.identity.issuer}/authorize?")
        return fields(at.query)

    def back(self, location: str) -> tuple[int, Any, str]:
        """From the provider, by the address to which it sends."""
        at = urlsplit(location)
        assert (at.path, at.port) == ("/oidc", self.port)
        return self.ask(f"{at.path}?{at.query}")

    def travel(self, query: str = "") -> tuple[int, Any, str]:
        return self.back(self.identity.authorize(self.leave(query)))

    @property
    def inside(self) -> bool:
        return gate.SESSION in self.cookies


ADDRESSES = (f"127.0.2.{n}" for n in range(1, 255))


@pytest.fixture
def traveller(floor: Floor, identity: Identity) -> Traveller:
    """Of an address of its own, so that one test's lies do not make another wait."""
    identity.honest(groups=MANAGERS)
    return Traveller(floor.port, identity, next(ADDRESSES))


def alert(text: str) -> str:
    [said] = re.findall(r'role="alert">([^<]*)', text)
    return str(said)


# --- who gets in


def test_a_manager_gets_in_by_the_provider(traveller: Traveller) -> None:
    status, headers, _ = traveller.travel()
    assert (status, headers["Location"]) == (303, "/en")
    [cookie] = [c for c in headers.get_all("Set-Cookie") if c.startswith(gate.SESSION)]
    assert "HttpOnly" in cookie
    assert "Max-Age=7200" in cookie
    status, _, text = traveller.ask("/en")
    assert status == 200
    assert "Signed in as anna" in text
    assert traveller.ask("/api/aggregates")[0] == 200
    assert traveller.ask("/en/devices")[0] == 403


def test_the_provider_is_asked_as_the_standard_says(traveller: Traveller) -> None:
    asked, again = traveller.leave(), traveller.leave()
    assert asked["response_type"] == "code"
    assert asked["client_id"] == CLIENT
    assert asked["redirect_uri"] == f"http://127.0.0.1:{traveller.port}/oidc"
    assert asked["scope"] == "openid profile"
    assert asked["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name]) >= 43
        assert asked[name] != again[name]
    assert SECRET not in str(asked)


@pytest.mark.parametrize(
    ("groups", "home"),
    [
        (["directors"], "/en"),
        (["it"], "/en/devices"),
        ("it", "/en/devices"),
        (["it", "floor-managers"], "/en"),
    ],
)
def test_groups_there_are_roles_here(traveller: Traveller, groups: Any, home: str) -> None:
    traveller.identity.honest(groups=groups)
    assert traveller.travel()[1]["Location"] == home


@pytest.mark.parametrize("groups", [None, [], ["staff"], ["manager"], [7], {"it": 1}, "items"])
def test_one_without_a_role_is_told_so(traveller: Traveller, groups: Any) -> None:
    traveller.identity.honest(groups=groups)
    status, _, text = traveller.travel()
    assert (status, traveller.inside) == (403, False)
    assert "no role here" in alert(text)


def test_it_leads_back_to_the_view_that_was_asked_for(traveller: Traveller) -> None:
    assert traveller.travel("?then=/pl/wall")[1]["Location"] == "/pl/wall"


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example", "/en/../x", "/oidc"])
def test_it_leads_to_a_view_and_nowhere_else(traveller: Traveller, then: str) -> None:
    status, headers, _ = traveller.travel("?" + urlencode({"then": then}))
    assert (status, headers["Location"]) == (303, "/en")


def test_a_local_user_gets_in_beside_the_provider(floor: Floor) -> None:
    assert Door(floor.port).sign_in("ola")[1]["Location"] == "/en"


def test_signing_out_ends_the_session(traveller: Traveller) -> None:
    traveller.travel()
    [form] = set(re.findall(r'name=\W*"form\W*" value=\W*"([\w-]+)', traveller.ask("/en")[2]))
    traveller.ask("/logout", {"form": form})
    assert traveller.ask("/en")[0] == 303


def test_the_way_there_and_back_carries_the_security_headers(traveller: Traveller) -> None:
    asked = traveller.ask("/en/oidc")
    done = traveller.travel()
    for _, headers, _ in (asked, done, traveller.ask("/oidc")):
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


# --- lies of the token


def foreign(claims: Claims) -> str:
    """Signed by another's key that calls itself by the name of ours."""
    return Key("one").sign(claims)


def unknown(claims: Claims) -> str:
    return Key("two").sign(claims)


def changed(claims: Claims, key: Key) -> str:
    """A true signature under other words."""
    head, _, signature = key.sign(claims).split(".")
    body = unsigned({**claims, "groups": ["it", "directors"]}).split(".")[1]
    return f"{head}.{body}.{signature}"


LIES: dict[str, tuple[Claims, Callable[[Claims], str] | None, str]] = {
    "wrong nonce": ({"nonce": "another"}, None, "Invalid claim: 'nonce'"),
    "no nonce": ({"nonce": None}, None, "Missing claim: 'nonce'"),
    "wrong audience": ({"aud": "another"}, None, "Invalid claim: 'aud'"),
    "no audience": ({"aud": None}, None, "Missing claim: 'aud'"),
    "made for another party": ({"aud": [CLIENT, "b"], "azp": "b"}, None, "Invalid claim: 'azp'"),
    "several audiences, no party": ({"aud": [CLIENT, "b"]}, None, "Missing claim: 'azp'"),
    "wrong issuer": ({"iss": "https://evil.example"}, None, "Invalid claim: 'iss'"),
    "expired": ({"exp": int(time.time()) - 3600}, None, "expired"),
    "never expires": ({"exp": None}, None, "Missing claim: 'exp'"),
    "not yet": ({"nbf": int(time.time()) + 3600}, None, "not yet valid"),
    "nobody": ({"sub": None}, None, "Missing claim: 'sub'"),
    "foreign key": ({}, foreign, "bad_signature"),
    "unknown key": ({}, unknown, "No key for kid: 'two'"),
    "no signature": ({}, unsigned, "'none' is not allowed"),
    "signed with the client's secret": ({}, signed_with_the_secret, "'HS256' is not allowed"),
    "no token": ({}, lambda _: "nonsense", "decode_error"),
    "empty": ({}, lambda _: "", "decode_error"),
}
"""What the token says, how it is signed, and for which reason it must be refused."""


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused_for_what_it_is(identity: Identity, lie: str) -> None:
    claims, sign, why = LIES[lie]
    now_s = int(time.time())
    true = {"iss": identity.issuer, "sub": "1", "aud": CLIENT, "exp": now_s + 300, "iat": now_s}
    told = {**true, "nonce": "mine", **claims}
    told = {name: value for name, value in told.items() if value is not None}

    async def go() -> None:
        provider = oidc.Provider(made(identity.issuer))
        found = await provider._discover()
        await provider._checked(
            found, {"id_token": identity.key.sign({**true, "nonce": "mine"})}, "mine"
        )
        text = (sign or identity.key.sign)(told)
        with pytest.raises(oidc.OidcError, match=re.escape(why)):
            await provider._checked(found, {"id_token": text}, "mine")

    asyncio.run(go())


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_does_not_hold_lets_nobody_in(traveller: Traveller, lie: str) -> None:
    claims, sign, _ = LIES[lie]
    traveller.identity.honest(groups=MANAGERS, **claims)
    traveller.identity.sign = sign or traveller.identity.sign
    status, _, text = traveller.travel()
    assert (status, traveller.inside) == (403, False)
    assert alert(text) == "That did not work. Try to sign in again."
    assert traveller.ask("/api/aggregates")[0] == 401


def test_words_changed_after_signing_let_nobody_in(traveller: Traveller) -> None:
    key = traveller.identity.key
    traveller.identity.sign = lambda claims: changed(claims, key)
    assert (traveller.travel()[0], traveller.inside) == (403, False)


def test_a_true_token_holds_beside_those_lies(traveller: Traveller) -> None:
    """Several audiences with the right party, and a clock that is half a minute ahead."""
    now_s = int(time.time())
    traveller.identity.honest(
        groups=MANAGERS, aud=[CLIENT, "b"], azp=CLIENT, iat=now_s + 30, nbf=now_s + 30
    )
    assert traveller.travel()[0] == 303
    assert traveller.inside


# --- lies of the way back


def test_a_wrong_state_is_refused_before_the_provider_is_asked(traveller: Traveller) -> None:
    location = traveller.identity.authorize(traveller.leave())
    code = fields(urlsplit(location).query)["code"]
    status, _, _ = traveller.ask("/oidc?" + urlencode({"code": code, "state": "made up"}))
    assert (status, traveller.inside) == (403, False)
    assert code not in traveller.identity.redeemed


def test_ones_way_cannot_be_pressed_upon_another(
    traveller: Traveller, floor: Floor, identity: Identity
) -> None:
    """An attacker's own code in the victim's browser would sign the victim in as the attacker."""
    location = identity.authorize(traveller.leave())
    victim = Traveller(floor.port, identity, "127.0.1.200")
    assert victim.back(location)[0] == 403
    victim.leave()
    assert victim.back(location)[0] == 403
    assert not victim.inside
    assert traveller.back(location)[0] == 303


def test_a_way_back_is_good_once(traveller: Traveller) -> None:
    location = traveller.identity.authorize(traveller.leave())
    assert traveller.back(location)[0] == 303
    del traveller.cookies[gate.SESSION]
    assert traveller.back(location)[0] == 403
    assert not traveller.inside
    assert traveller.identity.redeemed.count(fields(urlsplit(location).query)["code"]) == 1


def test_a_replayed_code_is_refused_by_the_provider(traveller: Traveller) -> None:
    location = traveller.identity.authorize(traveller.leave())
    traveller.back(location)
    del traveller.cookies[gate.SESSION]
    state = traveller.leave()["state"]
    query = {**fields(urlsplit(location).query), "state": state}
    assert traveller.ask("/oidc?" + urlencode(query))[0] == 403
    assert not traveller.inside


def test_a_stolen_code_is_worth_nothing_without_the_browsers_proof(
    traveller: Traveller, floor: Floor, identity: Identity
) -> None:
    """PKCE: the provider holds a code to the challenge of the way that it was given on."""
    stolen = fields(urlsplit(identity.authorize(traveller.leave())).query)["code"]
    thief = Traveller(floor.port, identity, "127.0.1.201")
    query = {"code": stolen, "state": thief.leave()["state"], "iss": identity.issuer}
    assert thief.ask("/oidc?" + urlencode(query))[0] == 403
    assert not thief.inside


@pytest.mark.parametrize(
    "lie", [{"iss": "https://evil.example"}, {"iss": ""}, {"error": "access_denied"}, {"code": ""}]
)
def test_an_answer_that_is_no_consent_is_refused(traveller: Traveller, lie: dict[str, str]) -> None:
    query = fields(urlsplit(traveller.identity.authorize(traveller.leave())).query)
    status, _, text = traveller.ask("/oidc?" + urlencode({**query, **lie}))
    assert (status, traveller.inside) == (403, False)
    assert "access_denied" not in text


def test_who_fails_again_and_again_has_to_wait(floor: Floor, identity: Identity) -> None:
    traveller = Traveller(floor.port, identity, "127.0.1.202")
    told = [traveller.ask("/oidc?state=guess")[0] for _ in range(PER_ADDRESS + 1)]
    assert told == [403] * PER_ADDRESS + [429]
    status, headers, _ = traveller.ask("/en/oidc")
    assert status == 429
    assert int(headers["Retry-After"]) > 0
    assert traveller.sign_in("ola")[0] == 429


# --- pure


def test_a_way_ends_in_time_and_in_its_own_browser() -> None:
    ways = oidc.Ways()
    state, way = ways.begin("browser", "/en/wall", "en", NOW_S)
    with pytest.raises(oidc.OidcError):
        ways.end(state, "another", NOW_S)
    with pytest.raises(oidc.OidcError):
        ways.end(state, "", NOW_S)
    assert ways.end(state, "browser", NOW_S) == way
    with pytest.raises(oidc.OidcError):
        ways.end(state, "browser", NOW_S)
    state, _ = ways.begin("browser", "", "en", NOW_S)
    with pytest.raises(oidc.OidcError, match="too long"):
        ways.end(state, "browser", NOW_S + oidc.WAYS_S)


def test_a_flood_of_ways_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "MOST_WAYS", 10)
    ways = oidc.Ways()
    states = [ways.begin("b", "", "en", NOW_S)[0] for _ in range(20)]
    assert len(ways._open) == 10
    ways.end(states[-1], "b", NOW_S)


def made(issuer: str, **more: Any) -> OidcSettings:
    return OidcSettings(
        issuer=issuer, client_id=CLIENT, url="https://lamps.example", **{"it": ("it",), **more}
    )


def test_a_claim_may_lie_inside_another() -> None:
    about = made("https://id.example", roles_claim="realm_access.roles", name_claim="email")
    claims = {"sub": "1", "email": "a@b.example", "realm_access": {"roles": ["it"]}}
    assert oidc.user(claims, about) == User("a@b.example", ("it",), "")
    assert oidc.user({"sub": "1", "realm_access.roles": "it"}, about).name == "1"
    with pytest.raises(oidc.NoRoleError, match=r"`realm_access\.roles` holds none"):
        oidc.user({"sub": "1", "realm_access": ["roles"]}, about)


def test_who_came_by_the_provider_stays_when_the_local_users_change() -> None:
    kept = Sessions(lifetime_s=60)
    theirs = kept.open(User("anna", ("manager",), ""), NOW_S, local=False)
    ours = kept.open(User("anna", ("manager",), "hash"), NOW_S)
    kept.keep({})
    assert kept.find(theirs, NOW_S) is not None
    assert kept.find(ours, NOW_S) is None
    assert kept.find(theirs, NOW_S + 60) is None


def test_a_key_that_the_provider_changed_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "KEYS_AGAIN_S", 0)

    async def go() -> None:
        with Identity() as identity:
            provider = oidc.Provider(made(identity.issuer))
            found = await provider._discover()
            claims = {"sub": "1"}
            await provider._signed(found, identity.key.sign(claims))
            identity.key = Key("newer")
            assert (await provider._signed(found, identity.key.sign(claims))).claims == claims

    asyncio.run(go())


def test_a_provider_that_is_away_or_another_is_named() -> None:
    async def go() -> None:
        away = oidc.Provider(made(f"http://127.0.0.1:{free_port()}"))
        with pytest.raises(oidc.AwayError, match="does not answer"):
            await away.leave("browser", "", "en")
        with Identity() as identity:
            other = oidc.Provider(made(identity.issuer + "/"))
            with pytest.raises(oidc.AwayError, match="set `issuer` under"):
                await other.leave("browser", "", "en")
            nowhere = oidc.Provider(made(identity.issuer + "/x"))
            with pytest.raises(oidc.AwayError, match="answered 404"):
                await nowhere.leave("browser", "", "en")

    asyncio.run(go())


RIGHT = 'issuer = "https://id.example"\nclient_id = "a"\nurl = "https://lamps.example:8080"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (RIGHT, r"nobody a role: name values of the claim `groups` in `manager` or `it`"),
        (RIGHT.replace("https://id", "http://id") + "it = ['x']", r"oidc.issuer .* https address"),
        (RIGHT.replace("https://l", "http://l") + "it = ['x']", r"oidc.url .* https address"),
        (RIGHT.replace(":8080", "/page") + "it = ['x']", r"oidc.url .* scheme, host and port"),
        (RIGHT + "it = ['x']\nscope = 'email'", r"oidc.scope `email` must hold `openid`"),
        ("issuer = 'https://id.example'", r"client_id"),
        (RIGHT + "secret = 'x'", r"unknown field `secret`"),
    ],
)
def test_a_wrong_setting_is_named_with_the_remedy(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        settings.parse(f"[page.oidc]\n{text}", "floor.toml", tmp_path)


def test_its_files_lie_beside_the_settings(tmp_path: Path) -> None:
    text = f"[page.oidc]\n{RIGHT}it = ['x']\nclient_secret_file = 'secret'\n"
    about = settings.parse(text, "floor.toml", tmp_path).page.oidc
    assert about is not None
    assert about.client_secret_file == str(tmp_path / "secret")
    with pytest.raises(SettingsError, match="secret: cannot be read"):
        oidc.Provider(about)


def test_without_its_package_the_remedy_is_named(tmp_path: Path) -> None:
    config = tmp_path / "floor.toml"
    config.write_text(f"[page.oidc]\n{RIGHT}it = ['x']\n")
    code = (
        "import sys; sys.modules['authlib'] = None\nfrom pathlib import Path\n"
        "from turnlight_floor.page import main\nsys.exit(main(Path(sys.argv[1])))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(config)], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 2
    assert ran.stderr.strip() == (
        "[page.oidc] needs the package authlib; run `pip install turnlight[oidc]`"
    )


# --- in a browser


def test_a_manager_signs_in_by_the_provider_looks_and_leaves(
    browser: Browser, floor: Floor, identity: Identity
) -> None:
    identity.honest(groups=MANAGERS, preferred_username="Anna <b>A</b>")
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{floor.port}/en/wall")
    expect(page.get_by_label("Password")).to_be_visible()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate("axe.run().then(found => found.violations.map(v => v.id))") == []
    page.get_by_role("link", name="Sign in with Acme ID").click()
    page.get_by_role("link", name="Yes, it is me").click()
    has(page, "wall-team-service-talk-share", "0.42")
    page.goto(f"http://127.0.0.1:{floor.port}/en")
    has(page, "team-service-talk-share", "0.42")
    expect(page.get_by_text("Signed in as Anna <b>A</b>")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    context.close()


def test_without_local_users_the_provider_is_the_only_way(
    tmp_path: Path, identity: Identity
) -> None:
    port = free_port()
    config = tmp_path / "floor.toml"
    (tmp_path / "secret").write_text(SECRET)
    config.write_text(
        f"[broker]\nport = {free_port()}\n[page]\nport = {port}\n"
        + identity.settings(f"http://127.0.0.1:{port}", "secret")
    )
    identity.honest(groups=["it"])
    with child("page", config) as running:
        await_line(running, "trying again")
        await_port(port)
        traveller = Traveller(port, identity)
        assert traveller.ask("/en")[1]["Location"] == "/en/login?then=/en"
        _, _, text = traveller.ask("/en/login?then=/en")
        assert "Sign in with Acme ID" in text
        assert "password" not in text
        given = {"form": traveller.cookies[gate.FORM], "name": "anna", "password": PASSWORD}
        assert traveller.ask("/en/login", given)[0] == 403
        assert traveller.travel()[1]["Location"] == "/en/devices"
