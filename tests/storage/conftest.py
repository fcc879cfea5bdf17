"""A store of the local cloud, directly and through a proxy that breaks things."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.storage.faulty_proxy import FaultyProxy
from tests.storage.tools import MIB, credentials_of
from tui.clock import FrozenClock
from tui.localcloud import CloudInfo, LocalCloud
from tui.storage.client import ObjectStore


@pytest.fixture(scope="session")
def info(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudInfo]:
    """One local cloud for all: its objects do not disturb each other."""
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud.info


@pytest.fixture
def clock() -> FrozenClock:
    """The time by which retries wait: it passes at once, and tells how long it was."""
    return FrozenClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
async def store(info: CloudInfo, clock: FrozenClock) -> AsyncIterator[ObjectStore]:
    store = ObjectStore(info.tos_endpoint, info.region, credentials_of(info), clock=clock)
    yield store
    await store.close()


@pytest.fixture
def proxy(info: CloudInfo) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy(int(info.tos_endpoint.rsplit(":", 1)[1]))
    yield proxy
    proxy.close()


@pytest.fixture
async def shaky(info: CloudInfo, proxy: FaultyProxy, clock: FrozenClock) -> AsyncIterator[ObjectStore]:
    """The store, reached through the proxy."""
    store = ObjectStore(proxy.endpoint, info.region, credentials_of(info), clock=clock)
    yield store
    await store.close()


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """An object key of the test's own."""
    return f"tests/{request.node.name}/input.jsonl"


@pytest.fixture(scope="session")
def big_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 MiB that no compression, repetition or zero-filling could make by accident: three parts."""
    path = tmp_path_factory.mktemp("source") / "big.jsonl"
    path.write_bytes(random.Random(7).randbytes(40 * MIB))
    return path
