"""Slippage, stops, oscillators, annotations and the context of an entry."""

import math
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.annotations import signal_areas
from aquatrade.entry_context import entry_context, signal_candle_open
from aquatrade.oscillators import change, ratio_to_mean, rsi_simple, rsi_wilder, window_mean
from aquatrade.slippage import slippage_pct
from aquatrade.stops import AT_PRICE, stop_price, tightened_stop

PRICE = st.floats(1e-8, 1e6)
CLOSES = st.lists(st.floats(0.1, 1000.0), min_size=0, max_size=60).map(np.array)


@given(PRICE, st.floats(0.0, 0.5))
def test_paying_more_and_getting_less_are_costs(expected: float, worse: float) -> None:
    buy = slippage_pct(expected=expected, actual=expected * (1 + worse), is_sell=False)
    sell = slippage_pct(expected=expected, actual=expected * (1 - worse), is_sell=True)
    assert buy == pytest.approx(100 * worse, abs=1e-6)
    assert sell == pytest.approx(100 * worse, abs=1e-6)


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_a_price_that_is_none_has_no_slippage(price: float) -> None:
    assert slippage_pct(expected=price, actual=1.0, is_sell=False) is None
    assert slippage_pct(expected=1.0, actual=price, is_sell=True) is None


@given(PRICE, st.floats(0.1, 50.0), st.floats(0.1, 50.0), st.floats(0.3, 3.0))
def test_a_kept_stop_is_never_under_what_the_stake_was_sized_for(
    open_rate: float, sized_pct: float, present_pct: float, move: float
) -> None:
    current_rate = open_rate * move
    present = stop_price(open_rate, present_pct)
    distance = tightened_stop(
        open_rate=open_rate,
        sized_stop_pct=sized_pct,
        present_stop=present,
        current_rate=current_rate,
    )
    stop = present if distance is None else current_rate * (1 - distance)
    assert stop >= min(stop_price(open_rate, sized_pct), current_rate) * (1 - 2e-3)
    if sized_pct >= present_pct:
        assert distance is None


def test_a_price_under_the_kept_stop_leaves_at_once() -> None:
    distance = tightened_stop(
        open_rate=100.0, sized_stop_pct=2.0, present_stop=80.0, current_rate=90.0
    )
    assert distance == pytest.approx(AT_PRICE)


@given(CLOSES, st.integers(1, 20))
def test_window_means_are_the_naive_ones(values: np.ndarray, window: int) -> None:
    naive = [
        np.mean(values[i - window + 1 : i + 1]) if i + 1 >= window else math.nan
        for i in range(len(values))
    ]
    np.testing.assert_allclose(window_mean(values, window), naive)


@given(CLOSES, st.integers(1, 15), st.integers(0, 30))
def test_window_means_do_not_depend_on_where_the_frame_begins(
    values: np.ndarray, window: int, skipped: int
) -> None:
    later = window_mean(values[skipped:], window)[window - 1 :]
    np.testing.assert_array_equal(window_mean(values, window)[window - 1 + skipped :], later)


@given(CLOSES, st.integers(2, 14))
def test_the_simple_rsi_is_the_naive_one(close: np.ndarray, period: int) -> None:
    naive = []
    for i in range(len(close)):
        moves = [close[k] - close[k - 1] for k in range(i - period + 1, i + 1) if k >= 1]
        if len(moves) < period:
            naive.append(math.nan)
            continue
        gain, loss = (sum(m for m in moves if m > 0), -sum(m for m in moves if m < 0))
        naive.append(50.0 if gain + loss == 0.0 else 100.0 - 100.0 / (1.0 + gain / loss)
                     if loss else 100.0)  # fmt: skip
    np.testing.assert_allclose(rsi_simple(close, period), naive, atol=1e-6)


def test_rsi_by_hand() -> None:
    close = np.array([10.0, 11.0, 10.0, 12.0])  # +1 -1 +2: gains 3 of 4
    assert rsi_simple(close, 3)[-1] == pytest.approx(75.0)
    assert rsi_simple(np.ones(5), 3)[-1] == pytest.approx(50.0)


def test_wilders_rsi_is_talibs() -> None:
    close = np.random.default_rng(7).normal(0, 1, 200).cumsum() + 100
    np.testing.assert_array_equal(rsi_wilder(close, 14), talib.RSI(close, timeperiod=14))


def test_a_ratio_to_a_mean_of_nothing_is_unknown() -> None:
    ratios = ratio_to_mean(np.array([0.0, 0.0, 0.0, 6.0]), 3)
    np.testing.assert_array_equal(ratios, [math.nan, math.nan, math.nan, 3.0])


def test_change_is_the_return_over_that_many_candles() -> None:
    changes = change(pd.Series([100.0, 95.0, 90.0]), 2)
    assert changes.iloc[-1] == pytest.approx(-0.1)
    assert changes.iloc[:2].isna().all()


def test_the_signal_candle_is_the_last_that_had_closed() -> None:
    for minute, second in ((0, 0), (0, 7), (59, 59)):
        order = datetime(2024, 8, 5, 6, minute, second, tzinfo=UTC)
        assert signal_candle_open(order, "1h") == datetime(2024, 8, 5, 5, tzinfo=UTC)


def test_the_context_has_what_the_row_has_and_none_for_the_rest() -> None:
    row = {
        "close": 99.0, "sma_200": 90.0, "rsi": 24.5, "volume_ratio": math.nan, "score": 62.0,
        "score_confidence": 0.75, "score_technical": 20.0, "score_vetoed": 0.0,
    }  # fmt: skip
    context = entry_context(
        row,
        preset="crash",
        signal_candle=datetime(2024, 8, 5, 5, tzinfo=UTC),
        expected_price=98.5,
        stop_pct=20.0,
        score_unavailable="not said when there is one",
    )
    assert context["rsi"] == pytest.approx(24.5)
    assert context["volume_ratio"] is None
    assert context["regime"] == "uptrend"
    assert context["score_layers"] == {
        "technical": 20.0, "momentum": None, "regime": None, "sentiment": None,
    }  # fmt: skip
    assert (context["score_vetoed"], context["score_unavailable"]) == (False, None)
    assert context["signal_candle"] == "2024-08-05T05:00:00+00:00"


def test_a_missing_score_is_none_with_the_reason_and_never_zero() -> None:
    context = entry_context(
        {"close": 80.0, "sma_200": 90.0, "score": math.nan},
        preset="crash",
        signal_candle=datetime(2024, 8, 5, 5, tzinfo=UTC),
        expected_price=98.5,
        stop_pct=20.0,
        score_unavailable="score sidecar unavailable",
    )
    assert context["score"] is None and context["score_vetoed"] is None
    assert context["score_unavailable"] == "score sidecar unavailable"
    assert context["regime"] == "downtrend"


def test_annotations_are_one_area_for_each_run_of_signals() -> None:
    dates = pd.date_range("2024-01-01", periods=6, freq="1h", tz="UTC")
    frame = pd.DataFrame({"date": dates, "enter_long": [1, 1, math.nan, math.nan, 1, math.nan]})
    areas = signal_areas(frame, "enter_long", "crash", "red")
    assert [(area["start"].hour, area["end"].hour) for area in areas] == [(0, 2), (4, 5)]
    assert signal_areas(frame.head(0), "enter_long", "crash", "red") == []
    assert signal_areas(frame, "no_such_column", "crash", "red") == []
