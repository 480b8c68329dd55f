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

# Series that say that a source of events was heard, though nothing may have happened.
HEARD_PREFIX = "heard:"
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


@dataclass(frozen=True, slots=True)
class _Columns:
    """Observations ordered by (available_at, as_of); replaced as a whole, so that a thread that
    reads while more comes in sees either."""

    available_at_ms: IntArray
    as_of_ms: IntArray
    value: FloatArray
    source: list[str]
    newest_place: IntArray  # for each place the one with the latest as_of up to it
    is_plain: bool  # as_of rises strictly too: no value was corrected, or came late


_NO_COLUMNS = _Columns(
    np.empty(0, dtype=np.int64),
    np.empty(0, dtype=np.int64),
    np.empty(0),
    [],
    np.empty(0, dtype=np.int64),
    True,
)


class SeriesTimeline:
    """All observations of one series in memory, by the moment of availability."""

    def __init__(self, observations: Iterable[Observation] = ()) -> None:
        self._columns = _NO_COLUMNS
        self.extend(observations)

    def __len__(self) -> int:
        return len(self._columns.as_of_ms)

    @property
    def available_at_ms(self) -> IntArray:
        """Rising."""
        return self._columns.available_at_ms

    def extend(self, observations: Iterable[Observation]) -> None:
        """Take more in, in any order. All of one series, which the caller sees to."""
        new = list(observations)
        if not new:
            return
        old = self._columns
        available = np.array([each.available_at_ms for each in new], dtype=np.int64)
        as_of = np.array([each.as_of_ms for each in new], dtype=np.int64)
        self._hold(
            np.concatenate([old.available_at_ms, available]),
            np.concatenate([old.as_of_ms, as_of]),
            np.concatenate([old.value, np.array([each.value for each in new], dtype=np.float64)]),
            [*old.source, *(each.source for each in new)],
        )

    def forget_before(self, as_of_ms: int) -> None:
        """Drop what speaks of earlier moments."""
        old = self._columns
        kept = old.as_of_ms >= as_of_ms
        if not bool(kept.all()):
            self._hold(
                old.available_at_ms[kept],
                old.as_of_ms[kept],
                old.value[kept],
                [old.source[place] for place in np.flatnonzero(kept).tolist()],
            )

    def _hold(
        self, available: IntArray, as_of: IntArray, value: FloatArray, source: list[str]
    ) -> None:
        order = np.lexsort((as_of, available))
        self._columns = _Columns(
            available[order],
            as_of[order],
            value[order],
            [source[place] for place in order.tolist()],
            _places_of_running_maximum(as_of[order]),
            bool(np.all(np.diff(as_of[order]) > 0)),
        )

    def latest(self, series: str, at_ms: int) -> Observation | None:
        """The value with the latest as_of among those available at the moment."""
        columns = self._columns
        end = int(columns.available_at_ms.searchsorted(at_ms, side="right"))
        if end == 0:
            return None
        place = int(columns.newest_place[end - 1])
        return Observation(
            series,
            int(columns.as_of_ms[place]),
            int(columns.available_at_ms[place]),
            float(columns.value[place]),
            columns.source[place],
        )

    def window(self, from_as_of_ms: int, at_ms: int) -> Window:
        """Values with as_of_ms >= from_as_of_ms that were available at the moment."""
        columns = self._columns
        end = int(columns.available_at_ms.searchsorted(at_ms, side="right"))
        if columns.is_plain:
            start = int(columns.as_of_ms.searchsorted(from_as_of_ms, side="left"))
            return Window(columns.as_of_ms[start:end], columns.value[start:end])
        # Nothing is available before it is as of, so the rest of the slice cannot qualify.
        start = int(columns.available_at_ms.searchsorted(from_as_of_ms, side="left"))
        as_of, value = columns.as_of_ms[start:end], columns.value[start:end]
        chosen = as_of >= from_as_of_ms
        as_of, value = as_of[chosen], value[chosen]
        if len(as_of) > 1 and not bool(np.all(np.diff(as_of) > 0)):
            order = np.argsort(as_of, kind="stable")  # of one as_of the last known comes last
            as_of, value = as_of[order], value[order]
            is_last = np.append(as_of[1:] != as_of[:-1], True)
            as_of, value = as_of[is_last], value[is_last]
        return Window(as_of, value)

    def words(self, from_as_of_ms: int) -> dict[int, tuple[float, str]]:
        """By as_of, from a moment on: the value that was known last, and the source that told."""
        columns = self._columns
        # Nothing is available before it is as of. What is known later comes later, and stays.
        start = int(columns.available_at_ms.searchsorted(from_as_of_ms, side="left"))
        return {
            as_of_ms: (value, source)
            for as_of_ms, value, source in zip(
                columns.as_of_ms[start:].tolist(),
                columns.value[start:].tolist(),
                columns.source[start:],
                strict=True,
            )
            if as_of_ms >= from_as_of_ms
        }


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
