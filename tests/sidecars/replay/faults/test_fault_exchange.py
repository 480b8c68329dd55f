"""Every fault against the whole exchange, with unmodified ccxt on the other side.

The client behaves as a careful one must: when it does not know what became of an order it asks by
its client order id, and only sends it again if the exchange has never heard of it. After every
fault the ledger adds up and holds that order exactly once.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from typing import Any

import aiohttp
import ccxt
import pytest
from aiohttp import web

from sidecars.replay.app_keys import ENGINE, FAULTS, LEDGER
from sidecars.replay.binance.streams import STREAMS
from sidecars.replay.client_config import freqtrade_exchange_config
from sidecars.replay.faults.rules import parse_plan
from sidecars.replay.market.synthetic import SyntheticFeed
from sidecars.replay.matching.ledger import Ledger
from sidecars.replay.model import Order
from sidecars.replay.service import create_app
from sidecars.replay.settings import ReplaySettings
from sidecars.replay.timekeeper import ReplayClock

START = datetime(2024, 3, 5, 12, tzinfo=UTC)
PAIR, SYMBOL = "BTC/USDT", "BTCUSDT"
MINUTE_MS = 60_000
Place = Callable[[str], dict[str, Any]]


class Running:
    """The exchange, its control API over HTTP and a ccxt client that knows its markets."""

    def __init__(self, app: web.Application, port: int, client: aiohttp.ClientSession) -> None:
        self.app = app
        self.port = port
        self.client = client
        config: dict[str, Any] = freqtrade_exchange_config(
            f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        )
        self.bot: Any = ccxt.binance(
            {"apiKey": config["key"], "secret": config["secret"], "timeout": 700}
            | config["ccxt_config"]
        )

    @property
    def ledger(self) -> Ledger:
        return self.app[LEDGER]

    async def call(self, method: str, *arguments: Any) -> Any:
        """A ccxt call; ccxt blocks, so it runs in a thread."""
        return await asyncio.to_thread(getattr(self.bot, method), *arguments)

    async def control(self, method: str, path: str, body: object = None) -> Any:
        async with self.client.request(method, f"/control/{path}", json=body) as response:
            answer = await response.json()
            assert response.status < 300, answer
            return answer

    async def fault(self, kind: str, **fields: object) -> int:
        added = await self.control("POST", "faults", {"kind": kind, **fields})
        return int(added["rule_ids"][0])

    async def outcomes(self) -> list[str]:
        return [event["outcome"] for event in (await self.control("GET", "faults/log"))["events"]]

    async def advance(self, milliseconds: int) -> None:
        await self.control("POST", "clock/advance", {"by_ms": milliseconds})
        await self.call("load_time_difference")

    async def buy(self, name: str, *, share: float = 0.9, amount: float = 0.001) -> Any:
        """A limit order at a share of the last price, under its own client order id."""
        price = round(self.last * share, 2)
        named = {"newClientOrderId": name}
        return await self.call("create_order", PAIR, "limit", "buy", amount, price, named)

    async def find(self, name: str) -> Any:
        """The order of that name, or None if the exchange has never heard of it."""
        try:
            return await self.call("fetch_order", None, PAIR, {"origClientOrderId": name})
        except ccxt.OrderNotFound:
            return None

    async def start(self) -> None:
        await self.call("load_time_difference")
        await self.call("load_markets")
        self.last = float((await self.call("fetch_ticker", PAIR))["last"])

    def named(self, name: str) -> list[Order]:
        return [o for o in self.ledger.orders() if o.request.client_order_id == name]


@cache
def feed() -> SyntheticFeed:
    two_days = timedelta(days=2)
    return SyntheticFeed(7, pairs=(PAIR,), start=START - two_days, end=START + two_days)


@pytest.fixture
async def exchange() -> AsyncIterator[Running]:
    async with running_exchange() as running:
        yield running


@asynccontextmanager
async def running_exchange() -> AsyncIterator[Running]:
    settings = ReplaySettings(seed=7, start=START, allow_clock_advance=True)
    app = create_app(settings, ReplayClock(START), feed())
    runner = web.AppRunner(app, shutdown_timeout=2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    beating = asyncio.create_task(app[STREAMS].run())
    port = int(runner.addresses[0][1])
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        running = Running(app, port, client)
        await running.start()
        yield running
        assert (await running.control("GET", "ledger/verify"))["disagreements"] == []
    beating.cancel()
    await runner.cleanup()


ONCE = {"next": 1}
ORDERS = {"match": {"method": "POST", "path": "/api/v3/order"}}


@pytest.mark.parametrize(
    ("kind", "fields", "error", "is_placed"),
    [
        ("time_out", ORDERS | {"parameters": {"seconds": 5}}, ccxt.RequestTimeout, False),
        ("response_lost", {"parameters": {"seconds": 5}}, ccxt.RequestTimeout, True),
        ("response_lost", {"parameters": {"seconds": 0}}, ccxt.NetworkError, True),
        ("slow_answer", ORDERS | {"parameters": {"delay_seconds": 1}}, ccxt.RequestTimeout, True),
        ("reset", ORDERS, ccxt.NetworkError, False),
        ("reset_mid_body", ORDERS, ccxt.NetworkError, True),
        ("rate_limit", ORDERS, ccxt.DDoSProtection, False),
        ("rate_limit", ORDERS | {"parameters": {"status": 418}}, ccxt.DDoSProtection, False),
        ("server_error", ORDERS, ccxt.OperationFailed, False),
        (
            "server_error",
            ORDERS | {"parameters": {"status": 504, "body": "html", "executed": True}},
            ccxt.RequestTimeout,
            True,
        ),
        ("reject_order", {"parameters": {"code": -2010}}, ccxt.InsufficientFunds, False),
        ("reject_order", {"parameters": {"code": -1013}}, ccxt.InvalidOrder, False),
        ("reject_order", {"parameters": {"code": -1015}}, ccxt.DDoSProtection, False),
    ],
)
async def test_no_order_is_lost_or_doubled(
    exchange: Running,
    kind: str,
    fields: dict[str, object],
    error: type[Exception],
    is_placed: bool,
) -> None:
    await exchange.fault(kind, **ONCE, **fields)
    with pytest.raises(error):
        await exchange.buy("mine")
    if kind == "slow_answer":
        await asyncio.sleep(0.5)  # it arrives after the client has given up
    found = await exchange.find("mine")
    assert (found is not None) is is_placed
    if found is None:
        found = await exchange.buy("mine")
    assert [o.order_id for o in exchange.named("mine")] == [int(found["id"])]
    assert len(await exchange.outcomes()) == 1
    assert exchange.ledger.verify() == []
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
        await exchange.buy("mine")
    assert len(exchange.named("mine")) == 1


async def test_a_rule_for_another_symbol_leaves_an_order_alone(exchange: Running) -> None:
    await exchange.fault("reject_order", match={"symbol": "ETHUSDT"})
    await exchange.buy("mine")
    assert len(exchange.named("mine")) == 1
    await exchange.fault("reject_order", match={"symbol": SYMBOL})
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.buy("another")
    assert exchange.named("another") == []


async def test_a_lost_answer_of_an_order_that_filled_at_once(exchange: Running) -> None:
    await exchange.fault("response_lost", next=1, parameters={"seconds": 0})
    with pytest.raises(ccxt.NetworkError):
        await exchange.buy("mine", share=1.01)
    found = await exchange.find("mine")
    assert (found["status"], found["filled"]) == ("closed", 0.001)
    order = exchange.named("mine")[0]
    balance = await exchange.call("fetch_balance")
    assert Decimal(str(balance["USDT"]["total"])) == Decimal(10_000) - order.filled_quote


async def test_a_lost_answer_of_a_cancellation(exchange: Running) -> None:
    placed = await exchange.buy("mine")
    await exchange.fault(
        "response_lost", next=1, match={"method": "DELETE"}, parameters={"seconds": 0}
    )
    with pytest.raises(ccxt.NetworkError):
        await exchange.call("cancel_order", placed["id"], PAIR)
    assert (await exchange.find("mine"))["status"] == "canceled"
    balance = await exchange.call("fetch_balance")
    assert (balance["USDT"]["free"], balance["USDT"]["used"]) == (10_000, 0)


@pytest.mark.parametrize("offset_ms", [-8_000, 15_000])  # ccxt asks for a window of 10 s
async def test_a_skewed_clock_refuses_signed_requests(exchange: Running, offset_ms: int) -> None:
    before = (await exchange.call("public_get_time"))["serverTime"]
    rule_id = await exchange.fault("clock_skew", parameters={"offset_ms": offset_ms})
    after = (await exchange.call("public_get_time"))["serverTime"]
    assert 0 <= int(after) - int(before) - offset_ms < 5_000
    with pytest.raises(ccxt.InvalidNonce):
        await exchange.buy("mine")
    assert await exchange.outcomes() == [f"off by {offset_ms} ms"]
    await exchange.call("load_time_difference")  # what a client does about it
    await exchange.buy("mine")
    await exchange.control("DELETE", f"faults/{rule_id}")
    await exchange.call("load_time_difference")
    assert [order["clientOrderId"] for order in await exchange.call("fetch_open_orders", PAIR)] == [
        "mine"
    ]


async def test_partial_fills(exchange: Running) -> None:
    await exchange.fault("partial_fill", next=1, parameters={"fraction": 0.25})
    order = await exchange.buy("first", share=1.01)
    assert (order["status"], order["filled"], order["remaining"]) == ("open", 0.00025, 0.00075)
    whole = await exchange.buy("second", share=1.01)
    assert (whole["status"], whole["filled"]) == ("closed", 0.001)
    assert exchange.ledger.verify() == []
    await exchange.advance(60 * MINUTE_MS)
    filled = await exchange.find("first")
    assert filled["status"] == "closed"
    shares = {fill.amount for fill in exchange.named("first")[0].fills}
    assert max(shares) == Decimal("0.00025")
    log = (await exchange.control("GET", "faults/log"))["events"]
    assert [(e["kind"], e["target"]) for e in log] == [("partial_fill", "order 1 BTCUSDT")]


async def test_late_fills_are_told_late_and_booked_at_once(exchange: Running) -> None:
    old = await exchange.buy("old", share=1.01)
    await exchange.fault("late_fill", next=1, parameters={"delay_ms": 30 * MINUTE_MS})
    assert (await exchange.find("old"))["status"] == "closed"  # placed before: not its business
    order = await exchange.buy("mine", share=1.01)
    assert (order["status"], order["filled"]) == ("open", 0)
    assert exchange.named("mine")[0].filled_amount == Decimal("0.001")
    assert [t["order"] for t in await exchange.call("fetch_my_trades", PAIR)] == [old["id"]]
    await exchange.advance(29 * MINUTE_MS)
    assert (await exchange.find("mine"))["status"] == "open"
    await exchange.advance(2 * MINUTE_MS)
    assert (await exchange.find("mine"))["status"] == "closed"
    assert len(await exchange.call("fetch_my_trades", PAIR)) == 2


@pytest.mark.parametrize("damage", ["truncated", "nan", "empty", "stale"])
async def test_bad_klines_reach_ccxt(exchange: Running, damage: str) -> None:
    good = await exchange.call("fetch_ohlcv", PAIR, "5m", None, 10)
    await exchange.fault("bad_klines", next=1, parameters={"damage": damage, "rows": 2})
    asking = partial(exchange.call, "fetch_ohlcv", PAIR, "5m", None, 10)
    candles = await asking()
    if damage == "truncated":
        # ccxt takes text that is no JSON for a list of characters, and says nothing.
        assert len(candles) >= 10
        assert {candle[4] for candle in candles} == {None}
    elif damage == "nan":
        assert candles[-1][4] != candles[-1][4]
        assert candles[:-1] == good[:-1]
    else:
        assert candles == (good[:-2] if damage == "stale" else [])
    assert (await asking())[:-1] == good[:-1]
    assert await exchange.outcomes() == [f"klines {damage}"]


async def test_websocket_faults(exchange: Running) -> None:
    async def listen(stream: str, messages: int) -> list[Any]:
        heard: list[Any] = []
        async with exchange.client.ws_connect(f"/ws/{stream}") as socket:
            async for message in socket:
                heard.append(message.json())
                if len(heard) == messages:
                    break
        return heard

    silence = await exchange.fault("websocket_silence", match={"stream": "*@kline_1m"})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(listen("btcusdt@kline_1m", 1), 1.0)
    await exchange.control("DELETE", f"faults/{silence}")
    await exchange.fault("websocket_drop", next=1, match={"stream": "btcusdt@*"})
    assert await asyncio.wait_for(listen("btcusdt@kline_1m", 1), 5) == []  # cut before a word
    heard = await asyncio.wait_for(listen("btcusdt@kline_1m", 1), 10)
    assert heard[0]["s"] == SYMBOL
    await exchange.fault("reset", match={"path": "/ws/*"})  # aiohttp tries such a GET twice
    with pytest.raises(aiohttp.ClientError):
        await listen("btcusdt@kline_1m", 1)
    kinds = {event["kind"] for event in (await exchange.control("GET", "faults/log"))["events"]}
    assert kinds == {"websocket_silence", "websocket_drop", "reset"}


STORM: list[dict[str, object]] = [
    {"kind": "response_lost", "probability": 0.3, "parameters": {"seconds": 0}},
    {"kind": "reset", "probability": 0.15, "match": {"path": "/api/v3/order"}},
    {"kind": "reset_mid_body", "probability": 0.15, "match": {"path": "/api/v3/order"}},
    {"kind": "server_error", "probability": 0.15, "match": {"path": "/api/v3/order"}},
    {"kind": "partial_fill", "every": 3},
]


async def trade_through_a_storm(exchange: Running, names: list[str]) -> list[tuple[str, str]]:
    """Place orders while about half of all requests about orders fail; what was injected."""
    await exchange.control("POST", "faults", STORM)

    async def until_known(name: str) -> None:
        """Place it if the exchange does not know it; ask again until there is an answer."""
        for _ in range(60):
            try:
                if await exchange.find(name) is not None:
                    return
                await exchange.buy(name, share=1.01, amount=0.002)
            except ccxt.BaseError:
                continue
        raise AssertionError(f"{name} never got through")

    for name in names:
        await until_known(name)
    events = (await exchange.control("GET", "faults/log"))["events"]
    return [(event["kind"], event["target"]) for event in events]


async def test_a_storm_loses_and_doubles_nothing_and_can_be_repeated(exchange: Running) -> None:
    names = [f"storm-{number}" for number in range(30)]
    injected = await trade_through_a_storm(exchange, names)
    assert sorted(o.request.client_order_id for o in exchange.ledger.orders()) == sorted(names)
    assert exchange.ledger.verify() == []
    assert {kind for kind, _ in injected} == {str(rule["kind"]) for rule in STORM}
    async with running_exchange() as another:
        assert await trade_through_a_storm(another, names) == injected


def test_the_exchange_can_start_with_a_plan() -> None:
    plan = '[{"kind": "reset"}, {"kind": "late_fill", "parameters": {"delay_ms": 5}}]'
    settings = ReplaySettings(seed=7, start=START, fault_plan=plan)
    app = create_app(settings, ReplayClock(START), feed())
    assert [s.rule for s in app[FAULTS].rules()] == parse_plan(plan)
    app[ENGINE].close()
