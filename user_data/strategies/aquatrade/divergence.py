"""Divergence: price goes to a new extreme and its oscillator does not go along. Pure."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def is_high_diverging(
    price: FloatArray, oscillator: FloatArray, window: int, apart: int
) -> BoolArray:
    """Where price is at a new high and the oscillator lower than it was at the high before.

    A new high is above every price of the `window` candles before it. The high before is the
    highest of those that lie `apart` candles back or more: the last rise itself is no high of its
    own. False where a value in question is not known.
    """
    if not 1 <= apart <= window:
        raise ValueError(f"got apart {apart} and window {window}, expected 1 <= apart <= window")
    diverging: BoolArray = np.zeros(len(price), dtype=bool)
    if len(price) <= window:
        return diverging
    before = np.lib.stride_tricks.sliding_window_view(price, window)[:-1]
    # Row k: the candles k to k + window - 1, before the candle k + window.
    now = np.arange(window, len(price))
    new_high = price[window:] > before.max(axis=1)
    earlier = before[:, : window - apart + 1]
    former = now - window + earlier.argmax(axis=1)
    diverging[window:] = new_high & (oscillator[window:] < oscillator[former])
    return diverging


def is_low_diverging(
    price: FloatArray, oscillator: FloatArray, window: int, apart: int
) -> BoolArray:
    """The mirror: a new low, and the oscillator higher than at the low before."""
    return is_high_diverging(-price, -oscillator, window, apart)
