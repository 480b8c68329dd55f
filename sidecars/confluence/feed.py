"""What observations come from: a layer's sidecar, or an exchange of derivatives."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sidecars.common.observations import MS_PER_DAY, Observation


@dataclass(frozen=True, slots=True)
class FeedAnswer:
    """What a feed had. missing: why it has no value of a series; notes: what else went wrong."""

    observations: Sequence[Observation] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


class Feed(Protocol):
    """One place to ask."""

    @property
    def name(self) -> str: ...

    @property
    def series(self) -> tuple[str, ...]:
        """What records read of it."""
        ...

    async def read(self, since_ms: int, until_ms: int) -> FeedAnswer:
        """Everything with since <= available_at < until, until not later than now.

        Raises SourceError, and then nothing counts as read.
        """
        ...

    async def close(self) -> None: ...


class ImportedFeed:
    """Series that only files bring: there is nobody to ask, and nothing is ever late."""

    def __init__(self, name: str, series: tuple[str, ...]) -> None:
        self.name = name
        self.series = series

    async def read(self, since_ms: int, until_ms: int) -> FeedAnswer:
        return FeedAnswer()

    async def close(self) -> None:
        return None


def last_of_days(observations: Iterable[Observation]) -> list[Observation]:
    """Of each series and UTC day of availability the value with the latest as_of, known last.

    Records are made as of 00:00 UTC and read the latest as_of known by then: no other value of a
    day that is over can be that.
    """
    best: dict[tuple[str, int], Observation] = {}
    for each in observations:
        key = (each.series, each.available_at_ms // MS_PER_DAY)
        kept = best.get(key)
        if kept is None or _rank(each) >= _rank(kept):
            best[key] = each
    return list(best.values())


def _rank(each: Observation) -> tuple[int, int]:
    return each.as_of_ms, each.available_at_ms
