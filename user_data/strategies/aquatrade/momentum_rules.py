"""What Momentum's `specified` preset looks at, and when it holds. Pure.

Frames have the columns open, high, low, close, volume; rising is for longs, falling its mirror.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import talib

from aquatrade.divergence import is_high_diverging, is_low_diverging
from aquatrade.oscillators import ratio_to_mean, rsi_simple, rsi_wilder
from aquatrade.trend_signals import daily_quote_volume

BREAKOUT_PLOT: dict[str, Any] = {
    "main_plot": {"highest": {"color": "#30a060"}, "lowest": {"color": "#d04040"}},
    "subplots": {"Market up": {"market_up": {"color": "#4090e0"}}},
}
SPECIFIED_PLOT: dict[str, Any] = {
    "main_plot": {"ema_fast": {"color": "#4090e0"}, "ema_slow": {"color": "#e0a030"}},
    "subplots": {
        "RSI": {"rsi": {"color": "#a060c0"}},
        "ADX": {"adx": {"color": "#d04040"}},
        "MACD": {"macd_histogram": {"color": "#808080", "type": "bar"}},
        "Volume / mean": {"volume_ratio": {"color": "#808080"}},
    },
}


@dataclass(frozen=True, slots=True)
class Periods:
    """In candles."""

    fast: int = 9
    slow: int = 21
    rsi: int = 14
    adx: int = 14
    volume: int = 20
    macd: tuple[int, int, int] = (12, 26, 9)
    divergence: int = 24  # a new high is above so many candles
    divergence_apart: int = 5  # and the high before lies so many back


@dataclass(frozen=True, slots=True)
class Strength:
    """How strong a move has to be. The RSI's bound of a falling market is 100 less that."""

    rsi_min: float
    adx_min: float
    volume_ratio_min: float


def add_means(frame: pd.DataFrame, periods: Periods) -> None:
    """The two exponential means."""
    frame["ema_fast"] = talib.EMA(frame["close"], timeperiod=periods.fast)
    frame["ema_slow"] = talib.EMA(frame["close"], timeperiod=periods.slow)


def add_oscillators(
    frame: pd.DataFrame, periods: Periods, *, candles_per_day: int, is_rsi_simple: bool
) -> None:
    """RSI, ADX, MACD's histogram, volumes and divergences."""
    close = frame["close"].to_numpy()
    rsi = (rsi_simple if is_rsi_simple else rsi_wilder)(close, periods.rsi)
    frame["rsi"] = rsi
    frame["adx"] = talib.ADX(frame["high"], frame["low"], frame["close"], timeperiod=periods.adx)
    *_, frame["macd_histogram"] = talib.MACD(frame["close"], *periods.macd)
    frame["volume_ratio"] = ratio_to_mean(frame["volume"].to_numpy(), periods.volume)
    frame["daily_volume_usd"] = daily_quote_volume(frame, candles_per_day)
    window = (periods.divergence, periods.divergence_apart)
    frame["high_diverges"] = is_high_diverging(close, rsi, *window)
    frame["low_diverges"] = is_low_diverging(close, rsi, *window)


def rises(frame: pd.DataFrame, strength: Strength, slower: str) -> pd.Series:
    """All conditions of a long; slower: the suffix of the columns of the slower candles."""
    histogram = frame["macd_histogram"]
    return (
        (frame["ema_fast"] > frame["ema_slow"])
        & (frame["rsi"] > strength.rsi_min)
        & (histogram > 0.0)
        & (histogram > histogram.shift())
        & (frame[f"ema_fast_{slower}"] > frame[f"ema_slow_{slower}"])
        & _is_moved(frame, strength)
    )


def falls(frame: pd.DataFrame, strength: Strength, slower: str) -> pd.Series:
    """All conditions of a short."""
    histogram = frame["macd_histogram"]
    return (
        (frame["ema_fast"] < frame["ema_slow"])
        & (frame["rsi"] < 100.0 - strength.rsi_min)
        & (histogram < 0.0)
        & (histogram < histogram.shift())
        & (frame[f"ema_fast_{slower}"] < frame[f"ema_slow_{slower}"])
        & _is_moved(frame, strength)
    )


def _is_moved(frame: pd.DataFrame, strength: Strength) -> "pd.Series[bool]":
    return (frame["volume_ratio"] > strength.volume_ratio_min) & (frame["adx"] > strength.adx_min)
