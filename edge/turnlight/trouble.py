"""What can go wrong between a desk and its broker, in one sentence each with the remedy."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # the command line names these errors, and its help waits for no network library
    from paho.mqtt.reasoncodes import ReasonCode

NO_ANSWER = (
    "no answer to CONNECT; is it an MQTT broker, "
    "and does it want uplink.tls or a certificate (uplink.cert_file)?"
)
"""Under TLS 1.3 a missing client certificate looks like this, too."""

LOST = "the connection was lost; if that repeats, another desk may have the same desk.device"
"""Not every broker tells the one it cuts off that another connected under its name."""

_REMEDIES = {
    "Bad user name or password": "set uplink.username and uplink.password_file to what it knows",
    "Not authorized": "let this desk's user connect in the broker's access list, "
    "or set uplink.username, uplink.password_file or uplink.cert_file",
    "Session taken over": "another desk connected under this name; give each its own desk.device",
}


class LinkError(Exception):
    """A connection failed or ended; the text says why and what to do."""


def refusal(what: str, reason: ReasonCode) -> LinkError:
    """The broker gave a reason."""
    remedy = _REMEDIES.get(str(reason), "see the broker's log")
    return LinkError(f"{what} ({reason}): {remedy}")


def why(error: OSError) -> str:
    """No connection came about."""
    match error:
        case ConnectionRefusedError():
            return "connection refused; is the broker running, and is uplink.port its port?"
        case socket.gaierror():
            return "the name cannot be resolved; is uplink.host right, and is there a network?"
        case ssl.SSLCertVerificationError():
            return (
                f"its certificate is not trusted ({error.verify_message}); set uplink.ca_file to "
                "the authority that signed it and uplink.host to the name in it"
            )
        case ssl.SSLError():
            return f"no TLS with it ({error.reason}); is uplink.port its TLS port?"
        case ConnectionError():
            return "it hung up; is uplink.port its port for what uplink.tls says?"
        case TimeoutError():
            return "no answer; is uplink.host right, and does a firewall let this desk through?"
        case _:
            return error.strerror or str(error)
