"""Signals of trends from candles. Pure; each value depends on a window of candles alone."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from aquatrade.oscillators import window_mean

FloatArray = npt.NDArray[np.float64]


def first_of(condition: pd.Series) -> pd.Series:
    """True on the first candle of each run of candles on which the condition holds.

    Never on the first candle of the frame: what was before it is not known.
    """
    holds = condition.to_numpy(dtype=bool)
    first = np.zeros(len(holds), dtype=bool)
    first[1:] = holds[1:] & ~holds[:-1]
    return pd.Series(first, index=condition.index)


def window_highest(values: FloatArray, window: int) -> FloatArray:
    """Highest of each value and the `window` - 1 before it; NaN until there are that many."""
    highest = np.full(len(values), np.nan)
    if len(values) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(values, window)
        highest[window - 1 :] = windows.max(axis=1)
    return highest


def window_lowest(values: FloatArray, window: int) -> FloatArray:
    """Lowest of each value and the `window` - 1 before it; NaN until there are that many."""
    return -window_highest(-values, window)


def daily_quote_volume(frame: pd.DataFrame, candles_per_day: int) -> FloatArray:
    """Turnover of the last 24 h in quote currency: the sum of volume x close of each candle.

    Candles have no turnover of their own; volume x close is off by the move inside the candle.
    NaN for the first day.
    """
    turnover = (frame["volume"] * frame["close"]).to_numpy(dtype=np.float64)
    return window_mean(turnover, candles_per_day) * candles_per_day
