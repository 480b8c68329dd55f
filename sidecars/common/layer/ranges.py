"""Ranges that interpolate linearly between thresholds, and how fresh a value of some age is. Pure.

A range "0 to 25 -> 90 to 75" runs linearly from its first threshold to its last. Where the range
of one band does not begin with the number on which its neighbour ended, a short ramp around the
threshold joins the two, so that no score jumps: the table's own numbers hold outside the ramp.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE

Knot = tuple[float, float]
Band = tuple[float, float, float, float]  # from, to, value at from, value at to

# "< 5 min 1.0; < 15 min 0.7; < 30 min 0.4; older 0.2": for what ticks in minutes.
_TICK_STEPS = ((5 * MS_PER_MINUTE, 1.0), (15 * MS_PER_MINUTE, 0.7), (30 * MS_PER_MINUTE, 0.4))
OLDEST_FRESHNESS = 0.2


class Curve:
    """A piecewise linear function through knots (x strictly rising); level beyond both ends."""

    __slots__ = ("_last", "_slope", "_x", "_y")

    def __init__(self, *knots: Knot) -> None:
        self._x = [x for x, _ in knots]
        self._y = [y for _, y in knots]
        pairs = list(pairwise(knots))
        if not knots or any(right[0] <= left[0] for left, right in pairs):
            raise ValueError(f"knots {knots}: expected one or more, x strictly rising")
        self._slope = [(right[1] - left[1]) / (right[0] - left[0]) for left, right in pairs]
        self._last = len(knots) - 1

    def __call__(self, x: float) -> float:
        place = bisect_right(self._x, x) - 1
        if place < 0:
            return self._y[0]
        if place >= self._last:
            return self._y[self._last]
        return self._y[place] + self._slope[place] * (x - self._x[place])

    @classmethod
    def of_bands(cls, bands: Sequence[Band], ramp: float) -> "Curve":
        """Bands side by side, each twice as wide as the ramp's half-width `ramp` at the least."""
        knots: list[Knot] = [(bands[0][0], bands[0][2])]
        for left, right in pairwise(bands):
            knots.append((left[1] - ramp, _along(left, left[1] - ramp)))
            knots.append((right[0] + ramp, _along(right, right[0] + ramp)))
        knots.append((bands[-1][1], bands[-1][3]))
        return cls(*knots)


def _along(band: Band, x: float) -> float:
    start, end, first, last = band
    return first + (last - first) * (x - start) / (end - start)


@dataclass(frozen=True, slots=True)
class Decay:
    """How a value ages that does not tick in minutes.

    Freshness is 1 until `full_hours`, falls in a line to 0.2 at `low_hours` and stays there; after
    `gone_hours` the value is no reading of the present any more.
    """

    full_hours: float
    low_hours: float
    gone_hours: float

    def of(self, age_ms: int) -> float | None:
        """Freshness 0.2 to 1; None for a value that is too old to say anything."""
        hours = age_ms / MS_PER_HOUR
        if hours <= self.full_hours:
            return 1.0
        if hours > self.gone_hours:
            return None
        if hours >= self.low_hours:
            return OLDEST_FRESHNESS
        share = (hours - self.full_hours) / (self.low_hours - self.full_hours)
        return 1.0 - share * (1.0 - OLDEST_FRESHNESS)


def tick_freshness(age_ms: int) -> float:
    """Freshness of what ticks in minutes: 1.0, 0.7, 0.4 or 0.2."""
    for limit_ms, freshness in _TICK_STEPS:
        if age_ms < limit_ms:
            return freshness
    return OLDEST_FRESHNESS


def market_age_ms(as_of_ms: int, at_ms: int) -> int:
    """Age of a value in the hours of weekdays (UTC): Saturdays and Sundays do not count.

    On a weekend Friday's close is the latest there is and as good as on Friday evening.
    """
    return _weekday_ms(max(at_ms, as_of_ms)) - _weekday_ms(as_of_ms)


def _weekday_ms(moment_ms: int) -> int:
    """Weekday time since Monday 1969-12-29."""
    since_monday_ms = moment_ms + 3 * MS_PER_DAY  # the epoch was a Thursday
    weeks, rest_ms = divmod(since_monday_ms, 7 * MS_PER_DAY)
    return weeks * 5 * MS_PER_DAY + min(rest_ms, 5 * MS_PER_DAY)
