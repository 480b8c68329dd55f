"""Unmodified ccxt, synchronous, asynchronous and pro, against the exchange as a real process."""

import itertools
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import ccxt
import ccxt.async_support
import ccxt.pro
import pytest

from sidecars.replay.client_config import (
    LOCAL_KEY,
    LOCAL_SECRET,
    REST_PATHS,
    WEBSOCKETS,
    freqtrade_exchange_config,
    rest_urls,
    websocket_urls,
)
from tests.sidecars.replay.edge_rig import RunningExchange

pytestmark = pytest.mark.rehearsal

PAIR = "BTC/USDT"


def settings_of(exchange: RunningExchange) -> dict[str, Any]:
    return {
        "apiKey": LOCAL_KEY,
        "secret": LOCAL_SECRET,
        "enableRateLimit": False,
        "urls": {"api": {**rest_urls(exchange.url), "ws": websocket_urls(exchange.ws_url)}},
    }


@pytest.fixture
def client(exchange: RunningExchange) -> Any:
    """ccxt with all of its defaults: it also asks the wallet for currencies and margin pairs."""
    urls = {"api": rest_urls(exchange.url)}
    return ccxt.binance({**settings_of(exchange), "urls": urls})


@pytest.fixture
async def pro(exchange: RunningExchange) -> AsyncIterator[Any]:
    client = ccxt.pro.binance(settings_of(exchange))
    yield client
    await client.close()


def test_every_address_that_ccxt_knows_is_redirected() -> None:
    addresses = dict(ccxt.pro.binance().urls["api"])
    sockets = addresses.pop("ws")
    assert set(addresses) == set(REST_PATHS)
    assert set(sockets) == {*WEBSOCKETS, "ws-api"}
    ours = websocket_urls("ws://127.0.0.1:1")
    assert set(sockets["ws-api"]) == set(ours["ws-api"])  # type: ignore[call-overload]
    section = freqtrade_exchange_config("http://127.0.0.1:1", "ws://127.0.0.1:1")
    # Not a word of the internet in what freqtrade is given.
    assert str(section).count("//127.0.0.1:1/") == len(REST_PATHS) + len(WEBSOCKETS) + 3
    assert str(section).count("//") == str(section).count("//127.0.0.1:1/")


def test_markets_and_market_data(client: Any) -> None:
    markets = client.load_markets()
    assert set(markets) == {"BTC/USDT", "ETH/USDT"}
    market = markets[PAIR]
    assert market["spot"] and market["active"]
    assert market["precision"]["price"] == 0.01
    assert market["limits"]["cost"]["min"] == 5.0
    assert set(client.currencies) >= {"BTC", "ETH", "USDT"}
    candles = client.fetch_ohlcv(PAIR, "5m", limit=1000)
    assert len(candles) == 1000
    assert all(b[0] - a[0] == 300_000 for a, b in itertools.pairwise(candles))
    since = candles[500][0]
    assert client.fetch_ohlcv(PAIR, "5m", since=since, limit=10) == candles[500:510]
    book = client.fetch_order_book(PAIR, 20)
    assert book["bids"][0][0] < book["asks"][0][0]
    trades = client.fetch_trades(PAIR, since=client.milliseconds() - 600_000)
    assert len(trades) > 50
    assert set(client.fetch_tickers()) == {"BTC/USDT", "ETH/USDT"}
    assert client.fetch_ticker(PAIR)["last"] == client.fetch_last_prices([PAIR])[PAIR]["price"]
    assert set(client.fetch_bids_asks([PAIR])) == {PAIR}
    assert client.fetch_status()["status"] == "ok"
    assert client.fetch_trading_fees()[PAIR]["taker"] == 0.001
    assert client.fetch_trading_fee(PAIR)["maker"] == 0.001


