"""Which feeds the settings connect, and under which formula their records go."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from sidecars.common.clock import ManualClock
from sidecars.common.source_errors import SourceError
from sidecars.confluence.connections import connected_feeds
from tests.sidecars.confluence.conftest import MakeSettings
from tests.sidecars.confluence.local_layer import TOKEN

CLOCK = ManualClock(datetime(2024, 1, 1, tzinfo=UTC))
SENTIMENT = {"sentiment": {"url": "http://127.0.0.1:8102/"}}
BOTH = {**SENTIMENT, "onchain": {"url": "http://127.0.0.1:8103"}}


async def series_by_feed(make_settings: MakeSettings, **changes: Any) -> dict[str, tuple[str, ...]]:
    async with connected_feeds(make_settings(**changes), CLOCK, TOKEN) as feeds:
        return {feed.name: feed.series for feed in feeds}


async def test_without_settings_nothing_is_connected(make_settings: MakeSettings) -> None:
    assert await series_by_feed(make_settings) == {}
    assert not make_settings().needs_token


async def test_what_is_read_of_each(make_settings: MakeSettings) -> None:
    found = await series_by_feed(make_settings, layers=BOTH, derivatives={"id": "binance"})
    assert found == {
        "derivatives": ("funding_rate_pct:BTC",),
        "sentiment": (
            "fear_greed", "total_market_cap_usd", "social_ratio:BTC", "social_ratio:ETH",
        ),
        "onchain": ("whales_accumulating:BTC", "whales_accumulating:ETH"),
    }  # fmt: skip
    assert make_settings(layers=BOTH).needs_token
    assert not make_settings(derivatives={}).needs_token
    imported = await series_by_feed(make_settings, derivatives={"id": "imported"})
    assert imported == {"derivatives": ("funding_rate_pct:BTC",)}


async def test_an_exchange_that_refuses_its_settings_is_said(make_settings: MakeSettings) -> None:
    with pytest.raises(SourceError, match=r"derivatives\.ccxt_config"):
        await series_by_feed(make_settings, derivatives={"ccxt_config": {"options": 5}})


def test_the_formula_names_what_it_is_fed_by_and_not_where(make_settings: MakeSettings) -> None:
    plain = make_settings().formula
    assert plain.startswith("luno-2-")
    formulas = [
        make_settings(**changes).formula
        for changes in (
            {},
            {"layers": SENTIMENT},
            {"layers": BOTH},
            {"layers": {"onchain": BOTH["onchain"]}},
            {"derivatives": {"id": "binance"}},
            {"derivatives": {"id": "bybit"}},
            {"derivatives": {"id": "imported"}},
            {"derivatives": {"id": "binance", "symbol": "BTC/USDC:USDC"}},
        )
    ]
    assert len(set(formulas)) == len(formulas)
    elsewhere = {"sentiment": {"url": "https://other:1"}}
    assert make_settings(layers=elsewhere).formula == make_settings(layers=SENTIMENT).formula
    assert make_settings(zone_preset="percentile", layers={}, derivatives=None).formula == plain


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layers": {"sentimant": {"url": "http://x"}}}, "Extra inputs"),
        ({"layers": {"sentiment": {"url": "127.0.0.1:8102"}}}, "an address like"),
        ({"derivatives": {"id": "binnance"}}, 'did you mean "binance"'),
        ({"derivatives": {"symbol": "BTCUSDT"}}, 'a pair like "BTC/USDT"'),
        ({"zone_preset": "best"}, "'points' or 'percentile'"),
    ],
)
def test_mistakes_are_said(make_settings: MakeSettings, changes: Any, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make_settings(**changes)
    assert words in str(caught.value)
