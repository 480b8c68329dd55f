"""Prices in the holding's currency: quotes, rates, the present price, closes of days."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.confluence.candles import EMPTY, MS_PER_DAY, DailyCandles
from sidecars.confluence.monitor.model import Holding
from sidecars.confluence.monitor.prices import (
    NO_PRICES,
    Quote,
    QuoteError,
    Rate,
    RateHistory,
    candle_rates,
    closes_of,
    daily_prices,
    implied_rate,
    is_jump,
    off_pct,
    polled_closes,
    present_price,
    read_quote,
)

DAY0_MS = 19_000 * MS_PER_DAY
NOW_MS = DAY0_MS + 10 * MS_PER_DAY
MINUTE_MS = 60_000
SOL = Holding("SOL", 10.0, "MYR", "SOL/USDT", 300.0, DAY0_MS, "SOL/MYR")


def ticker(**changes: object) -> dict[str, Any]:
    values = {"last": 400.0, "bid": 399.0, "ask": 401.0, "timestamp": NOW_MS, "baseVolume": 50.0}
    return {**values, "info": {"status": "ACTIVE"}, **changes}


def candles(closes: list[float], volume: float = 1000.0) -> DailyCandles:
    return DailyCandles.from_rows(
        [(DAY0_MS + n * MS_PER_DAY, c, c, c, c, volume) for n, c in enumerate(closes)]
    )


def end_of(day: int) -> int:
    return DAY0_MS + (day + 1) * MS_PER_DAY


def test_a_last_trade_is_held_between_bid_and_ask() -> None:
    assert read_quote("SOL/MYR", ticker(), NOW_MS) == Quote("SOL/MYR", 400.0, NOW_MS)
    assert read_quote("SOL/MYR", ticker(last=350.0), NOW_MS).value == 399.0
    assert read_quote("SOL/MYR", ticker(last=900.0), NOW_MS).value == 401.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ask": 412.0}, "spread of 3.3 %"),
        ({"baseVolume": 0.0}, "no trade in 24 h"),
        ({"info": {"status": "POSTONLY"}}, "market is POSTONLY"),
        ({"ask": 410.0}, None),
        ({"baseVolume": None, "info": None}, None),
    ],
)
def test_a_market_that_says_little_is_called_thin(
    changes: dict[str, object], said: str | None
) -> None:
    assert read_quote("SOL/MYR", ticker(**changes), NOW_MS).thin == said


@pytest.mark.parametrize(
    "changes",
    [
        {"last": None},
        {"last": "400"},
        {"last": True},
        {"bid": 0.0},
        {"ask": -1.0},
        {"ask": math.nan},
        {"bid": math.inf},
        {"bid": 402.0},
        {"timestamp": None},
        {"timestamp": True},
        {"timestamp": 0},
        {"timestamp": NOW_MS + 61_000},
    ],
)
def test_what_is_no_ticker_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(QuoteError, match="SOL/MYR"):
        read_quote("SOL/MYR", ticker(**changes), NOW_MS)
    with pytest.raises(QuoteError, match="no ticker"):
        read_quote("SOL/MYR", None, NOW_MS)


def test_the_rate_is_what_btc_costs_here_over_there() -> None:
    here, there = Quote("BTC/MYR", 282_000.0, NOW_MS), Quote("BTC/USDT", 60_000.0, NOW_MS - 5000)
    assert implied_rate(here, there) == Rate(4.7, NOW_MS - 5000)
    assert implied_rate(None, there) is None
    assert implied_rate(replace(here, thin="spread"), there) is None
    assert implied_rate(here, replace(there, as_of_ms=NOW_MS - 121_000)) is None


def test_a_rate_of_an_earlier_day_than_the_first_is_assumed() -> None:
    history = RateHistory([Rate(4.5, 2000), Rate(4.6, 3000)])
    assert history.at(1000) == Rate(4.5, 2000, is_assumed=True)
    assert history.at(2000) == Rate(4.5, 2000)
    assert history.at(2999) == Rate(4.5, 2000)
    assert history.at(9000) == Rate(4.6, 3000)
    assert RateHistory([]).at(1000) is None


def test_candles_give_the_rate_of_days_that_nobody_observed() -> None:
    luno, liquid = candles([470.0, 480.0, 490.0]), candles([100.0, 100.0, 100.0])
    rates = candle_rates(luno, liquid)
    assert [rate.value for rate in rates] == pytest.approx([4.7, 4.8, 4.9])
    assert candle_rates(candles([470.0], volume=49.0), liquid) == []  # 4,900 USD traded
    history = RateHistory([Rate(4.75, end_of(1) - MINUTE_MS)], rates)
    found = [history.at(end_of(day)) for day in range(3)]
    assert [None if each is None else each.value for each in found] == [4.7, 4.75, 4.9]


def test_polled_prices_of_a_days_last_minutes_are_its_close() -> None:
    polled = [
        (end_of(0) - 21 * MINUTE_MS, 1.0),
        (end_of(1) - 19 * MINUTE_MS, 2.0),
        (end_of(1) - MINUTE_MS, 3.0),
        (end_of(1) + MINUTE_MS, 4.0),
        (end_of(2), 5.0),
    ]
    assert polled_closes(polled) == {end_of(1): 3.0, end_of(2): 5.0}


def test_a_days_price_is_the_polled_one_then_lunos_close_then_the_converted() -> None:
    liquid = candles([100.0, 100.0, 100.0, 100.0])
    luno = DailyCandles.from_rows(
        [
            (DAY0_MS, 451.0, 451.0, 451.0, 451.0, 100.0),
            (DAY0_MS + MS_PER_DAY, 452.0, 452.0, 452.0, 452.0, 100.0),
            (DAY0_MS + 2 * MS_PER_DAY, 453.0, 453.0, 453.0, 453.0, 1.0),  # thin
            (DAY0_MS + 3 * MS_PER_DAY, 900.0, 900.0, 900.0, 900.0, 100.0),  # twice its worth
        ]
    )
    rates = RateHistory([Rate(4.5, DAY0_MS)])
    prices = daily_prices(SOL, liquid, rates, luno=luno, polled={end_of(0): 449.0})
    assert list(prices.close.values()) == [449.0, 452.0, 450.0, 450.0]
    assert prices.assumed_before_ms is None


def test_days_before_the_first_rate_are_priced_with_it_and_said() -> None:
    prices = daily_prices(SOL, candles([100.0, 110.0]), RateHistory([Rate(4.5, end_of(1))]))
    assert list(prices.close.values()) == [450.0, 495.0]
    assert prices.assumed_before_ms == end_of(1)
    assert daily_prices(SOL, candles([100.0]), RateHistory([])) == NO_PRICES


def test_a_holding_in_the_pairs_own_quote_needs_no_rate() -> None:
    in_usdt = replace(SOL, currency="USDT", market=None)
    liquid = candles([100.0, 110.0])
    assert daily_prices(in_usdt, liquid, RateHistory([])).close == closes_of(liquid)
    assert closes_of(EMPTY) == {}


@given(st.lists(st.floats(4.0, 5.0), min_size=1, max_size=8), st.integers(0, 8))
def test_later_rates_never_change_the_price_of_a_day(values: list[float], cut: int) -> None:
    liquid = candles([100.0 + n for n in range(len(values))])
    rates = [Rate(value, end_of(n) - MINUTE_MS) for n, value in enumerate(values)]
    whole = daily_prices(SOL, liquid, RateHistory(rates)).close
    part = daily_prices(SOL, liquid, RateHistory(rates[: cut + 1])).close
    for day in range(min(cut + 1, len(values))):
        assert whole[end_of(day)] == part[end_of(day)]


LUNO = Quote("SOL/MYR", 450.0, NOW_MS - MINUTE_MS)
LIQUID = Quote("SOL/USDT", 100.0, NOW_MS - MINUTE_MS)
RATE = Rate(4.4, NOW_MS - MINUTE_MS)
HOUR_MS = 60 * MINUTE_MS


def test_a_fresh_price_of_lunos_is_the_price() -> None:
    price = present_price(SOL, NOW_MS, luno=LUNO, liquid=LIQUID, rate=RATE, exchange="binance")
    assert price is not None
    assert (price.value, price.source, price.is_stale) == (450.0, "Luno SOL/MYR", False)


@pytest.mark.parametrize(
    ("luno", "why"),
    [
        (None, "Luno has no price"),
        (replace(LUNO, as_of_ms=NOW_MS - HOUR_MS), "Luno's is stale"),
        (replace(LUNO, thin="spread of 4.1 %"), "Luno: spread of 4.1 %"),
    ],
)
def test_else_the_liquid_price_converted_which_says_so(luno: Quote | None, why: str) -> None:
    price = present_price(SOL, NOW_MS, luno=luno, liquid=LIQUID, rate=RATE, exchange="binance")
    assert price is not None
    assert price.value == pytest.approx(440.0)
    assert price.source == f"binance SOL/USDT x 4.4 MYR ({why})"
    assert not price.is_stale


def test_a_rate_of_days_ago_makes_the_converted_price_stale() -> None:
    old = replace(RATE, as_of_ms=NOW_MS - 4 * MS_PER_DAY)
    price = present_price(SOL, NOW_MS, luno=None, liquid=LIQUID, rate=old, exchange="binance")
    assert price is not None
    assert price.is_stale


def test_without_a_fresh_one_the_newer_is_shown_as_stale() -> None:
    luno = replace(LUNO, as_of_ms=NOW_MS - HOUR_MS)
    close = Quote("SOL/USDT", 100.0, NOW_MS - 9 * HOUR_MS, "daily close")
    price = present_price(SOL, NOW_MS, luno=luno, liquid=close, rate=RATE, exchange="binance")
    assert price is not None
    assert (price.source, price.is_stale) == ("Luno SOL/MYR", True)
    price = present_price(SOL, NOW_MS, luno=None, liquid=close, rate=RATE, exchange="binance")
    assert price is not None
    assert price.source.startswith("binance SOL/USDT (daily close) x 4.4 MYR")
    assert price.is_stale
    nothing = present_price(SOL, NOW_MS, luno=None, liquid=LIQUID, rate=None, exchange="binance")
    assert nothing is None


def test_a_price_far_from_the_liquid_one_and_a_rate_that_jumps() -> None:
    assert off_pct(880.0, 100.0, RATE) == pytest.approx(100.0)
    assert off_pct(880.0, 100.0, None) == 0.0
    assert off_pct(880.0, 100.0, replace(RATE, is_assumed=True)) == 0.0
    assert is_jump(Rate(5.5, NOW_MS), RATE)
    assert not is_jump(Rate(5.2, NOW_MS), RATE)
    assert not is_jump(Rate(5.5, NOW_MS), None)
    assert not is_jump(Rate(5.5, NOW_MS + MS_PER_DAY), RATE)
