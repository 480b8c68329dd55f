"""alternative.me: the Crypto Fear & Greed Index, once a day, from 2018-02-01 on, free.

    GET https://api.alternative.me/fng/?limit=N        limit=0: all days

Documented on https://alternative.me/crypto/fear-and-greed-index/ (60 requests a minute). Values
and times come as text; `timestamp` is 00:00 UTC of the day that the value is for, in seconds. The
value of a day is published at its start and does not change.
"""

from typing import Any

from sidecars.common.fetch import RateLimit
from sidecars.common.observations import MS_PER_DAY
from sidecars.common.sources import Batch, Source, SourceContext, SourceEntry, SourceFacts
from sidecars.sentiment.market_values import (
    AnswerShape,
    BatchBuilder,
    RefusedValueError,
    an_object,
    answer_of,
    moment_of_seconds,
    number_in_text,
    shown,
    since,
)

SERIES = "fear_greed"
PATH = "/fng/"

FACTS = SourceFacts(
    name="alternative.me",
    series=(SERIES,),
    poll_seconds=600.0,
    stale_seconds=26 * 3600.0,
    licence="free, with attribution to alternative.me",
    home="https://alternative.me/crypto/fear-and-greed-index/",
)


class _Answer(AnswerShape):
    data: list[Any]


def read_fear_greed(body: bytes, now_ms: int) -> Batch:
    """`fear_greed`, 0 to 100; as of and published at the start of the day. Raises SourceError."""
    builder = BatchBuilder(FACTS.name, now_ms)
    for place, content in enumerate(answer_of(_Answer, FACTS.name, body).data):
        with builder.item(f"data[{place}]"):
            day = an_object(content)
            builder.add(
                SERIES, number_in_text(day.get("value")), _start_of_day(day.get("timestamp"))
            )
    return builder.batch()


def _start_of_day(value: object) -> int:
    if not isinstance(value, str) or not (value.isascii() and value.isdigit() and len(value) < 13):
        raise RefusedValueError(f"timestamp: got {shown(value)}, expected seconds as text")
    as_of_ms = moment_of_seconds(int(value))
    if as_of_ms % MS_PER_DAY:
        raise RefusedValueError(f"timestamp: got {value}, expected the start of a day")
    return as_of_ms


class AlternativeMe:
    """Keeps to Source."""

    facts = FACTS

    def __init__(self, context: SourceContext) -> None:
        self._fetcher = context.fetcher

    async def poll(self, now_ms: int) -> Batch:
        """Today's and yesterday's value."""
        return await self._days(2, now_ms)

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        """One value a day; the source keeps all of them."""
        days = (now_ms - since_ms) // MS_PER_DAY + 1
        return since(await self._days(max(days, 1), now_ms), since_ms)

    async def _days(self, days: int, now_ms: int) -> Batch:
        body = await self._fetcher.body(PATH, {"limit": str(days)})
        return read_fear_greed(body, now_ms)


def make(context: SourceContext) -> Source:
    return AlternativeMe(context)


ENTRY = SourceEntry(
    key="alternative_me",
    facts=FACTS,
    base_url="https://api.alternative.me",
    limit=RateLimit(requests=10, per_seconds=60.0),
    make=make,
)
