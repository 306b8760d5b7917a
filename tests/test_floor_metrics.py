from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from broker import Broker
from floor_feed import Publisher, await_line, child, end
from turnlight.messages import window_topic
from turnlight.mosquitto import free_port
from turnlight_floor.metrics import MetricsServer, exposition
from turnlight_floor.settings import MetricsSettings


def test_the_text_is_what_prometheus_reads() -> None:
    text = exposition({"received_total": 3, "refused_total": {"late": 2, "bad team": 1}})
    assert text == (
        "# HELP turnlight_floor_received_total Messages of the window feed.\n"
        "# TYPE turnlight_floor_received_total counter\n"
        "turnlight_floor_received_total 3\n"
        "# HELP turnlight_floor_refused_total Messages that were refused, by reason.\n"
        "# TYPE turnlight_floor_refused_total counter\n"
        'turnlight_floor_refused_total{reason="late"} 2\n'
        'turnlight_floor_refused_total{reason="bad team"} 1\n'
    )


def test_only_metrics_are_served_and_only_while_it_runs() -> None:
    server = MetricsServer(MetricsSettings(port=free_port()), lambda: {"teams": 2})
    address = f"http://127.0.0.1:{server.port}"
    with urllib.request.urlopen(f"{address}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert b"turnlight_floor_teams 2\n" in answer.read()
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        urllib.request.urlopen(f"{address}/", timeout=10)
    refused.value.close()
    server.stop()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{address}/metrics", timeout=10)


def test_a_running_floor_counts_itself(broker: Broker, tmp_path: Path) -> None:
    config, port = tmp_path / "floor.toml", free_port()
    config.write_text(f"[broker]\nport = {broker.port}\n[metrics]\nport = {port}\n")
    with child("service", config) as running, Publisher(broker.host, broker.port) as desk:
        await_line(running, "connected")
        desk.send(window_topic("home", "service"), b"nonsense")
        await_line(running, "a window is refused")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        assert "turnlight_floor_received_total 1" in lines
        assert "turnlight_floor_broker_up 1" in lines
        code, _, err = end(running)
    assert code == 0, err


def test_a_port_that_is_taken_is_named(broker: Broker, tmp_path: Path) -> None:
    config = tmp_path / "floor.toml"
    config.write_text(f"[metrics]\nport = {broker.port}\n")
    with child("service", config) as running:
        _, err = running.communicate(timeout=60)
    assert running.returncode == 2
    assert f"metrics.port {broker.port} on 127.0.0.1 cannot be used" in err
