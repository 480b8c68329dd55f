"""Every points function against its slow, obvious twin, written from the formula's words."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.confluence import points
from sidecars.confluence.scoring import INPUTS

Scalar = Callable[..., float]


def sma200(distance: float) -> float:
    distance = round(distance, 9)
    if distance >= 0:
        if distance <= 0.05:
            return 10
        return 7 if distance <= 0.15 else 3
    return 8 if distance >= -0.05 else 0


def rsi(value: float) -> float:
    for border, given_points in ((30, 10), (40, 8), (50, 5), (70, 3)):
        if value < border:
            return given_points
    return 0


def bollinger(position: float) -> float:
    for border, given_points in ((0.20, 10), (0.35, 8), (0.65, 4)):
        if position < border:
            return given_points
    return 0


def drawdown(fall: float) -> float:
    fall = round(fall, 9)
    for border, given_points in ((0.40, 5), (0.25, 4), (0.15, 2)):
        if fall > border:
            return given_points
    return 0


def volume(ratio: float) -> float:
    for border, given_points in ((1.5, 10), (1.2, 7), (0.8, 4)):
        if ratio > border:
            return given_points
    return 0


def macd(histogram: float, crossed_up: float, rising: float) -> float:
    if histogram > 0:
        return 6 if crossed_up and not rising else 8
    return 4 if rising else 0


def candles(higher_lows: float, reversal: float, doji: float) -> float:
    if higher_lows >= 3:
        return 7
    if reversal:
        return 5
    return 3 if doji else 0


def btc(price: float, sma50: float, sma200_value: float) -> float:
    if sma50 > sma200_value:
        return 10 if price > sma50 else 7
    return 4 if price > sma200_value else 0


def market(ratio: float, weekly_rsi: float) -> float:
    if ratio > 1:
        return 12 if weekly_rsi > 50 else 8
    return 4 if ratio > 0.9 else 0


def funding(rate_pct: float) -> float:
    if -0.01 <= rate_pct <= 0.05:
        return 8
    return 4 if 0.05 < rate_pct <= 0.15 else 0


def fear_greed(index: float) -> float:
    for border, given_points in ((25, 5), (40, 4), (60, 2)):
        if index < border:
            return given_points
    return 0


def social(ratio: float) -> float:
    if ratio > 2:
        return 0
    return 3 if ratio < 0.5 else 1


def whales(accumulating: float) -> float:
    return 2 if accumulating else 0


TWINS: dict[str, Scalar] = {
    "sma200": sma200,
    "rsi": rsi,
    "bollinger": bollinger,
    "drawdown": drawdown,
    "volume": volume,
    "macd": macd,
    "candles": candles,
    "btc": btc,
    "market": market,
    "funding": funding,
    "fear_greed": fear_greed,
    "social": social,
    "whales": whales,
}
# Values on, just under and just over every border of the formula, and plain ones.
BORDERS = (
    -1.0, -0.3, -0.05, -0.02, -0.01, 0.0, 0.01, 0.03, 0.05, 0.12, 0.15, 0.20, 0.25, 0.35, 0.40,
    0.5, 0.65, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0, 4.0, 25.0, 30.0, 40.0, 50.0, 60.0, 70.0, 100.0,
)  # fmt: skip
EDGES = [
    value
    for border in BORDERS
    for value in (border, math.nextafter(border, -math.inf), math.nextafter(border, math.inf))
]
flags = st.sampled_from([0.0, 1.0])
numbers = st.sampled_from(EDGES) | st.floats(-2, 120)
READINGS: dict[str, st.SearchStrategy[float]] = {
    "macd_crossed_up": flags,
    "macd_rising": flags,
    "reversal": flags,
    "doji_near_support": flags,
    "whales_accumulating": flags,
    "higher_lows": st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0]),
}


@pytest.mark.parametrize("each", INPUTS, ids=lambda each: each.name)
@given(data=st.data())
def test_points_equal_the_twin_and_stay_in_range(each: object, data: st.DataObject) -> None:
    chosen = next(known for known in INPUTS if known == each)
    row = st.tuples(*(READINGS.get(name, numbers) for name in chosen.readings))
    rows: Sequence[tuple[float, ...]] = data.draw(st.lists(row, min_size=1, max_size=30))
    columns = [np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)]
    given_points = chosen.points(*columns)
    assert given_points.tolist() == [TWINS[chosen.name](*values) for values in rows]
    assert ((given_points >= 0) & (given_points <= chosen.max_points)).all()


@pytest.mark.parametrize("each", INPUTS, ids=lambda each: each.name)
def test_the_most_points_can_be_had(each: object) -> None:
    chosen = next(known for known in INPUTS if known == each)
    best = {
        "macd": (1.0, 1.0, 1.0), "candles": (3.0, 0.0, 0.0), "btc": (3.0, 2.0, 1.0),
        "market": (1.1, 51.0), "sma200": (0.01,), "drawdown": (0.5,), "volume": (2.0,),
        "whales": (1.0,),
    }.get(chosen.name, (0.0,))  # fmt: skip
    assert chosen.points(*(np.array([value]) for value in best))[0] == chosen.max_points


@pytest.mark.parametrize("each", INPUTS, ids=lambda each: each.name)
def test_a_reading_that_is_not_there_gives_no_points_at_all(each: object) -> None:
    chosen = next(known for known in INPUTS if known == each)
    for absent in range(len(chosen.readings)):
        columns = [np.array([1.0]) for _ in chosen.readings]
        columns[absent] = np.array([np.nan])
        assert np.isnan(chosen.points(*columns)[0])


@pytest.mark.parametrize(
    ("function", "rising"),
    [
        (points.rsi_points, False),
        (points.bollinger_points, False),
        (points.fear_greed_points, False),
        (points.social_points, False),
        (points.drawdown_points, True),
        (points.volume_points, True),
    ],
)
@given(values=st.lists(numbers, min_size=2, max_size=20))
def test_monotone_inputs(
    function: Callable[[np.ndarray[tuple[int], np.dtype[np.float64]]], object],
    rising: bool,
    values: list[float],
) -> None:
    given_points = np.asarray(function(np.array(sorted(values))))
    steps = np.diff(given_points)
    assert ((steps >= 0) if rising else (steps <= 0)).all()


def test_borders_belong_where_the_words_put_them_for_prices() -> None:
    prices, mean = np.array([95.0, 105.0, 115.0, 57_000.0]), np.array([100.0, 100, 100, 60_000])
    assert points.sma200_points(prices / mean - 1.0).tolist() == [8.0, 10.0, 7.0, 8.0]
    assert points.drawdown_points(1.0 - np.array([60.0, 75.0, 85.0]) / 100.0).tolist() == [4, 2, 0]
