"""Names of market streams, such as "btcusdt@kline_1m". Pure.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from sidecars.replay.market.timeframes import TIMEFRAMES_MS

SLOW_MS = 1_000
FAST_MS = 100
KLINE_MS = 2_000
PARTIAL_LEVELS = (5, 10, 20)
NAME = re.compile(r"(?P<symbol>[a-z0-9_.-]{1,20})@(?P<rest>[A-Za-z0-9_]+)(?P<fast>@100ms)?")
PARTIAL = re.compile(r"depth(\d+)")


class StreamKind(StrEnum):
    KLINE = "kline"
    TRADE = "trade"
    AGGREGATE_TRADE = "aggTrade"
    DEPTH = "depth"
    PARTIAL_DEPTH = "partialDepth"
    BOOK_TICKER = "bookTicker"
    TICKER = "ticker"
    MINI_TICKER = "miniTicker"


@dataclass(frozen=True, slots=True)
class StreamName:
    """A stream: what it tells, of which symbol (None: of all), how often.

    timeframe: of klines, as Binance names it; levels: of partial depth; every_ms: exchange time
    between two messages at least.
    """

    text: str
    kind: StreamKind
    symbol: str | None
    every_ms: int
    timeframe: str = ""
    levels: int = 0


class StreamNameError(ValueError):
    """No stream has this name."""


ALL_MARKETS = {
    "!ticker@arr": StreamKind.TICKER,
    "!miniTicker@arr": StreamKind.MINI_TICKER,
}
PLAIN = {
    "trade": (StreamKind.TRADE, FAST_MS),
    "aggTrade": (StreamKind.AGGREGATE_TRADE, FAST_MS),
    "bookTicker": (StreamKind.BOOK_TICKER, FAST_MS),
    "ticker": (StreamKind.TICKER, SLOW_MS),
    "miniTicker": (StreamKind.MINI_TICKER, SLOW_MS),
}


def parse_stream(text: str) -> StreamName:
    """Raises StreamNameError; whether the symbol is traded is not looked at, as on Binance."""
    if text in ALL_MARKETS:
        return StreamName(text, ALL_MARKETS[text], None, SLOW_MS)
    match = NAME.fullmatch(text)
    if match is None:
        raise StreamNameError(f"'{text}' is not a stream; expected <symbol>@<kind>")
    symbol, rest = match["symbol"].upper(), match["rest"]
    if rest == "depth" or PARTIAL.fullmatch(rest):
        return _depth(text, symbol, rest, FAST_MS if match["fast"] else SLOW_MS)
    if match["fast"] is None:
        timeframe = rest.removeprefix("kline_")
        if rest != timeframe and timeframe in TIMEFRAMES_MS:
            return StreamName(text, StreamKind.KLINE, symbol, KLINE_MS, timeframe=timeframe)
        if rest in PLAIN:
            kind, every_ms = PLAIN[rest]
            return StreamName(text, kind, symbol, every_ms)
    raise StreamNameError(f"'{text}' is not a stream that is served here")


def _depth(text: str, symbol: str, rest: str, every_ms: int) -> StreamName:
    partial = PARTIAL.fullmatch(rest)
    if partial is None:
        return StreamName(text, StreamKind.DEPTH, symbol, every_ms)
    levels = int(partial[1])
    if levels not in PARTIAL_LEVELS:
        raise StreamNameError(f"'{text}': partial depth has 5, 10 or 20 levels")
    return StreamName(text, StreamKind.PARTIAL_DEPTH, symbol, every_ms, levels=levels)
