"""Signing in at an identity provider: OpenID Connect, the authorization code flow with PKCE.

What the tokens and keys of the protocol ask for is Authlib's; here stand the order of the steps
and what is believed. The provider is spoken to from this process alone, by the addresses of its
own discovery document, so that an identity provider on site needs no internet.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import httpx
import msgspec
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from turnlight_floor.settings import OidcSettings, is_guarded, read
from turnlight_floor.users import ROLES, User

PATH = "/oidc"
"""Where the provider sends the browser back to."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures with a key pair: never `none`, never a secret that is shared."""
WAYS_S = 600
"""How long one may take to sign in at the provider."""
MOST_WAYS = 10_000
"""Who is on the way at once; a flood pushes out the oldest."""
KNOWN_S = 3600
"""How long the discovery document and the keys are believed."""
KEYS_AGAIN_S = 30
"""A key that is not known is asked for no more often."""
ANSWER_S = 10
LEEWAY_S = 60
"""By so much the provider's clock may differ."""
BIGGEST_ANSWER = 1_000_000


class OidcError(Exception):
    """Somebody was not signed in; the text is for the log and holds no token and no secret."""

    words = "oidc-failed"
    """What the page says."""


class AwayError(OidcError):
    """The provider does not answer, or not as one."""

    words = "oidc-away"


class NoRoleError(OidcError):
    """The provider vouches for the person, who has no role here."""

    words = "oidc-no-role"


