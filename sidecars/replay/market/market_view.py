"""The market as it stood at a moment, from a feed and a seed: candles, ticks and prices.

Closed candles come from the record. What happens inside the candle of the moment comes from its
seeded path (`price_path`), of which only the part up to the moment is ever shown. In a hole of
the record there is no price, no tick and no forming candle; a stretch that is on record only in
longer candles than asked for is a hole to those who ask for the shorter ones.
"""

import itertools
from functools import lru_cache

from sidecars.replay.market.columns import concatenate, from_rows, take
from sidecars.replay.market.noise import key_of
from sidecars.replay.market.price_path import (
    join_ticks,
    no_ticks,
    take_ticks,
    ticks_of,
)
from sidecars.replay.market.timeframes import (
    HOUR_MS,
    MINUTE_MS,
    MONTH_MS,
    SECOND_MS,
    TIMEFRAME_NAMES,
    check_timeframe,
    close_time,
    close_times,
    open_time,
)
from sidecars.replay.model import Candles, Feed, Market, Ticks

# Candles whose ticks are kept: the present one of each pair, with room for several readers.
PATHS_KEPT = 512
# A few candles are answered from kept paths, more of them are made in one go.
FEW_CANDLES = 3
TRADES_REACH_MS = 15 * MINUTE_MS


