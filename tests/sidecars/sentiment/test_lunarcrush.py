"""Posts about coins from LunarCrush."""

import json

import pytest

from sidecars.common.observations import Reading
from sidecars.common.source_errors import SourceError
from sidecars.replay.public_data.lunarcrush import STAND_IN
from sidecars.sentiment.sources.lunarcrush import ENTRY, headers, read_coins, read_days
from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader
from tests.sidecars.sentiment.asking import answered

GENERATED_MS = 1_722_868_600_000
ASSETS = ("BTC", "ETH", "NOTLISTED")


def coin(symbol: str, rank: object, posts: object) -> dict[str, object]:
    """A coin with the fields that the documentation shows."""
    return {
        "id": 1, "symbol": symbol, "name": "Bitcoin", "price": 54321.5, "price_btc": 1,
        "volume_24h": 59770903936.57, "volatility": 0.0156, "circulating_supply": 19736850,
        "max_supply": 21000000, "percent_change_1h": 0.38, "percent_change_24h": -10.6,
        "percent_change_7d": -18.06, "market_cap": 1077089328666.45, "market_cap_rank": rank,
        "interactions_24h": 96447578, "social_volume_24h": posts, "social_dominance": 17.64,
        "market_dominance": 53.87, "market_dominance_prev": 54.9, "galaxy_score": 47.6,
        "galaxy_score_previous": 64, "alt_rank": 380, "alt_rank_previous": 119, "sentiment": 79,
        "categories": "layer-1,bitcoin-ecosystem,pow",
        "blockchains": [
            {"type": "layer1", "network": "bitcoin", "address": None, "decimals": None}
        ],
        "percent_change_30d": -4.9, "last_updated_price": 1722868590,
        "last_updated_price_by": "cmc_stream", "topic": "btc bitcoin",
        "logo": "https://cdn.lunarcrush.com/bitcoin.png",
    }  # fmt: skip


def coins(*listed: object) -> bytes:
    """A list as of 14:36:40."""
    config = {
        "sort": "market_cap_rank", "desc": False, "limit": 1000, "page": 0, "total_rows": 6628,
        "generated": GENERATED_MS // 1000,
    }  # fmt: skip
    return json.dumps({"config": config, "data": list(listed)}).encode()


LIST = coins(coin("BTC", 1, 97995), coin("ETH", 2, 41210), coin("SOL", 5, 30000))
DAYS = b"""{
  "config": {"coin": "1", "topic": "bitcoin", "id": "coins:1", "name": "Bitcoin", "symbol": "BTC",
             "interval": "1w", "start": 1722643200, "end": 1722868641, "bucket": "day",
             "metrics": [], "generated": 1722868600},
  "data": [
    {"time": 1722643200, "contributors_active": 22916, "contributors_created": 1375,
     "interactions": 79791710, "posts_active": 86549, "posts_created": 19200, "sentiment": 77,
     "spam": 771, "close": 60670.1, "galaxy_score": 52, "social_dominance": 25.1594},
    {"time": 1722729600, "interactions": 91791710, "posts_active": 91012, "close": 58120.4},
    {"time": 1722816000, "interactions": 51791710, "posts_active": 51003, "close": 54321.5}
  ]}"""


def test_refuses_nonsense_in_lists() -> None:
    fuzz_reader(lambda body: read_coins(body, NOW_MS, ASSETS), LIST, examples=400)


def test_refuses_nonsense_in_days() -> None:
    fuzz_reader(lambda body: read_days(body, NOW_MS, "BTC"), DAYS, examples=400)


async def test_survives_a_failing_source() -> None:
    await check_source_survives(ENTRY, STAND_IN)


def test_posts_of_a_day_count_from_when_the_list_was_made() -> None:
    batch = read_coins(LIST, NOW_MS, ASSETS)
    assert batch.readings == (
        Reading("social_volume:BTC", GENERATED_MS, GENERATED_MS, 97995.0),
        Reading("social_volume:ETH", GENERATED_MS, GENERATED_MS, 41210.0),
    )
    assert batch.rejected == ()


@pytest.mark.parametrize("other_rank", [900, None, "1", 0, -5])
def test_of_coins_with_one_symbol_the_larger_is_meant(other_rank: object) -> None:
    real, other = coin("BTC", 1, 97995), coin("BTC", other_rank, 12)
    for listed in ([real, other], [other, real]):
        batch = read_coins(coins(*listed), NOW_MS, ASSETS)
        assert [each.value for each in batch.readings] == [97995.0]


def test_nobody_speaking_of_a_coin_is_a_value() -> None:
    assert read_coins(coins(coin("BTC", 1, 0)), NOW_MS, ASSETS).readings[0].value == 0.0


@pytest.mark.parametrize(
    ("posts", "expected"),
    [
        (-1, "social_volume:BTC: got -1, expected 0 to 1e+09"),
        (None, "expected a number"),
        (True, "expected a number"),
        ("97995", "expected a number"),
    ],
)
def test_a_bad_number_is_refused_and_the_others_stay(posts: object, expected: str) -> None:
    body = coins(coin("BTC", 1, posts), coin("ETH", 2, 41210))
    batch = read_coins(body, NOW_MS, ASSETS)
    assert [each.series for each in batch.readings] == ["social_volume:ETH"]
    assert len(batch.rejected) == 1
    assert expected in batch.rejected[0]


def test_a_list_without_any_of_the_assets_is_malformed() -> None:
    with pytest.raises(SourceError, match="no value in it") as caught:
        read_coins(coins(coin("SOL", 5, 30000)), NOW_MS, ASSETS)
    assert caught.value.kind == "malformed"


def test_whole_days_count_from_their_end_and_today_not_yet() -> None:
    batch = read_days(DAYS, NOW_MS, "BTC")
    assert batch.readings == (
        Reading("social_volume:BTC", 1_722_729_600_000, 1_722_729_600_000, 86549.0),
        Reading("social_volume:BTC", 1_722_816_000_000, 1_722_816_000_000, 91012.0),
    )


def test_an_hour_is_no_day() -> None:
    batch = read_days(DAYS.replace(b'1722643200, "con', b'1722646800, "con'), NOW_MS, "BTC")
    assert [each.value for each in batch.readings] == [91012.0]
    assert batch.rejected == ("LunarCrush: BTC: data[0]: time: got 1722646800, expected a day's",)


def test_days_of_another_coin_are_malformed() -> None:
    with pytest.raises(SourceError, match="got 'BTC', expected ETH") as caught:
        read_days(DAYS, NOW_MS, "ETH")
    assert caught.value.kind == "malformed"


async def test_history_asks_for_each_asset() -> None:
    answers: dict[str, bytes | SourceError] = {
        "/api4/public/coins/BTC/time-series/v2": DAYS,
        "/api4/public/coins/ETH/time-series/v2": SourceError("LunarCrush: HTTP 404", "refused"),
    }
    source, asked = answered(ENTRY, answers, key="a-key")
    batch = await source.history(1_722_816_000_000, NOW_MS)
    assert [each.value for each in batch.readings] == [91012.0]
    assert batch.rejected == ("LunarCrush: HTTP 404",)
    assert [query["bucket"] for _, query in asked] == ["day", "day"]


def test_the_key_is_a_bearer_token() -> None:
    assert headers("a-key") == {"Authorization": "Bearer a-key"}
    assert headers(None) == {}
