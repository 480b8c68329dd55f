"""Which values the market sources may give, and how their answers become batches.

A value that is no number, out of range or from the future is refused with one line and never
repaired. Nothing here knows a source.
"""

import math
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sidecars.common.fetch import parse_json
from sidecars.common.moments import iso_ms, ms_of
from sidecars.common.observations import MS_PER_DAY, MS_PER_SECOND, Reading
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, describes_future

SHOWN_LENGTH = 40
# The end of the year 9999: what is later is no moment.
LAST_MOMENT_MS = 253_402_300_799_999

_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Range(NamedTuple):
    """Values from low to high, both included, are believed."""

    low: float
    high: float


# Wide enough for every value on record, narrow enough for a wrong unit to be seen: a ten-year
# yield in tenths of a per cent, a capitalisation in millions, an index in place of its fund.
RANGES: Mapping[str, Range] = {
    "fear_greed": Range(0.0, 100.0),
    "btc_dominance_pct": Range(1.0, 100.0),
    "total_market_cap_usd": Range(1e8, 1e15),
    "btc_price_usd": Range(0.01, 1e8),
    "sp500": Range(300.0, 100_000.0),
    "dollar_index": Range(50.0, 200.0),
    "us10y_yield_pct": Range(-2.0, 20.0),
    "social_volume": Range(0.0, 1e9),
}


class RefusedValueError(ValueError):
    """One value of an answer cannot be believed; the text is one line."""


class AnswerShape(BaseModel):
    """Base of the shapes of answers: nothing is coerced, fields that are not read may be there."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


Shape = TypeVar("Shape", bound=AnswerShape)


def answer_of(shape: type[Shape], source: str, body: bytes) -> Shape:
    """A body of JSON in its expected shape. Raises SourceError."""
    return shaped(shape, source, parse_json(source, body))


def shaped(shape: type[Shape], source: str, content: object) -> Shape:
    """Parsed JSON in its expected shape. Raises SourceError."""
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the answer"
        raise SourceError(f"{source}: {where}: {first['msg']}"[:200], "malformed") from None


def shown(value: object) -> str:
    """A value as it stands in a message: short and on one line."""
    text = ascii(value)
    return text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 3] + "..."


def an_object(value: object) -> Mapping[str, object]:
    """A JSON object. Raises RefusedValueError."""
    if not isinstance(value, dict):
        raise RefusedValueError(f"got {shown(value)}, expected an object")
    return value


def number(value: object) -> float:
    """A JSON number that is finite. Raises RefusedValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedValueError(f"got {shown(value)}, expected a number")
    if not math.isfinite(value):
        raise RefusedValueError(f"got {shown(value)}, expected a finite number")
    return float(value)


def number_in_text(value: object) -> float:
    """A decimal number that is sent as text ("3.95"). Raises RefusedValueError."""
    if not isinstance(value, str) or _DECIMAL.fullmatch(value) is None:
        raise RefusedValueError(f"got {shown(value)}, expected a decimal number as text")
    return float(value)


def whole(value: object) -> int:
    """A JSON integer. Raises RefusedValueError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise RefusedValueError(f"got {shown(value)}, expected a whole number")
    return value


def moment_of_ms(value: object) -> int:
    """A moment that is sent in milliseconds. Raises RefusedValueError."""
    moment_ms = whole(value)
    if not 0 < moment_ms <= LAST_MOMENT_MS:
        raise RefusedValueError(f"got {shown(value)}, expected a moment")
    return moment_ms


def moment_of_seconds(value: object) -> int:
    """A moment that is sent in whole seconds, in milliseconds. Raises RefusedValueError."""
    return moment_of_ms(whole(value) * MS_PER_SECOND)


def day_of_text(value: object) -> date:
    """A calendar day as 2024-08-05. Raises RefusedValueError."""
    if isinstance(value, str) and _DAY.fullmatch(value) is not None:
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise RefusedValueError(f"got {shown(value)}, expected a day like 2024-08-05")


def start_of_day_ms(day: date) -> int:
    """00:00 UTC of a day."""
    return ms_of(datetime(day.year, day.month, day.day, tzinfo=UTC))


def end_of_day_ms(moment_ms: int) -> int:
    """00:00 UTC of the day after the one that a moment lies in."""
    return (moment_ms // MS_PER_DAY + 1) * MS_PER_DAY


def check_range(series: str, value: float) -> None:
    """Raises RefusedValueError for a value that the series cannot have."""
    allowed = RANGES[series.partition(":")[0]]
    if not allowed.low <= value <= allowed.high:
        raise RefusedValueError(
            f"{series}: got {value:g}, expected {allowed.low:g} to {allowed.high:g}"
        )


class BatchBuilder:
    """Collects what one answer gives."""

    def __init__(self, source: str, now_ms: int) -> None:
        self._source = source
        self._now_ms = now_ms
        self._readings: list[Reading] = []
        self._rejected: list[str] = []
        self._passed_over = False

    @contextmanager
    def item(self, where: str) -> Iterator[None]:
        """What is refused inside becomes one line that names the place."""
        try:
            yield
        except RefusedValueError as error:
            self._rejected.append(f"{self._source}: {where}: {error}")

    def add(
        self, series: str, value: float, as_of_ms: int, published_ms: int | None = None
    ) -> None:
        """Keep a value; published at its own moment unless said. Raises RefusedValueError."""
        check_range(series, value)
        self.check_not_future(as_of_ms)
        self._readings.append(
            Reading(series, as_of_ms, as_of_ms if published_ms is None else published_ms, value)
        )

    def check_not_future(self, moment_ms: int) -> None:
        """Raises RefusedValueError."""
        if describes_future(moment_ms, self._now_ms):
            raise RefusedValueError(f"got {iso_ms(moment_ms)}, expected no moment to come")

    def pass_over(self) -> None:
        """There was a sound value that nobody asked for (too old, a day that is not over)."""
        self._passed_over = True

    def batch(self) -> Batch:
        """What was collected. Raises SourceError when nothing in the answer was usable."""
        if not self._readings and (self._rejected or not self._passed_over):
            why = self._rejected[0] if self._rejected else f"{self._source}: no value in it"
            raise SourceError(why[:200], "malformed")
        return Batch(readings=tuple(self._readings), rejected=tuple(self._rejected))


def since(batch: Batch, since_ms: int) -> Batch:
    """The batch without readings that speak of earlier moments."""
    readings = tuple(each for each in batch.readings if each.as_of_ms >= since_ms)
    return Batch(readings=readings, events=batch.events, rejected=batch.rejected)


async def ask_each(requests: Sequence[Callable[[], Awaitable[Batch]]]) -> Batch:
    """Several requests to one source, one after the other, as one batch.

    A request that failed is a line of `rejected`. Raises the first SourceError if all failed.
    """
    readings: list[Reading] = []
    rejected: list[str] = []
    failures: list[SourceError] = []
    for request in requests:
        try:
            batch = await request()
        except SourceError as error:
            failures.append(error)
            rejected.append(str(error))
        else:
            readings.extend(batch.readings)
            rejected.extend(batch.rejected)
    if failures and len(failures) == len(requests):
        raise failures[0]
    return Batch(readings=tuple(readings), rejected=tuple(rejected))
