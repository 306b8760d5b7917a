"""Mosquitto's configuration: certificates on both sides, an access list, limits, no anonymity."""

from __future__ import annotations

from pathlib import Path

CONNECTIONS = 2000
QUEUED = 400_000
"""Messages kept for the aggregator while it is away: a day of a hundred busy desks."""


def broker_config(folder: Path, *, bind: str, port: int, state: str) -> str:
    """The configuration file.

    The key's path is relative: the unit starts Mosquitto in a folder with a private copy of it.

    Args:
        folder: where the access list and the list of revoked certificates are read again.
        bind: address to listen at; empty is every one.
        port: of the one listener.
        state: folder for what is retained and queued.
    """
    return f"""\
# Made by `turnlight provision site`; changes here are overwritten.
listener {port}{" " + bind if bind else ""}

# Both sides show a certificate, and its common name is the user. Nobody else gets in.
cafile ca.crt
certfile broker.crt
keyfile broker.key
crlfile {folder}/crl.pem
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {folder}/acl

# Without this an acknowledgement can wait 40 ms and more.
set_tcp_nodelay true

# A window has about 700 bytes and the largest aggregate some 3000.
max_packet_size 65536
max_connections {CONNECTIONS}
max_inflight_messages 100
max_queued_messages {QUEUED}
max_keepalive 3600
persistent_client_expiration 2d

# What is retained, and what waits for the aggregator while it is away.
persistence true
persistence_location {state}/
autosave_interval 60

# Who connects and who is refused; never a payload, and no topic.
log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages true
"""
