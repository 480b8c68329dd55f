"""Ranks of pairs: equal to a slow twin on random candles with holes, and blind to the future."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.ranking import liquid, standings, universe_of

FIRST = pd.Timestamp("2024-01-01", tz="UTC")
DAYS, HISTORY, LIQUIDITY, RETURN = 30, 8, 5, 4


def market(seed: int, pairs: int = 5, missing: float = 0.1) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    frames = {}
    for number in range(pairs):
        # On a coarse grid: equal returns and equal turnovers do happen.
        close = np.round(rng.uniform(1.0, 4.0, DAYS))
        frame = pd.DataFrame(
            {
                "date": pd.date_range(FIRST, periods=DAYS, freq="D"),
                "close": close,
                "volume": np.round(rng.uniform(0.0, 3.0, DAYS)),
            }
        )
        kept = frame[rng.random(DAYS) > missing]
        frames[f"P{number}/USDT"] = kept[kept.index >= rng.integers(0, 8)]
    return frames


def naive_rank(frames: dict[str, pd.DataFrame], pair: str, day: int, most: int) -> float:
    """Slow and obvious: the sentences of the specification for one pair and day."""
    at = {
        name: {
            (row["date"] - FIRST).days: (row["close"], row["close"] * row["volume"])
            for row in frame.to_dict("records")
        }
        for name, frame in sorted(frames.items())
    }
    first = min(min(days) for days in at.values() if days)

    def turnover(name: str) -> float:
        days = range(day - LIQUIDITY + 1, day + 1)
        return sum(at[name][d][1] if d in at[name] else 0.0 for d in days) / LIQUIDITY

    known = [name for name in at if day in at[name] and day - HISTORY in at[name]]
    if day - LIQUIDITY + 1 < first:
        return math.nan
    competing = sorted(known, key=lambda name: -turnover(name))[:most]
    returns = {
        name: at[name][day][0] / at[name][day - RETURN][0] - 1.0
        for name in known
        if name in competing and day - RETURN in at[name]
    }
    order = sorted(returns, key=lambda name: -returns[name])
    return 1.0 + order.index(pair) if pair in order else math.nan


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), most=st.integers(1, 5))
def test_ranks_are_the_naive_ones(seed: int, most: int) -> None:
    frames = market(seed)
    universe = universe_of(frames)
    competing = liquid(universe, pairs=most, days=LIQUIDITY, history_days=HISTORY)
    found = standings(universe, competing, RETURN)
    dates = pd.Series(pd.date_range(FIRST, periods=DAYS, freq="D"))
    for pair in frames:
        _, places = found.of(pair, dates)
        expected = [naive_rank(frames, pair, day, most) for day in range(DAYS)]
        np.testing.assert_array_equal(places, expected)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, DAYS))
def test_a_day_knows_nothing_of_later_ones(seed: int, cut: int) -> None:
    frames = market(seed)
    dates = pd.Series(pd.date_range(FIRST, periods=cut, freq="D"))
    last = dates.iloc[-1]
    before = {pair: frame[frame["date"] <= last] for pair, frame in frames.items()}
    tables = []
    for candles in (frames, before):
        universe = universe_of(candles)
        if universe.closes.empty:
            return
        competing = liquid(universe, pairs=3, days=LIQUIDITY, history_days=HISTORY)
        tables.append(standings(universe, competing, RETURN))
    for pair in frames:
        np.testing.assert_array_equal(tables[0].of(pair, dates)[1], tables[1].of(pair, dates)[1])


def test_a_pair_that_nobody_knows_has_no_rank() -> None:
    universe = universe_of(market(1))
    competing = liquid(universe, pairs=3, days=LIQUIDITY, history_days=HISTORY)
    returns, places = standings(universe, competing, RETURN).of(
        "X/USDT", pd.Series(pd.date_range(FIRST, periods=3, freq="D"))
    )
    assert np.isnan(returns).all() and np.isnan(places).all()


def test_without_any_candle_there_is_no_rank() -> None:
    empty = pd.DataFrame({"date": [], "close": [], "volume": []})
    universe = universe_of({"A/USDT": empty})
    competing = liquid(universe, pairs=3, days=LIQUIDITY, history_days=HISTORY)
    found = standings(universe, competing, RETURN)
    assert found.of("A/USDT", pd.Series([FIRST]))[1] == pytest.approx([math.nan], nan_ok=True)
