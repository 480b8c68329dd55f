"""Fixtures of the edge's tests: an exchange in this process, and one in a process of its own."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.sidecars.replay.edge_rig import Edge, make_app

READY = re.compile(r"replay exchange ready at (http://127\.0\.0\.1:\d+), now (\S+), (\d+) pairs")


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    """The exchange of edge_rig behind a client; its streams beat only when the clock jumps."""
    app = make_app()
    async with TestClient(TestServer(app)) as client:
        yield Edge(app, client)


@dataclass(frozen=True)
class RunningExchange:
    """`python -m sidecars.replay` on the machine's own time."""

    url: str
    process: "subprocess.Popen[str]"

    @property
    def ws_url(self) -> str:
        return self.url.replace("http://", "ws://")


def start_exchange(*arguments: str) -> RunningExchange:
    process = subprocess.Popen(
        [sys.executable, "-m", "sidecars.replay", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    ready = READY.match(line)
    if ready is None:
        process.kill()
        raise AssertionError(f"expected the line that says it is ready, got {line!r}")
    return RunningExchange(ready[1], process)


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    """A synthetic market, shared by the tests of a module."""
    running = start_exchange("--seed", "7", "--pairs", "BTC/USDT,ETH/USDT", "--start", "now")
    yield running
    running.process.terminate()
    assert running.process.wait(timeout=10) == 0
