"""A whole exchange in this process: real feed, engine and streams behind a test client."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlencode

import orjson
from aiohttp import web
from aiohttp.test_utils import TestClient

from sidecars.replay.app_keys import CLOCK, ENGINE, FAULTS, SETTINGS
from sidecars.replay.binance.signing import signature_of
from sidecars.replay.faults.plan import Faults
from sidecars.replay.market.synthetic import SyntheticFeed
from sidecars.replay.model import MatchingEngine
from sidecars.replay.service import create_app
from sidecars.replay.settings import ReplaySettings
from sidecars.replay.timekeeper import ReplayClock

Levels = Sequence[tuple[Decimal, Decimal]]

READY = re.compile(r"replay exchange ready at (http://127\.0\.0\.1:\d+), now (\S+), (\d+) pairs")
NOW = datetime(2024, 3, 5, 12, 0, 30, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
PAIRS = ("BTC/USDT", "ETH/USDT")
SETTINGS_OF_TESTS = ReplaySettings(
    seed=7,
    pairs=PAIRS,
    synthetic_start=datetime(2024, 2, 20, tzinfo=UTC),
    synthetic_end=datetime(2024, 3, 10, tzinfo=UTC),
    balances={"USDT": Decimal(10_000)},
    allow_clock_advance=True,
)


@cache
def feed() -> SyntheticFeed:
    """Made once: it takes the better part of a second."""
    settings = SETTINGS_OF_TESTS
    return SyntheticFeed(
        settings.seed, pairs=PAIRS, start=settings.synthetic_start, end=settings.synthetic_end
    )


def make_app(settings: ReplaySettings = SETTINGS_OF_TESTS) -> web.Application:
    return create_app(settings, ReplayClock(NOW), feed())


@dataclass
class Edge:
    """The exchange and a client that knows its key."""

    app: web.Application
    client: "TestClient[web.Request, web.Application]"

    @property
    def clock(self) -> ReplayClock:
        return self.app[CLOCK]

    @property
    def engine(self) -> MatchingEngine:
        return self.app[ENGINE]

    @property
    def faults(self) -> Faults:
        return self.app[FAULTS]

    def jump(self, milliseconds: int) -> None:
        self.clock.jump_to_ns(self.clock.now_ns() + milliseconds * 1_000_000)

    async def ask(self, path: str, **parameters: object) -> tuple[int, Any]:
        """GET without a key."""
        async with self.client.get(path, params=_texts(parameters)) as response:
            return response.status, orjson.loads(await response.read())

    async def get(self, path: str, **parameters: object) -> Any:
        status, answer = await self.ask(path, **parameters)
        assert status == 200, answer
        return answer

    def sign(self, parameters: Mapping[str, object]) -> str:
        """Query string or body with a timestamp and a signature."""
        payload = urlencode({"timestamp": self.clock.now_ms()} | dict(_texts(parameters)))
        return f"{payload}&signature={signature_of(payload, self.app[SETTINGS].api_secret)}"

    async def send(self, method: str, path: str, **parameters: object) -> tuple[int, Any]:
        """A signed request, parameters in the body for POST and in the query for the rest."""
        payload = self.sign(parameters)
        headers = {"X-MBX-APIKEY": self.app[SETTINGS].api_key}
        data = None
        if method == "POST":
            data, headers = payload, headers | {"Content-Type": FORM}
        else:
            path = f"{path}?{payload}"
        async with self.client.request(method, path, data=data, headers=headers) as response:
            return response.status, orjson.loads(await response.read())

    async def trade(self, method: str, path: str, **parameters: object) -> Any:
        status, answer = await self.send(method, path, **parameters)
        assert status == 200, answer
        return answer

    async def refused(self, method: str, path: str, **parameters: object) -> tuple[int, int, str]:
        """(HTTP status, code, message) of a signed request that must fail."""
        status, answer = await self.send(method, path, **parameters)
        assert status >= 400, answer
        return status, answer["code"], answer["msg"]

    async def last_price(self, symbol: str = "BTCUSDT") -> Decimal:
        return Decimal((await self.get("/api/v3/ticker/price", symbol=symbol))["price"])


@dataclass(frozen=True)
class RunningExchange:
    """`python -m sidecars.replay` on the machine's own time."""

    url: str
    process: "subprocess.Popen[str]"

    @property
    def ws_url(self) -> str:
        return self.url.replace("http://", "ws://")


@contextmanager
def running_exchange(*arguments: str) -> Iterator[RunningExchange]:
    """Runs while the block does, and not a moment longer, however the block is left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sidecars.replay", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        ready = READY.match(line)
        assert ready is not None, f"expected the line that says it is ready, got {line!r}"
        yield RunningExchange(ready[1], process)
    finally:
        process.kill()
        process.wait()


FORM = "application/x-www-form-urlencoded"


def _texts(parameters: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in parameters.items()}


def applied(
    levels: Sequence[tuple[Decimal, Decimal]], changes: Sequence[tuple[Decimal, Decimal]]
) -> dict[Decimal, Decimal]:
    """A client's copy: take the changes over, a zero takes the level away."""
    copy = dict(levels)
    for price, amount in changes:
        copy.pop(price, None)
        if amount:
            copy[price] = amount
    return copy
