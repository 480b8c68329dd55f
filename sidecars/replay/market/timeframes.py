"""Binance's candle lengths, and where each candle of a length opens.

Candles up to 3d lie on the grid that starts at the epoch, weeks open on Monday 00:00 UTC and
months on the first. As in ccxt a month is named by the length of 30 days (`MONTH_MS`).
"""

from typing import Final

import numpy as np

from sidecars.replay.model import IntArray

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS
MONTH_MS: Final = 30 * DAY_MS

TIMEFRAMES_MS: Final[dict[str, int]] = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "6h": 6 * HOUR_MS,
    "8h": 8 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": WEEK_MS,
    "1M": MONTH_MS,
}
TIMEFRAME_NAMES: Final[dict[int, str]] = {ms: name for name, ms in TIMEFRAMES_MS.items()}

# 1970-01-01 was a Thursday: the first Monday is four days later.
_MONDAY_MS: Final = 4 * DAY_MS


def check_timeframe(timeframe_ms: int) -> None:
    """Raise ValueError unless the length is one of Binance's."""
    if timeframe_ms not in TIMEFRAME_NAMES:
        expected = ", ".join(TIMEFRAMES_MS)
        raise ValueError(f"no candles of {timeframe_ms} ms; expected the length of {expected}")


def open_times(moments_ms: IntArray, timeframe_ms: int) -> IntArray:
    """For each moment (ms) the open time (ms) of the candle that holds it."""
    if timeframe_ms == MONTH_MS:
        months = moments_ms.astype("datetime64[ms]").astype("datetime64[M]")
        return months.astype("datetime64[ms]").astype(np.int64)
    offset_ms = _MONDAY_MS if timeframe_ms == WEEK_MS else 0
    return (moments_ms - offset_ms) // timeframe_ms * timeframe_ms + offset_ms


def close_times(open_times_ms: IntArray, timeframe_ms: int) -> IntArray:
    """For each open time (ms) the moment (ms) at which its candle is over (exclusive)."""
    if timeframe_ms == MONTH_MS:
        months = open_times_ms.astype("datetime64[ms]").astype("datetime64[M]")
        return (months + 1).astype("datetime64[ms]").astype(np.int64)
    return open_times_ms + timeframe_ms


def open_time(moment_ms: int, timeframe_ms: int) -> int:
    """The open time (ms) of the candle that holds one moment."""
    if timeframe_ms == MONTH_MS:
        return int(open_times(np.array([moment_ms], dtype=np.int64), timeframe_ms)[0])
    offset_ms = _MONDAY_MS if timeframe_ms == WEEK_MS else 0
    return (moment_ms - offset_ms) // timeframe_ms * timeframe_ms + offset_ms


def close_time(open_time_ms: int, timeframe_ms: int) -> int:
    """The moment (ms) at which the candle opened at `open_time_ms` is over (exclusive)."""
    if timeframe_ms == MONTH_MS:
        return int(close_times(np.array([open_time_ms], dtype=np.int64), timeframe_ms)[0])
    return open_time_ms + timeframe_ms
