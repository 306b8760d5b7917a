"""An OpenID Connect provider: its own server, its own key, and the lies it can be told to tell."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "lamps", "a secret: of its own + more"

Claims = dict[str, Any]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Key:
    """An RSA key with a name."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def public(self) -> dict[str, str]:
        numbers = self._key.public_key().public_numbers()
        n, e = (b64(v.to_bytes((v.bit_length() + 7) // 8, "big")) for v in (numbers.n, numbers.e))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": n, "e": e}

    def sign(self, claims: Claims) -> str:
        text = parts({"alg": "RS256", "kid": self.kid, "typ": "JWT"}, claims)
        made = self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{b64(made)}"


def parts(header: dict[str, str], claims: Claims) -> str:
    return ".".join(b64(json.dumps(one).encode()) for one in (header, claims))


def unsigned(claims: Claims) -> str:
    return parts({"alg": "none", "typ": "JWT"}, claims) + "."


def signed_with_the_secret(claims: Claims, secret: str = SECRET) -> str:
    """HS256: whoever knows the client's secret could make it."""
    text = parts({"alg": "HS256", "typ": "JWT"}, claims)
    return f"{text}.{b64(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


class Identity:
    """The provider. `claims` are those of whoever signs in; `sign` makes the ID token."""

    def __init__(self) -> None:
        self.key = Key("one")
        self.claims: Claims = {}
        self.sign: Callable[[Claims], str] = self.key.sign
        self.redeemed: list[str] = []
        """Every code that was redeemed, or tried to be."""
        self.asked: list[dict[str, str]] = []
        """What browsers were sent here with."""
        self._codes: dict[str, dict[str, str]] = {}
        identity = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                identity._get(self)

            def do_POST(self) -> None:
                identity._post(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/realm"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def honest(self, **claims: Any) -> None:
        """From now on it vouches for one with these claims, truly."""
        self.claims = claims
        self.sign = self.key.sign

    def settings(self, page_url: str, secret_file: str = "") -> str:
        """The page's settings for it."""
        return (
            f'[page.oidc]\nname = "Acme ID"\nissuer = "{self.issuer}"\nclient_id = "{CLIENT}"\n'
            f'url = "{page_url}"\nclient_secret_file = "{secret_file}"\n'
            'manager = ["floor-managers", "directors"]\nit = ["it"]\n'
        )

    def authorize(self, asked: dict[str, str]) -> str:
        """Somebody agrees: where the browser is sent."""
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def __enter__(self) -> Identity:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        at = urlsplit(request.path)
        if at.path == "/realm/.well-known/openid-configuration":
            reply(
                request,
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                    "response_types_supported": ["code"],
                    "authorization_response_iss_parameter_supported": True,
                },
            )
        elif at.path == "/realm/keys":
            reply(request, {"keys": [self.key.public()]})
        elif at.path == "/realm/authorize":
            asked = fields(at.query)
            self.asked.append(asked)
            goes = self.authorize(asked).replace("&", "&amp;")
            page = f'<!doctype html><title>Acme ID</title><a href="{goes}">Yes, it is me</a>'
            request.send_response(200)
            request.send_header("Content-Type", "text/html")
            request.end_headers()
            request.wfile.write(page.encode())
        else:
            reply(request, {"error": "not found"}, 404)

    def _post(self, request: BaseHTTPRequestHandler) -> None:
        """The token endpoint, as strict as the standard asks."""
        given = fields(request.rfile.read(int(request.headers["Content-Length"])).decode())
        code = given.get("code", "")
        self.redeemed.append(code)
        asked = self._codes.pop(code, None)
        _, _, pair = request.headers.get("Authorization", "").partition("Basic ")
        name, _, secret = base64.b64decode(pair).decode().partition(":")
        proof = b64(hashlib.sha256(given.get("code_verifier", "").encode()).digest())
        right = (
            asked is not None
            and (unquote_plus(name), unquote_plus(secret)) == (CLIENT, SECRET)
            and asked["code_challenge_method"] == "S256"
            and proof == asked["code_challenge"]
            and given["redirect_uri"] == asked["redirect_uri"]
            and given["grant_type"] == "authorization_code"
        )
        if not right:
            reply(request, {"error": "invalid_grant"}, 400)
            return
        assert asked is not None
        now_s = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "4711",
            "aud": CLIENT,
            "exp": now_s + 300,
            "iat": now_s,
            "nonce": asked["nonce"],
            "preferred_username": "anna",
            **self.claims,
        }
        token = self.sign({name: value for name, value in claims.items() if value is not None})
        reply(request, {"access_token": "x", "token_type": "Bearer", "id_token": token})


def fields(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def reply(request: BaseHTTPRequestHandler, told: dict[str, Any], status: int = 200) -> None:
    body = json.dumps(told).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
