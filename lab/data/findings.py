"""What a check finds: its kind, how bad it is, where."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np
import numpy.typing as npt

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


class Kind(StrEnum):
    UNREADABLE = "unreadable"
    EMPTY = "empty"
    COLUMNS = "columns"
    TIME_ZONE = "time zone"
    TIMES = "odd times"
    UNSORTED = "unsorted"
    DUPLICATES = "duplicates"
    OFF_GRID = "off grid"
    GAPS = "gaps"
    SPARSE = "settlements only"
    IMPOSSIBLE = "impossible"
    ZERO_VOLUME = "zero volume"
    FILLED = "filled"
    JUMPS = "jumps"
    INCOMPLETE = "incomplete"
    DISAGREES = "disagrees"


class Grade(StrEnum):
    OK = "ok"
    NOTES = "notes"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Span:
    """From the open of one candle to the open of another, both part of it."""

    first: datetime
    last: datetime
    candles: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing in one file. `grade` is NOTES or BAD."""

    kind: Kind
    grade: Grade
    text: str
    spans: tuple[Span, ...] = ()

    @property
    def candles(self) -> int:
        return sum(span.candles for span in self.spans)


def grade_of(findings: Sequence[Finding]) -> Grade:
    """The worst of them."""
    grades = {finding.grade for finding in findings}
    return next((grade for grade in (Grade.BAD, Grade.NOTES) if grade in grades), Grade.OK)


def moment(time_us: int) -> datetime:
    """Microseconds since 1970 as an aware time; what no calendar has becomes its last day."""
    try:
        return EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        return LATEST


def runs(flags: BoolArray, places: IntArray | None = None) -> list[tuple[int, int]]:
    """(first, last) index of each unbroken run of True; `places` that jump break it, too."""
    chosen = np.flatnonzero(flags)
    if not len(chosen):
        return []
    breaks = np.diff(chosen) > 1
    if places is not None:
        breaks = breaks | (np.diff(places[chosen]) > 1)
    ends = np.flatnonzero(breaks)
    firsts = chosen[np.concatenate(([0], ends + 1))]
    lasts = chosen[np.concatenate((ends, [len(chosen) - 1]))]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def spans_of(
    flags: BoolArray, times_us: IntArray, places: IntArray | None = None
) -> tuple[Span, ...]:
    """A span for each run of candles that are flagged."""
    return tuple(
        Span(moment(int(times_us[first])), moment(int(times_us[last])), last - first + 1)
        for first, last in runs(flags, places)
    )


def longest_of(spans: Sequence[Span]) -> Span:
    """The longest, the earliest of equals."""
    return max(spans, key=lambda span: span.candles)


def minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """ "1 hole", "3 holes"."""
    return f"{number} {one if number == 1 else many or one + 's'}"