class Discovered(msgspec.Struct, frozen=True):
    """What is needed of the provider's discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


@dataclass(frozen=True)
class Way:
    """Somebody on the way to the provider and back."""

    browser: str
    """Hash of a cookie: the browser that went is the one that must come back."""
    nonce: str
    verifier: str
    then: str
    code: str
    """The language."""
    until_s: float


class Ways:
    """All who are on the way. Pure: time is an argument. Each comes back at most once."""

    def __init__(self) -> None:
        self._open: dict[str, Way] = {}

    def begin(self, browser: str, then: str, code: str, now_s: float) -> tuple[str, Way]:
        """Somebody leaves for the provider: the state that must come back, and what is kept."""
        state = secrets.token_urlsafe(32)
        way = Way(
            browser=_hash(browser),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(64),
            then=then,
            code=code,
            until_s=now_s + WAYS_S,
        )
        self._open[_hash(state)] = way
        while len(self._open) > MOST_WAYS:
            del self._open[next(iter(self._open))]
        return state, way

    def end(self, state: str, browser: str, now_s: float) -> Way:
        """Somebody is back.

        Raises:
            OidcError: nobody left with this state from this browser, or too long ago, or they
                are back already.
        """
        way = self._open.get(_hash(state))
        if way is None or not browser or not hmac.compare_digest(way.browser, _hash(browser)):
            # A stranger who knows the state must not end another's way.
            raise OidcError("a state that is not this browser's, or that has come back before")
        del self._open[_hash(state)]
        if way.until_s <= now_s:
            raise OidcError("took too long at the provider")
        return way


class Provider:
    """One identity provider, as its client."""

    def __init__(self, settings: OidcSettings) -> None:
        """Read the secret and the authority; nothing is fetched until somebody signs in.

        Raises:
            SettingsError: a file cannot be read.
        """
        self.settings = settings
        self.ways = Ways()
        file = settings.client_secret_file
        self._secret = read(Path(file)).strip() if file else ""
        if settings.ca_file:
            read(Path(settings.ca_file))
        self._tls = ssl.create_default_context(cafile=settings.ca_file or None)
        self._back = settings.url.rstrip("/") + PATH
        self._found: Discovered | None = None
        self._found_s = float("-inf")
        self._keys: KeySet | None = None
        self._keys_s = float("-inf")

    async def leave(self, browser: str, then: str, code: str) -> str:
        """The address at the provider to which a browser is sent.

        Raises:
            AwayError: the provider does not answer.
        """
        found = await self._discover()
        state, way = self.ways.begin(browser, then, code, time.time())
        return str(
            prepare_grant_uri(
                found.authorization_endpoint,
                self.settings.client_id,
                "code",
                redirect_uri=self._back,
                scope=self.settings.scope,
                state=state,
                nonce=way.nonce,
                code_challenge=create_s256_code_challenge(way.verifier),
                code_challenge_method="S256",
            )
        )

    async def vouch(self, way: Way, answer: Mapping[str, str]) -> User:
        """Who is back, by the provider's answer in the address.

        Raises:
            OidcError: the provider refused, or what it says does not hold.
            AwayError: it does not answer.
            NoRoleError: it vouches for one who has no role here.
        """
        found = await self._discover()
        issuer = answer.get("iss")
        if issuer is None and found.authorization_response_iss_parameter_supported:
            raise OidcError("the answer does not say which provider it is of")
        if issuer not in (None, found.issuer):
            raise OidcError("the answer is another provider's")
        if "error" in answer or not answer.get("code"):
            raise OidcError(f"the provider refused: {answer.get('error', 'no code')[:64]!r}")
        told = await self._redeem(found, answer["code"], way.verifier)
        claims = await self._checked(found, told, way.nonce)
        return user(claims, self.settings)

    async def _discover(self) -> Discovered:
        if self._found is None or time.monotonic() - self._found_s > KNOWN_S:
            issuer = self.settings.issuer
            at = issuer.rstrip("/") + "/.well-known/openid-configuration"
            try:
                found = msgspec.convert(await self._ask("GET", at), Discovered)
            except msgspec.ValidationError as error:
                raise AwayError(f"{at}: not a discovery document ({error})") from None
            if found.issuer != issuer:
                raise AwayError(
                    f"{at} is of the issuer {found.issuer!r}; "
                    "set `issuer` under [page.oidc] to exactly that, if it is yours"
                )
            for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                if not is_guarded(url):
                    raise AwayError(f"{at} names {url!r}, which is not https")
            self._found, self._found_s = found, time.monotonic()
        return self._found

    async def _redeem(self, found: Discovered, code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": verifier,
        }
        headers = {}
        name = self.settings.client_id
        if self._secret and "client_secret_basic" in found.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(name)}:{quote_plus(self._secret)}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        elif self._secret:
            form |= {"client_id": name, "client_secret": self._secret}
        else:
            form["client_id"] = name
        return await self._ask("POST", found.token_endpoint, data=form, headers=headers)

    async def _checked(self, found: Discovered, told: dict[str, Any], nonce: str) -> Any:
        """The claims of the ID token, once everything about it holds."""
        text = told.get("id_token")
        if not isinstance(text, str):
            raise OidcError("the provider gave no ID token; is `openid` in `scope`?")
        try:
            token = await self._signed(found, text)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": found.issuer},
                    "aud": {"essential": True, "value": self.settings.client_id},
                },
                {
                    "nonce": nonce,
                    "client_id": self.settings.client_id,
                    "access_token": told.get("access_token"),
                },
            )
            claims.validate(now=int(time.time()), leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise OidcError(f"the ID token does not hold: {error}") from None
        return claims

    async def _signed(self, found: Discovered, text: str) -> jwt.Token:
        try:
            return jwt.decode(text, await self._key_set(found, KNOWN_S), list(ALGORITHMS))
        except InvalidKeyIdError:
            # Providers change their keys; one that is not known may be the newest.
            return jwt.decode(text, await self._key_set(found, KEYS_AGAIN_S), list(ALGORITHMS))

    async def _key_set(self, found: Discovered, age_s: float) -> KeySet:
        if self._keys is None or time.monotonic() - self._keys_s > age_s:
            told = await self._ask("GET", found.jwks_uri)
            try:
                # A key of another use, or of a kind that is not known here, signs no ID token.
                fit = [
                    key
                    for key in told["keys"]
                    if key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
                ]
                self._keys = KeySet.import_key_set({"keys": fit})
            except (JoseError, KeyError, TypeError, ValueError, AttributeError):
                raise AwayError(f"{found.jwks_uri}: not a set of keys") from None
            self._keys_s = time.monotonic()
        return self._keys

    async def _ask(self, method: str, url: str, **sent: Any) -> dict[str, Any]:
        """One answer in JSON.

        Raises:
            AwayError: there is none.
            OidcError: it is a refusal.
        """
        try:
            async with (
                httpx.AsyncClient(verify=self._tls, timeout=ANSWER_S) as client,
                client.stream(method, url, **sent) as answer,
            ):
                text = b""
                async for chunk in answer.aiter_bytes():
                    text += chunk
                    if len(text) > BIGGEST_ANSWER:
                        raise AwayError(f"{url}: the answer is too large")
                if 400 <= answer.status_code < 500 and method == "POST":
                    raise OidcError(f"{url} refused the code with {answer.status_code}")
                if answer.status_code != 200:
                    raise AwayError(f"{url} answered {answer.status_code}")
                return msgspec.json.decode(text, type=dict[str, Any])
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise AwayError(f"{url} does not answer: {why}") from None
        except msgspec.MsgspecError:
            raise AwayError(f"{url}: the answer is not JSON") from None


def user(claims: Mapping[str, Any], settings: OidcSettings) -> User:
    """The one whom the claims describe, with the roles that they give here.

    Raises:
        NoRoleError: they give none.
    """
    name = claims.get(settings.name_claim) or claims["sub"]
    said = _named(claims, settings.roles_claim)
    given = {said} if isinstance(said, str) else set(said) if _are_names(said) else set()
    meant: dict[str, Sequence[str]] = {"manager": settings.manager, "it": settings.it}
    roles = tuple(role for role in ROLES if given.intersection(meant[role]))
    if not roles:
        raise NoRoleError(
            f"{str(name)[:64]!r} has no role: the claim `{settings.roles_claim}` holds none of "
            "what `manager` and `it` under [page.oidc] name"
        )
    return User(str(name)[:64], roles, "")


def _named(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of that name; `realm_access.roles` may be `roles` inside `realm_access`."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _are_names(said: Any) -> bool:
    return isinstance(said, list) and all(isinstance(one, str) for one in said)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
