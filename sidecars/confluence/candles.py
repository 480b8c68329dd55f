"""Daily candles: their shape, what is refused as candles, and where a record has holes. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MS_PER_DAY = 86_400_000
# 1970-01-01 was a Thursday: day numbers that are 3 modulo 7 are Sundays.
_SUNDAY_OFFSET = 3


class CandleError(ValueError):
    """What came as candles cannot be candles; the text says which one and why."""


@dataclass(frozen=True, slots=True)
class DailyCandles:
    """Closed daily candles: columns of equal length, ordered, no duplicates; holes are allowed."""

    open_time_ms: IntArray  # 00:00 UTC
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray  # base units

    def __len__(self) -> int:
        return len(self.open_time_ms)

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[float]]) -> "DailyCandles":
        """From rows of (open_time_ms, open, high, low, close, volume), checked ones."""
        table = np.array(rows, dtype=np.float64).reshape(len(rows), 6)
        # Milliseconds of our centuries are exact in a float64.
        times = table[:, 0].astype(np.int64)
        columns = [np.ascontiguousarray(table[:, number]) for number in range(1, 6)]
        return cls(times, *columns)

    def rows(self) -> list[tuple[int, float, float, float, float, float]]:
        """The inverse of from_rows."""
        columns = (self.open, self.high, self.low, self.close, self.volume)
        return list(
            zip(self.open_time_ms.tolist(), *(column.tolist() for column in columns), strict=True)
        )

    def before(self, moment_ms: int) -> "DailyCandles":
        """Those that had closed at the moment."""
        count = int(np.searchsorted(self.open_time_ms, moment_ms - MS_PER_DAY, side="right"))
        return DailyCandles(
            self.open_time_ms[:count],
            self.open[:count],
            self.high[:count],
            self.low[:count],
            self.close[:count],
            self.volume[:count],
        )

    def has(self, open_time_ms: int) -> bool:
        """Whether the candle of that day is there."""
        index = int(np.searchsorted(self.open_time_ms, open_time_ms))
        return index < len(self) and int(self.open_time_ms[index]) == open_time_ms


EMPTY = DailyCandles.from_rows([])


def unbroken_runs(open_time_ms: IntArray) -> list[slice]:
    """The stretches without a missing day, in order; together they cover everything."""
    if len(open_time_ms) == 0:
        return []
    breaks = np.flatnonzero(np.diff(open_time_ms) != MS_PER_DAY) + 1
    edges = [0, *breaks.tolist(), len(open_time_ms)]
    return [slice(start, end) for start, end in pairwise(edges)]


def is_sunday(open_time_ms: IntArray) -> npt.NDArray[np.bool_]:
    """Whether each day is the last one of a week that began on a Monday, 00:00 UTC."""
    sundays: npt.NDArray[np.bool_] = (open_time_ms // MS_PER_DAY) % 7 == _SUNDAY_OFFSET
    return sundays


def check_rows(rows: object, since_ms: int, now_ms: int) -> list[list[float]]:
    """Rows of an exchange's answer, as they came, once nothing is wrong with any of them.

    rows: [[open_time_ms, open, high, low, close, volume], ...]. Raises CandleError for another
    shape, values that are no prices, days out of order, doubled, before `since_ms` or not yet
    begun at `now_ms`. A single wrong row refuses the answer: what else in it would be true?
    """
    if not isinstance(rows, list):
        raise CandleError(f"expected a list of candles, got {type(rows).__name__}")
    previous_ms = since_ms - 1
    for row in rows:
        _check_row(row)
        open_ms = row[0]
        if open_ms % MS_PER_DAY:
            raise CandleError(f"a daily candle opens at {open_ms} ms, expected 00:00 UTC")
        if open_ms > now_ms:
            raise CandleError(f"a candle of {open_ms} ms is from the future (now {now_ms} ms)")
        if open_ms <= previous_ms:
            raise CandleError(
                f"a candle of {open_ms} ms came after {previous_ms} ms, expected a later one"
            )
        previous_ms = open_ms
    return rows


def _check_row(row: object) -> None:
    if not isinstance(row, list) or len(row) != 6:
        raise CandleError(f"expected candles of six numbers, got {str(row)[:80]}")
    if not all(isinstance(x, int | float) and not isinstance(x, bool) for x in row):
        raise CandleError(f"expected candles of six numbers, got {str(row)[:80]}")
    if not all(math.isfinite(x) for x in row):
        raise CandleError(f"a candle has a value that is not finite: {row}")
    _, open_price, high, low, close, volume = row
    if not 0 < low <= min(open_price, close) <= max(open_price, close) <= high or volume < 0:
        raise CandleError(f"not 0 < low <= open, close <= high and volume >= 0: {row}")
