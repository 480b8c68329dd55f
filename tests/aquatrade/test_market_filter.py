"""The market's filter against a slow twin, and what is not known: neither up nor down."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.market_filter import is_above_mean, is_below_mean

START = pd.Timestamp("2024-01-01T00:00Z")


def candles(closes: list[float]) -> pd.DataFrame:
    dates = pd.date_range(START, periods=len(closes), freq="4h")
    return pd.DataFrame({"date": dates, "close": closes})


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 9).map(float), max_size=30),
    st.sets(st.integers(0, 29)),
    st.integers(2, 6),
)
def test_as_the_slow_twin_says(closes: list[float], missing: set[int], window: int) -> None:
    market = candles(closes)
    known = market.drop(index=[place for place in missing if place < len(closes)])
    dates = pd.Series(pd.date_range(START, periods=31, freq="4h"))
    above = is_above_mean(dates, known, window)
    below = is_below_mean(dates, known, window)
    for place, date in enumerate(dates):
        rows = known[known["date"] <= date].tail(window)
        is_known = len(rows) == window and rows["date"].iloc[-1] == date
        mean = rows["close"].mean()
        over = is_known and bool(rows["close"].iloc[-1] > mean + 1e-9)
        under = is_known and bool(rows["close"].iloc[-1] < mean - 1e-9)
        if is_known and not over and not under:
            assert above[place] != below[place]  # at the mean, but for the last digit
            continue
        assert (above[place], below[place]) == (over, under), place


def test_a_candle_of_the_market_that_is_late_sells_nothing() -> None:
    market = candles(list(np.linspace(1.0, 20.0, 20)))
    late = market.iloc[:-1]
    assert is_above_mean(market["date"], late, 5).tolist()[-2:] == [True, False]
    assert is_below_mean(market["date"], late, 5).tolist()[-2:] == [False, False]
    nothing = market.iloc[:0]
    assert not is_above_mean(market["date"], nothing, 5).any()
    assert not is_below_mean(market["date"], nothing, 5).any()
