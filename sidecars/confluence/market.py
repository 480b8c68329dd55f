"""The whole market as one index of the configured pairs, and what the regime is read from. Pure.

The index: each day's level is the day before's times 1 + the mean of the members' daily returns,
weighted by their mean quote volume (close x volume) over the 30 days *before* that day, so that
no weight knows the return it weighs. A pair is a member of a day when it has a candle of that
day and of the 30 before it. A level begins at 100; days without any member are a hole.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import talib

from sidecars.confluence.candles import (
    EMPTY,
    MS_PER_DAY,
    DailyCandles,
    FloatArray,
    IntArray,
    is_sunday,
    unbroken_runs,
)
from sidecars.confluence.indicators import TREND_DAYS, reference_readings, relative_strength

WEIGHT_DAYS = 30
FIRST_LEVEL = 100.0

MARKET_READINGS = (
    "btc_price",
    "btc_sma50",
    "btc_sma200",
    "market_ratio",
    "market_weekly_rsi",
    "market_members",
)


@dataclass(frozen=True, slots=True)
class MarketIndex:
    """Level and number of members of each day that has at least one."""

    open_time_ms: IntArray
    level: FloatArray
    members: FloatArray


@dataclass(frozen=True, slots=True)
class Market:
    """MARKET_READINGS of every day on which there is anything to read, in order of days.

    troubles: for a day (open_time_ms), what its readings had to do without.
    """

    open_time_ms: IntArray
    readings: Mapping[str, FloatArray]
    troubles: Mapping[int, tuple[str, ...]]

    def on(self, open_time_ms: IntArray) -> dict[str, FloatArray]:
        """The readings on the given days; NaN where the market has none."""
        return {
            name: _on_days(open_time_ms, self.open_time_ms, values)
            for name, values in self.readings.items()
        }


def market_index(members: Mapping[str, DailyCandles]) -> MarketIndex:
    """The index over all days that any member has a candle of. Order of members: no matter."""
    days = _all_days(list(members.values()))
    weighted = np.zeros(len(days))
    weights = np.zeros(len(days))
    count = np.zeros(len(days))
    # One after the other by name: adding an absent member's zero changes no digit of a sum.
    for pair in sorted(members):
        weight, day_return = _contribution(members[pair])
        weight = _on_days(days, members[pair].open_time_ms, weight)
        day_return = _on_days(days, members[pair].open_time_ms, day_return)
        present = ~np.isnan(weight) & ~np.isnan(day_return) & (weight > 0)
        weighted += np.where(present, weight * day_return, 0.0)
        weights += np.where(present, weight, 0.0)
        count += present
    has_members = count > 0
    days, count = days[has_members], count[has_members]
    growth = 1.0 + weighted[has_members] / weights[has_members]
    level = np.empty(len(days))
    for run in unbroken_runs(days):
        level[run] = FIRST_LEVEL * np.cumprod(growth[run])
    return MarketIndex(days, level, count)


def read_market(
    reference_pair: str, reference: DailyCandles, members: Mapping[str, DailyCandles]
) -> Market:
    """Everything that the regime is read from. The reference is BTC against the quote."""
    index = market_index(members)
    days = _all_days([reference, *members.values()])
    readings = {
        name: _on_days(days, reference.open_time_ms, values)
        for name, values in reference_readings(reference).items()
    }
    ratio = np.full(len(index.level), np.nan)
    weekly = np.full(len(index.level), np.nan)
    for run in unbroken_runs(index.open_time_ms):
        level = np.ascontiguousarray(index.level[run])
        ratio[run] = level / talib.SMA(level, TREND_DAYS)
        weekly[run] = _weekly_rsi(index.open_time_ms[run], level)
    readings["market_ratio"] = _on_days(days, index.open_time_ms, ratio)
    readings["market_weekly_rsi"] = _on_days(days, index.open_time_ms, weekly)
    readings["market_members"] = _on_days(days, index.open_time_ms, index.members)
    return Market(days, readings, _troubles(days, {reference_pair: reference}, members))


def _weekly_rsi(open_time_ms: IntArray, level: FloatArray) -> FloatArray:
    """RSI(14) of the closes of completed weeks, held until the next week is complete."""
    values = np.full(len(level), np.nan)
    sundays = np.flatnonzero(is_sunday(open_time_ms))
    if len(sundays) == 0:
        return values
    weekly = relative_strength(np.ascontiguousarray(level[sundays]))
    last_complete = np.searchsorted(sundays, np.arange(len(level)), side="right") - 1
    known = last_complete >= 0
    values[known] = weekly[last_complete[known]]
    return values


def _contribution(candles: DailyCandles) -> tuple[FloatArray, FloatArray]:
    """(weight known the evening before, return) of each day of one member; NaN where unknown."""
    weight = np.full(len(candles), np.nan)
    day_return = np.full(len(candles), np.nan)
    for run in unbroken_runs(candles.open_time_ms):
        close = candles.close[run]
        turnover = np.ascontiguousarray(close * candles.volume[run])
        mean = talib.SMA(turnover, WEIGHT_DAYS)
        weight[run.start + 1 : run.stop] = mean[:-1]
        day_return[run.start + 1 : run.stop] = close[1:] / close[:-1] - 1.0
    return weight, day_return


def _troubles(
    days: IntArray, reference: Mapping[str, DailyCandles], members: Mapping[str, DailyCandles]
) -> dict[int, tuple[str, ...]]:
    """Days on which a pair that was there the day before has no candle any more."""
    if len(days) == 0:
        return {}
    last_day = int(days[-1])
    found: dict[int, tuple[str, ...]] = {}
    for what, candles in (("BTC trend", reference), ("market index", members)):
        for pair in sorted(candles):
            times = candles[pair].open_time_ms
            ends = [int(times[run.stop - 1]) for run in unbroken_runs(times)]
            for missing_ms in (end + MS_PER_DAY for end in ends if end < last_day):
                found[missing_ms] = (*found.get(missing_ms, ()), f"{what} without {pair}")
    return found


def _all_days(candles: list[DailyCandles]) -> IntArray:
    if not candles:
        return EMPTY.open_time_ms
    return np.unique(np.concatenate([each.open_time_ms for each in candles]))


def _on_days(days: IntArray, own_days: IntArray, values: FloatArray) -> FloatArray:
    """Values of some days as a column over other days; NaN where there is none."""
    column = np.full(len(days), np.nan)
    if len(own_days) == 0:
        return column
    places = np.minimum(np.searchsorted(own_days, days), len(own_days) - 1)
    present = own_days[places] == days
    column[present] = values[places[present]]
    return column
