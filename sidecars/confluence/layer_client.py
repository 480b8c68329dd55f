"""Observations of a layer's sidecar over HTTP: paged, checked, one value a day and series."""

import asyncio
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sidecars.common.fetch import Fetcher, parse_json
from sidecars.common.moments import iso_ms, ms_of
from sidecars.common.observations import Observation
from sidecars.common.source_errors import SourceError
from sidecars.confluence.feed import FeedAnswer, last_of_days
from sidecars.confluence.observed import FEAR_GREED, SOCIAL, TOTAL_CAP, WHALES

PATH = "/v1/observations"
# An answer has up to 20,000 values of each series: of five at once it stays within 8 MB.
SERIES_AT_ONCE = 5
MOST_REASON = 200
# Lowest and highest value that can be true.
_RANGES: Mapping[str, tuple[float, float]] = {
    FEAR_GREED: (0.0, 100.0),
    TOTAL_CAP: (1.0, 1e18),
    SOCIAL: (0.0, 1e9),
    WHALES: (0.0, 1.0),
}
_COLUMNS = ("as_of_ms", "available_at_ms", "value", "source")


@dataclass(frozen=True, slots=True)
class Page:
    """One answer. following: where to go on with a series that did not fit in it."""

    observations: list[Observation]
    missing: dict[str, str]
    following: dict[str, int]


class LayerFeed:
    """One layer ("sentiment", "onchain") and the series that are read of it."""

    def __init__(self, name: str, fetcher: Fetcher, series: tuple[str, ...]) -> None:
        self.name = name
        self.series = series
        self._fetcher = fetcher

    async def read(self, since_ms: int, until_ms: int) -> FeedAnswer:
        """The last value of each day (see feed.last_of_days). Raises SourceError."""
        kept: list[Observation] = []
        missing: dict[str, str] = {}
        starts = range(0, len(self.series), SERIES_AT_ONCE)
        todo = [(self.series[start : start + SERIES_AT_ONCE], since_ms) for start in starts]
        while todo:
            names, start_ms = todo.pop()
            if start_ms >= until_ms:
                continue
            page = await self._page(names, start_ms, until_ms)
            kept = [*kept, *page.observations]
            missing |= page.missing
            todo += [((name,), next_ms) for name, next_ms in page.following.items()]
        return FeedAnswer(last_of_days(kept), missing)

    async def close(self) -> None:
        return None

    async def _page(self, names: tuple[str, ...], start_ms: int, end_ms: int) -> Page:
        query = {"series": ",".join(names), "start": iso_ms(start_ms), "end": iso_ms(end_ms)}
        body = await self._fetcher.body(PATH, query)
        return await asyncio.to_thread(read_page, self.name, body, names, start_ms, end_ms)


def read_page(name: str, body: bytes, names: tuple[str, ...], start_ms: int, end_ms: int) -> Page:
    """An answer's values, the last ones of each day. Pure.

    {"series": {series: {"as_of_ms", "available_at_ms", "value", "source"}}, "missing": {series:
    reason}, "next": {series: moment}}. Raises SourceError for anything that cannot be an answer to
    the question: one wrong value refuses it whole.
    """
    content = parse_json(name, body)
    if not isinstance(content, Mapping):
        raise _malformed(name, "expected an object")
    series, missing, following = (content.get(key, {}) for key in ("series", "missing", "next"))
    for part in (series, missing, following):
        if not isinstance(part, Mapping) or not part.keys() <= set(names):
            raise _malformed(name, f"expected objects by series of {', '.join(names)}")
    unanswered = [each for each in names if each not in series and each not in missing]
    if unanswered:
        raise _malformed(name, f"nothing said of {', '.join(unanswered)}")
    observations: list[Observation] = []
    for each, columns in series.items():
        observations += last_of_days(_values(name, each, columns, start_ms, end_ms))
    return Page(
        observations,
        {each: " ".join(str(reason).split())[:MOST_REASON] for each, reason in missing.items()},
        {each: _next(name, moment, start_ms, end_ms) for each, moment in following.items()},
    )


def _values(
    name: str, series: str, columns: object, start_ms: int, end_ms: int
) -> list[Observation]:
    if not isinstance(columns, Mapping):
        raise _malformed(name, f"{series}: expected columns")
    lists = [columns.get(column) for column in _COLUMNS]
    given = [each for each in lists if isinstance(each, list)]
    if len(given) < len(_COLUMNS) or len({len(each) for each in given}) > 1:
        raise _malformed(name, f"{series}: expected columns {', '.join(_COLUMNS)} of equal length")
    low, high = _RANGES[series.split(":", 1)[0]]
    values = []
    for row in zip(*given, strict=True):
        as_of_ms, available_at_ms, value, source = row
        if type(as_of_ms) is not int or type(available_at_ms) is not int:
            raise _malformed(name, f"{series}: moments {row}, expected whole milliseconds")
        if not (as_of_ms <= available_at_ms and start_ms <= available_at_ms < end_ms):
            raise _malformed(name, f"{series}: {row} is not known when it was asked for")
        if type(value) not in (int, float) or not math.isfinite(value):
            raise _malformed(name, f"{series}: {row}, expected a number")
        if not low <= value <= high:
            raise _malformed(name, f"{series}: {value}, expected {low:g} to {high:g}")
        if not isinstance(source, str) or not 0 < len(source) <= 40:
            raise _malformed(name, f"{series}: {row}, expected the name of a source")
        values.append(
            Observation(series, as_of_ms, available_at_ms, float(value), sys.intern(source))
        )
    return values


def _next(name: str, moment: object, start_ms: int, end_ms: int) -> int:
    """Where to go on; never where it was asked from already."""
    try:
        next_ms = ms_of(datetime.fromisoformat(str(moment)).astimezone(UTC))
    except (ValueError, OverflowError):
        raise _malformed(name, f"next {str(moment)[:40]!r}, expected a moment") from None
    if not start_ms < next_ms <= end_ms:
        raise _malformed(name, f"next {str(moment)[:40]!r} is not within what was asked for")
    return next_ms


def _malformed(name: str, what: str) -> SourceError:
    return SourceError(f"{name}: {what[:MOST_REASON]}", "malformed")
