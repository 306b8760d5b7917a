"""The desk's side of enrolment. The key is made here and stays here; only the request leaves.

It needs the program openssl and no package, since a desk should carry little.
"""

from __future__ import annotations

import http.client
import ssl
import subprocess
import tempfile
from pathlib import Path

import msgspec

from turnlight.provision.code import fingerprint, split
from turnlight.provision.grant import Grant
from turnlight.provision.trouble import ProvisionError, why

_PATIENCE_S = 30.0
_BIGGEST = 65_536


def enroll(host: str, port: int, code: str, folder: Path) -> tuple[Grant, bytes]:
    """What the site grants for this code, and the key that was made for it.

    Args:
        host: the enrolment server, by a name or address that is in its certificate.
        port: its port.
        code: as `turnlight provision invite` printed it.
        folder: where the key may be made.

    Raises:
        ProvisionError: the server is not there or not the one of this code, or it refuses.
    """
    secret, expected = split(code)
    ca = _authority(host, port, expected)
    request, key = _key_and_request(folder)
    body = msgspec.json.encode({"secret": secret, "request": request})
    trusted = ssl.create_default_context(cadata=ca)
    status, answer = _ask(host, port, trusted, "POST", "/enroll", body)
    if status != http.client.OK:
        raise ProvisionError(f"{host}:{port}: {_error(answer, status)}")
    try:
        granted = msgspec.json.decode(answer, type=Grant)
    except msgspec.DecodeError:
        raise ProvisionError(
            f"{host}:{port}: answers what this version does not understand; are both of one "
            "version?"
        ) from None
    return granted, key


def _authority(host: str, port: int, expected: str) -> str:
    """The authority's certificate, from a server not yet trusted, checked by the code."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    status, answer = _ask(host, port, blind, "GET", "/ca", b"")
    try:
        ca = answer.decode("ascii")
        known = status == http.client.OK and fingerprint(ca) == expected
    except ValueError:
        known = False
    if not known:
        raise ProvisionError(
            f"{host}:{port}: is not the site that this code is from; check code and server, and "
            "who is in between"
        )
    return ca


def _key_and_request(folder: Path) -> tuple[str, bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    # for its owner alone, and on the disk on which the key will stay
    with tempfile.TemporaryDirectory(dir=folder, prefix=".enroll-") as place:
        key = Path(place) / "key"
        try:
            made = subprocess.run(
                [
                    *("openssl", "req", "-new", "-newkey", "ec", "-nodes", "-batch"),
                    *("-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=desk"),
                    *("-keyout", str(key)),
                ],
                capture_output=True,
                text=True,
                check=True,
            )
        except FileNotFoundError:
            raise ProvisionError(
                "openssl is not installed; run `apt-get install openssl`"
            ) from None
        except subprocess.CalledProcessError as error:
            raise ProvisionError(f"openssl cannot make a key: {error.stderr.strip()}") from None
        return made.stdout, key.read_bytes()


def _ask(
    host: str, port: int, context: ssl.SSLContext, method: str, path: str, body: bytes
) -> tuple[int, bytes]:
    link = http.client.HTTPSConnection(host, port, timeout=_PATIENCE_S, context=context)
    try:
        link.request(method, path, body)
        answer = link.getresponse()
        return answer.status, answer.read(_BIGGEST)
    except ssl.SSLCertVerificationError as error:
        raise ProvisionError(
            f"{host}:{port}: its certificate does not hold ({error.verify_message}); call it with "
            "--server by one of the hosts in the site's site.toml, and see that the clock is right"
        ) from None
    except OSError as error:
        raise ProvisionError(f"{host}:{port}: {why(error)}") from None
    except http.client.HTTPException as error:
        raise ProvisionError(
            f"{host}:{port}: is no enrolment server ({type(error).__name__}); is the port right?"
        ) from None
    finally:
        link.close()


def _error(answer: bytes, status: int) -> str:
    try:
        return msgspec.json.decode(answer, type=dict[str, str])["error"]
    except (msgspec.DecodeError, KeyError):
        return f"it refuses with status {status}"