class ReplayMarketView:
    """Implements MarketView over any Feed. Unknown symbols raise KeyError."""

    def __init__(self, feed: Feed, seed: int) -> None:
        self._feed = feed
        self._markets = {market.symbol: market for market in feed.markets}
        self._keys = {
            (symbol, timeframe_ms): key_of("price path", seed, symbol, timeframe_ms)
            for symbol in self._markets
            for timeframe_ms in TIMEFRAME_NAMES
        }
        self._decimals = {
            symbol: max(0, -int(market.price_tick.as_tuple().exponent))
            for symbol, market in self._markets.items()
        }
        self._path_at = lru_cache(maxsize=PATHS_KEPT)(self._make_path)

    @property
    def markets(self) -> dict[str, Market]:
        return self._markets

    def klines(
        self,
        symbol: str,
        timeframe_ms: int,
        now_ms: int,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> Candles:
        check_timeframe(timeframe_ms)
        forming_open_ms = open_time(now_ms, timeframe_ms)
        last_ms = now_ms if end_ms is None else min(end_ms, now_ms)
        before_ms = min(forming_open_ms, last_ms + 1)
        if start_ms is None:
            candles = self._last_closed(symbol, timeframe_ms, before_ms, limit)
        else:
            candles = self._first_closed(symbol, timeframe_ms, start_ms, before_ms, limit)
            if len(candles) >= limit:
                return candles
        if (start_ms is None or start_ms <= forming_open_ms) and forming_open_ms <= last_ms:
            forming = self._forming(symbol, timeframe_ms, forming_open_ms, now_ms)
            candles = concatenate([candles, forming])
        return take(candles, slice(max(0, len(candles) - limit), None))

    def last_price(self, symbol: str, now_ms: int) -> float | None:
        found = self._feed.finest(symbol, now_ms)
        if found is None:
            return None
        timeframe_ms, candle = found
        ticks = self._path(symbol, timeframe_ms, candle)
        if len(ticks) == 0:
            # Nothing was traded in this candle: the price is the one it stands at.
            return float(candle.open[0])
        # The first tick of a candle is at its open time: there is always one at or before now.
        return float(ticks.price[int(ticks.time_ms.searchsorted(now_ms, side="right")) - 1])

    def ticks(self, symbol: str, after_ms: int, upto_ms: int) -> Ticks:
        if upto_ms <= after_ms:
            return no_ticks()
        parts = []
        for timeframe_ms, candles in self._feed.tape(symbol, after_ms, upto_ms + 1):
            if len(candles) <= FEW_CANDLES:
                for row in range(len(candles)):
                    candle = take(candles, slice(row, row + 1))
                    parts.append(self._path(symbol, timeframe_ms, candle))
            else:
                parts.append(self._make_ticks(symbol, timeframe_ms, candles))
        ticks = join_ticks(parts)
        first = int(ticks.time_ms.searchsorted(after_ms, side="right"))
        last = int(ticks.time_ms.searchsorted(upto_ms, side="right"))
        return take_ticks(ticks, slice(first, last))

    def trades(
        self,
        symbol: str,
        now_ms: int,
        *,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> Ticks:
        last_ms = now_ms if end_ms is None else min(end_ms, now_ms)
        if from_id is None and start_ms is None:
            return self._last_trades(symbol, last_ms, limit)
        first_ms = self._feed.span_ms[0] if start_ms is None else start_ms
        if from_id is not None:
            # An id is the open time of its candle in seconds plus a place in it: the candle
            # is the one on the tape at that second.
            first_ms = max(first_ms, self._open_at(symbol, from_id * SECOND_MS))
        return self._first_trades(symbol, first_ms, last_ms, from_id or 0, limit)

    def turnover_per_second(self, symbol: str, now_ms: int) -> float:
        hour_ms = open_time(now_ms, HOUR_MS) - HOUR_MS
        hour = self._feed.candles(symbol, HOUR_MS, hour_ms, hour_ms + HOUR_MS)
        if len(hour):
            return float(hour.volume[0]) / (HOUR_MS / SECOND_MS)
        # Just listed, just out of a hole, or on record in longer candles only.
        recent = self.ticks(symbol, now_ms - HOUR_MS, now_ms)
        return float(recent.amount.sum()) / (HOUR_MS / SECOND_MS)

    def _first_closed(
        self, symbol: str, timeframe_ms: int, start_ms: int, before_ms: int, limit: int
    ) -> Candles:
        """The first `limit` candles with start_ms <= open time < before_ms.

        Holes make the reach of so many candles unknown: look ever further, as a feed may have
        to work for each candle that it is asked for.
        """
        start_ms = max(start_ms, self._feed.span_ms[0] - MONTH_MS)
        reach_ms = limit * timeframe_ms
        while True:
            end_ms = min(start_ms + reach_ms, before_ms)
            candles = self._feed.candles(symbol, timeframe_ms, start_ms, end_ms)
            if len(candles) >= limit or end_ms >= before_ms:
                return take(candles, slice(0, limit))
            reach_ms *= 2

    def _last_closed(self, symbol: str, timeframe_ms: int, before_ms: int, limit: int) -> Candles:
        """The last `limit` candles that open before before_ms."""
        earliest_ms = self._feed.span_ms[0] - MONTH_MS
        reach_ms = limit * timeframe_ms
        while True:
            start_ms = before_ms - reach_ms
            candles = self._feed.candles(symbol, timeframe_ms, start_ms, before_ms)
            if len(candles) >= limit or start_ms <= earliest_ms:
                return take(candles, slice(max(0, len(candles) - limit), None))
            reach_ms *= 2

    def _open_at(self, symbol: str, moment_ms: int) -> int:
        found = self._feed.finest(symbol, moment_ms)
        return moment_ms if found is None else int(found[1].open_time_ms[0])

    def _first_trades(
        self, symbol: str, first_ms: int, last_ms: int, from_id: int, limit: int
    ) -> Ticks:
        parts: list[Ticks] = []
        found = 0
        start_ms, reach_ms = max(first_ms, self._feed.span_ms[0]), TRADES_REACH_MS
        while found < limit and start_ms <= last_ms:
            end_ms = min(start_ms + reach_ms, last_ms + 1)
            for piece_start_ms, piece_end_ms in self._stretches(symbol, start_ms, end_ms):
                ticks = self.ticks(symbol, piece_start_ms - 1, piece_end_ms - 1)
                ticks = take_ticks(ticks, slice(int(ticks.trade_id.searchsorted(from_id)), None))
                parts.append(ticks)
                found += len(ticks)
                if found >= limit:
                    break
            start_ms, reach_ms = end_ms, reach_ms * 2
        return take_ticks(join_ticks(parts), slice(0, limit))

    def _last_trades(self, symbol: str, last_ms: int, limit: int) -> Ticks:
        parts: list[Ticks] = []
        found = 0
        end_ms, reach_ms = last_ms + 1, TRADES_REACH_MS
        while found < limit and end_ms > self._feed.span_ms[0]:
            start_ms = end_ms - reach_ms
            for piece_start_ms, piece_end_ms in reversed(self._stretches(symbol, start_ms, end_ms)):
                ticks = self.ticks(symbol, piece_start_ms - 1, piece_end_ms - 1)
                parts.append(ticks)
                found += len(ticks)
                if found >= limit:
                    break
            end_ms, reach_ms = start_ms, reach_ms * 2
        ticks = join_ticks(parts[::-1])
        return take_ticks(ticks, slice(max(0, len(ticks) - limit), None))

    def _stretches(self, symbol: str, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
        """What lies on the tape within [start_ms, end_ms), cut to a quarter of an hour at most."""
        stretches: list[tuple[int, int]] = []
        for timeframe_ms, candles in self._feed.tape(symbol, start_ms, end_ms):
            first_ms = max(start_ms, int(candles.open_time_ms[0]))
            after_ms = min(end_ms, close_time(int(candles.open_time_ms[-1]), timeframe_ms))
            edges = [*range(first_ms, after_ms, TRADES_REACH_MS), after_ms]
            stretches.extend(itertools.pairwise(edges))
        return stretches

    def _forming(
        self, symbol: str, timeframe_ms: int, forming_open_ms: int, now_ms: int
    ) -> Candles:
        """The candle that opened at forming_open_ms as far as it has come; no row if it has not."""
        rows = []
        for piece_ms, candles in self._feed.tape(symbol, forming_open_ms, now_ms + 1):
            if piece_ms > timeframe_ms:
                return from_rows([])
            is_over = close_times(candles.open_time_ms, piece_ms) <= now_ms
            over = take(candles, slice(0, int(is_over.sum())))
            if len(over):
                rows.append(_summary(over))
            if len(over) < len(candles):
                rows.append(self._partial(symbol, piece_ms, take(candles, slice(-1, None)), now_ms))
        if not rows:
            return from_rows([])
        opens, highs, lows, closes, volumes = zip(*rows, strict=True)
        return from_rows(
            [(forming_open_ms, opens[0], max(highs), min(lows), closes[-1], sum(volumes))]
        )

    def _partial(
        self, symbol: str, timeframe_ms: int, candle: Candles, now_ms: int
    ) -> tuple[float, float, float, float, float]:
        ticks = self._path(symbol, timeframe_ms, candle)
        shown = int(ticks.time_ms.searchsorted(now_ms, side="right"))
        if shown == 0:
            price = float(candle.open[0])
            return price, price, price, price, 0.0
        prices = ticks.price[:shown]
        volume = float(ticks.amount[:shown].sum())
        return float(prices[0]), float(prices.max()), float(prices.min()), float(prices[-1]), volume

    def _path(self, symbol: str, timeframe_ms: int, candle: Candles) -> Ticks:
        return self._path_at(symbol, timeframe_ms, int(candle.open_time_ms[0]))

    def _make_path(self, symbol: str, timeframe_ms: int, open_time_ms: int) -> Ticks:
        found = self._feed.finest(symbol, open_time_ms)
        if found is None:
            return no_ticks()
        return self._make_ticks(symbol, timeframe_ms, found[1])

    def _make_ticks(self, symbol: str, timeframe_ms: int, candles: Candles) -> Ticks:
        key = self._keys[symbol, timeframe_ms]
        return ticks_of(candles, timeframe_ms, key, self._decimals[symbol])


def _summary(candles: Candles) -> tuple[float, float, float, float, float]:
    return (
        float(candles.open[0]),
        float(candles.high.max()),
        float(candles.low.min()),
        float(candles.close[-1]),
        float(candles.volume.sum()),
    )
