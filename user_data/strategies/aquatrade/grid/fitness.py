"""Whether a market suits a grid: how much it moves, whether it comes back, whether it rests. Pure.

Freqtrade's image has no library with a Hurst exponent, so it is here.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
HOURS_A_YEAR = 365.25 * 24.0
HURST_LAGS = (1, 2, 4, 8, 16, 32)


def window_variance(values: FloatArray, window: int) -> FloatArray:
    """Variance of each value and the `window` - 1 before it; NaN until there are that many."""
    variances = np.full(len(values), np.nan)
    if len(values) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(values, window)
        variances[window - 1 :] = windows.var(axis=1)
    return variances


def volatility_pct(close: FloatArray, hours: int) -> FloatArray:
    """Realised volatility of hourly closes over the last `hours` returns, in percent a year."""
    returns = np.diff(np.log(close), prepend=np.nan)
    return np.asarray(100.0 * np.sqrt(window_variance(returns, hours) * HOURS_A_YEAR))


def hurst_exponent(close: FloatArray, window: int) -> FloatArray:
    """Hurst exponent of the last `window` closes: under 0.5 moves tend to come back, over it to go
    on, 0.5 is a random walk. NaN until there are that many closes, or without any move.

    The slope of log(standard deviation of the log price's change over a lag) against log(lag), for
    lags of 1 to 32 (the structure function of order 2; e.g. Di Matteo, Quantitative Finance 7,
    2007). Overlapping changes: over 720 random closes it spreads by about 0.05 around 0.5.
    """
    log_price = np.log(close)
    logs = []
    for lag in HURST_LAGS:
        changes = np.full(len(close), np.nan)
        changes[lag:] = log_price[lag:] - log_price[:-lag]
        with np.errstate(divide="ignore"):
            logs.append(0.5 * np.log(window_variance(changes, window - lag)))
    lags = np.log(np.array(HURST_LAGS, dtype=np.float64))
    weights = (lags - lags.mean()) / np.square(lags - lags.mean()).sum()
    slope = np.zeros(len(close))
    # Not as a product of matrices: its last bits depend on how long the frame is.
    with np.errstate(invalid="ignore"):
        for weight, spread in zip(weights, logs, strict=True):
            slope += weight * spread
    slope[~np.isfinite(slope)] = np.nan
    slope[: window - 1] = np.nan
    return slope


def range_pct(high: FloatArray, low: FloatArray, hours: int) -> FloatArray:
    """The range of the last `hours` candles in percent of its middle; NaN until there are any."""
    top = pd.Series(high).rolling(hours).max().to_numpy()
    bottom = pd.Series(low).rolling(hours).min().to_numpy()
    return np.asarray(200.0 * (top - bottom) / (top + bottom))


def hourly_fitness(candles: pd.DataFrame, days: int, rest_hours: int) -> pd.DataFrame:
    """Columns date, volatility_pct, hurst and range_pct of hourly candles."""
    close = candles["close"].to_numpy(dtype=np.float64)
    high = candles["high"].to_numpy(dtype=np.float64)
    low = candles["low"].to_numpy(dtype=np.float64)
    return pd.DataFrame(
        {
            "date": candles["date"],
            "volatility_pct": volatility_pct(close, days * 24),
            "hurst": hurst_exponent(close, days * 24),
            "range_pct": range_pct(high, low, rest_hours),
        }
    )


def is_spread_tight(bid: float | None, ask: float | None, most_pct: float) -> bool:
    """Whether the best prices of a book are near enough to each other; no for a broken book."""
    if bid is None or ask is None or not 0.0 < bid <= ask:
        return False
    return 200.0 * (ask - bid) / (ask + bid) <= most_pct
