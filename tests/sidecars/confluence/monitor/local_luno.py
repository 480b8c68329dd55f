"""Just enough of Luno's and Binance's REST for ccxt to read markets, tickers, candles, balances."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from sidecars.common.running import listening
from sidecars.confluence.candles import MS_PER_DAY

KEY, SECRET = "read-only-id", "a-secret-nobody-sees"


def luno_ticker(pair: str, last: float, now_ms: int, **changes: object) -> dict[str, object]:
    """A ticker as Luno documents it."""
    return {
        "pair": pair,
        "timestamp": now_ms,
        "bid": f"{last * 0.999:.8f}",
        "ask": f"{last * 1.001:.8f}",
        "last_trade": f"{last:.8f}",
        "rolling_24_hour_volume": "12.50",
        "status": "ACTIVE",
        **changes,
    }


class LocalLuno:
    """State of the server. trouble: called with the path; a response to give instead, or None."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.markets = ["XBTMYR", "ETHMYR", "SOLMYR"]
        self.prices: dict[str, float] = {"XBTMYR": 282_000.0, "ETHMYR": 14_100.0, "SOLMYR": 470.0}
        self.changes: dict[str, dict[str, object]] = {}
        self.liquid: dict[str, float] = {
            "BTCUSDT": 60_000.0, "ETHUSDT": 3_000.0, "SOLUSDT": 100.0
        }  # fmt: skip
        self.candles: dict[str, list[tuple[int, float]]] = {}
        self.balance: object = [
            {"account_id": "1", "asset": "XBT", "balance": "0.40", "reserved": "0.10",
             "unconfirmed": "0.00"},
            {"account_id": "2", "asset": "MYR", "balance": "250.00", "reserved": "0.00",
             "unconfirmed": "0.00"},
            {"account_id": "3", "asset": "SOL", "balance": "0.00", "reserved": "0.00",
             "unconfirmed": "0.00"},
        ]  # fmt: skip
        self.trouble: Callable[[str], web.StreamResponse | None] = lambda _path: None
        self.requests: list[tuple[str, str]] = []
        self.port = 0

    @property
    def luno_config(self) -> dict[str, Any]:
        base = f"http://127.0.0.1:{self.port}/api"
        names = {"public": base, "private": base}
        inner = {"exchange": f"{base}/exchange", "exchangePrivate": f"{base}/exchange"}
        return {"enableRateLimit": False, "timeout_on_exit": 1, "urls": {"api": {**names, **inner}}}

    @property
    def binance_config(self) -> dict[str, Any]:
        base = f"http://127.0.0.1:{self.port}/api/v3"
        return {
            "enableRateLimit": False,
            "timeout_on_exit": 1,
            "urls": {"api": {"public": base, "private": base}},
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        wrong = self.trouble(request.path)
        if wrong is not None:
            return wrong
        path = request.path
        if path in ("/api/1/balance", "/api/exchange/1/candles") and not _knows_key(request):
            error = {"error": "API key not found", "error_code": "ErrUnauthorised"}
            return web.json_response(error, status=401)
        return web.json_response(text=json.dumps(self._content(path, request)))

    def _content(self, path: str, request: web.Request) -> object:
        if path == "/api/exchange/1/markets":
            return {"markets": [_luno_market(each) for each in self.markets]}
        if path == "/api/1/tickers":
            return {
                "tickers": [
                    luno_ticker(pair, last, self.now_ms, **self.changes.get(pair, {}))
                    for pair, last in self.prices.items()
                ]
            }
        if path == "/api/1/balance":
            return {"balance": self.balance}
        if path == "/api/exchange/1/candles":
            return self._candles(request.query["pair"], int(request.query["since"]))
        if path == "/api/v3/exchangeInfo":
            return {"symbols": [_binance_market(each) for each in self.liquid]}
        return [_binance_ticker(each, last, self.now_ms) for each, last in self.liquid.items()]

    def _candles(self, pair: str, since_ms: int) -> object:
        rows = [
            {"timestamp": at, "open": str(close), "close": str(close), "high": str(close),
             "low": str(close), "volume": "30.00"}
            for at, close in self.candles.get(pair, [])
            if since_ms <= at <= self.now_ms
        ]  # fmt: skip
        return {"candles": rows, "duration": MS_PER_DAY // 1000, "pair": pair}


@asynccontextmanager
async def running_luno(server: LocalLuno) -> AsyncIterator[LocalLuno]:
    """Serve on a free port of 127.0.0.1 inside the block."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    async with listening(app, "127.0.0.1", 0) as port:
        server.port = port
        yield server


def _knows_key(request: web.Request) -> bool:
    wanted = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    return request.headers.get("Authorization") == f"Basic {wanted}"


def _luno_market(market_id: str) -> dict[str, object]:
    return {
        "market_id": market_id,
        "trading_status": "ACTIVE",
        "base_currency": market_id[:3],
        "counter_currency": market_id[3:],
        "min_volume": "0.0001",
        "max_volume": "100.00",
        "volume_scale": 6,
        "min_price": "1.00",
        "max_price": "10000000.00",
        "price_scale": 2,
        "fee_scale": 8,
    }


def _binance_market(symbol: str) -> dict[str, object]:
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": symbol.removesuffix("USDT"),
        "quoteAsset": "USDT",
        "baseAssetPrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT"],
        "isSpotTradingAllowed": True,
        "permissions": ["SPOT"],
        "filters": [],
    }


def _binance_ticker(symbol: str, last: float, now_ms: int) -> dict[str, object]:
    return {
        "symbol": symbol,
        "lastPrice": f"{last:.8f}",
        "bidPrice": f"{last * 0.9999:.8f}",
        "askPrice": f"{last * 1.0001:.8f}",
        "openPrice": f"{last:.8f}",
        "volume": "1000.0",
        "quoteVolume": "1000000.0",
        "openTime": now_ms - MS_PER_DAY,
        "closeTime": now_ms,
        "count": 5,
    }
