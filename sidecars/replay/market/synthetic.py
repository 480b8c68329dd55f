"""A feed from a seed: a market that looks like one, for demos and tests without a network.

A candle is a pure function of (seed, pair, time): it depends neither on `start` and `end` nor on
which other pairs there are (but for the candles of 3d, 1w and 1M that hold the start, which show
what they have from it on, as on the day of a listing). There is one 1m path; every timeframe is
aggregated from it. Minutes are made when they are asked for, a few weeks at a time, and what is
kept of them are the candles of 5m, 1h and 1d.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

import numpy as np

from sidecars.replay.market.columns import FeedError, between, concatenate, empty, take
from sidecars.replay.market.markets import market_of
from sidecars.replay.market.resample import resample
from sidecars.replay.market.synthetic_minutes import HourlyPrices, hourly_prices, minute_candles
from sidecars.replay.market.synthetic_state import (
    GENESIS_MS,
    HOURS_PER_DAY,
    PAIRS,
    hours_until,
    market_factor,
    own_factor,
)
from sidecars.replay.market.timeframes import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    check_timeframe,
    close_time,
    close_times,
    open_time,
)
from sidecars.replay.model import Candles, Market

DEFAULT_PAIRS: Final = tuple(PAIRS)
BLOCK_DAYS: Final = 28
# 10 pairs x 3 years are 400 blocks of 0.45 MB; a day of minutes takes 70 kB.
BLOCKS_KEPT: Final = 480
DAYS_KEPT: Final = 256
# The timeframes that are kept, and aggregated further for the others.
KEPT_TIMEFRAMES_MS: Final = (5 * MINUTE_MS, HOUR_MS, DAY_MS)


class SyntheticFeed:
    """Implements Feed, from 00:00 UTC of the day of `start` to the last whole minute of `end`."""

    def __init__(
        self, seed: int, *, pairs: Sequence[str] = DEFAULT_PAIRS, start: datetime, end: datetime
    ) -> None:
        """Raises FeedError for an unknown pair or a span that cannot be."""
        unknown = [pair for pair in pairs if pair not in PAIRS]
        if unknown or not pairs:
            raise FeedError(
                f"the synthetic market has no {', '.join(unknown) or 'empty list of pairs'}; "
                f"it has {', '.join(PAIRS)}"
            )
        self._start_ms = _milliseconds("start", start) // DAY_MS * DAY_MS
        self._end_ms = _milliseconds("end", end) // MINUTE_MS * MINUTE_MS
        # A day is left for the hour before the first one.
        if not GENESIS_MS + DAY_MS <= self._start_ms < self._end_ms:
            raise FeedError(
                f"the synthetic market starts on 2017-01-02 and its start must come before its "
                f"end; got {start.isoformat()} to {end.isoformat()}"
            )
        self._seed = seed
        self._pairs = {PAIRS[pair].base + "USDT": pair for pair in pairs}
        self._markets = tuple(
            market_of(
                PAIRS[pair].base, "USDT", PAIRS[pair].price_decimals, PAIRS[pair].anchor_price
            )
            for pair in self._pairs.values()
        )
        self._amount_decimals = {
            market.symbol: -int(market.amount_step.as_tuple().exponent) for market in self._markets
        }
        self._hours = self._all_hours()
        self._block = lru_cache(maxsize=BLOCKS_KEPT)(self._make_block)
        self._day = lru_cache(maxsize=DAYS_KEPT)(self._make_day)

    @property
    def markets(self) -> tuple[Market, ...]:
        return self._markets

    @property
    def span_ms(self) -> tuple[int, int]:
        return self._start_ms, self._end_ms

    def candles(self, symbol: str, timeframe_ms: int, start_ms: int, end_ms: int) -> Candles:
        check_timeframe(timeframe_ms)
        # A candle of the start's own week opens before the start and is on record nevertheless.
        first_ms = max(start_ms, open_time(self._start_ms, timeframe_ms))
        last_ms = min(end_ms, self._end_ms) - 1
        if symbol not in self._pairs:
            raise KeyError(symbol)
        if first_ms > last_ms:
            return empty()
        source_ms = max((ms for ms in KEPT_TIMEFRAMES_MS if ms <= timeframe_ms), default=MINUTE_MS)
        from_ms = max(open_time(first_ms, timeframe_ms), self._start_ms)
        until_ms = close_time(open_time(last_ms, timeframe_ms), timeframe_ms)
        candles = self._source(symbol, source_ms, from_ms, min(until_ms, self._end_ms))
        if source_ms != timeframe_ms:
            candles, _ = resample(candles, timeframe_ms)
        finished = close_times(candles.open_time_ms, timeframe_ms) <= self._end_ms
        return between(take(candles, slice(0, int(finished.sum()))), start_ms, end_ms)

    def finest(self, symbol: str, moment_ms: int) -> tuple[int, Candles] | None:
        opened_ms = open_time(moment_ms, MINUTE_MS)
        candle = self.candles(symbol, MINUTE_MS, opened_ms, opened_ms + MINUTE_MS)
        return (MINUTE_MS, candle) if len(candle) else None

    def tape(self, symbol: str, start_ms: int, end_ms: int) -> list[tuple[int, Candles]]:
        candles = self.candles(symbol, MINUTE_MS, open_time(start_ms, MINUTE_MS), end_ms)
        return [(MINUTE_MS, candles)] if len(candles) else []

    def _all_hours(self) -> dict[str, HourlyPrices]:
        hours = hours_until(self._end_ms + DAY_MS)
        market = market_factor(self._seed, hours)
        return {
            symbol: hourly_prices(
                PAIRS[pair], market, own_factor(self._seed, pair, hours, market), int(hours[0])
            )
            for symbol, pair in self._pairs.items()
        }

    def _source(self, symbol: str, timeframe_ms: int, start_ms: int, end_ms: int) -> Candles:
        """Candles of a kept timeframe, or of 1m, with start_ms <= open time < end_ms."""
        days = BLOCK_DAYS if timeframe_ms > MINUTE_MS else 1
        numbers = range(start_ms // (days * DAY_MS), (end_ms - 1) // (days * DAY_MS) + 1)
        if timeframe_ms > MINUTE_MS:
            parts = [self._block(symbol, number)[timeframe_ms] for number in numbers]
        else:
            parts = [self._day(symbol, number) for number in numbers]
        parts[-1] = between(parts[-1], start_ms, end_ms)
        parts[0] = between(parts[0], start_ms, end_ms)
        return concatenate(parts)

    def _make_block(self, symbol: str, number: int) -> dict[int, Candles]:
        minutes = self._make_minutes(symbol, number * BLOCK_DAYS, BLOCK_DAYS)
        return {ms: resample(minutes, ms)[0] for ms in KEPT_TIMEFRAMES_MS}

    def _make_day(self, symbol: str, number: int) -> Candles:
        return self._make_minutes(symbol, number, 1)

    def _make_minutes(self, symbol: str, first_day: int, days: int) -> Candles:
        pair = self._pairs[symbol]
        hours = self._hours[symbol]
        # Before the second hour there is no path, after the last none is known.
        start_hour = max(first_day * HOURS_PER_DAY, hours.first_hour + 1)
        known_until = hours.first_hour + len(hours.close)
        end_hour = min((first_day + days) * HOURS_PER_DAY, known_until)
        return minute_candles(
            self._seed,
            pair,
            PAIRS[pair],
            self._amount_decimals[symbol],
            hours,
            start_hour,
            end_hour,
        )


def _milliseconds(name: str, moment: datetime) -> int:
    if moment.tzinfo is None:
        raise FeedError(f"the {name} must carry a time zone, got {moment.isoformat()}")
    return int(np.floor(moment.timestamp() * 1000))
