"""Coin Metrics community API v4: exchange flows, active addresses, prices, a value a day.

GET /v4/timeseries/asset-metrics, documented at https://docs.coinmetrics.io/api/v4 and
https://docs.coinmetrics.io/access-our-data/api: no key, 10 requests in 6 s, values are strings,
`time` is the start of the day. The community tier has flows of BTC and ETH and active addresses
of more assets; what an asset lacks is left out of its answer (ignore_*_errors), and an asset that
is refused all the same costs the others nothing.

An answer of several pages is followed by its next_page_token on our own address; its
next_page_url is never asked, wherever it points.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sidecars.common.fetch import RateLimit, parse_json
from sidecars.common.moments import moment_at, ms_of
from sidecars.common.observations import MS_PER_DAY, series_of
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, SourceContext, SourceEntry, SourceFacts
from sidecars.onchain.sources.checks import DailyReadings, merged, rows_of, shown, usable

NAME = "coin_metrics"
PATH = "/timeseries/asset-metrics"
SERIES_OF_METRIC = {
    "FlowInExNtv": "exchange_inflow_coins",
    "FlowOutExNtv": "exchange_outflow_coins",
    "AdrActCnt": "active_addresses",
    # What transfers of coins are worth; a day's price is near enough to tell large ones.
    "PriceUSD": "price_usd",
}
# More coins, or addresses, than any chain has: a value beyond is a fault of the source.
MOST = 1e15
# Coin Metrics revises the last days; a poll reads them again.
POLL_DAYS = 7
PAGE_SIZE = 10_000
MOST_PAGES = 20
# An asset that was refused is asked for again after a day.
REFUSED_MS = MS_PER_DAY

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,2})?")
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?Z")


def read_asset_metrics(body: bytes, now_ms: int, assets: frozenset[str]) -> Batch:
    """One page of daily values of the assets (symbols in capitals). Raises SourceError."""
    days = DailyReadings(now_ms)
    for row in rows_of(NAME, "data", _answer(body).get("data")):
        try:
            asset, day_start_ms = _asset_and_day(row, assets)
        except ValueError as error:
            days.rejected.append(str(error))
            continue
        for metric, name in SERIES_OF_METRIC.items():
            _take(days, series_of(name, asset), day_start_ms, row.get(metric))
    return usable(NAME, days.batch())


def next_page_token(body: bytes) -> str | None:
    """The token of the page after this one; None on the last one. Raises SourceError."""
    token = _answer(body).get("next_page_token")
    if token is None:
        return None
    if not isinstance(token, str) or not token.isprintable() or not 1 <= len(token) <= 500:
        raise SourceError(f"{NAME}: next_page_token: got {shown(token)}", "malformed")
    return token


def _answer(body: bytes) -> Mapping[str, Any]:
    answer = parse_json(NAME, body)
    if not isinstance(answer, dict):
        raise SourceError(f"{NAME}: got {shown(answer)}, expected an object", "malformed")
    return answer


def _asset_and_day(row: object, assets: frozenset[str]) -> tuple[str, int]:
    if not isinstance(row, dict):
        raise ValueError(f"row: got {shown(row)}, expected an object")
    asset = row.get("asset")
    if not isinstance(asset, str) or asset.upper() not in assets:
        raise ValueError(f"asset: got {shown(asset)}, expected one that was asked for")
    time = row.get("time")
    matched = _TIME.fullmatch(time) if isinstance(time, str) else None
    if matched is None:
        raise ValueError(f"{asset}: time: got {shown(time)}, expected 2024-03-01T00:00:00Z")
    try:
        moment = datetime.fromisoformat(matched[1]).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{asset}: time: got {shown(time)}, expected a date") from None
    return asset.upper(), ms_of(moment)


def _take(days: DailyReadings, series: str, day_start_ms: int, text: object) -> None:
    """Take a value; what is missing or null, the asset does not have that day."""
    if text is None:
        return
    if not isinstance(text, str) or _NUMBER.fullmatch(text) is None or float(text) > MOST:
        days.rejected.append(f"{series}: got {shown(text)}, expected a number of 0 to {MOST:.0e}")
        return
    days.take(series, day_start_ms, float(text))


class CoinMetrics:
    """The adapter. Asks asset by asset."""

    def __init__(self, context: SourceContext) -> None:
        self._fetcher = context.fetcher
        self._assets = context.assets
        self._refused_until_ms: dict[str, int] = {}

    @property
    def facts(self) -> SourceFacts:
        return FACTS

    async def poll(self, now_ms: int) -> Batch:
        return await self._ask(now_ms - POLL_DAYS * MS_PER_DAY, now_ms)

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        return await self._ask(since_ms, now_ms)

    async def _ask(self, since_ms: int, now_ms: int) -> Batch:
        """Of each asset what it has; SourceError where nothing answered at all."""
        batches: list[Batch] = []
        failure: SourceError | None = None
        refused: list[str] = []
        for asset in self._assets:
            if self._refused_until_ms.get(asset, now_ms) > now_ms:
                continue
            try:
                batches.append(await self._pages(asset, since_ms, now_ms))
            except SourceError as error:
                failure = failure or error
                batches.append(Batch(rejected=(f"{asset}: {error}",)))
                if error.kind in ("unavailable", "limited"):
                    break  # it is the source that fails, not the asset
                if error.kind == "refused":
                    refused.append(asset)
        batch = merged(batches)
        if failure is not None and not batch.readings:
            raise failure
        self._refused_until_ms.update(dict.fromkeys(refused, now_ms + REFUSED_MS))
        return batch

    async def _pages(self, asset: str, since_ms: int, now_ms: int) -> Batch:
        first_day_ms = max(0, since_ms - MS_PER_DAY)
        params = {
            "assets": asset.lower(),
            "metrics": ",".join(SERIES_OF_METRIC),
            "frequency": "1d",
            "start_time": f"{moment_at(first_day_ms):%Y-%m-%d}",
            "page_size": str(PAGE_SIZE),
            "paging_from": "start",
            "ignore_forbidden_errors": "true",
            "ignore_unsupported_errors": "true",
        }
        batches: list[Batch] = []
        tokens: set[str] = set()
        while True:
            body = await self._fetcher.body(PATH, params)
            batches.append(read_asset_metrics(body, now_ms, frozenset({asset})))
            token = next_page_token(body)
            if token is None:
                return merged(batches)
            if token in tokens or len(batches) == MOST_PAGES:
                raise SourceError(f"{NAME}: pages without an end", "malformed")
            tokens.add(token)
            params = {**params, "next_page_token": token}


FACTS = SourceFacts(
    name="Coin Metrics",
    series=tuple(SERIES_OF_METRIC.values()),
    poll_seconds=1800.0,
    stale_seconds=2 * 86_400.0,
    licence="Data: Coin Metrics community data, CC BY-NC 4.0 (attribution, non-commercial use)",
    home="https://coinmetrics.io/community-network-data/",
)
ENTRY = SourceEntry(
    key=NAME,
    facts=FACTS,
    base_url="https://community-api.coinmetrics.io/v4",
    limit=RateLimit(10, 10.0),
    make=CoinMetrics,
)
