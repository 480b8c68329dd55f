"""Alpha Vantage: the ten-year Treasury yield, once a day; a second source beside Yahoo's.

    GET https://www.alphavantage.co/query?function=TREASURY_YIELD&interval=daily&maturity=10year

Documented on https://www.alphavantage.co/documentation/#treasury-yield. The answer holds all days
since 1962, values as text, "." on days without one. It is the constant maturity rate that the
Federal Reserve publishes (H.15) in the afternoon of the next working day: the value of a day is as
of its end, and counts as published at 00:00 UTC after the next working day. It differs from
Yahoo's ^TNX by a few hundredths of a point, in the same unit.

Not read, because the figures live on another scale than the series that they would go into: SPY
(a tenth of the S&P 500) and UUP (a fund on the dollar index). There is no dollar index in the
free part.

A free key is good for 25 requests a day: the yield is asked for every six hours, at most four
attempts each time, and refusals come as 200 with a text under Information, Note or Error Message.
That text may hold the key, so it is never shown.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Literal

from sidecars.common.fetch import RateLimit, parse_json
from sidecars.common.moments import moment_at
from sidecars.common.observations import MS_PER_DAY
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, Source, SourceContext, SourceEntry, SourceFacts
from sidecars.sentiment.market_values import (
    AnswerShape,
    BatchBuilder,
    an_object,
    day_of_text,
    number_in_text,
    shaped,
    start_of_day_ms,
)

SERIES = "us10y_yield_pct"
NO_VALUE = "."
POLLED_DAYS = 14
REFUSALS = ("Error Message", "Information", "Note")
# Words of the refusals that pass with time; the others speak of the key or the question.
LIMIT_WORDS = ("rate limit", "requests per day", "call frequency", "per second", "sparingly")

FACTS = SourceFacts(
    name="Alpha Vantage",
    series=(SERIES,),
    poll_seconds=6 * 3600.0,
    stale_seconds=6 * 86_400.0,  # Thursday's value is the last one until Tuesday's afternoon
    licence="free key, personal use",
    home="https://www.alphavantage.co/",
    needs_key=True,
)


class _Answer(AnswerShape):
    interval: Literal["daily"]
    unit: Literal["percent"]
    data: list[Any]


def read_treasury_yield(body: bytes, now_ms: int, since_ms: int) -> Batch:
    """`us10y_yield_pct` of the days that ended at since_ms or later; empty if there are none.

    Raises SourceError.
    """
    answer = parse_json(FACTS.name, body)
    if isinstance(answer, dict):
        _check_not_refused(answer)
    rows = shaped(_Answer, FACTS.name, answer).data
    builder = BatchBuilder(FACTS.name, now_ms)
    values: dict[date, float] = {}
    closed: set[date] = set()
    first_day = moment_at(max(since_ms, 0) - MS_PER_DAY).date().isoformat()
    for place, content in enumerate(rows):
        if _is_older(content, first_day):
            builder.pass_over()
            continue
        with builder.item(f"data[{place}]"):
            row = an_object(content)
            day = day_of_text(row.get("date"))
            builder.check_not_future(start_of_day_ms(day))
            if row.get("value") == NO_VALUE:
                closed.add(day)
            if row.get("value") == NO_VALUE or _end_ms(day) < max(since_ms, 1):
                builder.pass_over()
            else:
                values[day] = number_in_text(row.get("value"))
    for day, value in values.items():
        with builder.item(day.isoformat()):
            published_ms = _end_ms(next_working_day(day, closed))
            # What is here has been published, whatever the rule says.
            builder.add(SERIES, value, _end_ms(day), max(_end_ms(day), min(published_ms, now_ms)))
    return builder.batch()


def _is_older(content: object, first_day: str) -> bool:
    """Told from the text alone: there are sixteen thousand days, of which few are asked for."""
    text = content.get("date") if isinstance(content, dict) else None
    return isinstance(text, str) and text < first_day


def next_working_day(day: date, closed: set[date]) -> date:
    """The next day that is no Saturday, no Sunday and not closed."""
    following = day + timedelta(days=1)
    while following.weekday() >= 5 or following in closed:
        following += timedelta(days=1)
    return following


def _end_ms(day: date) -> int:
    return start_of_day_ms(day) + MS_PER_DAY


def _check_not_refused(content: Mapping[str, object]) -> None:
    for key in REFUSALS:
        if key not in content:
            continue
        text = str(content[key]).lower()
        if any(words in text for words in LIMIT_WORDS):
            raise SourceError(f"{FACTS.name}: the key's requests are used up", "limited")
        raise SourceError(f"{FACTS.name}: refused the request or the key ({key})", "refused")


class AlphaVantage:
    """Keeps to Source."""

    facts = FACTS

    def __init__(self, context: SourceContext) -> None:
        self._fetcher = context.fetcher
        self._key = context.key or ""

    async def poll(self, now_ms: int) -> Batch:
        """The values of the last two weeks."""
        return await self.history(now_ms - POLLED_DAYS * MS_PER_DAY, now_ms)

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        """One value a working day."""
        query = {
            "function": "TREASURY_YIELD",
            "interval": "daily",
            "maturity": "10year",
            "apikey": self._key,
        }
        return read_treasury_yield(await self._fetcher.body("/query", query), now_ms, since_ms)


def make(context: SourceContext) -> Source:
    return AlphaVantage(context)


ENTRY = SourceEntry(
    key="alpha_vantage",
    facts=FACTS,
    base_url="https://www.alphavantage.co",
    limit=RateLimit(requests=5, per_seconds=60.0),
    make=make,
    key_variable="AQUATRADE_ALPHA_VANTAGE_KEY",
)