def test_orders_from_birth_to_grave(client: Any) -> None:
    before = client.fetch_balance()
    bought = client.create_order(PAIR, "market", "buy", 0.01)
    assert (bought["status"], bought["filled"]) == ("closed", 0.01)
    assert bought["fee"]["currency"] == "BTC"
    held = client.fetch_balance()
    spent = Decimal(str(before["USDT"]["total"])) - Decimal(str(held["USDT"]["total"]))
    assert spent == Decimal(bought["info"]["cummulativeQuoteQty"])
    price = client.fetch_ticker(PAIR)["last"]
    low = float(client.price_to_precision(PAIR, price * 0.9))
    resting = client.create_order(PAIR, "limit", "buy", 0.01, low)
    assert resting["status"] == "open"
    moved = client.edit_order(resting["id"], PAIR, "limit", "buy", 0.02, low)
    assert [order["id"] for order in client.fetch_open_orders(PAIR)] == [moved["id"]]
    assert client.fetch_order(resting["id"], PAIR)["status"] == "canceled"
    assert client.cancel_order(moved["id"], PAIR)["status"] == "canceled"
    maker = client.create_order(PAIR, "limit", "buy", 0.01, low, {"postOnly": True})
    assert maker["type"] == "limit" and maker["postOnly"]
    stop = client.create_order(PAIR, "limit", "sell", 0.005, low, {"stopPrice": low * 1.01 // 1})
    assert stop["status"] == "open" and stop["stopPrice"] > low
    assert len(client.cancel_all_orders(PAIR)) == 2
    sold = client.create_order(
        PAIR, "market", "sell", client.fetch_balance()["BTC"]["free"] // 1e-5 * 1e-5
    )
    assert sold["fee"]["currency"] == "USDT"
    mine = client.fetch_my_trades(PAIR)
    assert {trade["order"] for trade in mine} == {bought["id"], sold["id"]}
    statuses = {order["id"]: order["status"] for order in client.fetch_orders(PAIR)}
    assert statuses[bought["id"]] == statuses[sold["id"]] == "closed"
    assert statuses[stop["id"]] == "canceled"


def test_refusals_are_the_exceptions_that_bots_wait_for(client: Any) -> None:
    price = client.fetch_ticker(PAIR)["last"]
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(PAIR, "market", "buy", 100)
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order("999", PAIR)
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order("999", PAIR)
    with pytest.raises(ccxt.InvalidOrder, match="LOT_SIZE"):
        client.create_order(PAIR, "limit", "buy", 100_000, price)
    with pytest.raises(ccxt.BadRequest, match="NOTIONAL"):
        client.create_order(PAIR, "limit", "buy", 0.00001, price)
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        client.create_order(PAIR, "limit", "buy", 0.01, price * 1.01 // 1, {"postOnly": True})
    client.secret = "another"
    with pytest.raises(ccxt.AuthenticationError):
        client.fetch_balance()
    client.secret, client.apiKey = LOCAL_SECRET, "another"
    client.options["hasAlreadyAuthenticatedSuccessfully"] = False
    with pytest.raises(ccxt.AuthenticationError):
        client.fetch_balance()


def test_a_clock_that_is_off_is_refused_and_can_be_set(client: Any) -> None:
    wrong = client.milliseconds
    client.milliseconds = lambda: wrong() - 60_000
    with pytest.raises(ccxt.InvalidNonce):
        client.fetch_balance()
    client.load_time_difference()
    assert client.fetch_balance()["USDT"]["total"] > 0


async def test_asynchronous_ccxt(exchange: RunningExchange) -> None:
    client = ccxt.async_support.binance(settings_of(exchange))
    try:
        await client.load_markets()
        assert len(await client.fetch_ohlcv(PAIR, "1m", limit=50)) == 50
        bought = await client.create_order("ETH/USDT", "market", "buy", 0.1)
        assert bought["status"] == "closed"
    finally:
        await client.close()


async def test_watching(pro: Any) -> None:
    await pro.load_markets()
    ((opened, *_),) = await pro.watch_ohlcv(PAIR, "1m")
    assert opened % 60_000 == 0
    assert 0 <= pro.milliseconds() - opened < 70_000
    (trade, *_) = await pro.watch_trades("ETH/USDT")
    assert trade["symbol"] == "ETH/USDT"
    ticker = await pro.watch_ticker(PAIR)
    assert ticker["last"] > 0
    # Streams of one name may not be mixed up once futures share it.
    assert pro.urls["api"]["ws"]["spot"].count("/stream") == 1


async def test_a_watched_book_equals_a_fetched_one(pro: Any) -> None:
    book = await pro.watch_order_book(PAIR)
    for _ in range(30):
        book = await pro.watch_order_book(PAIR)
        fetched = await pro.fetch_order_book(PAIR, 500)
        if book["nonce"] == fetched["nonce"]:
            break
    assert book["nonce"] == fetched["nonce"]
    assert [list(level) for level in book["bids"]] == fetched["bids"]
    assert [list(level) for level in book["asks"]] == fetched["asks"]


async def test_unwatching(pro: Any) -> None:
    await pro.watch_ohlcv(PAIR, "1m")
    await pro.un_watch_ohlcv(PAIR, "1m")
    assert await pro.watch_ohlcv(PAIR, "5m")
