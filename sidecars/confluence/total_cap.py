"""The whole market by its total capitalisation: level, 200-day mean, RSI of weeks. Pure."""

import numpy as np
import talib

from sidecars.common.observations import MS_PER_HOUR, SeriesTimeline
from sidecars.confluence.candles import (
    MS_PER_DAY,
    FloatArray,
    IntArray,
    is_sunday,
    unbroken_runs,
)
from sidecars.confluence.indicators import TREND_DAYS, relative_strength
from sidecars.confluence.observed import latest_before

# A day's own level is at most this old; in the means a hole of up to two days more is bridged by
# the last level before it.
LEVEL_HOURS = 48
BRIDGED_HOURS = LEVEL_HOURS + 48


def trend(open_time_ms: IntArray, level: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(level / its SMA(200), RSI(14) of its completed weeks) of each day; rows without a day
    between them start anew after the hole."""
    ratio = np.full(len(level), np.nan)
    weekly = np.full(len(level), np.nan)
    for run in unbroken_runs(open_time_ms):
        values = np.ascontiguousarray(level[run])
        ratio[run] = values / talib.SMA(values, TREND_DAYS)
        weekly[run] = _weekly_rsi(open_time_ms[run], values)
    return ratio, weekly


def cap_trend(
    total_cap: SeriesTimeline | None, open_time_ms: IntArray
) -> tuple[FloatArray, FloatArray]:
    """The same of total capitalisation on the given days, in order; NaN where it cannot be said.

    A day's level is the last value that was available before the day's close, so that no level
    of the past knows a later correction.
    """
    ratio = np.full(len(open_time_ms), np.nan)
    weekly = np.full(len(open_time_ms), np.nan)
    if total_cap is None or len(open_time_ms) == 0:
        return ratio, weekly
    every_day = np.arange(open_time_ms[0], open_time_ms[-1] + MS_PER_DAY, MS_PER_DAY)
    closes = every_day + MS_PER_DAY
    level = latest_before(total_cap, closes, BRIDGED_HOURS * MS_PER_HOUR)
    is_fresh = ~np.isnan(latest_before(total_cap, closes, LEVEL_HOURS * MS_PER_HOUR))
    there = ~np.isnan(level)
    if not bool(there.any()):
        return ratio, weekly
    all_ratios = np.full(len(every_day), np.nan)
    all_weekly = np.full(len(every_day), np.nan)
    all_ratios[there], all_weekly[there] = trend(every_day[there], level[there])
    all_ratios[~is_fresh] = np.nan
    places = (open_time_ms - every_day[0]) // MS_PER_DAY
    return all_ratios[places], all_weekly[places]


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
