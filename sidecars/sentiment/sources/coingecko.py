"""CoinGecko: Bitcoin's share of the market, the market's capitalisation, Bitcoin's price.

    GET /api/v3/global                          renewed every 10 minutes
    GET /api/v3/simple/price?ids=bitcoin&...    renewed every minute
    GET /api/v3/coins/bitcoin/market_chart      history of the price

Documented on https://docs.coingecko.com/demo/reference/crypto-global. Works without a key, limited
by address (5 to 15 requests a minute). A free demo key (header x-cg-demo-api-key) has a limit of
its own, but 10,000 answers a month: with a key the source is asked every ten minutes instead of
every five, 8,928 answers in 31 days.

History: the price of the last 365 days, in steps of 5 minutes (one day), an hour (90 days) or a
day. The history of shares and of the total capitalisation is sold with paid plans only, so there
is none of them here.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sidecars.common.fetch import RateLimit
from sidecars.common.observations import MS_PER_DAY
from sidecars.common.sources import Batch, Source, SourceContext, SourceEntry, SourceFacts
from sidecars.sentiment.market_values import (
    AnswerShape,
    BatchBuilder,
    RefusedValueError,
    answer_of,
    ask_each,
    moment_of_ms,
    moment_of_seconds,
    number,
    shown,
    since,
)

DOMINANCE, TOTAL_CAP, PRICE = "btc_dominance_pct", "total_market_cap_usd", "btc_price_usd"
LONGEST_HISTORY_DAYS = 365
POLL_SECONDS_WITH_KEY = 600.0

FACTS = SourceFacts(
    name="CoinGecko",
    series=(DOMINANCE, TOTAL_CAP, PRICE),
    poll_seconds=300.0,
    stale_seconds=3600.0,
    licence="free public API, with attribution to CoinGecko",
    home="https://www.coingecko.com/",
)


class _Global(AnswerShape):
    total_market_cap: dict[str, Any]
    market_cap_percentage: dict[str, Any]
    updated_at: Any


class _GlobalAnswer(AnswerShape):
    data: _Global


class _Price(AnswerShape):
    usd: Any
    last_updated_at: Any


class _PriceAnswer(AnswerShape):
    bitcoin: _Price


class _ChartAnswer(AnswerShape):
    prices: list[Any]


def read_global(body: bytes, now_ms: int) -> Batch:
    """`btc_dominance_pct` and `total_market_cap_usd`, as of `updated_at`. Raises SourceError."""
    data = answer_of(_GlobalAnswer, FACTS.name, body).data
    builder = BatchBuilder(FACTS.name, now_ms)
    for series, where, content in (
        (DOMINANCE, "market_cap_percentage.btc", data.market_cap_percentage.get("btc")),
        (TOTAL_CAP, "total_market_cap.usd", data.total_market_cap.get("usd")),
    ):
        with builder.item(where):
            builder.add(series, number(content), moment_of_seconds(data.updated_at))
    return builder.batch()


def read_price(body: bytes, now_ms: int) -> Batch:
    """`btc_price_usd`, as of `last_updated_at`. Raises SourceError."""
    price = answer_of(_PriceAnswer, FACTS.name, body).bitcoin
    builder = BatchBuilder(FACTS.name, now_ms)
    with builder.item("bitcoin.usd"):
        builder.add(PRICE, number(price.usd), moment_of_seconds(price.last_updated_at))
    return builder.batch()


def read_price_history(body: bytes, now_ms: int) -> Batch:
    """`btc_price_usd` at the moments of the points, known at once. Raises SourceError."""
    builder = BatchBuilder(FACTS.name, now_ms)
    for place, point in enumerate(answer_of(_ChartAnswer, FACTS.name, body).prices):
        with builder.item(f"prices[{place}]"):
            if not isinstance(point, list) or len(point) != 2:
                raise RefusedValueError(f"got {shown(point)}, expected [milliseconds, price]")
            builder.add(PRICE, number(point[1]), moment_of_ms(point[0]))
    return builder.batch()


class CoinGecko:
    """Keeps to Source."""

    def __init__(self, context: SourceContext) -> None:
        self._fetcher = context.fetcher
        self.facts = replace(FACTS, poll_seconds=POLL_SECONDS_WITH_KEY) if context.key else FACTS

    async def poll(self, now_ms: int) -> Batch:
        """One value of each series."""
        return await ask_each([partial(self._global, now_ms), partial(self._price, now_ms)])

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        """Bitcoin's price only, of a year at most; see the module."""
        days = min(max(-(-(now_ms - since_ms) // MS_PER_DAY), 1), LONGEST_HISTORY_DAYS)
        body = await self._fetcher.body(
            "/api/v3/coins/bitcoin/market_chart", {"vs_currency": "usd", "days": str(days)}
        )
        return since(read_price_history(body, now_ms), since_ms)

    async def _global(self, now_ms: int) -> Batch:
        return read_global(await self._fetcher.body("/api/v3/global"), now_ms)

    async def _price(self, now_ms: int) -> Batch:
        query = {"ids": "bitcoin", "vs_currencies": "usd", "include_last_updated_at": "true"}
        return read_price(await self._fetcher.body("/api/v3/simple/price", query), now_ms)


def make(context: SourceContext) -> Source:
    return CoinGecko(context)


def headers(key: str | None) -> Mapping[str, str]:
    """The key, where there is one."""
    return {"x-cg-demo-api-key": key} if key else {}


ENTRY = SourceEntry(
    key="coingecko",
    facts=FACTS,
    base_url="https://api.coingecko.com",
    limit=RateLimit(requests=4, per_seconds=60.0),
    make=make,
    key_variable="AQUATRADE_COINGECKO_KEY",
    headers=headers,
)
