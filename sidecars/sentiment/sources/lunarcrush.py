"""LunarCrush: how many posts speak of a coin, all networks together. Needs a key of a paid plan.

    GET https://lunarcrush.com/api4/public/coins/list/v2?sort=market_cap_rank&limit=1000
    GET https://lunarcrush.com/api4/public/coins/{symbol}/time-series/v2?bucket=day     history

Documented on https://lunarcrush.com/developers/api/endpoints (key as a bearer token; the smallest
plan allows 10 requests a minute and 2,000 a day, keys without a plan are answered 402).
`social_volume_24h` is the number of posts with interactions in the last 24 hours; `posts_active` of
a daily bucket counts the same over a day (UTC). The list is as of `config.generated`. Symbols are
not unique: of coins with one symbol that with the best rank by capitalisation is meant.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from sidecars.common.fetch import RateLimit
from sidecars.common.observations import MS_PER_DAY, MS_PER_SECOND, series_of
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, Source, SourceContext, SourceEntry, SourceFacts
from sidecars.sentiment.market_values import (
    AnswerShape,
    BatchBuilder,
    RefusedValueError,
    an_object,
    answer_of,
    ask_each,
    end_of_day_ms,
    moment_of_seconds,
    number,
    shown,
    since,
)

SERIES = "social_volume"
COINS_A_PAGE = 1000
UNRANKED = 10**9

FACTS = SourceFacts(
    name="LunarCrush",
    series=(SERIES,),
    poll_seconds=600.0,
    stale_seconds=2 * 3600.0,
    licence="paid plan",
    home="https://lunarcrush.com/",
    needs_key=True,
)


class _Generated(AnswerShape):
    generated: Any


class _List(AnswerShape):
    config: _Generated
    data: list[Any]


class _Coin(AnswerShape):
    symbol: str


class _TimeSeries(AnswerShape):
    config: _Coin
    data: list[Any]


def read_coins(body: bytes, now_ms: int, assets: Sequence[str]) -> Batch:
    """`social_volume:ASSET` of those assets that are in the list. Raises SourceError."""
    answer = answer_of(_List, FACTS.name, body)
    builder = BatchBuilder(FACTS.name, now_ms)
    best: dict[str, tuple[int, Mapping[str, object]]] = {}
    for place, content in enumerate(answer.data):
        with builder.item(f"data[{place}]"):
            coin = an_object(content)
            symbol = coin.get("symbol")
            if not isinstance(symbol, str):
                raise RefusedValueError(f"symbol: got {shown(symbol)}, expected text")
            asset = symbol.upper()
            if asset in assets:
                rank = _rank(coin.get("market_cap_rank"))
                if asset not in best or rank < best[asset][0]:
                    best[asset] = (rank, coin)
    for asset, (_, coin) in best.items():
        with builder.item(f"{asset}: social_volume_24h"):
            as_of_ms = moment_of_seconds(answer.config.generated)
            builder.add(series_of(SERIES, asset), number(coin.get("social_volume_24h")), as_of_ms)
    return builder.batch()


def read_days(body: bytes, now_ms: int, asset: str) -> Batch:
    """`social_volume:ASSET` of finished days; as of and published at 00:00 UTC after them.

    Empty where no day is finished yet. Raises SourceError.
    """
    answer = answer_of(_TimeSeries, FACTS.name, body)
    if answer.config.symbol.upper() != asset:
        told = shown(answer.config.symbol)
        raise SourceError(f"{FACTS.name}: got {told}, expected {asset}", "malformed")
    builder = BatchBuilder(FACTS.name, now_ms)
    for place, content in enumerate(answer.data):
        with builder.item(f"{asset}: data[{place}]"):
            day = an_object(content)
            start_ms = moment_of_seconds(day.get("time"))
            if start_ms % MS_PER_DAY:
                raise RefusedValueError(f"time: got {shown(day.get('time'))}, expected a day's")
            builder.check_not_future(start_ms)
            if end_of_day_ms(start_ms) > now_ms:
                builder.pass_over()
            else:
                posts = number(day.get("posts_active"))
                builder.add(series_of(SERIES, asset), posts, end_of_day_ms(start_ms))
    return builder.batch()


def _rank(value: object) -> int:
    """Coins without a rank come after all others; it only decides between equal symbols."""
    return value if isinstance(value, int) and value > 0 else UNRANKED


class LunarCrush:
    """Keeps to Source."""

    facts = FACTS

    def __init__(self, context: SourceContext) -> None:
        self._fetcher = context.fetcher
        self._assets = context.assets

    async def poll(self, now_ms: int) -> Batch:
        """Posts of the last 24 hours about each asset; all in one request."""
        query = {"sort": "market_cap_rank", "limit": str(COINS_A_PAGE)}
        body = await self._fetcher.body("/api4/public/coins/list/v2", query)
        return read_coins(body, now_ms, self._assets)

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        """Posts of whole days; one request an asset."""
        return await ask_each(
            [partial(self._days, asset, since_ms, now_ms) for asset in self._assets]
        )

    async def _days(self, asset: str, since_ms: int, now_ms: int) -> Batch:
        query = {
            "bucket": "day",
            "start": str(max(since_ms - MS_PER_DAY, 0) // MS_PER_SECOND),
            "end": str(now_ms // MS_PER_SECOND),
        }
        path = f"/api4/public/coins/{quote(asset, safe='')}/time-series/v2"
        return since(read_days(await self._fetcher.body(path, query), now_ms, asset), since_ms)


def make(context: SourceContext) -> Source:
    return LunarCrush(context)


def headers(key: str | None) -> Mapping[str, str]:
    """The key as a bearer token."""
    return {"Authorization": f"Bearer {key}"} if key else {}


ENTRY = SourceEntry(
    key="lunarcrush",
    facts=FACTS,
    base_url="https://lunarcrush.com",
    limit=RateLimit(requests=8, per_seconds=60.0),
    make=make,
    key_variable="AQUATRADE_LUNARCRUSH_KEY",
    headers=headers,
)
