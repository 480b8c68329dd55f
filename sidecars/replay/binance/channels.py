"""What each market stream has to say at a moment. One channel serves all of its listeners."""

from collections.abc import Callable, Sequence
from typing import Protocol

from sidecars.replay.binance import stream_events as write
from sidecars.replay.binance.account_json import Json, Levels, depth_json
from sidecars.replay.binance.endpoints import Exchange
from sidecars.replay.binance.live_books import LEVELS, LiveBook
from sidecars.replay.binance.market_json import DayStatistics, best_of
from sidecars.replay.binance.rest_market import best_quotes, day_of
from sidecars.replay.binance.stream_names import StreamKind, StreamName
from sidecars.replay.market.columns import take
from sidecars.replay.market.timeframes import TIMEFRAMES_MS, close_time, open_time
from sidecars.replay.model import Candles, ExchangeError, Market

# A jump over more candles than this tells of the latest ones only.
MOST_KLINES = 1000


class Channel(Protocol):
    """Asked at every beat of the exchange; remembers what it has told."""

    def messages(self, exchange: Exchange) -> Sequence[object]: ...

    def close(self) -> None:
        """The last listener has left."""
        ...


class _Paced:
    """Says no more often than every `every_ms` of exchange time."""

    def __init__(self, every_ms: int) -> None:
        self._every_ms = every_ms
        self._next_ms = 0

    def is_due(self, now_ms: int) -> bool:
        if now_ms < self._next_ms:
            return False
        self._next_ms = (now_ms // self._every_ms + 1) * self._every_ms
        return True

    def close(self) -> None:
        pass


class TradeChannel(_Paced):
    """Every tick, as trades or as aggregate trades."""

    def __init__(self, name: StreamName, symbol: str, now_ms: int) -> None:
        super().__init__(name.every_ms)
        self._symbol = symbol
        self._told_ms = now_ms
        aggregate = name.kind is StreamKind.AGGREGATE_TRADE
        self._write = write.aggregate_trade_events if aggregate else write.trade_events

    def messages(self, exchange: Exchange) -> list[Json]:
        ticks = exchange.view.ticks(self._symbol, self._told_ms, exchange.now_ms)
        self._told_ms = exchange.now_ms
        return self._write(self._symbol, ticks, exchange.now_ms)


class KlineChannel(_Paced):
    """The forming candle now and then, each closed one once, with x true."""

    def __init__(self, name: StreamName, symbol: str, now_ms: int) -> None:
        super().__init__(name.every_ms)
        self._name = name
        self._symbol = symbol
        self._timeframe_ms = TIMEFRAMES_MS[name.timeframe]
        self._open_ms = open_time(now_ms, self._timeframe_ms)
        self._told: tuple[float, ...] = ()

    def messages(self, exchange: Exchange) -> list[Json]:
        now_ms = exchange.now_ms
        open_ms = open_time(now_ms, self._timeframe_ms)
        # A close is told at once, everything else at the stream's pace.
        if not self.is_due(now_ms) and open_ms == self._open_ms:
            return []
        candles = exchange.view.klines(
            self._symbol,
            self._timeframe_ms,
            now_ms,
            start_ms=max(self._open_ms, open_ms - MOST_KLINES * self._timeframe_ms),
            limit=MOST_KLINES + 1,
        )
        self._open_ms = open_ms
        rows = (take(candles, slice(row, row + 1)) for row in range(len(candles)))
        return [self._event(candle, now_ms) for candle in rows if self._is_news(candle, now_ms)]

    def _is_news(self, candle: Candles, now_ms: int) -> bool:
        open_ms = int(candle.open_time_ms[0])
        if close_time(open_ms, self._timeframe_ms) <= now_ms:
            return True
        told = (
            open_ms,
            float(candle.high[0]),
            float(candle.low[0]),
            float(candle.close[0]),
            float(candle.volume[0]),
        )
        is_news, self._told = told != self._told, told
        return is_news

    def _event(self, candle: Candles, now_ms: int) -> Json:
        return write.kline_event(
            self._symbol, self._name.timeframe, self._timeframe_ms, candle, now_ms
        )


class Books:
    """The books that are followed, by symbol."""

    def __init__(self) -> None:
        self._books: dict[str, LiveBook] = {}

    def followed(self, exchange: Exchange, symbol: str, reader: object) -> LiveBook:
        """The symbol's book, followed by this reader from now on."""
        book = self._books.get(symbol)
        if book is None:
            engine = exchange.engine
            book = LiveBook(lambda now_ms: engine.depth(symbol, now_ms, LEVELS), exchange.now_ms)
            self._books[symbol] = book
        book.follow(reader)
        return book

    def left(self, symbol: str, reader: object) -> None:
        book = self._books[symbol]
        book.leave(reader)
        if not book.is_followed:
            del self._books[symbol]

    def depth(self, exchange: Exchange, symbol: str, levels: int) -> tuple[int, Levels, Levels]:
        """(update id, bids, asks): of the followed book if it is followed."""
        book = self._books.get(symbol)
        if book is None:
            bids, asks = exchange.engine.depth(symbol, exchange.now_ms, levels)
            return exchange.now_ms, bids, asks
        book.refresh(exchange.now_ms)
        return book.snapshot(levels)


class DepthChannel(_Paced):
    """Changes of a book."""

    def __init__(self, name: StreamName, symbol: str, exchange: Exchange, books: Books) -> None:
        super().__init__(name.every_ms)
        self._symbol = symbol
        self._books = books
        self._book = books.followed(exchange, symbol, self)

    def messages(self, exchange: Exchange) -> list[Json]:
        if not self.is_due(exchange.now_ms):
            return []
        self._book.refresh(exchange.now_ms)
        change = self._book.changes(self)
        return [] if change is None else [write.depth_event(self._symbol, change, exchange.now_ms)]

    def close(self) -> None:
        self._books.left(self._symbol, self)


class TopOfBookChannel(_Paced):
    """The first levels of a book, when they have changed: partial depth and bookTicker."""

    def __init__(self, name: StreamName, symbol: str) -> None:
        super().__init__(name.every_ms)
        self._name = name
        self._symbol = symbol
        self._told: tuple[Levels, Levels] | None = None

    def messages(self, exchange: Exchange) -> list[Json]:
        if not self.is_due(exchange.now_ms):
            return []
        top = exchange.engine.depth(self._symbol, exchange.now_ms, self._name.levels or 1)
        if top == self._told:
            return []
        self._told = top
        if self._name.kind is StreamKind.PARTIAL_DEPTH:
            return [depth_json(exchange.now_ms, *top)]
        bid, ask = best_of(top[0]), best_of(top[1])
        return [write.book_ticker_event(self._symbol, exchange.now_ms, bid, ask)]


class TickerChannel(_Paced):
    """Statistics of 24 hours of one market, when its last trade is another one."""

    def __init__(self, name: StreamName, market: Market) -> None:
        super().__init__(name.every_ms)
        self._market = market
        self._mini = name.kind is StreamKind.MINI_TICKER
        self._last_id = -1

    def messages(self, exchange: Exchange) -> list[Json]:
        if not self.is_due(exchange.now_ms):
            return []
        try:
            day = day_of(exchange, self._market)
        except ExchangeError:
            return []  # not listed yet: nothing to tell
        if day.last_id == self._last_id:
            return []
        self._last_id = day.last_id
        return [self._event(exchange, day)]

    def _event(self, exchange: Exchange, day: DayStatistics) -> Json:
        if self._mini:
            return write.mini_ticker_event(day, exchange.now_ms)
        return write.ticker_event(day, *best_quotes(exchange, self._market), exchange.now_ms)


class AllTickersChannel:
    """One message with the news of all markets."""

    def __init__(self, parts: list[TickerChannel]) -> None:
        self._parts = parts

    def messages(self, exchange: Exchange) -> list[list[Json]]:
        news = [event for part in self._parts for event in part.messages(exchange)]
        return [news] if news else []

    def close(self) -> None:
        pass


class SilentChannel:
    """Of a symbol that is not traded here: as on Binance one can listen, and hears nothing."""

    def messages(self, _: Exchange) -> list[Json]:
        return []

    def close(self) -> None:
        pass


def make_channel(name: StreamName, exchange: Exchange, books: Books) -> Channel:
    """The channel of a stream that somebody has just subscribed to."""
    markets = exchange.view.markets
    if name.symbol is None:
        return AllTickersChannel([TickerChannel(name, market) for market in markets.values()])
    market = markets.get(name.symbol)
    if market is None:
        return SilentChannel()
    makers: dict[StreamKind, Callable[[], Channel]] = {
        StreamKind.KLINE: lambda: KlineChannel(name, market.symbol, exchange.now_ms),
        StreamKind.TRADE: lambda: TradeChannel(name, market.symbol, exchange.now_ms),
        StreamKind.AGGREGATE_TRADE: lambda: TradeChannel(name, market.symbol, exchange.now_ms),
        StreamKind.DEPTH: lambda: DepthChannel(name, market.symbol, exchange, books),
        StreamKind.PARTIAL_DEPTH: lambda: TopOfBookChannel(name, market.symbol),
        StreamKind.BOOK_TICKER: lambda: TopOfBookChannel(name, market.symbol),
        StreamKind.TICKER: lambda: TickerChannel(name, market),
        StreamKind.MINI_TICKER: lambda: TickerChannel(name, market),
    }
    return makers[name.kind]()
