"""Coarser candles from finer ones: whole ones alone, named by their open; holes stay holes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lab.data.findings import IntArray
from lab.data.timeframes import Timeframe, candles_within, divides

RULE = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


@dataclass(frozen=True)
class Resampled:
    """Coarse candles with their slots, and how many were left out because parts are missing."""

    candles: pd.DataFrame
    slots: IntArray
    partial: int


def resample(
    candles: pd.DataFrame, slots: IntArray, fine: Timeframe, coarse: Timeframe
) -> Resampled:
    """Candles of `coarse` from those of `fine`.

    candles: date (aware UTC), open, high, low, close, volume; rising, one for each of `slots`.
    Raises ValueError where `coarse` is no multiple of `fine`.
    """
    if not divides(fine, coarse):
        raise ValueError(f"{coarse.name} candles do not consist of whole {fine.name} candles")
    groups = coarse.slots(fine.starts_us(slots))
    found = candles.groupby(groups, sort=True)[list(RULE)].agg(RULE)
    own = np.asarray(found.index.to_numpy(), dtype=np.int64)
    there = np.bincount(np.unique(groups, return_inverse=True)[1], minlength=len(own))
    whole = there == candles_within(coarse, own, fine)
    kept = own[whole]
    result = found[whole].reset_index(drop=True)
    dates = pd.to_datetime(coarse.starts_us(kept), unit="us", utc=True).as_unit("ms")
    result.insert(0, "date", dates)
    return Resampled(result, kept, int((~whole).sum()))
