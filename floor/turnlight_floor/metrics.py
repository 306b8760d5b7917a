"""The service's own counters for Prometheus: a text page on a port, nothing about any desk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from turnlight_floor.settings import MetricsSettings

log = logging.getLogger("turnlight.floor")

Samples = Mapping[str, float | Mapping[str, float]]
"""Values by name; those with a reason in a mapping of their own. `_total` ends a counter's name."""

HELP = {
    "received_total": "Messages of the window feed.",
    "accepted_total": "Windows that were counted.",
    "duplicate_total": "Windows that had come before.",
    "refused_total": "Messages that were refused, by reason.",
    "published_total": "Aggregates published.",
    "teams": "Teams of which there were windows today.",
    "pids": "Pids of which there were windows today.",
    "queue_windows": "Messages that wait to be counted.",
    "broker_up": "1 while the broker is connected.",
    "database_up": "1 while the history can be written, as of the last try.",
    "history_waiting_seconds": "How much history waits for the shared database.",
    "look_seconds": "What the last look at all cells took.",
    "save_seconds": "What the last snapshot took.",
}


def exposition(samples: Samples) -> str:
    """The samples in Prometheus' text format, version 0.0.4."""
    lines = []
    for name, value in samples.items():
        full = f"turnlight_floor_{name}"
        kind = "counter" if name.endswith("_total") else "gauge"
        lines += [f"# HELP {full} {HELP[name]}", f"# TYPE {full} {kind}"]
        if isinstance(value, Mapping):
            lines += [f'{full}{{reason="{why}"}} {count:g}' for why, count in value.items()]
        else:
            lines.append(f"{full} {value:.10g}")
    return "\n".join(lines) + "\n"


class MetricsServer:
    """Serves `/metrics` in a thread of its own.

    Args:
        settings: where; nothing happens at port 0.
        samples: gives the present values, called in the server's thread.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, settings: MetricsSettings, samples: Callable[[], Samples]) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:
                found = self.path.partition("?")[0] == "/metrics"
                body = exposition(samples()).encode() if found else b"see /metrics\n"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                log.debug(format, *args)

        self._server = ThreadingHTTPServer((settings.host, settings.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
