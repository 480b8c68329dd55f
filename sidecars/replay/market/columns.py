"""Small tools for columns of candles, shared by the feeds and the market view."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sidecars.replay.model import Candles

COLUMN_NAMES = ("open_time_ms", "open", "high", "low", "close", "volume")


class FeedError(ValueError):
    """A feed cannot be made from what was given: one line that says what was expected."""


def empty() -> Candles:
    """Candles with no rows."""
    none = np.empty(0, dtype=np.float64)
    return Candles(np.empty(0, dtype=np.int64), none, none, none, none, none)


def take(candles: Candles, rows: slice | npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Candles:
    """The given rows; a slice shares memory with the original."""
    return Candles(
        candles.open_time_ms[rows],
        candles.open[rows],
        candles.high[rows],
        candles.low[rows],
        candles.close[rows],
        candles.volume[rows],
    )


def between(candles: Candles, start_ms: int, end_ms: int) -> Candles:
    """Rows with start_ms <= open time < end_ms (a view)."""
    first = int(candles.open_time_ms.searchsorted(start_ms))
    last = int(candles.open_time_ms.searchsorted(end_ms))
    return take(candles, slice(first, max(first, last)))


def concatenate(parts: Sequence[Candles]) -> Candles:
    """One table after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty()
    return Candles(*(np.concatenate([getattr(p, name) for p in parts]) for name in COLUMN_NAMES))


def from_rows(rows: Sequence[tuple[int, float, float, float, float, float]]) -> Candles:
    """Candles from (open time ms, open, high, low, close, volume) rows."""
    if not rows:
        return empty()
    columns = list(zip(*rows, strict=True))
    times = np.array(columns[0], dtype=np.int64)
    return Candles(times, *(np.array(column, dtype=np.float64) for column in columns[1:]))
