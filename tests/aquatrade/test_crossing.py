"""Crossings and bands: equal to slow twins on random lines."""

import math
import statistics

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.bands import bollinger
from aquatrade.crossing import crosses_above

PRICES = st.lists(st.one_of(st.integers(1, 5).map(float), st.just(math.nan)), max_size=30)


@settings(max_examples=60)
@given(pairs=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), max_size=30))
def test_a_crossing_is_the_first_candle_above(pairs: list[tuple[int, int]]) -> None:
    line, other = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    found = crosses_above(pd.Series(line, dtype=float), pd.Series(other, dtype=float)).tolist()
    for i in range(len(pairs)):
        expected = i > 0 and line[i] > other[i] and not line[i - 1] > other[i - 1]
        assert found[i] == expected


@settings(max_examples=30)
@given(prices=PRICES)
def test_nothing_crosses_what_is_not_known(prices: list[float]) -> None:
    found = crosses_above(pd.Series(prices, dtype=float), pd.Series(2.5, index=range(len(prices))))
    for i in np.flatnonzero(found):
        assert prices[i] > 2.5 >= prices[i - 1]


@settings(max_examples=40)
@given(
    close=st.lists(st.floats(0.5, 200.0), min_size=1, max_size=40),
    window=st.integers(2, 20),
    deviations=st.floats(0.0, 4.0),
)
def test_bands_are_the_naive_ones(close: list[float], window: int, deviations: float) -> None:
    bands = bollinger(np.array(close), window)
    lower = bands.lower(deviations)
    for i in range(len(close)):
        if i < window - 1:
            assert math.isnan(lower[i])
            continue
        part = close[i - window + 1 : i + 1]
        expected = statistics.fmean(part) - deviations * statistics.pstdev(part)
        assert math.isclose(lower[i], expected, rel_tol=1e-9, abs_tol=1e-9)


@settings(max_examples=30)
@given(close=st.lists(st.floats(0.5, 200.0), min_size=25, max_size=40))
def test_bands_depend_on_their_window_alone(close: list[float]) -> None:
    whole, part = bollinger(np.array(close), 20), bollinger(np.array(close[-20:]), 20)
    assert whole.middle[-1] == part.middle[-1]
    assert whole.deviation[-1] == part.deviation[-1]
