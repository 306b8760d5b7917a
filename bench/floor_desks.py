"""Many desks in one process: windows at a steady rate over a few raw MQTT 3.1.1 connections.

    python -m bench.floor_desks PORT RATE SECONDS DESKS TEAMS

A client library would need more of the machine than the floor that is measured, so the packets
are written by hand. Each desk sends a window each DESKS / RATE seconds, also into a broker that
lags. Prints one JSON line: what was sent, acknowledged, and how late the sender itself was.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import threading
import time

from turnlight.messages import Sides, Window, encode, window_topic

CONNECTIONS = 8
TICK_S = 0.01
SITE = "bench"
VARIANTS = 64
BINS = (9, 6, 5)


def text(value: bytes) -> bytes:
    """A length and the bytes."""
    return len(value).to_bytes(2, "big") + value


def packet(kind: int, body: bytes) -> bytes:
    """Fixed header, remaining length, body."""
    length, left = b"", len(body)
    while True:
        left, low = divmod(left, 128)
        length += bytes([low | (128 if left else 0)])
        if not left:
            return bytes([kind]) + length + body


def connected(port: int, name: str) -> socket.socket:
    """A connection that the broker accepted."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(packet(0x10, text(b"MQTT") + b"\x04\x02\x00\x3c" + text(name.encode())))
    answer = sock.recv(4, socket.MSG_WAITALL)
    if answer[3:] != b"\x00":
        sys.exit(f"the broker refuses: {answer.hex()}")
    return sock


def contents(dice: random.Random) -> bytes:
    """A believable window from `agent_ms` on."""
    agent = 100 * dice.randrange(10, 50)
    customer = 100 * dice.randrange(10, 50)
    bins = [tuple(dice.randrange(3) for _ in range(size)) for size in BINS]
    whole = encode(
        Window(
            pid="0" * 16,
            seq=0,
            start_s=0,
            agent_ms=agent,
            customer_ms=customer,
            silence_ms=10_000 - agent - customer,
            interruptions=Sides(dice.randrange(2), dice.randrange(2)),
            backchannels=Sides(dice.randrange(3), 0),
            floor_changes=dice.randrange(5),
            latency_bins=bins[0],
            overlap_bins=bins[1],
            strain_bins=bins[2],
        )
    )
    return whole[whole.index(b'"length_ms"') :]


class Sender:
    """The connections, and the acknowledgements that come back."""

    def __init__(self, port: int) -> None:
        self.acknowledged = 0
        self._socks = [connected(port, f"bench-{n}") for n in range(CONNECTIONS)]
        self._threads = [
            threading.Thread(target=self._listen, args=(sock,), daemon=True) for sock in self._socks
        ]
        for thread in self._threads:
            thread.start()

    def send(self, connection: int, packets: list[bytes]) -> None:
        """Write packets of one connection."""
        self._socks[connection].sendall(b"".join(packets))

    def _listen(self, sock: socket.socket) -> None:
        odd = 0
        while data := sock.recv(65_536):
            count, odd = divmod(odd + len(data), 4)  # a PUBACK has four bytes
            self.acknowledged += count


def main(port: int, rate: int, seconds: float, desks: int, teams: int) -> None:
    """Send, wait for what is not acknowledged yet, and report."""
    dice = random.Random(1)
    rests = [contents(dice) for _ in range(VARIANTS)]
    pids = [f"{dice.getrandbits(64):016x}".encode() for _ in range(desks)]
    topics = [text(window_topic(SITE, f"team-{n}").encode()) for n in range(teams)]
    sender = Sender(port)
    base_s = int(time.time()) // 10 * 10 - 10
    begun_s, sent, late_s = time.monotonic(), 0, 0.0
    while (passed_s := time.monotonic() - begun_s) < seconds:
        due = int(passed_s * rate)
        batches: list[list[bytes]] = [[] for _ in range(CONNECTIONS)]
        for number in range(sent, due):
            seq, desk = divmod(number, desks)
            body = b'{"schema":1,"pid":"%b","seq":%d,"start_s":%d,%b' % (
                pids[desk],
                seq,
                base_s + 10 * seq,
                rests[(desk + seq) % VARIANTS],
            )
            identifier = (number // CONNECTIONS % 65_535 + 1).to_bytes(2, "big")
            batches[number % CONNECTIONS].append(
                packet(0x32, topics[desk % teams] + identifier + body)
            )
        for connection, batch in enumerate(batches):
            if batch:
                sender.send(connection, batch)
        sent = due
        late_s = max(late_s, time.monotonic() - begun_s - passed_s)
        time.sleep(max(0.0, TICK_S - (time.monotonic() - begun_s - passed_s)))
    took_s = time.monotonic() - begun_s
    deadline_s = time.monotonic() + 60
    while sender.acknowledged < sent and time.monotonic() < deadline_s:
        time.sleep(0.01)
    print(
        json.dumps(
            {
                "sent": sent,
                "acknowledged": sender.acknowledged,
                "per_s": sent / took_s,
                "late_s": late_s,
            }
        )
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:6]))
