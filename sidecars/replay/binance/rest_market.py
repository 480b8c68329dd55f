"""Public market data over REST: general, candles, trades, book and tickers."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from aiohttp import web

from sidecars.replay.binance import market_json as write
from sidecars.replay.binance.account_json import Json, Levels, depth_json
from sidecars.replay.binance.endpoints import Endpoint, Exchange, public
from sidecars.replay.binance.kline_cache import KlineCache
from sidecars.replay.binance.parameters import Parameters
from sidecars.replay.market.columns import take
from sidecars.replay.market.timeframes import DAY_MS, MINUTE_MS, TIMEFRAMES_MS
from sidecars.replay.model import ExchangeError, Market, MarketView, Ticks

MAX_ROWS = 1000
MAX_DEPTH = 5000
AVERAGE_MINUTES = 5
TICKS_REACH_MS = 5 * MINUTE_MS
# Statistics of 24 hours are made of candles no finer than this; where a record has only coarser
# ones, of those.
DAY_TIMEFRAMES = ("5m", "15m", "30m", "1h", "4h", "12h", "1d")
WEIGHTS = {
    "/api/v3/exchangeInfo": 20,
    "/api/v3/klines": 2,
    "/api/v3/uiKlines": 2,
    "/api/v3/depth": 5,
    "/api/v3/trades": 25,
    "/api/v3/historicalTrades": 25,
    "/api/v3/aggTrades": 4,
    "/api/v3/avgPrice": 2,
    "/api/v3/ticker/24hr": 2,
    "/api/v3/ticker/price": 2,
    "/api/v3/ticker/bookTicker": 2,
    "/api/v3/account": 20,
    "/api/v3/order": 4,
    "/api/v3/openOrders": 6,
    "/api/v3/allOrders": 20,
    "/api/v3/myTrades": 20,
}
# (update id, bids, asks) of a symbol's book, at most `levels` a side.
DepthSource = Callable[[Exchange, str, int], tuple[int, Levels, Levels]]


def ping(_: Exchange, parameters: Parameters) -> Json:
    parameters.finish()
    return {}


def server_time(exchange: Exchange, parameters: Parameters) -> Json:
    parameters.finish()
    return {"serverTime": exchange.server_ms}


def exchange_info(exchange: Exchange, parameters: Parameters) -> Json:
    markets = _asked_markets(exchange, parameters)
    parameters.ignore("permissions", "showPermissionSets", "symbolStatus")
    parameters.finish()
    symbols = [
        write.symbol_json(market, is_trading=_trades(exchange, market)) for market in markets
    ]
    return write.exchange_info_json(symbols, exchange.server_ms)


def _trades(exchange: Exchange, market: Market) -> bool:
    return exchange.view.last_price(market.symbol, exchange.now_ms) is not None


def _asked_markets(exchange: Exchange, parameters: Parameters) -> list[Market]:
    """Those of `symbol` or `symbols`, all without either."""
    symbols = parameters.symbols()
    symbol = parameters.optional_symbol()
    if symbol is not None:
        symbols = [symbol]
    if symbols is None:
        return list(exchange.view.markets.values())
    return [exchange.market(name) for name in symbols]


class Klines:
    """GET klines and uiKlines; of another view of the market (perpetuals) where one is given."""

    def __init__(
        self, view: MarketView | None = None, most_rows: int = MAX_ROWS, *, has_volume: bool = True
    ) -> None:
        self._view, self._most_rows, self._has_volume = view, most_rows, has_volume
        self._cache = KlineCache()

    def __call__(self, exchange: Exchange, parameters: Parameters) -> bytes:
        view = self._view or exchange.view
        market = view.markets.get(parameters.symbol())
        if market is None:
            raise ExchangeError(-1121, "Invalid symbol.")
        timeframe_ms = TIMEFRAMES_MS.get(parameters.required_text("interval"))
        if timeframe_ms is None:
            raise ExchangeError(-1120, "Invalid interval.")
        start_ms, end_ms = parameters.integer("startTime"), parameters.integer("endTime")
        limit = parameters.limit(500, self._most_rows)
        # Candles of days and weeks open at UTC's midnight only.
        parameters.word("timeZone", ("0", "00:00", "+00:00"), "0")
        parameters.finish()
        candles = view.klines(
            market.symbol,
            timeframe_ms,
            exchange.now_ms,
            start_ms=start_ms,
            end_ms=end_ms,
            limit=limit,
        )
        if not self._has_volume:
            candles = replace(candles, volume=np.zeros(len(candles)))
        return self._cache.render(market, timeframe_ms, candles, exchange.now_ms)


def depth_endpoint(source: DepthSource) -> Callable[[Exchange, Parameters], Json]:
    """GET depth, from the same books that the depth streams tell of."""

    def depth(exchange: Exchange, parameters: Parameters) -> Json:
        market = exchange.market(parameters.symbol())
        limit = parameters.limit(100, MAX_DEPTH)
        parameters.finish()
        update_id, bids, asks = source(exchange, market.symbol, limit)
        return depth_json(update_id, bids, asks)

    return depth


def recent_trades(exchange: Exchange, parameters: Parameters) -> list[Json]:
    market = exchange.market(parameters.symbol())
    limit = parameters.limit(500, MAX_ROWS)
    parameters.finish()
    return write.trade_rows(exchange.view.trades(market.symbol, exchange.now_ms, limit=limit))


def historical_trades(exchange: Exchange, parameters: Parameters) -> list[Json]:
    market = exchange.market(parameters.symbol())
    limit = parameters.limit(500, MAX_ROWS)
    from_id = parameters.integer("fromId")
    parameters.finish()
    return write.trade_rows(
        exchange.view.trades(market.symbol, exchange.now_ms, from_id=from_id, limit=limit)
    )


def aggregate_trades(exchange: Exchange, parameters: Parameters) -> list[Json]:
    market = exchange.market(parameters.symbol())
    limit = parameters.limit(500, MAX_ROWS)
    from_id = parameters.integer("fromId")
    start_ms, end_ms = parameters.integer("startTime"), parameters.integer("endTime")
    parameters.finish()
    if from_id is not None and (start_ms is not None or end_ms is not None):
        raise ExchangeError(-1128, "Combination of optional parameters invalid.")
    ticks = exchange.view.trades(
        market.symbol,
        exchange.now_ms,
        from_id=from_id,
        start_ms=start_ms,
        end_ms=end_ms,
        limit=limit,
    )
    return write.aggregate_rows(ticks)


def average_price(exchange: Exchange, parameters: Parameters) -> Json:
    market = exchange.market(parameters.symbol())
    parameters.finish()
    start_ms = exchange.now_ms - AVERAGE_MINUTES * MINUTE_MS
    ticks = exchange.view.ticks(market.symbol, start_ms, exchange.now_ms)
    volume = float(ticks.amount.sum())
    last = last_trade_price(exchange, market)
    price = float((ticks.price * ticks.amount).sum()) / volume if volume > 0.0 else last
    return {"mins": AVERAGE_MINUTES, "price": f"{price:.8f}", "closeTime": exchange.now_ms}


def last_trade_price(exchange: Exchange, market: Market) -> float:
    """The price of the latest trade, however long ago; -1121 before the first one."""
    price = exchange.view.last_price(market.symbol, exchange.now_ms)
    if price is not None:
        return price
    return day_of(exchange, market).last


def day_of(exchange: Exchange, market: Market) -> write.DayStatistics:
    """Statistics of the last 24 hours; of a halted market those of its last day of trade.

    Raises -1121 when the market has not opened yet.
    """
    symbol, now_ms = market.symbol, exchange.now_ms
    for name in DAY_TIMEFRAMES:
        timeframe_ms = TIMEFRAMES_MS[name]
        start_ms = now_ms - DAY_MS
        candles = exchange.view.klines(
            symbol, timeframe_ms, now_ms, start_ms=start_ms, limit=DAY_MS // timeframe_ms + 1
        )
        if len(candles):
            break
    else:
        candles = exchange.view.klines(symbol, DAY_MS, now_ms, limit=1)
        if not len(candles):
            raise ExchangeError(-1121, "Invalid symbol.")
    before = exchange.view.klines(
        symbol, timeframe_ms, now_ms, end_ms=int(candles.open_time_ms[0]) - 1, limit=1
    )
    first = _ticks_near(exchange, symbol, now_ms - DAY_MS, now_ms - DAY_MS + TICKS_REACH_MS)
    if not len(first):
        first = exchange.view.trades(symbol, now_ms, start_ms=now_ms - DAY_MS, limit=1)
    first_id = int(first.trade_id[0]) if len(first) else -1
    last = _ticks_near(exchange, symbol, now_ms - TICKS_REACH_MS, now_ms)
    if not len(last):
        last = exchange.view.trades(symbol, now_ms, limit=1)
    return write.day_statistics(
        symbol, candles, take(before, slice(-1, None)), last, first_id, now_ms
    )


def _ticks_near(exchange: Exchange, symbol: str, start_ms: int, end_ms: int) -> Ticks:
    """A short stretch, which the view answers from memory; `trades` looks further, and longer."""
    return exchange.view.ticks(symbol, start_ms - 1, end_ms)


def per_market(
    row: Callable[[Exchange, Market], Json], *, typed: bool = False
) -> Callable[[Exchange, Parameters], object]:
    """A ticker endpoint: one object for `symbol`, a list for `symbols` or for neither.

    In a list of all, markets that have not opened yet are left out.
    """

    def endpoint(exchange: Exchange, parameters: Parameters) -> object:
        one = parameters.has("symbol")
        every = not one and not parameters.has("symbols")
        markets = _asked_markets(exchange, parameters)
        parameters.ignore("symbolStatus")
        kind = parameters.word("type", ("FULL", "MINI"), "FULL") if typed else "FULL"
        parameters.finish()
        make = row if kind == "FULL" else mini_ticker
        if one:
            return make(exchange, markets[0])
        return [
            make(exchange, market) for market in markets if not every or _opened(exchange, market)
        ]

    return endpoint


def _opened(exchange: Exchange, market: Market) -> bool:
    if _trades(exchange, market):
        return True
    return len(exchange.view.klines(market.symbol, DAY_MS, exchange.now_ms, limit=1)) > 0


def best_quotes(exchange: Exchange, market: Market) -> tuple[tuple[str, str], tuple[str, str]]:
    """(price, amount) of the best bid and ask."""
    bids, asks = exchange.engine.depth(market.symbol, exchange.now_ms, 1)
    return write.best_of(bids), write.best_of(asks)


def day_ticker(exchange: Exchange, market: Market) -> Json:
    return write.ticker_json(day_of(exchange, market), *best_quotes(exchange, market))


def mini_ticker(exchange: Exchange, market: Market) -> Json:
    return write.mini_ticker_json(day_of(exchange, market))


def price_ticker(exchange: Exchange, market: Market) -> Json:
    return {"symbol": market.symbol, "price": f"{last_trade_price(exchange, market):.8f}"}


def book_ticker(exchange: Exchange, market: Market) -> Json:
    return write.book_ticker_json(market.symbol, *best_quotes(exchange, market))


def add_market_routes(app: web.Application, depth_source: DepthSource) -> None:
    """Everything that needs no key."""
    klines = Klines()
    day = per_market(day_ticker, typed=True)
    routes: dict[str, Endpoint] = {
        "/api/v3/ping": ping,
        "/api/v3/time": server_time,
        "/api/v3/exchangeInfo": exchange_info,
        "/api/v3/klines": klines,
        "/api/v3/uiKlines": klines,
        "/api/v3/depth": depth_endpoint(depth_source),
        "/api/v3/trades": recent_trades,
        "/api/v3/historicalTrades": historical_trades,
        "/api/v3/aggTrades": aggregate_trades,
        "/api/v3/avgPrice": average_price,
        "/api/v3/ticker/24hr": day,
        "/api/v3/ticker/price": per_market(price_ticker),
        "/api/v3/ticker/bookTicker": per_market(book_ticker),
    }
    for path, endpoint in routes.items():
        app.router.add_get(path, public(endpoint))
