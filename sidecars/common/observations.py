"""What sources tell, as immutable values in time. Pure.

A series is a named sequence of numbers: "fear_greed", or "exchange_inflow_coins:BTC" with the
asset behind a colon. A value speaks of `as_of` and could be known from `available_at` on; readers
ask at a moment and see nothing that was not available by then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

MS_PER_SECOND = 1000
MS_PER_MINUTE = 60 * MS_PER_SECOND
MS_PER_HOUR = 60 * MS_PER_MINUTE
MS_PER_DAY = 24 * MS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Reading:
    """One value as an adapter read it from a source's answer.

    published_ms: when, by the source's own rule, it could be known at the earliest: a daily value
    at the end of its day, fear & greed at the start of its day, a tick at once. Never before
    as_of_ms. A backfill takes it for `available_at`; what is polled live counts from when it
    really came.
    """

    series: str
    as_of_ms: int
    published_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class Observation:
    """One value as it is kept. Never changed; a correction is another one, available later."""

    series: str
    as_of_ms: int
    available_at_ms: int
    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Window:
    """Columns of equal length, as_of strictly rising: of each as_of the value known last."""

    as_of_ms: IntArray
    value: FloatArray

    def __len__(self) -> int:
        return len(self.as_of_ms)


EMPTY_WINDOW = Window(np.empty(0, dtype=np.int64), np.empty(0))


class Known(Protocol):
    """What was known at one moment: the only thing that scores are made from."""

    @property
    def at_ms(self) -> int: ...

    def latest(self, series: str) -> Observation | None:
        """The value with the latest as_of; None where there is none."""
        ...

    def window(self, series: str, from_as_of_ms: int) -> Window:
        """All values with as_of_ms >= from_as_of_ms; empty where there is none."""
        ...


class SeriesTimeline:
    """All observations of one series in memory, by the moment of availability."""

    def __init__(self, observations: Iterable[Observation] = ()) -> None:
        self.available_at_ms: IntArray = np.empty(0, dtype=np.int64)
        self.as_of_ms: IntArray = np.empty(0, dtype=np.int64)
        self.value: FloatArray = np.empty(0)
        self._source: list[str] = []
        self._newest_place: IntArray = np.empty(0, dtype=np.int64)
        self.extend(observations)

    def __len__(self) -> int:
        return len(self.as_of_ms)

    def extend(self, observations: Iterable[Observation]) -> None:
        """Take more in, in any order. All of one series, which the caller sees to."""
        new = list(observations)
        if not new:
            return
        available = np.concatenate(
            [self.available_at_ms, np.array([each.available_at_ms for each in new], np.int64)]
        )
        as_of = np.concatenate([self.as_of_ms, np.array([each.as_of_ms for each in new], np.int64)])
        value = np.concatenate([self.value, np.array([each.value for each in new])])
        source = [*self._source, *(each.source for each in new)]
        order = np.lexsort((as_of, available))
        self.available_at_ms, self.as_of_ms, self.value = (
            available[order],
            as_of[order],
            value[order],
        )
        self._source = [source[place] for place in order.tolist()]
        self._newest_place = _places_of_running_maximum(self.as_of_ms)

    def latest(self, series: str, at_ms: int) -> Observation | None:
        """The value with the latest as_of among those available at the moment."""
        end = int(np.searchsorted(self.available_at_ms, at_ms, side="right"))
        if end == 0:
            return None
        place = int(self._newest_place[end - 1])
        return self._observation(series, place)

    def window(self, from_as_of_ms: int, at_ms: int) -> Window:
        """Values with as_of_ms >= from_as_of_ms that were available at the moment."""
        # Nothing is available before it is as of, so the rest of the slice cannot qualify.
        start = int(np.searchsorted(self.available_at_ms, from_as_of_ms, side="left"))
        end = int(np.searchsorted(self.available_at_ms, at_ms, side="right"))
        as_of, value = self.as_of_ms[start:end], self.value[start:end]
        chosen = as_of >= from_as_of_ms
        as_of, value = as_of[chosen], value[chosen]
        if len(as_of) > 1 and not bool(np.all(np.diff(as_of) > 0)):
            order = np.argsort(as_of, kind="stable")  # of one as_of the last known comes last
            as_of, value = as_of[order], value[order]
            is_last = np.append(as_of[1:] != as_of[:-1], True)
            as_of, value = as_of[is_last], value[is_last]
        return Window(as_of, value)

    def between(self, series: str, start_ms: int, end_ms: int) -> list[Observation]:
        """Observations with start_ms <= available_at_ms < end_ms, in order of availability."""
        first = int(np.searchsorted(self.available_at_ms, start_ms, side="left"))
        end = int(np.searchsorted(self.available_at_ms, end_ms, side="left"))
        return [self._observation(series, place) for place in range(first, end)]

    def _observation(self, series: str, place: int) -> Observation:
        return Observation(
            series,
            int(self.as_of_ms[place]),
            int(self.available_at_ms[place]),
            float(self.value[place]),
            self._source[place],
        )


def _places_of_running_maximum(values: IntArray) -> IntArray:
    """For each place the place of the largest value up to it; of equal ones the last."""
    if len(values) == 0:
        return np.empty(0, dtype=np.int64)
    is_new = values >= np.maximum.accumulate(values)
    places = np.where(is_new, np.arange(len(values)), 0)
    result: IntArray = np.maximum.accumulate(places)
    return result


@dataclass(frozen=True, slots=True)
class KnownAt:
    """What timelines knew at a moment. Keeps to Known."""

    timelines: Mapping[str, SeriesTimeline]
    at_ms: int

    def latest(self, series: str) -> Observation | None:
        timeline = self.timelines.get(series)
        return None if timeline is None else timeline.latest(series, self.at_ms)

    def window(self, series: str, from_as_of_ms: int) -> Window:
        timeline = self.timelines.get(series)
        return EMPTY_WINDOW if timeline is None else timeline.window(from_as_of_ms, self.at_ms)


def series_of(name: str, asset: str) -> str:
    """The name of an asset's own series: series_of("social_ratio", "BTC") -> "social_ratio:BTC"."""
    return f"{name}:{asset}"
