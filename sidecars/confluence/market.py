"""The whole market, by its capitalisation or as one index of the configured pairs, and what the
regime is read from. Pure.

The index: each day's level is the day before's times 1 + the mean of the members' daily returns,
weighted by their mean quote volume (close x volume) over the 30 days *before* that day, so that
no weight knows the return it weighs. A pair is a member of a day when it has a candle of that
day and of the 30 before it. A level begins at 100; days without any member are a hole.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import talib

from sidecars.confluence.candles import (
    EMPTY,
    MS_PER_DAY,
    DailyCandles,
    FloatArray,
    IntArray,
    unbroken_runs,
)
from sidecars.confluence.indicators import reference_readings
from sidecars.confluence.observed import MARKET_OBSERVED, TOTAL_CAP, Timelines, market_observed
from sidecars.confluence.total_cap import cap_trend, trend

WEIGHT_DAYS = 30
FIRST_LEVEL = 100.0

MARKET_READINGS = (
    "btc_price",
    "btc_sma50",
    "btc_sma200",
    "market_ratio",
    "market_weekly_rsi",
    "market_members",
    "market_source",
    *MARKET_OBSERVED,
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
    reference_pair: str,
    reference: DailyCandles,
    members: Mapping[str, DailyCandles],
    observed: Timelines | None = None,
) -> Market:
    """Everything that the regime and the market's mood are read from.

    The reference is BTC against the quote. The market's level is its total capitalisation on days
    on which `observed` has its last 200 days, else the index of the members.
    """
    index = market_index(members)
    days = _all_days([reference, *members.values()])
    readings = {
        name: _on_days(days, reference.open_time_ms, values)
        for name, values in reference_readings(reference).items()
    }
    ratio, weekly = (
        _on_days(days, index.open_time_ms, values)
        for values in trend(index.open_time_ms, index.level)
    )
    timelines = observed or {}
    cap_ratio, cap_weekly = cap_trend(timelines.get(TOTAL_CAP), days)
    by_cap = ~np.isnan(cap_ratio) & ~np.isnan(cap_weekly)
    readings["market_ratio"] = np.where(by_cap, cap_ratio, ratio)
    readings["market_weekly_rsi"] = np.where(by_cap, cap_weekly, weekly)
    readings["market_members"] = _on_days(days, index.open_time_ms, index.members)
    # 1: total capitalisation, 0: the index.
    judged = ~np.isnan(readings["market_ratio"])
    readings["market_source"] = np.where(judged, by_cap.astype(np.float64), np.nan)
    readings |= market_observed(timelines, days + MS_PER_DAY)
    without_index = {int(day) for day in days[by_cap]}
    return Market(
        days, readings, _troubles(days, reference_pair, reference, members, without_index)
    )


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
    days: IntArray,
    reference_pair: str,
    reference: DailyCandles,
    members: Mapping[str, DailyCandles],
    without_index: Collection[int],
) -> dict[int, tuple[str, ...]]:
    """Days on which a pair that was there the day before has no candle any more.

    without_index: days whose readings are not made from the index.
    """
    found: dict[int, tuple[str, ...]] = {}
    for missing_ms in _days_after_ends(days, reference):
        found[missing_ms] = (f"BTC trend without {reference_pair}",)
    for pair in sorted(members):
        for missing_ms in _days_after_ends(days, members[pair]):
            if missing_ms not in without_index:
                words = f"market index without {pair}"
                found[missing_ms] = (*found.get(missing_ms, ()), words)
    return found


def _days_after_ends(days: IntArray, candles: DailyCandles) -> list[int]:
    """The first day of each hole in a record, the end of it included, up to the last of `days`."""
    times = candles.open_time_ms
    ends = [int(times[run.stop - 1]) for run in unbroken_runs(times)]
    return [end + MS_PER_DAY for end in ends if end < int(days[-1])]


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
