"""The Luno confluence's points for each input, as columns of readings. Pure.

Each function takes columns of equal length and returns a column of points; a reading that is NaN
makes its points NaN: unavailable, which is never the same as a neutral number. Borders belong
where the formula's words put them: "< 30" leaves 30 out, "within 5 %" takes 5 % in.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sidecars.confluence.candles import FloatArray

# Ratios are rounded to so many digits before they meet a border.
BORDER_DIGITS = 9

_Case = tuple[npt.NDArray[np.bool_], float]


def _first_of(cases: Sequence[_Case], otherwise: float, *readings: FloatArray) -> FloatArray:
    """The points of the first case that holds; NaN where a reading is NaN."""
    unknown = np.zeros(len(readings[0]), dtype=bool)
    for reading in readings:
        unknown |= np.isnan(reading)
    points = np.select(
        [condition for condition, _ in cases], [points for _, points in cases], otherwise
    )
    return np.where(unknown, np.nan, points)


def sma200_points(distance: FloatArray) -> FloatArray:
    """0 to 10 for price / SMA(200) - 1: a little above is best."""
    distance = np.round(distance, BORDER_DIGITS)  # 105 on 100 is 5 % above, not 5.000000000000004 %
    return _first_of(
        [
            (distance > 0.15, 3.0),
            (distance > 0.05, 7.0),
            (distance >= 0.0, 10.0),
            (distance >= -0.05, 8.0),
        ],
        0.0,
        distance,
    )


def rsi_points(rsi: FloatArray) -> FloatArray:
    """0 to 10 for RSI(14): the lower the better."""
    return _first_of(
        [(rsi < 30, 10.0), (rsi < 40, 8.0), (rsi < 50, 5.0), (rsi < 70, 3.0)], 0.0, rsi
    )


def bollinger_points(position: FloatArray) -> FloatArray:
    """0 to 10 for (price - lower) / (upper - lower) of Bollinger(20, 2)."""
    return _first_of(
        [(position < 0.20, 10.0), (position < 0.35, 8.0), (position < 0.65, 4.0)], 0.0, position
    )


def drawdown_points(drawdown: FloatArray) -> FloatArray:
    """0 to 5 for 1 - price / all-time high."""
    drawdown = np.round(drawdown, BORDER_DIGITS)
    return _first_of(
        [(drawdown > 0.40, 5.0), (drawdown > 0.25, 4.0), (drawdown > 0.15, 2.0)], 0.0, drawdown
    )


def volume_points(ratio: FloatArray) -> FloatArray:
    """0 to 10 for the volume of the last day / its mean of 30 days, that day included."""
    return _first_of([(ratio > 1.5, 10.0), (ratio > 1.2, 7.0), (ratio > 0.8, 4.0)], 0.0, ratio)


def macd_points(histogram: FloatArray, crossed_up: FloatArray, rising: FloatArray) -> FloatArray:
    """0 to 8 for MACD(12, 26, 9).

    The line above its signal is a histogram above zero, so that 8 and 6 of the formula would
    name the same state. 6 is used for a cross in this very bar that three rises of the histogram
    in a row do not confirm yet; every other state above the signal is 8. Below the signal three
    rises in a row are 4.
    """
    above = histogram > 0
    return _first_of(
        [
            (above & (crossed_up > 0) & ~(rising > 0), 6.0),
            (above, 8.0),
            (rising > 0, 4.0),
        ],
        0.0,
        histogram,
        crossed_up,
        rising,
    )


def candle_points(
    higher_lows: FloatArray, reversal: FloatArray, doji_near_support: FloatArray
) -> FloatArray:
    """0 to 7 for the last five candles: of their four steps three or more to a higher low, else a
    hammer or bullish engulfing among them, else a doji near support among them."""
    return _first_of(
        [(higher_lows >= 3, 7.0), (reversal > 0, 5.0), (doji_near_support > 0, 3.0)],
        0.0,
        higher_lows,
        reversal,
        doji_near_support,
    )


def btc_points(price: FloatArray, sma50: FloatArray, sma200: FloatArray) -> FloatArray:
    """0 to 10 for BTC's price and its means of 50 and 200 days."""
    return _first_of(
        [
            ((sma50 > sma200) & (price > sma50), 10.0),
            (sma50 > sma200, 7.0),
            (price > sma200, 4.0),
        ],
        0.0,
        price,
        sma50,
        sma200,
    )


def market_points(ratio: FloatArray, weekly_rsi: FloatArray) -> FloatArray:
    """0 to 12 for the market's level / its SMA(200) and RSI(14) of its completed weeks."""
    return _first_of(
        [((ratio > 1.0) & (weekly_rsi > 50), 12.0), (ratio > 1.0, 8.0), (ratio > 0.9, 4.0)],
        0.0,
        ratio,
        weekly_rsi,
    )


def funding_points(rate_pct: FloatArray) -> FloatArray:
    """0 to 8 for the 7-day mean of funding, % per 8 h: a calm rate is best."""
    return _first_of(
        [
            ((rate_pct >= -0.01) & (rate_pct <= 0.05), 8.0),
            ((rate_pct > 0.05) & (rate_pct <= 0.15), 4.0),
        ],
        0.0,
        rate_pct,
    )


def fear_greed_points(index: FloatArray) -> FloatArray:
    """0 to 5 for fear & greed (0 to 100): fear is good."""
    return _first_of([(index < 25, 5.0), (index < 40, 4.0), (index < 60, 2.0)], 0.0, index)


def social_points(ratio: FloatArray) -> FloatArray:
    """0 to 3 for social volume / its mean: a crowd is bad, silence good."""
    return _first_of([(ratio > 2.0, 0.0), (ratio < 0.5, 3.0)], 1.0, ratio)


def whale_points(accumulating: FloatArray) -> FloatArray:
    """2 if whales accumulate (1.0), 0 if not (0.0); unknown (NaN) stays unknown."""
    return _first_of([(accumulating > 0, 2.0)], 0.0, accumulating)
