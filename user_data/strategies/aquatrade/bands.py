"""Bollinger bands whose value depends on the candles of their window alone. Pure."""

from dataclasses import dataclass

import numpy as np

from aquatrade.oscillators import FloatArray, window_mean


@dataclass(frozen=True, slots=True)
class Bands:
    """The mean of each window, and its standard deviation (of the population, as Bollinger's)."""

    middle: FloatArray
    deviation: FloatArray

    def lower(self, deviations: float) -> FloatArray:
        """So many standard deviations under the middle."""
        return self.middle - deviations * self.deviation


def bollinger(close: FloatArray, window: int) -> Bands:
    """Middle and deviation of each close and the `window` - 1 before it; NaN until there are those.

    Unlike TA-Lib's they are not running sums: the same candles have the same bands wherever the
    frame begins.
    """
    deviation = np.full(len(close), np.nan)
    if len(close) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(close, window)
        deviation[window - 1 :] = windows.std(axis=1)
    return Bands(window_mean(close, window), deviation)
