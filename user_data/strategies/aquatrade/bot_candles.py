"""Candles as they were known at a moment: the same columns live and in backtests."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.data.history import load_pair_history
from freqtrade.exchange import timeframe_to_seconds

from aquatrade.score_join import close_times_ms

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
HOUR_TIMEFRAME = "1h"
HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Columns:
    """Candles of a pair, oldest first; close_ms: when each closed, ms since 1970, UTC."""

    close_ms: IntArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    step_ms: int
    first_ms: int

    def known(self, now: datetime) -> int:
        """How many of them had closed by then."""
        return self.known_ms(milliseconds(now))

    def known_ms(self, now_ms: int) -> int:
        """As known(), for a moment in ms since 1970."""
        # Candles mostly stand in even steps: looking where one must be is all a backtest needs.
        guess = (now_ms - self.first_ms) // self.step_ms
        if 0 <= guess < len(self.close_ms) and self.close_ms[guess] == now_ms:
            return guess + 1
        return int(np.searchsorted(self.close_ms, now_ms, side="right"))

    def newest_close(self, now: datetime) -> float:
        """The close of the last candle that had closed by then; NaN without one."""
        return self.newest_close_ms(milliseconds(now))

    def newest_close_ms(self, now_ms: int) -> float:
        """As newest_close(), for a moment in ms since 1970."""
        count = self.known_ms(now_ms)
        return float(self.close[count - 1]) if count else float("nan")


class Candles(Protocol):
    """Where candles come from."""

    def columns(self, pair: str) -> Columns | None:
        """Candles of the strategy's timeframe; None where none are known."""
        ...

    def hourly(self, pair: str, now: datetime) -> Columns | None:
        """Candles of an hour, for correlations of that moment."""
        ...


def columns_of(frame: pd.DataFrame, timeframe: str) -> Columns:
    """The columns of a dataframe of candles with an aware `date` (when each opened)."""
    high, low, close = (frame[name].to_numpy(dtype=np.float64) for name in ("high", "low", "close"))
    close_ms = close_times_ms(frame["date"], timeframe)
    return _columns(close_ms, high, low, close, timeframe)


def _columns(
    close_ms: IntArray, high: FloatArray, low: FloatArray, close: FloatArray, timeframe: str
) -> Columns:
    step_ms = 1000 * timeframe_to_seconds(timeframe)
    first_ms = int(close_ms[0]) if len(close_ms) else 0
    return Columns(close_ms, high, low, close, step_ms, first_ms)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000.0)


class LiveCandles:
    """What freqtrade last fetched from the exchange."""

    def __init__(self, strategy: Any) -> None:
        """strategy: freqtrade gives it its data provider after it is made."""
        self._strategy = strategy

    def columns(self, pair: str) -> Columns | None:
        return self._fetched(pair, self._strategy.timeframe)

    def hourly(self, pair: str, now: datetime) -> Columns | None:
        return self._fetched(pair, HOUR_TIMEFRAME)

    def _fetched(self, pair: str, timeframe: str) -> Columns | None:
        frame = self._strategy.dp.ohlcv(pair, timeframe, copy=False)
        return columns_of(frame, timeframe) if len(frame) else None


class BacktestCandles:
    """The frames of one run, as freqtrade hands them to the strategy before it begins."""

    def __init__(self, timeframe: str, hours: int, config: dict[str, Any]) -> None:
        """hours: of hourly candles that must be known when the run begins."""
        self._timeframe = timeframe
        self._hours = hours
        self._config = config
        self._columns: dict[str, Columns] = {}
        self._hourly: dict[str, Columns | None] = {}

    def take(self, pair: str, frame: pd.DataFrame) -> None:
        """Keep a pair's whole frame; who asks for it says as of when."""
        if "date" in frame and len(frame):
            self._columns[pair] = columns_of(frame, self._timeframe)

    def columns(self, pair: str) -> Columns | None:
        return self._columns.get(pair)

    def hourly(self, pair: str, now: datetime) -> Columns | None:
        own = self._columns.get(pair) if self._timeframe == HOUR_TIMEFRAME else None
        if own is not None and own.known(now) > self._hours:
            return own
        if pair not in self._hourly:
            self._hourly[pair] = self._stored_hours(pair, own) or self._hours_of_frame(pair)
        return self._hourly[pair]

    def _stored_hours(self, pair: str, own: Columns | None) -> Columns | None:
        """Those on disk, from before the run on; where `own` are hours, until these are enough."""
        span = self._config.get("timerange")
        timerange = TimeRange.parse_timerange(None if span is None else str(span))
        timerange.subtract_start((self._hours + 1) * HOUR_SECONDS)
        if own is not None:
            timerange.stoptype = "date"
            timerange.stopts = own.first_ms // 1000 + (self._hours + 1) * HOUR_SECONDS
        frame = load_pair_history(
            pair=pair,
            timeframe=HOUR_TIMEFRAME,
            datadir=self._config["datadir"],
            timerange=timerange,
            data_format=self._config["dataformat_ohlcv"],
            candle_type=self._config["candle_type_def"],
        )
        return columns_of(frame, HOUR_TIMEFRAME) if len(frame) else None

    def _hours_of_frame(self, pair: str) -> Columns | None:
        """Without candles of an hour on disk: those that the shorter ones make."""
        shorter = self._columns.get(pair)
        if shorter is None or timeframe_to_seconds(self._timeframe) > HOUR_SECONDS:
            return None
        on_the_hour = shorter.close_ms % (HOUR_SECONDS * 1000) == 0
        # Only closes are asked for; the extremes of an hour are not those of its last candle.
        unknown = np.full(int(on_the_hour.sum()), np.nan)
        hours, closes = shorter.close_ms[on_the_hour], shorter.close[on_the_hour]
        return _columns(hours, unknown, unknown, closes, HOUR_TIMEFRAME)
