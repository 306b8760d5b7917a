"""The page's door: who may pass, signing in and out, and the headers of every answer.

A middleware in front of everything the page serves. What it does not know to be open is closed.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import secrets
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from turnlight_floor import forms, users
from turnlight_floor.sessions import Attempts, Session, Sessions
from turnlight_floor.settings import is_loopback
from turnlight_floor.users import Role, User
from turnlight_floor.words import Words, catalogues, preferred

log = logging.getLogger("turnlight.floor")

SESSION, FORM = "turnlight_session", "turnlight_form"
VIEW = re.compile(rf"/({'|'.join(catalogues())})(?:/(wall|devices))?")
OPEN = re.compile(rf"/(?:{'|'.join(catalogues())})/(?:login|oidc)|/oidc|/page\.css|/favicon\.ico")
BIGGEST_FORM = 4096
POLICY = {
    # NiceGUI compiles its templates in the browser, hence `unsafe-eval`; all comes from here.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
NO_SCRIPT = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'"
NOBODY = users.hashed(secrets.token_urlsafe())
"""Checked for a name that there is not, so that it takes as long."""


class Gate:
    """Users, sessions, and what each role may see.

    Without a single user and without an identity provider when the page starts, it asks nobody to
    sign in; the page then listens on loopback alone.
    """

    def __init__(self, file: Path, lifetime_s: float, language: str, provider: str = "") -> None:
        """Read the users.

        Args:
            file: the users.
            lifetime_s: of a session.
            language: for browsers that ask for none that there is.
            provider: name of the identity provider at which one may sign in as well.

        Raises:
            UsersError: the file is there and cannot be used.
        """
        self._file = file
        self._stamp = self._stamped()
        self._users = users.load(file)
        self.provider = provider
        self.required = bool(self._users) or bool(provider)
        self.language = language
        self.sessions = Sessions(lifetime_s)
        self.attempts = Attempts()
        self._one_hash = asyncio.Semaphore(1)

    def look(self) -> None:
        """Take notice of a changed file: whoever is gone or changed is signed out."""
        stamp = self._stamped()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._users = users.load(self._file)
        except users.UsersError as error:
            log.error("%s; nobody can sign in until then", error)
            self._users = {}
        self.sessions.keep(self._users)

    def session(self, connection: HTTPConnection) -> Session | None:
        """The session that a request belongs to."""
        return self.sessions.find(connection.cookies.get(SESSION, ""), time.time())

    def allows(self, session: Session | None, role: Role | None) -> bool:
        """May this session see what is for `role` (None: for everyone who is signed in)?"""
        if not self.required:
            return True
        return session is not None and (role is None or role in session.user.roles)

    @property
    def local(self) -> bool:
        """Are there users of the page's own?"""
        return bool(self._users)

    async def check(self, name: str, password: str) -> User | None:
        """The user, if the password is right; one at a time, since each takes 32 MiB."""
        self.look()
        known = self._users.get(name)
        async with self._one_hash:
            kept = known.password if known else NOBODY
            right = await asyncio.to_thread(users.matches, password, kept)
        # The file may have changed meanwhile.
        return known if right and self._users.get(name) == known else None

    def words(self, connection: HTTPConnection) -> Words:
        """The language of the path, or else the one that the browser prefers."""
        found = VIEW.match(connection.url.path)
        wish = connection.headers.get("accept-language", "")
        return Words(found[1] if found else preferred(wish, self.language))

    def _stamped(self) -> tuple[int, int] | None:
        try:
            stat = self._file.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino


def role_of(path: str) -> Role | None:
    """Who a path is for; None for everyone who is signed in."""
    found = VIEW.fullmatch(path)
    if found:
        return "it" if found[2] == "devices" else "manager"
    return "manager" if path.startswith("/api/") else None


def home(session: Session | None, code: str) -> str:
    """Where one begins."""
    only_it = session is not None and "manager" not in session.user.roles
    return f"/{code}/devices" if only_it else f"/{code}"


def same_site(connection: HTTPConnection) -> bool:
    """Does a request come from the page itself, as far as the browser tells?"""
    origin = connection.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == connection.headers.get("host")


