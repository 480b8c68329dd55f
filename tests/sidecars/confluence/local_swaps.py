"""Just enough of Binance's futures REST for ccxt to read funding and open interest."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from sidecars.common.running import listening

Settlements = list[tuple[int, str]]


class LocalSwaps:
    """State of the server: settlements (ms, rate), open interest, and what goes wrong.

    trouble: called with the path before an answer; returns a response to give instead, or None.
    """

    def __init__(self, settlements: Settlements) -> None:
        self.settlements = settlements
        self.open_interest: object = []
        self.trouble: Callable[[str], web.StreamResponse | None] = lambda _path: None
        self.requests: list[str] = []
        self.port = 0

    @property
    def ccxt_config(self) -> dict[str, Any]:
        base = f"http://127.0.0.1:{self.port}"
        return {
            "enableRateLimit": False,
            "urls": {
                "api": {
                    "fapiPublic": f"{base}/fapi/v1",
                    "fapiData": f"{base}/futures/data",
                    "public": f"{base}/api/v3",
                }
            },
        }

    async def exchange_info(self, request: web.Request) -> web.StreamResponse:
        return self._answer(request, {"symbols": [_swap("BTC", "USDT")]})

    async def funding_rate(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        start_ms, limit = int(query["startTime"]), int(query["limit"])
        rows = [
            {"symbol": "BTCUSDT", "fundingTime": moment, "fundingRate": rate, "markPrice": "1.0"}
            for moment, rate in self.settlements
            if moment >= start_ms
        ]
        return self._answer(request, rows[:limit])

    async def open_interest_history(self, request: web.Request) -> web.StreamResponse:
        return self._answer(request, self.open_interest)

    def _answer(self, request: web.Request, content: object) -> web.StreamResponse:
        self.requests.append(request.path)
        wrong = self.trouble(request.path)
        return wrong if wrong is not None else web.json_response(text=json.dumps(content))


@asynccontextmanager
async def swaps_running(swaps: LocalSwaps) -> AsyncIterator[LocalSwaps]:
    """Serve on a free port of 127.0.0.1 inside the block."""
    app = web.Application()
    app.router.add_get("/fapi/v1/exchangeInfo", swaps.exchange_info)
    app.router.add_get("/fapi/v1/fundingRate", swaps.funding_rate)
    app.router.add_get("/futures/data/openInterestHist", swaps.open_interest_history)
    async with listening(app, "127.0.0.1", 0) as port:
        swaps.port = port
        yield swaps


def _swap(base: str, quote: str) -> dict[str, Any]:
    return {
        "symbol": base + quote, "pair": base + quote, "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000, "onboardDate": 1569398400000, "status": "TRADING",
        "baseAsset": base, "quoteAsset": quote, "marginAsset": quote, "pricePrecision": 2,
        "quantityPrecision": 3, "baseAssetPrecision": 8, "quotePrecision": 8,
        "underlyingType": "COIN", "orderTypes": ["LIMIT", "MARKET"], "timeInForce": ["GTC"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "1e6", "tickSize": "0.1"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        ],
    }  # fmt: skip
