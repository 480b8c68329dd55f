"""Markets, candles, trades and tickers as Binance writes them. Pure.

What a record of candles does not hold is written as follows: quote volume is volume times the
mean of open, high, low and close; half of the volume counts as bought by takers; the number of
trades inside a candle is 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sidecars.replay.binance.account_json import Json, plain
from sidecars.replay.market.timeframes import close_times
from sidecars.replay.matching.filters import (
    MAX_NUM_ALGO_ORDERS,
    MAX_NUM_ORDERS,
    PERCENT_PRICE_DOWN,
    PERCENT_PRICE_UP,
)
from sidecars.replay.model import Candles, Market, OrderType, Ticks

DAY_MS = 86_400_000
MAX_PRICE = Decimal(10) ** 9
MAX_NOTIONAL = Decimal(9_000_000)
RATE_LIMITS: list[Json] = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200000},
    {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61000},
]
KLINE = '[%d,"%.8f","%.8f","%.8f","%.8f","%.8f",%d,"%.8f",0,"%.8f","%.8f","0"]'


def exchange_info_json(symbols: list[Json], server_ms: int) -> Json:
    """GET /api/v3/exchangeInfo around the given symbols."""
    return {
        "timezone": "UTC",
        "serverTime": server_ms,
        "rateLimits": RATE_LIMITS,
        "exchangeFilters": [],
        "symbols": symbols,
    }


def symbol_json(market: Market, *, is_trading: bool) -> Json:
    """One market with the filters that its orders are checked against."""
    return {
        "symbol": market.symbol,
        "status": "TRADING" if is_trading else "BREAK",
        "baseAsset": market.base,
        "baseAssetPrecision": 8,
        "quoteAsset": market.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [kind.value for kind in OrderType],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(market),
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def _filters(market: Market) -> list[Json]:
    amounts = {
        "minQty": plain(market.min_amount),
        "maxQty": plain(market.max_amount),
        "stepSize": plain(market.amount_step),
    }
    up, down = str(PERCENT_PRICE_UP), str(PERCENT_PRICE_DOWN)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": plain(market.price_tick),
            "maxPrice": plain(MAX_PRICE),
            "tickSize": plain(market.price_tick),
        },
        {"filterType": "LOT_SIZE", **amounts},
        {"filterType": "MARKET_LOT_SIZE", **amounts},
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": up,
            "bidMultiplierDown": down,
            "askMultiplierUp": up,
            "askMultiplierDown": down,
            "avgPriceMins": 0,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": plain(market.min_notional),
            "applyMinToMarket": True,
            "maxNotional": plain(MAX_NOTIONAL),
            "applyMaxToMarket": False,
            "avgPriceMins": 0,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_NUM_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_NUM_ALGO_ORDERS},
    ]


def price_decimals(market: Market) -> int:
    """Decimals that hold every price of the market: 8, or more for a finer tick."""
    exponent = market.price_tick.normalize().as_tuple().exponent
    return max(8, -exponent) if isinstance(exponent, int) else 8


def quote_volumes(candles: Candles) -> list[float]:
    """Volume times the mean of open, high, low and close, quote units."""
    mean = (candles.open + candles.high + candles.low + candles.close) / 4.0
    volumes: list[float] = (candles.volume * mean).tolist()
    return volumes


def kline_rows(candles: Candles, timeframe_ms: int, decimals: int = 8) -> list[str]:
    """One JSON array a candle, as text: formatting numbers is what such an answer costs."""
    row = KLINE if decimals == 8 else _kline_format(decimals)
    quotes = quote_volumes(candles)
    return [
        row % values
        for values in zip(
            candles.open_time_ms.tolist(),
            candles.open.tolist(),
            candles.high.tolist(),
            candles.low.tolist(),
            candles.close.tolist(),
            candles.volume.tolist(),
            (close_times(candles.open_time_ms, timeframe_ms) - 1).tolist(),
            quotes,
            (candles.volume / 2.0).tolist(),
            [quote / 2.0 for quote in quotes],
            strict=True,
        )
    ]


def _kline_format(decimals: int) -> str:
    price = f'"%.{decimals}f"'
    return KLINE.replace('"%.8f"', price, 4)


def trade_rows(ticks: Ticks) -> list[Json]:
    """GET trades and historicalTrades."""
    return [
        {
            "id": trade_id,
            "price": f"{price:.8f}",
            "qty": f"{amount:.8f}",
            "quoteQty": f"{price * amount:.8f}",
            "time": time_ms,
            "isBuyerMaker": buyer_is_maker,
            "isBestMatch": True,
        }
        for trade_id, time_ms, price, amount, buyer_is_maker in tick_rows(ticks)
    ]


def aggregate_rows(ticks: Ticks) -> list[Json]:
    """GET aggTrades; each tick is an aggregate of its own."""
    return [
        {
            "a": trade_id,
            "p": f"{price:.8f}",
            "q": f"{amount:.8f}",
            "f": trade_id,
            "l": trade_id,
            "T": time_ms,
            "m": buyer_is_maker,
            "M": True,
        }
        for trade_id, time_ms, price, amount, buyer_is_maker in tick_rows(ticks)
    ]


def tick_rows(ticks: Ticks) -> Iterable[tuple[int, int, float, float, bool]]:
    """(trade id, time ms, price, amount, buyer is maker) of each tick."""
    return zip(
        ticks.trade_id.tolist(),
        ticks.time_ms.tolist(),
        ticks.price.tolist(),
        ticks.amount.tolist(),
        ticks.buyer_is_maker.tolist(),
        strict=True,
    )


@dataclass(frozen=True, slots=True)
class DayStatistics:
    """What happened to one symbol in the 24 hours up to a moment. Prices are floats of the feed."""

    symbol: str
    open_ms: int
    close_ms: int
    previous_close: float
    open: float
    high: float
    low: float
    last: float
    last_amount: float
    volume: float
    quote_volume: float
    first_id: int
    last_id: int

    @property
    def mean_price(self) -> float:
        """Volume-weighted; the last price when nothing was traded."""
        return self.quote_volume / self.volume if self.volume > 0.0 else self.last

    @property
    def change(self) -> float:
        return self.last - self.open

    @property
    def change_pct(self) -> float:
        return self.change / self.open * 100.0

    @property
    def count(self) -> int:
        return self.last_id - self.first_id + 1 if self.last_id >= 0 else 0


def day_statistics(
    symbol: str, candles: Candles, before: Candles, last_tick: Ticks, first_id: int, now_ms: int
) -> DayStatistics:
    """From the candles of the last 24 hours (at least one), the candle before them, and ticks."""
    traded = len(last_tick) > 0
    return DayStatistics(
        symbol=symbol,
        open_ms=now_ms - DAY_MS,
        close_ms=now_ms,
        previous_close=float(before.close[-1]) if len(before) else float(candles.open[0]),
        open=float(candles.open[0]),
        high=float(candles.high.max()),
        low=float(candles.low.min()),
        last=float(candles.close[-1]),
        last_amount=float(last_tick.amount[-1]) if traded else 0.0,
        volume=float(candles.volume.sum()),
        quote_volume=sum(quote_volumes(candles)),
        first_id=first_id if traded else -1,
        last_id=int(last_tick.trade_id[-1]) if traded else -1,
    )


def best_of(levels: Sequence[tuple[Decimal, Decimal]]) -> tuple[str, str]:
    """Price and amount of the first level; zeros for an empty side, as Binance writes them."""
    price, amount = levels[0] if levels else (Decimal(0), Decimal(0))
    return plain(price), plain(amount)


def ticker_json(day: DayStatistics, bid: tuple[str, str], ask: tuple[str, str]) -> Json:
    """GET ticker/24hr; bid and ask: (price, amount)."""
    return {
        "symbol": day.symbol,
        "priceChange": f"{day.change:.8f}",
        "priceChangePercent": f"{day.change_pct:.3f}",
        "weightedAvgPrice": f"{day.mean_price:.8f}",
        "prevClosePrice": f"{day.previous_close:.8f}",
        "lastPrice": f"{day.last:.8f}",
        "lastQty": f"{day.last_amount:.8f}",
        "bidPrice": bid[0],
        "bidQty": bid[1],
        "askPrice": ask[0],
        "askQty": ask[1],
        **_range(day),
        "openTime": day.open_ms,
        "closeTime": day.close_ms,
        "firstId": day.first_id,
        "lastId": day.last_id,
        "count": day.count,
    }


def mini_ticker_json(day: DayStatistics) -> Json:
    """GET ticker/24hr with type=MINI."""
    return {
        "symbol": day.symbol,
        "lastPrice": f"{day.last:.8f}",
        **_range(day),
        "openTime": day.open_ms,
        "closeTime": day.close_ms,
        "firstId": day.first_id,
        "lastId": day.last_id,
        "count": day.count,
    }


def book_ticker_json(symbol: str, bid: tuple[str, str], ask: tuple[str, str]) -> Json:
    """GET ticker/bookTicker."""
    return {
        "symbol": symbol,
        "bidPrice": bid[0],
        "bidQty": bid[1],
        "askPrice": ask[0],
        "askQty": ask[1],
    }


def _range(day: DayStatistics) -> Json:
    return {
        "openPrice": f"{day.open:.8f}",
        "highPrice": f"{day.high:.8f}",
        "lowPrice": f"{day.low:.8f}",
        "volume": f"{day.volume:.8f}",
        "quoteVolume": f"{day.quote_volume:.8f}",
    }
