"""Timeframes as a grid on the time line: which candle a moment belongs to, and when that begins."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
MONDAY_US = 4 * DAY_US  # 1970-01-05: weeks begin on Mondays
UNIT_US = {
    "s": SECOND_US,
    "m": 60 * SECOND_US,
    "h": 3600 * SECOND_US,
    "d": DAY_US,
    "w": 7 * DAY_US,
}
MONTH_US = 30 * DAY_US  # for the order among timeframes alone
NAME = re.compile(r"([1-9]\d{0,3})([smhdwM])")


@dataclass(frozen=True, slots=True)
class Timeframe:
    """A grid of candles. Months have no fixed length: `step_us` is 0 for them."""

    name: str
    step_us: int
    months: int = 0

    @property
    def length_us(self) -> int:
        """Length of a candle in microseconds; of months about."""
        return self.step_us or self.months * MONTH_US

    @property
    def anchor_us(self) -> int:
        return MONDAY_US if self.name.endswith("w") else 0

    def slots(self, times_us: IntArray) -> IntArray:
        """The number of the candle that each moment (microseconds since 1970) falls into."""
        if self.months:
            months = times_us.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
            return np.asarray(months // self.months, dtype=np.int64)
        return np.asarray((times_us - self.anchor_us) // self.step_us, dtype=np.int64)

    def starts_us(self, slots: IntArray) -> IntArray:
        """When these candles open, in microseconds since 1970."""
        if self.months:
            opens = (slots * self.months).astype("datetime64[M]").astype("datetime64[us]")
            return np.asarray(opens.astype(np.int64), dtype=np.int64)
        return np.asarray(slots * self.step_us + self.anchor_us, dtype=np.int64)


def parse_timeframe(name: str) -> Timeframe:
    """ "5m", "1h", "1d", "1w", "1M". Raises ValueError for anything else."""
    match = NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"timeframe {name!r}: expected a number and s, m, h, d, w or M, as in 5m")
    number, unit = int(match[1]), match[2]
    if unit == "M":
        return Timeframe(name, 0, number)
    return Timeframe(name, number * UNIT_US[unit])


def divides(fine: Timeframe, coarse: Timeframe) -> bool:
    """Whether candles of `coarse` consist of whole candles of `fine`, more than one of them."""
    if fine.months or fine.length_us >= coarse.length_us:
        return bool(fine.months and coarse.months > fine.months) and (
            coarse.months % fine.months == 0
        )
    if coarse.months or fine.anchor_us != coarse.anchor_us:
        return DAY_US % fine.step_us == 0
    return coarse.step_us % fine.step_us == 0


def candles_within(coarse: Timeframe, slots: IntArray, fine: Timeframe) -> IntArray:
    """How many candles of `fine` each of these candles of `coarse` consists of."""
    begins, ends = coarse.starts_us(slots), coarse.starts_us(slots + 1)
    return np.asarray(fine.slots(ends) - fine.slots(begins), dtype=np.int64)
