"""Fixtures that several files share: broker, its listeners and desks; a database; the stages."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.chromium import CHROMIUM, chromium
from broker import Broker, Subscriber
from desk import DESK, Desk, MakeDesk
from postgres_server import PostgresServer, programs
from stages import compiled
from turnlight.config import DeskSettings

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[MakeDesk]:
    desks: list[Desk] = []

    def make(port: int, desk: DeskSettings = DESK, **settings: object) -> Desk:
        desks.append(Desk(tmp_path, Broker.host, port, desk, **settings))
        return desks[-1]

    yield make
    for desk in desks:
        if desk.uplink.alive:
            desk.uplink.stop()
        desk.outbox.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path) as running:
        yield running


@pytest.fixture
def floor(broker: Broker) -> Iterator[Subscriber]:
    with Subscriber(broker) as subscriber:
        yield subscriber


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    if programs() is None:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt install chromium")
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The stages one by one; a Q operation that loses a bit traps."""
    return compiled(tmp_path_factory.mktemp("stages"), "-DTL_CHECKED")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)
