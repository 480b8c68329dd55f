"""Windows, first candles, divergence and settlements against their slow, obvious twins."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.divergence import is_high_diverging, is_low_diverging
from aquatrade.funding_window import (
    are_near_settlement,
    is_near_settlement,
    settlement_interval_hours,
)
from aquatrade.trend_signals import daily_quote_volume, first_of, window_highest, window_lowest

MIDNIGHT = datetime(2024, 3, 1, tzinfo=UTC)
values = st.lists(st.integers(1, 30).map(float), min_size=1, max_size=60)


@settings(max_examples=60)
@given(values=values, window=st.integers(1, 20))
def test_windows_are_the_naive_ones(values: list[float], window: int) -> None:
    array = np.array(values)
    for i in range(len(values)):
        part = values[i - window + 1 : i + 1] if i >= window - 1 else []
        for found, naive in ((window_highest, max), (window_lowest, min)):
            value = found(array, window)[i]
            assert value == naive(part) if part else np.isnan(value)


@given(holds=st.lists(st.booleans(), min_size=1, max_size=40))
def test_first_of_is_the_naive_one(holds: list[bool]) -> None:
    found = first_of(pd.Series(holds)).tolist()
    assert found == [i > 0 and holds[i] and not holds[i - 1] for i in range(len(holds))]


def naive_divergence(price: list[float], rsi: list[float], window: int, apart: int) -> list[bool]:
    found = []
    for i in range(len(price)):
        if i < window or price[i] <= max(price[i - window : i]):
            found.append(False)
            continue
        earlier = range(i - window, i - apart + 1)
        former = max(earlier, key=lambda k: (price[k], -k))
        found.append(rsi[i] < rsi[former])
    return found


@settings(max_examples=60)
@given(
    price=values,
    seed=st.integers(0, 10_000),
    window=st.integers(2, 12),
    apart=st.integers(1, 5),
)
def test_divergence_is_the_naive_one(
    price: list[float], seed: int, window: int, apart: int
) -> None:
    apart = min(apart, window)
    rsi = np.random.default_rng(seed).uniform(0, 100, len(price))
    found = is_high_diverging(np.array(price), rsi, window, apart)
    assert found.tolist() == naive_divergence(price, rsi.tolist(), window, apart)
    mirrored = is_low_diverging(-np.array(price), -rsi, window, apart)
    assert mirrored.tolist() == found.tolist()


def test_divergence_by_hand() -> None:
    price = np.array([10.0, 14.0, 12.0, 11.0, 13.0, 15.0])
    weaker, stronger = [50, 80, 60, 50, 60, 70.0], [50, 80, 60, 50, 60, 90.0]
    assert is_high_diverging(price, np.array(weaker), 5, 2).tolist() == [False] * 5 + [True]
    assert not is_high_diverging(price, np.array(stronger), 5, 2).any()
    unknown = np.array([np.nan, np.nan, 60, 50, 60, 70.0])
    assert not is_high_diverging(price, unknown, 5, 2).any()
    with pytest.raises(ValueError, match="got apart 6 and window 5"):
        is_high_diverging(price, unknown, 5, 6)


def test_quote_volume_of_a_day() -> None:
    frame = pd.DataFrame({"close": [2.0, 3.0, 4.0], "volume": [10.0, 10.0, 10.0]})
    found = daily_quote_volume(frame, 2)
    assert np.isnan(found[0])
    assert found[1:].tolist() == pytest.approx([50.0, 70.0])


@settings(max_examples=60)
@given(
    minutes=st.integers(0, 3 * 24 * 60),
    interval=st.sampled_from([1, 2, 4, 8]),
    margin=st.integers(0, 45),
)
def test_near_a_settlement_is_the_naive_one(minutes: int, interval: int, margin: int) -> None:
    moment = MIDNIGHT + timedelta(minutes=minutes)
    settlements = [MIDNIGHT + timedelta(hours=interval * k) for k in range(-1, 80)]
    naive = any(abs(moment - each) <= timedelta(minutes=margin) for each in settlements)
    assert is_near_settlement(moment, interval, margin) == naive
    assert are_near_settlement(pd.Series([moment]), interval, margin).tolist() == [naive]


def test_the_interval_is_that_of_the_last_two_settlements() -> None:
    hours = pd.Series([MIDNIGHT + timedelta(hours=h) for h in (0, 8, 16, 20, 24)])
    assert settlement_interval_hours(hours) == 4.0
    assert settlement_interval_hours(hours.head(3)) == 8.0
    assert settlement_interval_hours(hours.head(1)) is None
