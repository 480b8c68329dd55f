"""Candles of a longer timeframe from candles of a shorter one."""

import numpy as np

from sidecars.replay.market.columns import empty
from sidecars.replay.market.timeframes import DAY_MS, MONTH_MS, WEEK_MS, open_times
from sidecars.replay.model import Candles, IntArray


def divides(finer_ms: int, coarser_ms: int) -> bool:
    """Whether whole candles of `finer_ms` tile those of `coarser_ms` without crossing a border."""
    if finer_ms >= coarser_ms:
        return False
    if coarser_ms in (WEEK_MS, MONTH_MS):
        return finer_ms <= DAY_MS
    return coarser_ms % finer_ms == 0


def resample(candles: Candles, timeframe_ms: int) -> tuple[Candles, IntArray]:
    """Aggregate to `timeframe_ms`; also how many candles went into each of the new ones.

    Open of the first, close of the last, extremes, sum of volumes. A stretch without candles
    makes none; a stretch with some of them missing makes one of those there are.
    """
    if len(candles) == 0:
        return empty(), np.empty(0, dtype=np.int64)
    keys = open_times(candles.open_time_ms, timeframe_ms)
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    ends = np.concatenate((starts[1:], [len(keys)]))
    resampled = Candles(
        keys[starts],
        candles.open[starts],
        np.maximum.reduceat(candles.high, starts),
        np.minimum.reduceat(candles.low, starts),
        candles.close[ends - 1],
        np.add.reduceat(candles.volume, starts),
    )
    return resampled, (ends - starts).astype(np.int64)
