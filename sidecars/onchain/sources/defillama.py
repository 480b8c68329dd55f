"""DefiLlama: value locked in DeFi, and the supply of dollar stablecoins, a value a day.

GET https://api.llama.fi/v2/historicalChainTvl: [{"date": seconds, "tvl": USD}], without liquid
staking and double counts; GET https://stablecoins.llama.fi/stablecoincharts/all: [{"date":
"seconds", "totalCirculatingUSD": {"peggedUSD": USD, ...}, ...}]. Both documented at
https://api-docs.defillama.com, without a key, always from the first day on.

The two hosts are two entries: each has its own limit and address, and one that is down does not
take the other along. The last row of both is the day that ran when the answer was made, which may
be a while ago: a day counts as over once a later one is told of.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, ValidationError

from sidecars.common.fetch import RateLimit, parse_json
from sidecars.common.observations import MS_PER_DAY, MS_PER_SECOND
from sidecars.common.sources import Batch, SourceContext, SourceEntry, SourceFacts
from sidecars.onchain.sources.checks import (
    AnswerModel,
    DailyReadings,
    problem_of,
    rows_of,
    usable,
    whole,
)

TVL_NAME = "defillama"
STABLECOINS_NAME = "defillama_stablecoins"
TVL_PATH = "/v2/historicalChainTvl"
STABLECOINS_PATH = "/stablecoincharts/all"
TVL_SERIES = "defi_tvl_usd"
STABLECOINS_SERIES = "stablecoin_supply_usd"
# The answers hold every day; a poll takes these.
POLL_DAYS = 7
MOST_USD = 1e15

Usd = Annotated[float, Field(gt=0, le=MOST_USD)]
Seconds = Annotated[int, Field(ge=0, le=10**11)]
_SECONDS_TEXT = re.compile(r"[0-9]{1,11}")

Reader = Callable[[bytes, int, int], Batch]


class _TvlRow(AnswerModel):
    date: Seconds
    tvl: Usd


class _Pegged(AnswerModel):
    peggedUSD: Usd  # noqa: N815 - the source's own name


class _StablecoinsRow(AnswerModel):
    date: Annotated[str, whole(_SECONDS_TEXT)]
    totalCirculatingUSD: _Pegged  # noqa: N815 - the source's own name


def read_tvl(body: bytes, now_ms: int, since_ms: int = 0) -> Batch:
    """Value locked in DeFi on all chains, USD, of days that ended since. Raises SourceError.

    Its first months in 2017 are 0 and refused like any other 0.
    """
    days = DailyReadings(now_ms)
    for row in rows_of(TVL_NAME, "answer", parse_json(TVL_NAME, body)):
        if _ended_before(row, since_ms):
            continue
        try:
            known = _TvlRow.model_validate(row)
        except ValidationError as error:
            days.rejected.append(f"{TVL_SERIES}: {problem_of(error)}")
            continue
        days.take(TVL_SERIES, known.date * MS_PER_SECOND, known.tvl)
    return usable(TVL_NAME, days.batch(since_ms, days.newest_end_ms))


def read_stablecoin_supply(body: bytes, now_ms: int, since_ms: int = 0) -> Batch:
    """Supply of all stablecoins pegged to the dollar, USD. Raises SourceError."""
    days = DailyReadings(now_ms)
    for row in rows_of(STABLECOINS_NAME, "answer", parse_json(STABLECOINS_NAME, body)):
        if _ended_before(row, since_ms):
            continue
        try:
            known = _StablecoinsRow.model_validate(row)
        except ValidationError as error:
            days.rejected.append(f"{STABLECOINS_SERIES}: {problem_of(error)}")
            continue
        days.take(
            STABLECOINS_SERIES, int(known.date) * MS_PER_SECOND, known.totalCirculatingUSD.peggedUSD
        )
    return usable(STABLECOINS_NAME, days.batch(since_ms, days.newest_end_ms))


def _ended_before(row: object, since_ms: int) -> bool:
    """Whether a row is so old that nobody asked for it; what is no row, or has no date, is not."""
    date = row.get("date") if isinstance(row, dict) else None
    if isinstance(date, str) and _SECONDS_TEXT.fullmatch(date):
        date = int(date)
    if not isinstance(date, int) or isinstance(date, bool):
        return False
    return date * MS_PER_SECOND + MS_PER_DAY < since_ms


@dataclass(frozen=True, slots=True)
class DefiLlama:
    """The adapter of one chart."""

    context: SourceContext
    facts: SourceFacts
    path: str
    read: Reader

    async def poll(self, now_ms: int) -> Batch:
        return await self.history(now_ms - POLL_DAYS * MS_PER_DAY, now_ms)

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        body = await self.context.fetcher.body(self.path)
        # Years of days take some hundredths of a second to parse: not in the event loop.
        return await asyncio.to_thread(self.read, body, now_ms, since_ms)


def _facts(name: str, series: str) -> SourceFacts:
    return SourceFacts(
        name=name,
        series=(series,),
        poll_seconds=1800.0,
        stale_seconds=2 * 86_400.0,
        licence="Data: DefiLlama, free to use with attribution",
        home="https://defillama.com",
    )


FACTS = _facts("DefiLlama", TVL_SERIES)
STABLECOINS_FACTS = _facts("DefiLlama stablecoins", STABLECOINS_SERIES)
LIMIT = RateLimit(1, 5.0)
ENTRY = SourceEntry(
    key=TVL_NAME,
    facts=FACTS,
    base_url="https://api.llama.fi",
    limit=LIMIT,
    make=lambda context: DefiLlama(context, FACTS, TVL_PATH, read_tvl),
)
STABLECOINS_ENTRY = SourceEntry(
    key=STABLECOINS_NAME,
    facts=STABLECOINS_FACTS,
    base_url="https://stablecoins.llama.fi",
    limit=LIMIT,
    make=lambda context: DefiLlama(
        context, STABLECOINS_FACTS, STABLECOINS_PATH, read_stablecoin_supply
    ),
)
ENTRIES = (ENTRY, STABLECOINS_ENTRY)
