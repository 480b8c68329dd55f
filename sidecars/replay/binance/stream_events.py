"""Messages of the market streams. Pure: values in, JSON values out.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

from sidecars.replay.binance.account_json import Json, levels_json
from sidecars.replay.binance.live_books import BookChange
from sidecars.replay.binance.market_json import DayStatistics, quote_volumes, tick_rows
from sidecars.replay.market.timeframes import close_time
from sidecars.replay.model import Candles, Ticks


def kline_event(
    symbol: str, timeframe: str, timeframe_ms: int, candle: Candles, now_ms: int
) -> Json:
    """`candle`: one row; it is closed once now has reached its close time."""
    open_ms = int(candle.open_time_ms[0])
    close_ms = close_time(open_ms, timeframe_ms)
    volume, quote = float(candle.volume[0]), quote_volumes(candle)[0]
    return {
        "e": "kline",
        "E": now_ms,
        "s": symbol,
        "k": {
            "t": open_ms,
            "T": close_ms - 1,
            "s": symbol,
            "i": timeframe,
            "f": -1,
            "L": -1,
            "o": f"{candle.open[0]:.8f}",
            "c": f"{candle.close[0]:.8f}",
            "h": f"{candle.high[0]:.8f}",
            "l": f"{candle.low[0]:.8f}",
            "v": f"{volume:.8f}",
            "n": 0,
            "x": close_ms <= now_ms,
            "q": f"{quote:.8f}",
            "V": f"{volume / 2:.8f}",
            "Q": f"{quote / 2:.8f}",
            "B": "0",
        },
    }


def trade_events(symbol: str, ticks: Ticks, now_ms: int) -> list[Json]:
    return [
        {
            "e": "trade",
            "E": now_ms,
            "s": symbol,
            "t": trade_id,
            "p": f"{price:.8f}",
            "q": f"{amount:.8f}",
            "T": time_ms,
            "m": buyer_is_maker,
            "M": True,
        }
        for trade_id, time_ms, price, amount, buyer_is_maker in tick_rows(ticks)
    ]


def aggregate_trade_events(symbol: str, ticks: Ticks, now_ms: int) -> list[Json]:
    return [
        {
            "e": "aggTrade",
            "E": now_ms,
            "s": symbol,
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


def depth_event(symbol: str, change: BookChange, now_ms: int) -> Json:
    return {
        "e": "depthUpdate",
        "E": now_ms,
        "s": symbol,
        "U": change.first_id,
        "u": change.last_id,
        "b": levels_json(change.bids),
        "a": levels_json(change.asks),
    }


def book_ticker_event(
    symbol: str, update_id: int, bid: tuple[str, str], ask: tuple[str, str]
) -> Json:
    return {
        "u": update_id,
        "s": symbol,
        "b": bid[0],
        "B": bid[1],
        "a": ask[0],
        "A": ask[1],
    }


def mini_ticker_event(day: DayStatistics, now_ms: int) -> Json:
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": day.symbol,
        "c": f"{day.last:.8f}",
        "o": f"{day.open:.8f}",
        "h": f"{day.high:.8f}",
        "l": f"{day.low:.8f}",
        "v": f"{day.volume:.8f}",
        "q": f"{day.quote_volume:.8f}",
    }


def ticker_event(
    day: DayStatistics, bid: tuple[str, str], ask: tuple[str, str], now_ms: int
) -> Json:
    return {
        "e": "24hrTicker",
        "E": now_ms,
        "s": day.symbol,
        "p": f"{day.change:.8f}",
        "P": f"{day.change_pct:.3f}",
        "w": f"{day.mean_price:.8f}",
        "x": f"{day.previous_close:.8f}",
        "c": f"{day.last:.8f}",
        "Q": f"{day.last_amount:.8f}",
        "b": bid[0],
        "B": bid[1],
        "a": ask[0],
        "A": ask[1],
        "o": f"{day.open:.8f}",
        "h": f"{day.high:.8f}",
        "l": f"{day.low:.8f}",
        "v": f"{day.volume:.8f}",
        "q": f"{day.quote_volume:.8f}",
        "O": day.open_ms,
        "C": day.close_ms,
        "F": day.first_id,
        "L": day.last_id,
        "n": day.count,
    }
