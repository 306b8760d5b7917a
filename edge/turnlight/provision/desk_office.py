"""The site's side of enrolment: a code and a signing request in, a grant out. No network here."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus

import msgspec

from turnlight.provision import invitations
from turnlight.provision.authority import requested_key
from turnlight.provision.batch import Wanted, refuse_taken
from turnlight.provision.code import code, new_secret
from turnlight.provision.desks import grant
from turnlight.provision.grant import Grant
from turnlight.provision.site import Site
from turnlight.provision.throttle import Throttle
from turnlight.provision.trouble import ProvisionError

WRONG_MOST, WRONG_IN_ALL, WRONG_PER_S = 5, 60, 60.0


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a desk sends."""

    secret: str
    request: str
    """Signing request in PEM. Only its public key counts."""


class Refused(Exception):
    """No grant; one sentence, and the HTTP status."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Invited(msgspec.Struct, frozen=True):
    """A row of what was invited."""

    device: str
    team: str
    code: str
    ends: str
    """Until when the code works, as 2027-01-31T12:00:00+00:00."""


class DeskOffice:
    """Invites desks, and lets in those that were."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._file = site.folder / "authority" / "invitations.json"
        self._throttle = Throttle(WRONG_MOST, WRONG_IN_ALL, WRONG_PER_S)
        self._lock = threading.Lock()

    def invite(self, wanted: Sequence[Wanted], now: datetime, hours: float) -> list[Invited]:
        """A code for each desk; none at all when one of them has a certificate.

        Raises:
            ProvisionError: it has, or a name comes twice.
        """
        ends = now + timedelta(hours=hours)
        ca = self._site.ca_file.read_text()
        with self._site.changing():
            refuse_taken(wanted, self._site.register())
            opened, rows = invitations.load(self._file), []
            for one in wanted:
                secret = new_secret()
                opened = opened.with_one(secret, one, int(ends.timestamp()))
                rows.append(
                    Invited(one.device, one.team, code(secret, ca), ends.isoformat("T", "seconds"))
                )
            invitations.save(self._file, opened)
        return rows

    def invited(self) -> set[str]:
        """Names of the desks with a code that was not used."""
        return {one.desk.device for one in invitations.load(self._file).open}

    def enroll(self, body: bytes, who: str, now: datetime) -> Grant:
        """Let a desk in.

        Args:
            body: an `Asked` in JSON.
            who: its address; too many wrong codes from one, or in all, have to wait.
            now: the time.

        Raises:
            Refused: the request makes no sense, the code is wrong, used or too old, or one of too
                many.
        """
        now_s = now.timestamp()
        with self._lock:
            if self._throttle.closed(who, now_s):
                raise Refused(
                    HTTPStatus.TOO_MANY_REQUESTS, "too many wrong codes; try again in a minute"
                )
            try:
                asked = msgspec.json.decode(body, type=Asked)
                key = requested_key(asked.request.encode())
            except (msgspec.DecodeError, ProvisionError) as error:
                self._throttle.failed(who, now_s)
                raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from None
            with self._site.changing():
                desk, left = invitations.load(self._file).take(asked.secret, now_s)
                if desk is None:
                    self._throttle.failed(who, now_s)
                    raise Refused(
                        HTTPStatus.FORBIDDEN,
                        "this code is wrong, used or too old; get a new one from "
                        "`turnlight provision invite`",
                    )
                # used up before anything is given for it
                invitations.save(self._file, left)
                try:
                    refuse_taken([desk], self._site.register())
                except ProvisionError as error:
                    raise Refused(HTTPStatus.CONFLICT, str(error)) from None
                return grant(self._site, desk, key, now)
