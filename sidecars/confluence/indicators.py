"""What daily candles say: the readings that points are given for, as columns. Pure, TA-Lib.

Every value at day D is made of candles up to D's. A hole in the record starts everything with a
memory anew: nothing is joined over a hole. NaN means that it cannot be said (too short a record,
a price that never moved); it never stands for a neutral value.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import talib

from sidecars.confluence.candles import DailyCandles, FloatArray, unbroken_runs

BoolArray = npt.NDArray[np.bool_]
Readings = Mapping[str, FloatArray]

TREND_DAYS = 200
SHORT_TREND_DAYS = 50
RSI_PERIOD = 14
BOLLINGER_DAYS = 20
BOLLINGER_DEVIATIONS = 2.0
VOLUME_DAYS = 30
MACD_PERIODS = (12, 26, 9)
HISTOGRAM_RISES = 3
RECENT_CANDLES = 5
SUPPORT_DAYS = 20
# A doji is near support when its low is within 2 % of the lowest low of the last 20 days.
SUPPORT_DISTANCE = 0.02
# The younger a record, the less its highest high says.
ALL_TIME_HIGH_DAYS = 200

PAIR_READINGS = (
    "price",
    "sma200_distance",
    "rsi",
    "bollinger_position",
    "drawdown",
    "volume_ratio",
    "macd_histogram",
    "macd_crossed_up",
    "macd_rising",
    "higher_lows",
    "reversal",
    "doji_near_support",
)


def pair_readings(candles: DailyCandles) -> dict[str, FloatArray]:
    """PAIR_READINGS of each day, as fractions (0.05 is 5 %) and flags (1.0 or 0.0)."""
    columns = {name: np.full(len(candles), np.nan) for name in PAIR_READINGS}
    columns["price"] = candles.close.copy()
    # The record as a whole has one all-time high, also over a hole in it.
    high = np.maximum.accumulate(candles.high) if len(candles) else candles.high
    drawdown = 1.0 - candles.close / high
    columns["drawdown"] = _from_day(ALL_TIME_HIGH_DAYS, drawdown)
    for run in unbroken_runs(candles.open_time_ms):
        for name, values in _run_readings(candles, run).items():
            columns[name][run] = values
    return columns


def _run_readings(candles: DailyCandles, run: slice) -> dict[str, FloatArray]:
    # TA-Lib takes a variance under 1e-14 for zero: a coin at 0.00001 would have no bands. A
    # power of two changes no digit of any price.
    scale = 2.0 ** -np.round(np.log2(candles.close[run.start]))
    opened, high, low, close = (
        np.ascontiguousarray(column[run] * scale)
        for column in (candles.open, candles.high, candles.low, candles.close)
    )
    volume = np.ascontiguousarray(candles.volume[run])
    return {
        "sma200_distance": close / talib.SMA(close, TREND_DAYS) - 1.0,
        "rsi": relative_strength(close),
        "bollinger_position": _bollinger_position(close),
        "volume_ratio": _ratio(volume, talib.SMA(volume, VOLUME_DAYS)),
        **_macd(close, scale),
        **_recent_candles(opened, high, low, close),
    }


def relative_strength(close: FloatArray) -> FloatArray:
    """Wilder's RSI(14); NaN while the price has not moved for 14 steps (0/0, not oversold)."""
    values: FloatArray = talib.RSI(close, RSI_PERIOD)
    if len(close) <= RSI_PERIOD:
        return values
    moved = talib.MAX(close, RSI_PERIOD + 1) > talib.MIN(close, RSI_PERIOD + 1)
    known: FloatArray = np.where(moved, values, np.nan)
    return known


def _bollinger_position(close: FloatArray) -> FloatArray:
    upper, _, lower = talib.BBANDS(
        close, BOLLINGER_DAYS, BOLLINGER_DEVIATIONS, BOLLINGER_DEVIATIONS, matype=0
    )
    return _ratio(close - lower, upper - lower)


def _macd(close: FloatArray, scale: float) -> dict[str, FloatArray]:
    fast, slow, signal = MACD_PERIODS
    histogram: FloatArray = talib.MACD(close, fast, slow, signal)[2]
    step = np.diff(histogram, prepend=np.nan)
    rising = np.ones(len(close), dtype=bool)
    for back in range(HISTOGRAM_RISES):
        rising &= _shifted(step, back) > 0
    known = ~np.isnan(_shifted(histogram, HISTOGRAM_RISES))
    crossed_up = (histogram > 0) & (_shifted(histogram, 1) <= 0)
    return {
        "macd_histogram": np.where(known, histogram / scale, np.nan),
        "macd_crossed_up": np.where(known, crossed_up, np.nan),
        "macd_rising": np.where(known, rising, np.nan),
    }


def _recent_candles(
    opened: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray
) -> dict[str, FloatArray]:
    higher_low = np.diff(low, prepend=np.inf) > 0
    reversal = (talib.CDLHAMMER(opened, high, low, close) > 0) | (
        talib.CDLENGULFING(opened, high, low, close) > 0
    )
    support = talib.MIN(low, SUPPORT_DAYS) * (1.0 + SUPPORT_DISTANCE)
    doji = (talib.CDLDOJI(opened, high, low, close) != 0) & (low <= support)
    # The oldest of the five needs its 20 days of support behind it (and the patterns less).
    known_from = SUPPORT_DAYS + RECENT_CANDLES - 1
    return {
        # Five candles have four steps from one low to the next.
        "higher_lows": _from_day(known_from, _count(higher_low, RECENT_CANDLES - 1)),
        "reversal": _from_day(known_from, np.minimum(_count(reversal, RECENT_CANDLES), 1.0)),
        "doji_near_support": _from_day(known_from, np.minimum(_count(doji, RECENT_CANDLES), 1.0)),
    }


def reference_readings(candles: DailyCandles) -> dict[str, FloatArray]:
    """Price, SMA(50) and SMA(200) of the pair whose trend stands for the market (BTC)."""
    names = ("btc_price", "btc_sma50", "btc_sma200")
    columns = {name: np.full(len(candles), np.nan) for name in names}
    columns["btc_price"] = candles.close.copy()
    for run in unbroken_runs(candles.open_time_ms):
        close = np.ascontiguousarray(candles.close[run])
        columns["btc_sma50"][run] = talib.SMA(close, SHORT_TREND_DAYS)
        columns["btc_sma200"][run] = talib.SMA(close, TREND_DAYS)
    return columns


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """The quotient where the denominator is above zero, else NaN."""
    known = denominator > 0
    quotient: FloatArray = np.full(len(known), np.nan)
    np.divide(numerator, denominator, out=quotient, where=known)
    return quotient


def _shifted(values: FloatArray, days: int) -> FloatArray:
    """The value of so many days before; NaN before the first."""
    if days == 0:
        return values
    return np.concatenate([np.full(min(days, len(values)), np.nan), values[:-days]])


def _count(flags: BoolArray, days: int) -> FloatArray:
    """How many of the last `days` flags are up; of fewer at the beginning."""
    running = np.cumsum(flags, dtype=np.int64)
    earlier = np.concatenate([np.zeros(min(days, len(flags)), dtype=np.int64), running[:-days]])
    count: FloatArray = (running - earlier).astype(np.float64)
    return count


def _from_day(days: int, values: FloatArray) -> FloatArray:
    """NaN until `days` days are in the record, the last one included."""
    known: FloatArray = np.where(np.arange(1, len(values) + 1) >= days, values, np.nan)
    return known
