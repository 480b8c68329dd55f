"""Just enough of Binance's public REST for ccxt to read daily candles, and seeded candles."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from aiohttp import web

from sidecars.common.running import listening
from sidecars.confluence.candles import MS_PER_DAY, DailyCandles

FIRST_DAY_MS = 1_546_300_800_000  # 2019-01-01, a Tuesday
PRICE_DIGITS = 10


def seeded_candles(seed: int, days: int, first_day_ms: int = FIRST_DAY_MS) -> DailyCandles:
    """A random walk with regimes, wicks and volume; the same for the same arguments."""
    random = np.random.default_rng(seed)
    drift = np.repeat(random.normal(0.0, 0.012, days // 60 + 1), 60)[:days]
    close = 100.0 * np.exp(np.cumsum(drift + random.normal(0.0, 0.03, days)))
    opened = np.concatenate([[100.0], close[:-1]])[:days]
    high = np.maximum(opened, close) * (1 + np.abs(random.normal(0.0, 0.01, days)))
    low = np.minimum(opened, close) * (1 - np.abs(random.normal(0.0, 0.01, days)).clip(0, 0.5))
    volume = np.exp(random.normal(10.0, 0.5, days))
    times = first_day_ms + MS_PER_DAY * np.arange(days, dtype=np.int64)
    return DailyCandles(times, opened, high, low, close, volume)


def without_days(candles: DailyCandles, start: int, end: int) -> DailyCandles:
    """With a hole in place of the rows [start, end)."""
    rows = candles.rows()
    return DailyCandles.from_rows([*rows[:start], *rows[end:]])


class LocalBinance:
    """State of the server: candles by pair, its clock, and what goes wrong.

    trouble: called with (path, symbol) before an answer; returns a response to give instead, or
    None. requests: how often each (path, symbol) was asked for.
    """

    def __init__(self, candles: Mapping[str, DailyCandles], now_ms: int) -> None:
        self.candles = dict(candles)
        self.now_ms = now_ms
        self.trouble: Callable[[str, str], web.StreamResponse | None] = lambda _path, _symbol: None
        self.requests: list[tuple[str, str]] = []
        self.port = 0

    @property
    def ccxt_config(self) -> dict[str, Any]:
        base = f"http://127.0.0.1:{self.port}"
        return {
            "enableRateLimit": False,
            "urls": {"api": {"public": f"{base}/api/v3", "private": f"{base}/api/v3"}},
        }

    async def exchange_info(self, request: web.Request) -> web.StreamResponse:
        return self._answer(
            request, "", {"symbols": [_market(*pair.split("/")) for pair in self.candles]}
        )

    async def klines(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        start_ms, limit = int(query.get("startTime", 0)), int(query.get("limit", 500))
        by_symbol = {pair.replace("/", ""): pair for pair in self.candles}
        known = self.candles[by_symbol[query["symbol"]]]
        rows = [
            [row[0], *(f"{value:.{PRICE_DIGITS}f}" for value in row[1:6]), row[0] + MS_PER_DAY - 1,
             "0", 1, "0", "0", "0"]
            for row in known.rows()
            if start_ms <= row[0] <= self.now_ms
        ][:limit]  # fmt: skip
        return self._answer(request, query["symbol"], rows)

    def _answer(self, request: web.Request, symbol: str, content: object) -> web.StreamResponse:
        self.requests.append((request.path, symbol))
        wrong = self.trouble(request.path, symbol)
        return wrong if wrong is not None else web.json_response(text=json.dumps(content))


@asynccontextmanager
async def running(binance: LocalBinance) -> AsyncIterator[LocalBinance]:
    """Serve on a free port of 127.0.0.1 inside the block."""
    app = web.Application()
    app.router.add_get("/api/v3/exchangeInfo", binance.exchange_info)
    app.router.add_get("/api/v3/klines", binance.klines)
    async with listening(app, "127.0.0.1", 0) as port:
        binance.port = port
        yield binance


def _market(base: str, quote: str) -> dict[str, Any]:
    return {
        "symbol": base + quote,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "baseAssetPrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "permissions": ["SPOT"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "0", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "9000", "stepSize": "0.001"},
        ],
    }
