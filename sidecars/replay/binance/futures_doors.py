"""Doors of the derivatives markets: perpetuals' public data where they are on record.

ccxt and freqtrade load the markets of all of Binance's sections at start-up, spot bots too: a
section without markets says so validly. Nothing here takes an order.
"""

from collections.abc import Callable

from aiohttp import web

from sidecars.replay.binance.account_json import Json, plain
from sidecars.replay.binance.endpoints import Endpoint, Exchange, public
from sidecars.replay.binance.market_json import RATE_LIMITS
from sidecars.replay.binance.parameters import Parameters
from sidecars.replay.binance.rest_market import Klines, ping, server_time
from sidecars.replay.market.futures import Futures
from sidecars.replay.model import ExchangeError, Market

MOST_KLINES = 1500
MOST_SETTLEMENTS = 1000
NEVER_DELIVERED_MS = 4_133_404_800_000
MAX_PRICE = "1000000000"


def _no_futures(exchange: Exchange, parameters: Parameters) -> Json:
    parameters.finish()
    return _section(exchange, [], [])


def _section(exchange: Exchange, assets: list[Json], symbols: list[Json]) -> Json:
    return {
        "timezone": "UTC",
        "serverTime": exchange.server_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": RATE_LIMITS if symbols else [],
        "exchangeFilters": [],
        "assets": assets,
        "symbols": symbols,
    }


def _no_options(exchange: Exchange, parameters: Parameters) -> Json:
    parameters.finish()
    return {
        "timezone": "UTC",
        "serverTime": exchange.server_ms,
        "optionContracts": [],
        "optionAssets": [],
        "optionSymbols": [],
        "rateLimits": [],
    }


def perpetuals_info(futures: Futures) -> Endpoint:
    """GET /fapi/v1/exchangeInfo: the perpetuals on record."""

    def exchange_info(exchange: Exchange, parameters: Parameters) -> Json:
        parameters.finish()
        markets = list(futures.traded.markets.values())
        symbols = [
            perpetual_json(
                market,
                futures.listed_ms,
                is_trading=futures.traded.last_price(market.symbol, exchange.now_ms) is not None,
            )
            for market in markets
        ]
        quotes = sorted({market.quote for market in markets})
        assets: list[Json] = [
            {"asset": quote, "marginAvailable": True, "autoAssetExchange": "-10000"}
            for quote in quotes
        ]
        return _section(exchange, assets, symbols)

    return exchange_info


def perpetual_json(market: Market, listed_ms: int, *, is_trading: bool) -> Json:
    """One perpetual as Binance writes it; contracts are of one coin."""
    amounts = {
        "minQty": plain(market.min_amount),
        "maxQty": plain(market.max_amount),
        "stepSize": plain(market.amount_step),
    }
    tick = plain(market.price_tick)
    return {
        "symbol": market.symbol,
        "pair": market.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": NEVER_DELIVERED_MS,
        "onboardDate": listed_ms,
        "status": "TRADING" if is_trading else "SETTLING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": market.base,
        "quoteAsset": market.quote,
        "marginAsset": market.quote,
        "pricePrecision": _decimals(tick),
        "quantityPrecision": _decimals(amounts["stepSize"]),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick,
                "maxPrice": MAX_PRICE,
                "tickSize": tick,
            },
            {"filterType": "LOT_SIZE", **amounts},
            {"filterType": "MARKET_LOT_SIZE", **amounts},
            {"filterType": "MIN_NOTIONAL", "notional": plain(market.min_notional)},
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def _decimals(step: str) -> int:
    return len(step.partition(".")[2].rstrip("0"))


def funding_rates(futures: Futures) -> Endpoint:
    """GET /fapi/v1/fundingRate: settlements up to now, oldest first."""

    def endpoint(exchange: Exchange, parameters: Parameters) -> list[Json]:
        symbol = parameters.symbol()
        start_ms, end_ms = parameters.integer("startTime"), parameters.integer("endTime")
        limit = parameters.limit(100, MOST_SETTLEMENTS)
        parameters.finish()
        if symbol not in futures.traded.markets:
            raise ExchangeError(-1121, "Invalid symbol.")
        history = futures.funding.get(symbol)
        if history is None:
            return []
        return [
            {
                "symbol": symbol,
                "fundingTime": time_ms,
                "fundingRate": f"{rate:.8f}",
                "markPrice": "",  # as Binance writes where it has none
            }
            for time_ms, rate in history.between(start_ms, end_ms, exchange.now_ms, limit)
        ]

    return endpoint


def add_futures_doors(app: web.Application, futures: Futures | None) -> None:
    """USDT-margined (fapi), coin-margined (dapi) and options (eapi)."""
    fapi: Endpoint = _no_futures if futures is None else perpetuals_info(futures)
    sections: tuple[tuple[str, Callable[[Exchange, Parameters], object]], ...] = (
        ("/fapi/v1", fapi),
        ("/dapi/v1", _no_futures),
        ("/eapi/v1", _no_options),
    )
    for root, markets in sections:
        app.router.add_get(f"{root}/ping", public(ping))
        app.router.add_get(f"{root}/time", public(server_time))
        app.router.add_get(f"{root}/exchangeInfo", public(markets))
    if futures is None:
        return
    klines = Klines(futures.traded, MOST_KLINES)
    app.router.add_get("/fapi/v1/klines", public(klines))
    if futures.marked is not None:
        marks = Klines(futures.marked, MOST_KLINES, has_volume=False)
        app.router.add_get("/fapi/v1/markPriceKlines", public(marks))
    app.router.add_get("/fapi/v1/fundingRate", public(funding_rates(futures)))
