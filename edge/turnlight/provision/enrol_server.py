"""The enrolment server: the desk office behind HTTPS, for as long as desks are being set up.

GET /ca gives the authority's certificate, POST /enroll takes a code and a signing request.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from turnlight.provision.desk_office import DeskOffice, Refused
from turnlight.provision.site import Site
from turnlight.provision.trouble import ProvisionError

PORT = 8884
_BIGGEST = 8192
"""Bytes of a request's body."""
_PATIENCE_S = 15.0
_AT_ONCE = 32


class EnrolServer(ThreadingHTTPServer):
    """Listens from the start; `serve_forever` answers.

    Args:
        site: whose desks may enroll.
        bind: address to listen at.
        port: 0 takes a free one; see `server_port`.
        said: called with one line for each desk that was let in or refused.

    Raises:
        ProvisionError: the port is taken, or the broker's key cannot be read.
    """

    daemon_threads = True

    def __init__(self, site: Site, bind: str, port: int, said: Callable[[str], None]) -> None:
        self.office, self.said = DeskOffice(site), said
        self.ca = site.ca_file.read_bytes()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        broker = site.folder / "broker"
        try:
            # the broker's own certificate: the same machine, the same names
            self.context.load_cert_chain(broker / "broker.crt", broker / "broker.key")
            super().__init__((bind, port), _Handler)
        except OSError as error:
            raise ProvisionError(
                f"cannot serve at {bind}:{port} ({error.strerror or error}); is the port free, and "
                "may this user read broker/broker.key?"
            ) from None

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; when too many are open, hang up."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the place back in any case."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, _request: Any, client_address: Any) -> None:
        """A visitor who broke off is no event; the next one is answered."""
        self.said(f"{client_address[0]}: the connection broke off")


class _Handler(BaseHTTPRequestHandler):
    server: EnrolServer
    server_version = "turnlight"
    sys_version = ""

    def setup(self) -> None:
        # here, in the visitor's own thread, so that a slow handshake holds up nobody
        raw: socket.socket = self.request
        raw.settimeout(_PATIENCE_S)
        self.request = self.server.context.wrap_socket(raw, server_side=True)
        super().setup()

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.request.close()

    def do_GET(self) -> None:
        if self.path == "/ca":
            self._answer(HTTPStatus.OK, self.server.ca, "application/x-pem-file")
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is /ca and /enroll")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != "/enroll":
            self._refuse(HTTPStatus.NOT_FOUND, "there is /ca and /enroll")
        elif not length.isdecimal() or int(length) > _BIGGEST:
            self._refuse(HTTPStatus.BAD_REQUEST, f"a request has at most {_BIGGEST} bytes")
        else:
            self._enroll(self.rfile.read(int(length)))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing for each request; see `said`."""

    def _enroll(self, body: bytes) -> None:
        who = str(self.client_address[0])
        try:
            given = self.server.office.enroll(body, who, datetime.now(UTC))
        except Refused as error:
            self.server.said(f"{who}: refused: {error}")
            self._refuse(error.status, str(error))
            return
        self.server.said(f"{who}: {given.device} of team {given.team} enrolled")
        self._answer(HTTPStatus.OK, msgspec.json.encode(given), "application/json")

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        self._answer(status, json.dumps({"error": sentence}).encode(), "application/json")

    def _answer(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
