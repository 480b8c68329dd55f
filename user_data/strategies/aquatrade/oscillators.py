"""Indicators that TA-Lib does not have in the form the strategies ask for. Pure."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import talib

FloatArray = npt.NDArray[np.float64]


def window_mean(values: FloatArray, window: int) -> FloatArray:
    """Mean of each value and the `window` - 1 before it; NaN until there are that many.

    Unlike a running sum it depends on the values inside the window alone, to the last bit: the
    same candles have the same mean wherever the frame begins.
    """
    means = np.full(len(values), np.nan)
    if len(values) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(values, window)
        means[window - 1 :] = windows.mean(axis=1)
    return means


def rsi_simple(close: FloatArray, period: int) -> FloatArray:
    """Relative strength index 0 to 100 with rolling means of gains and losses (Cutler's RSI).

    A window without any move is 50: neither strong nor weak. NaN for the first `period` candles.
    """
    moves = np.diff(close)
    gains = window_mean(np.maximum(moves, 0.0), period)
    losses = window_mean(np.maximum(-moves, 0.0), period)
    total = gains + losses
    rsi = np.full(len(close), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        rsi[1:] = np.where(total == 0.0, 50.0, 100.0 * gains / total)
    return rsi


def rsi_wilder(close: FloatArray, period: int) -> FloatArray:
    """Relative strength index 0 to 100 with Wilder's smoothing, as TA-Lib computes it."""
    rsi: FloatArray = talib.RSI(close, timeperiod=period)
    return rsi


def ratio_to_mean(values: FloatArray, window: int) -> FloatArray:
    """Each value over the mean of its window; NaN where that mean is not above 0."""
    means = window_mean(values, window)
    ratios = np.full(len(values), np.nan)
    np.divide(values, means, out=ratios, where=means > 0.0)
    return ratios


def change(close: pd.Series, candles: int) -> pd.Series:
    """Return over that many candles: -0.1 is a fall by 10 %."""
    return close / close.shift(candles) - 1.0
