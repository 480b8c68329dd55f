"""Filters read off prices: Binance's own for pairs whose filters are known."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.market.markets import amount_decimals, market_from_prices, price_decimals
from sidecars.replay.market.recorded import RecordedFeed


@given(decimals=st.integers(0, 8), steps=st.lists(st.integers(1, 10**9), min_size=1, max_size=50))
def test_decimals_are_those_that_were_written(decimals: int, steps: list[int]) -> None:
    prices = np.array([float(Decimal(step).scaleb(-decimals)) for step in steps])
    written = max(
        max(0, -int(Decimal(step).scaleb(-decimals).normalize().as_tuple().exponent))
        for step in steps
    )
    assert price_decimals(prices) == written


def test_one_price_in_two_thousand_off_the_tick_does_not_set_it() -> None:
    prices = np.round(np.linspace(10.0, 20.0, 2000), 2)
    prices[7] = 10.123456
    assert price_decimals(prices) == 2


def test_no_price_no_tick() -> None:
    with pytest.raises(ValueError, match="needs at least one price"):
        price_decimals(np.array([]))


@pytest.mark.parametrize(
    ("price", "decimals"), [(60_000, 5), (3_000, 4), (150, 3), (0.1, 0), (2e-5, 0), (250_000, 5)]
)
def test_amount_steps_are_binances(price: float, decimals: int) -> None:
    assert amount_decimals(price) == decimals


@given(price=st.floats(min_value=1e-7, max_value=5e5))
def test_filters_hold_together(price: float) -> None:
    market = market_from_prices("AAA", "USDT", np.array([price]), price)
    assert market.symbol == "AAAUSDT"
    assert market.min_amount == market.amount_step
    # The step may not be worth more than a few quote units, nor the largest order too little.
    assert float(market.amount_step) * price <= 5.0
    assert float(market.max_amount) * price >= 1e7
    assert market.max_amount % market.amount_step == 0
    assert market.min_notional == 5


@pytest.mark.parametrize(
    ("pair", "tick", "step"),
    [
        ("BTC/USDT", "0.01", "0.00001"),
        ("ETH/USDT", "0.01", "0.0001"),
        ("SOL/USDT", "0.0001", "0.001"),
        ("SHIB/USDT", "0.00000001", "1"),
        ("PEPE/USDT", "0.00000001", "1"),
    ],
)
def test_filters_of_recorded_pairs(market_data: Path, pair: str, tick: str, step: str) -> None:
    feed = RecordedFeed(market_data / "binance", pairs=[pair], timeframes=["1d"])
    market = feed.markets[0]
    assert (market.price_tick, market.amount_step) == (Decimal(tick), Decimal(step))
