"""Dominance, total capitalisation and Bitcoin's price from CoinGecko."""

import json
from collections.abc import Callable

import pytest

from sidecars.common.observations import Reading
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch
from sidecars.replay.public_data.coingecko import STAND_IN
from sidecars.sentiment.sources.coingecko import (
    ENTRY,
    headers,
    read_global,
    read_price,
    read_price_history,
)
from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader
from tests.sidecars.sentiment.asking import answered

UPDATED_MS = 1_722_868_272_000  # 2024-08-05 14:31:12 UTC

GLOBAL = b"""{"data": {
  "active_cryptocurrencies": 14732, "upcoming_icos": 0, "ongoing_icos": 49, "ended_icos": 3376,
  "markets": 1129,
  "total_market_cap": {"btc": 36215000.1, "usd": 1987654321098.76, "eur": 1815000000000.0},
  "total_volume": {"btc": 4100000.5, "usd": 225000000000.0},
  "market_cap_percentage": {"btc": 53.69, "eth": 14.5, "usdt": 5.75},
  "market_cap_change_percentage_24h_usd": -11.93, "updated_at": 1722868272}}"""
PRICE = b'{"bitcoin": {"usd": 54321.5, "last_updated_at": 1722868600}}'
CHART = b"""{
  "prices": [[1722729600000, 60670.1], [1722816000000, 58120.4], [1722868600000, 54321.5]],
  "market_caps": [[1722729600000, 1.19e12], [1722816000000, 1.14e12], [1722868600000, 1.07e12]],
  "total_volumes": [[1722729600000, 3e10], [1722816000000, 4e10], [1722868600000, 1e11]]}"""


@pytest.mark.parametrize("key", [None, "key-of-the-tests"])
async def test_survives_a_failing_source(key: str | None) -> None:
    await check_source_survives(ENTRY, STAND_IN, key=key)


@pytest.mark.parametrize(
    ("reader", "example"),
    [(read_global, GLOBAL), (read_price, PRICE), (read_price_history, CHART)],
)
def test_refuses_nonsense(reader: Callable[[bytes, int], Batch], example: bytes) -> None:
    fuzz_reader(lambda body: reader(body, NOW_MS), example, examples=270)


def test_dominance_and_capitalisation_count_from_the_update() -> None:
    batch = read_global(GLOBAL, NOW_MS)
    assert batch.readings == (
        Reading("btc_dominance_pct", UPDATED_MS, UPDATED_MS, 53.69),
        Reading("total_market_cap_usd", UPDATED_MS, UPDATED_MS, 1987654321098.76),
    )


def test_the_price_counts_from_its_update() -> None:
    as_of_ms = 1_722_868_600_000
    assert read_price(PRICE, NOW_MS).readings == (
        Reading("btc_price_usd", as_of_ms, as_of_ms, 54321.5),
    )


def test_a_share_above_the_whole_is_refused_alone() -> None:
    content = json.loads(GLOBAL)
    content["data"]["market_cap_percentage"]["btc"] = 153.69
    batch = read_global(json.dumps(content).encode(), NOW_MS)
    assert [reading.series for reading in batch.readings] == ["total_market_cap_usd"]
    assert batch.rejected == (
        "CoinGecko: market_cap_percentage.btc: btc_dominance_pct: got 153.69, expected 1 to 100",
    )


@pytest.mark.parametrize("usd", ["null", "true", '"54321.5"', "-1", "0", "1e12"])
def test_a_price_that_is_none_is_malformed(usd: str) -> None:
    body = PRICE.replace(b"54321.5", usd.encode())
    with pytest.raises(SourceError, match=r"^CoinGecko: bitcoin\.usd: ") as caught:
        read_price(body, NOW_MS)
    assert caught.value.kind == "malformed"


def test_points_of_the_chart_are_ticks() -> None:
    readings = read_price_history(CHART, NOW_MS).readings
    assert [(each.as_of_ms, each.published_ms, each.value) for each in readings] == [
        (1_722_729_600_000, 1_722_729_600_000, 60670.1),
        (1_722_816_000_000, 1_722_816_000_000, 58120.4),
        (1_722_868_600_000, 1_722_868_600_000, 54321.5),
    ]


async def test_one_failing_route_does_not_take_the_other_along() -> None:
    source, asked = answered(ENTRY, {"/api/v3/global": b"<html>", "/api/v3/simple/price": PRICE})
    batch = await source.poll(NOW_MS)
    assert [reading.series for reading in batch.readings] == ["btc_price_usd"]
    assert [line[:20] for line in batch.rejected] == ["CoinGecko: not JSON "]
    assert [path for path, _ in asked] == ["/api/v3/global", "/api/v3/simple/price"]


async def test_history_asks_for_a_year_at_most_and_leaves_out_what_is_older() -> None:
    source, asked = answered(ENTRY, {"/api/v3/coins/bitcoin/market_chart": CHART})
    batch = await source.history(1_722_816_000_000, NOW_MS)
    assert [reading.value for reading in batch.readings] == [58120.4, 54321.5]
    await source.history(0, NOW_MS)
    assert [query["days"] for _, query in asked] == ["1", "365"]


def test_a_key_halves_the_pace_and_stays_within_the_month() -> None:
    with_key, _ = answered(ENTRY, {}, key="a-key")
    without_key, _ = answered(ENTRY, {})
    assert without_key.facts.poll_seconds == 300
    assert 2 * 31 * 86_400 / with_key.facts.poll_seconds < 10_000
    assert headers("a-key") == {"x-cg-demo-api-key": "a-key"}
    assert headers(None) == {}
