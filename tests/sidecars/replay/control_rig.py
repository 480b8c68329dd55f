"""A running exchange without Binance's side: real engine, ledger and market, and a client."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import aiohttp
from aiohttp import web

from sidecars.replay.app_keys import CLOCK, ENGINE, FAULTS, KEY_RIGHTS, LEDGER, VIEW
from sidecars.replay.binance.key_rights import KeyRights, ToldRights
from sidecars.replay.control.routes import ControlSettings, install_control
from sidecars.replay.faults.plan import Faults
from sidecars.replay.market.market_view import ReplayMarketView
from sidecars.replay.market.synthetic import SyntheticFeed
from sidecars.replay.matching.engine import ReplayEngine
from sidecars.replay.matching.ledger import Ledger
from sidecars.replay.model import OrderRequest, OrderType, Side
from sidecars.replay.timekeeper import ReplayClock

START = datetime(2024, 3, 5, 12, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
SPAN_MS = (START_MS - 86_400_000, START_MS + 3 * 86_400_000)


@dataclass
class Control:
    """A running exchange without Binance's side, and a client of its control API."""

    app: web.Application
    client: aiohttp.ClientSession
    port: int
    engine: ReplayEngine
    ledger: Ledger
    clock: ReplayClock
    faults: Faults
    participants: list[str]

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        data, headers = None, {}
        if body is not None:
            data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        url = f"/control{path}"
        async with self.client.request(method, url, data=data, headers=headers) as response:
            assert response.content_type == "application/json"
            return response.status, json.loads(await response.read())

    async def get(self, path: str) -> Any:
        status, answer = await self.ask("GET", path)
        assert status == 200, answer
        return answer

    def buy(self, number: int, amount: str = "0.01", **fields: Any) -> int:
        request = OrderRequest(
            symbol="BTCUSDT",
            side=Side.BUY,
            type=fields.pop("type", OrderType.MARKET),
            amount=Decimal(amount),
            client_order_id=f"order-{number}",
            **fields,
        )
        return self.engine.place(request, self.clock.now_ms()).order_id


@cache
def market() -> ReplayMarketView:
    """Two pairs; a pure function of its moment, so that all tests can have the same one."""
    feed = SyntheticFeed(
        7,
        pairs=("BTC/USDT", "ETH/USDT"),
        start=START - timedelta(days=1),
        end=START + timedelta(days=3),
    )
    return ReplayMarketView(feed, 7)


@asynccontextmanager
async def running_control(
    engine_type: type[ReplayEngine] = ReplayEngine, **fields: Any
) -> AsyncIterator[Control]:
    """A control API with these ControlSettings, served on loopback."""
    view, ledger, clock = market(), Ledger(None), ReplayClock(START)
    engine = engine_type(view, ledger, seed=7, initial_balances={"USDT": Decimal(100_000)})
    faults = Faults(7, clock.now_ms)
    names: list[str] = []
    app = web.Application()
    app[VIEW], app[ENGINE], app[LEDGER] = view, engine, ledger
    app[CLOCK], app[FAULTS], app[KEY_RIGHTS] = clock, faults, ToldRights(KeyRights())
    settings = ControlSettings("natural", "synthetic", 7, SPAN_MS, **fields)
    install_control(app, settings, participants=lambda: names)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = int(runner.addresses[0][1])
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        yield Control(app, client, port, engine, ledger, clock, faults, names)
    await runner.cleanup()
    engine.close()
