"""Freqtrade's backtester without the candles on which nothing can happen.

Freqtrade walks over every candle of every pair. Where a pair has neither an open trade nor a
signal its walk changes nothing, so this one steps over those; trades are the same (a test compares
them), in a fraction of the time where signals are rare. With a detail timeframe, a changing pair
list or candles with holes it walks as freqtrade does. Freqtrade also writes every price as text to
count its decimals, which takes longer than all the rest; here they are counted by arithmetic.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from freqtrade.optimize import backtesting as freqtrade_backtesting
from freqtrade.optimize.backtesting import DATE_IDX, OPEN_IDX, Backtesting
from freqtrade.persistence import LocalTrade, PairLocks
from freqtrade.strategy.strategy_wrapper import strategy_safe_wrapper

Rows = Sequence[tuple[Any, ...]]
Step = tuple[datetime, str, tuple[Any, ...], bool, str | None]
SIGNIFICANT_DIGITS = 14  # that freqtrade looks at
MOST_DECIMALS = 20
MOST_LOCKS = 50  # freqtrade asks every lock that there ever was before each entry


def tick_size_over_time(candles: pd.DataFrame) -> pd.Series:
    """For each month, one over ten to the most decimals of its prices; NaN where they have none.

    candles: date, open, high, low, close. What freqtrade's get_tick_size_over_time tells.
    """
    decimals = np.column_stack(
        [decimals_of(candles[name].to_numpy()) for name in ("open", "high", "low", "close")]
    ).max(axis=1)
    counted = pd.Series(decimals, index=pd.DatetimeIndex(candles["date"]))
    monthly = counted.resample("MS").max()
    ticks: pd.Series = 1 / 10 ** monthly.where(monthly > 0)
    return ticks


def decimals_of(prices: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Decimals of each price, written with 14 significant digits and no zeros at the end."""
    found = np.zeros(len(prices), dtype=np.int64)
    rest = np.flatnonzero(np.isfinite(prices) & (prices != 0.0))  # house: float-equality - no digit
    exponent = np.floor(np.log10(np.abs(prices[rest])))
    half_digit = 0.5 * 10.0 ** (exponent - SIGNIFICANT_DIGITS + 1)
    for decimals in range(MOST_DECIMALS + 1):
        found[rest] = decimals
        scale = 10.0**decimals
        unwritten = np.abs(prices[rest] - np.rint(prices[rest] * scale) / scale) > half_digit
        rest, half_digit = rest[unwritten], half_digit[unwritten]
        if not len(rest):
            break
    return found


class QuickBacktesting(Backtesting):  # type: ignore[misc]  # freqtrade is untyped here
    """As freqtrade's, quicker. Not for a strategy whose loop start reads its candles."""

    def load_bt_data(self) -> Any:
        """As freqtrade's, with tick_size_over_time in place of its own."""
        original = freqtrade_backtesting.get_tick_size_over_time
        freqtrade_backtesting.get_tick_size_over_time = tick_size_over_time
        try:
            return super().load_bt_data()
        finally:
            freqtrade_backtesting.get_tick_size_over_time = original

    def time_pair_generator(
        self, start_date: datetime, end_date: datetime, pairs: list[str], data: dict[str, Rows]
    ) -> Iterator[Step]:
        """(moment, pair, row, is it the last, direction of its signal), in freqtrade's order."""
        if self.timeframe_detail or self.dynamic_pairlist or not self._is_whole(data):
            yield from super().time_pair_generator(start_date, end_date, pairs, data)
            return
        begin = {pair: rows[0][DATE_IDX] for pair, rows in data.items() if rows}
        signals = self._signals(data)
        stake = self.strategy.config["stake_currency"]
        for now in self._time_generator(start_date, end_date):
            self.check_abort()
            strategy_safe_wrapper(self.strategy.bot_loop_start, supress_error=True)(
                current_time=now
            )
            if len(PairLocks.locks) > MOST_LOCKS:
                PairLocks.locks = [each for each in PairLocks.locks if each.lock_end_time_utc > now]
            held = [trade.pair for trade in LocalTrade.bt_trades_open]
            self._capture_wallet(now, stake, 1)
            due = signals.get(now, {})
            for pair in dict.fromkeys([*held, *pairs]) if held or due else ():
                index = (now - begin[pair]) // self.timeframe_td if pair in begin else -1
                if not 0 <= index < len(data[pair]):
                    continue
                self.dataprovider._set_dataframe_max_index(pair, self.required_startup + index + 1)
                if pair not in held and pair not in due:
                    continue
                row = data[pair][index]
                self._capture_wallet(now, pair.split("/")[0], row[OPEN_IDX])
                self.dataprovider._set_dataframe_max_date(now)
                if pair in held and not LocalTrade.bt_trades_open_pp[pair]:
                    continue  # as freqtrade: closed within this candle, it rests until the next
                yield now, pair, row, now == end_date, due.get(pair)
            self._increment_progress()

    def _is_whole(self, data: Mapping[str, Rows]) -> bool:
        return all(
            rows[-1][DATE_IDX] - rows[0][DATE_IDX] == (len(rows) - 1) * self.timeframe_td
            for rows in data.values()
            if rows
        )

    def _signals(self, data: Mapping[str, Rows]) -> dict[datetime, dict[str, str]]:
        """By moment and pair: the direction that freqtrade would enter in."""
        found: dict[datetime, dict[str, str]] = {}
        for pair, rows in data.items():
            for row in rows:
                direction = self.check_for_trade_entry(row)
                if direction is not None:
                    found.setdefault(row[DATE_IDX], {})[pair] = direction
        return found
