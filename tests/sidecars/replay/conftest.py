"""Fixtures of the edge's tests: an exchange in this process, and one in a process of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.sidecars.replay.edge_rig import Edge, RunningExchange, make_app, running_exchange


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    """The exchange of edge_rig behind a client; its streams beat only when the clock jumps."""
    app = make_app()
    async with TestClient(TestServer(app)) as client:
        yield Edge(app, client)


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    """A synthetic market, shared by the tests of a module."""
    with running_exchange(
        "--seed", "7", "--pairs", "BTC/USDT,ETH/USDT", "--start", "now"
    ) as running:
        yield running
        running.process.terminate()
        assert running.process.wait(timeout=10) == 0