class Guard:
    """The middleware."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with the headers set."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        refusal = self._refusal(connection)
        if scope["type"] == "websocket":
            if refusal is None and same_site(connection):
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in POLICY.items():
                    headers.setdefault(name, value)
                if connection.url.scheme == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        await (self._app if refusal is None else refusal)(scope, receive, sent)

    def _refusal(self, connection: HTTPConnection) -> Response | None:
        gate, path = self._gate, connection.url.path
        if not gate.required:
            # Nobody signs in, so a foreign name that points to loopback must not get through.
            if not is_loopback(connection.url.hostname or ""):
                return PlainTextResponse("This page is for this machine alone.", 421)
            return None
        if OPEN.fullmatch(path):
            return None
        session = gate.session(connection)
        words = gate.words(connection)
        if session is None:
            if path in ("/", "/logout") or VIEW.fullmatch(path):
                then = f"?then={path}" if VIEW.fullmatch(path) else ""
                return RedirectResponse(f"/{words.code}/login{then}", 303)
            return PlainTextResponse("Sign in first.", 401)
        if not gate.allows(session, role_of(path)):
            return _plain(forms.not_allowed(words, home(session, words.code)), 403)
        return None


def add_routes(app: FastAPI, gate: Gate) -> None:
    """Signing in and out."""

    @app.get("/{code}/login")
    async def ask(request: Request) -> Response:
        return form(gate, request, request.query_params.get("then", ""))

    @app.post("/{code}/login")
    async def enter(request: Request) -> Response:
        words, now_s = gate.words(request), time.time()
        given = await _fields(request)
        then = given.get("then", "")
        token = request.cookies.get(FORM, "")
        if not (same_site(request) and token and _equal(token, given.get("form", ""))):
            return form(gate, request, then, words("expired"), 403)
        name, address = given.get("name", "")[:64], request.client.host if request.client else ""
        if waits := too_many(gate, request, name, words, then):
            return waits
        # Counted before it is known, so that many at once count too.
        gate.attempts.failed(address, name, now_s)
        user = await gate.check(name, given.get("password", ""))
        if user is None:
            log.warning("sign-in failed from %s", address)
            return form(gate, request, then, words("wrong"), 403)
        gate.attempts.cleared(address, name)
        return entered(gate, request, user, then, words.code, local=True)

    @app.post("/logout")
    async def leave(request: Request) -> Response:
        session, given = gate.session(request), await _fields(request)
        if session and same_site(request) and _equal(session.form, given.get("form", "")):
            gate.sessions.close(request.cookies.get(SESSION, ""))
        return RedirectResponse("/", 303)

    @app.get("/")
    async def begin(request: Request) -> Response:
        return RedirectResponse(home(gate.session(request), gate.words(request).code), 303)


def entered(
    gate: Gate, request: Request, user: User, then: str, code: str, *, local: bool
) -> Response:
    """Begin a user's session, and go to the view `then`, or to where one begins."""
    now_s = time.time()
    token = gate.sessions.open(user, now_s, local)
    goes = then if VIEW.fullmatch(then) else home(gate.sessions.find(token, now_s), code)
    answer = RedirectResponse(goes, 303, {"Cache-Control": "no-store"})
    cookie(answer, request, SESSION, token, gate.sessions.lifetime_s)
    return answer


def too_many(
    gate: Gate, request: Request, name: str, words: Words, then: str = ""
) -> Response | None:
    """The answer to one who has to wait before trying again, if so."""
    address = request.client.host if request.client else ""
    wait_s = gate.attempts.wait_s(address, name, time.time())
    if wait_s <= 0:
        return None
    fault = words("too-many", wait=words.span(wait_s))
    answer = form(gate, request, then, fault, 429, words)
    answer.headers["Retry-After"] = str(round(wait_s))
    return answer


def form(
    gate: Gate,
    request: Request,
    then: str,
    fault: str = "",
    status: int = 200,
    words: Words | None = None,
) -> Response:
    """The sign-in, with what was wrong."""
    token = request.cookies.get(FORM, "") or secrets.token_urlsafe(32)
    said = words or gate.words(request)
    text = forms.sign_in(said, token, then, fault, gate.local, gate.provider)
    answer = _plain(text, status)
    cookie(answer, request, FORM, token)
    return answer


def _plain(text: str, status: int) -> Response:
    headers = {"Content-Security-Policy": NO_SCRIPT, "Cache-Control": "no-store"}
    return HTMLResponse(text, status, headers)


async def _fields(request: Request) -> dict[str, str]:
    """A form's fields; none of one that is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BIGGEST_FORM:
            return {}
    return {name: values[0] for name, values in parse_qs(body.decode("latin-1")).items()}


def cookie(
    answer: Response, request: Request, name: str, value: str, age_s: float | None = None
) -> None:
    """Set a cookie that no script reads and that stays on TLS; without an age for one sitting."""
    answer.set_cookie(
        name,
        value,
        max_age=None if age_s is None else round(age_s),
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
