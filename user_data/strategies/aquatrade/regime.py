"""What kind of market a pair is in: an efficient trend up or down, chop, chaos, or between. Pure.

One definition for all timeframes up to a day. Every window is a number of days, turned into
candles; prices enter only as closes that are whole days apart and as highs and lows of whole days,
so frames of different timeframes that close at the same moment give the same label there.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
RegimeKind = Literal["trend", "reversion"]

REGIME_COLUMN = "regime"
UP, DOWN, CHOP, CHAOS = "up", "down", "chop", "chaos"
MIXED = "mixed"  # neither efficient enough for a trend nor idle enough for chop
UNKNOWN = "unknown"  # not enough candles, or one without a price
REGIME_CODES: Mapping[str, float] = {UP: 2.0, MIXED: 1.0, CHOP: 0.0, DOWN: -1.0, CHAOS: -2.0}
STANDS_DOWN: Mapping[RegimeKind, frozenset[str]] = {
    "trend": frozenset({CHOP, CHAOS, UNKNOWN}),
    "reversion": frozenset({UP, DOWN, CHAOS, UNKNOWN}),
}

DAY_SECONDS = 86_400
EFFICIENCY_DAYS = 10
TREND_EFFICIENCY = 0.5  # the net move is at least half of the way that was gone, day by day
CHOP_EFFICIENCY = 0.25
HISTORY_DAYS = 30  # whole days before the last one, which its range is compared with
CHAOS_RATIO = 3.0  # the last day's range over the median of those
CHAOS_RANGE_PCT = 10.0  # and at least this: three times a very quiet day is no chaos


def regime_labels(candles: pd.DataFrame, timeframe_seconds: int) -> pd.Series:
    """The label of each candle, known at its close. ValueError where candles do not fill days.

    candles: columns high, low and close, oldest first. Chaos: the range of the last day is at least
    CHAOS_RANGE_PCT and CHAOS_RATIO times the median daily range of the HISTORY_DAYS before it.
    Otherwise Kaufman's efficiency ratio of the last EFFICIENCY_DAYS daily moves decides. A label
    depends on regime_candles() candles and on nothing before them.
    """
    a_day = candles_a_day(timeframe_seconds)
    if candles.empty:
        return pd.Series([], index=candles.index, dtype="str")
    ranges = daily_ranges(candles, a_day)
    usual = np.median(_lagged(ranges, a_day, range(1, HISTORY_DAYS + 1)), axis=0)
    efficiency = signed_efficiency(_prices(candles["close"]), a_day)
    violent = (ranges >= CHAOS_RATIO * usual) & (ranges >= np.log1p(CHAOS_RANGE_PCT / 100.0))
    labels = np.select(
        [
            ~(np.isfinite(usual) & np.isfinite(ranges) & np.isfinite(efficiency)),
            violent,
            efficiency >= TREND_EFFICIENCY,
            efficiency <= -TREND_EFFICIENCY,
            np.abs(efficiency) < CHOP_EFFICIENCY,
        ],
        [UNKNOWN, CHAOS, UP, DOWN, CHOP],
        MIXED,
    )
    return pd.Series(labels, index=candles.index, dtype="str")


def candles_a_day(timeframe_seconds: int) -> int:
    """How many candles make a day. ValueError where they do not make a whole one."""
    if timeframe_seconds <= 0 or DAY_SECONDS % timeframe_seconds:
        raise ValueError(
            f"expected a timeframe that divides a day, got one of {timeframe_seconds} seconds"
        )
    return DAY_SECONDS // timeframe_seconds


def regime_candles(timeframe_seconds: int) -> int:
    """How many candles a label is made of: so many are needed for the first one."""
    return candles_a_day(timeframe_seconds) * (HISTORY_DAYS + 1)


def daily_ranges(candles: pd.DataFrame, a_day: int) -> FloatArray:
    """Logarithm of highest high over lowest low of the day that ends with each candle.

    NaN until there is a whole day, and where a price in it is missing or not above 0.
    """
    highs, lows = _prices(candles["high"]), _prices(candles["low"])
    ranges = np.full(len(candles), np.nan)
    if len(candles) >= a_day:
        windows = np.lib.stride_tricks.sliding_window_view
        top, bottom = windows(highs, a_day).max(axis=1), windows(lows, a_day).min(axis=1)
        ranges[a_day - 1 :] = np.log(top / bottom)
    return ranges


def signed_efficiency(close: FloatArray, a_day: int) -> FloatArray:
    """Kaufman's efficiency ratio over the last EFFICIENCY_DAYS daily moves, from -1 to 1.

    Net move over the sum of the absolute daily moves (P. Kaufman, Smarter Trading, 1995), with
    the sign of the net move; 0 where nothing moved. NaN until there are that many.
    """
    daily = _lagged(close, a_day, range(EFFICIENCY_DAYS + 1))
    way = np.abs(np.diff(daily, axis=0)).sum(axis=0)
    net = daily[0] - daily[-1]
    efficiency: FloatArray = np.where(np.isfinite(way), 0.0, np.nan)
    np.divide(net, way, out=efficiency, where=way > 0.0)
    return efficiency


def known_at_close(
    dates: pd.Series, seconds: int, slower_dates: pd.Series, slower_seconds: int, labels: pd.Series
) -> pd.Series:
    """For candles that open at `dates`: the label of the slower candle that had closed last.

    UNKNOWN where there is none, or where the last one that closed is more than one candle old.
    """
    closes = pd.DataFrame({"at": _as_utc(dates) + pd.Timedelta(seconds=seconds)})
    slower = pd.DataFrame(
        {
            "at": _as_utc(slower_dates) + pd.Timedelta(seconds=slower_seconds),
            "label": labels.to_numpy(),
        }
    )
    found = pd.merge_asof(
        closes, slower, on="at", tolerance=pd.Timedelta(seconds=slower_seconds - 1)
    )["label"]
    return pd.Series(found.fillna(UNKNOWN).to_numpy(), index=dates.index)


def _prices(column: pd.Series) -> FloatArray:
    """NaN for what is no price."""
    prices: FloatArray = column.to_numpy(dtype=np.float64)
    return np.where(np.isfinite(prices) & (prices > 0.0), prices, np.nan)


def _as_utc(dates: pd.Series) -> pd.DatetimeIndex:
    # Dates are milliseconds from a file and microseconds from an exchange.
    return pd.DatetimeIndex(dates).as_unit("ms")


def _lagged(values: FloatArray, a_day: int, days: range) -> FloatArray:
    """One row for each number of days: the values of so many days before, NaN where none was."""
    rows = np.full((len(days), len(values)), np.nan)
    for row, ago in zip(rows, days, strict=True):
        lag = ago * a_day
        row[lag:] = values[: len(values) - lag] if lag < len(values) else row[lag:]
    return rows
