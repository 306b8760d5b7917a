"""The way to the identity provider and back, as the browser goes it."""

from __future__ import annotations

import logging
import re
import secrets
import time

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from turnlight_floor import gate as door
from turnlight_floor.gate import VIEW, Gate
from turnlight_floor.oidc import PATH, WAYS_S, OidcError, Provider
from turnlight_floor.words import Words

log = logging.getLogger("turnlight.floor")

BROWSER = "turnlight_oidc"
MADE_HERE = re.compile(r"[\w-]{43}")


def address_of(request: Request) -> str:
    """The address that a request comes from."""
    return request.client.host if request.client else ""


def attempt(request: Request) -> str:
    """What stands for the name in counting attempts: who comes back has told none yet."""
    return f"{PATH} {address_of(request)}"


def add_routes(app: FastAPI, gate: Gate, provider: Provider) -> None:
    """To the provider, and back from it."""

    def refused(request: Request, error: OidcError, words: Words) -> Response:
        where = address_of(request)
        log.warning("sign-in at the identity provider failed from %s: %s", where, error)
        status = 503 if error.words == "oidc-away" else 403
        return door.form(gate, request, "", words(error.words), status, words)

    @app.get("/{code}" + PATH)
    async def leave(request: Request) -> Response:
        words = gate.words(request)
        if waits := door.too_many(gate, request, attempt(request), words):
            return waits
        then = request.query_params.get("then", "")
        browser = request.cookies.get(BROWSER, "")
        if not MADE_HERE.fullmatch(browser):
            browser = secrets.token_urlsafe(32)
        try:
            goes = await provider.leave(browser, then if VIEW.fullmatch(then) else "", words.code)
        except OidcError as error:
            return refused(request, error, words)
        answer = RedirectResponse(goes, 303, {"Cache-Control": "no-store"})
        door.cookie(answer, request, BROWSER, browser, WAYS_S)
        return answer

    @app.get(PATH)
    async def back(request: Request) -> Response:
        words, now_s = gate.words(request), time.time()
        if waits := door.too_many(gate, request, attempt(request), words):
            return waits
        address = address_of(request)
        given = dict(request.query_params)
        try:
            way = provider.ways.end(given.get("state", ""), request.cookies.get(BROWSER, ""), now_s)
            words = Words(way.code)
            user = await provider.vouch(way, given)
        except OidcError as error:
            if error.words != "oidc-away":
                gate.attempts.failed(address, attempt(request), now_s)
            return refused(request, error, words)
        gate.attempts.cleared(address, attempt(request))
        return door.entered(gate, request, user, way.then, way.code, local=False)
