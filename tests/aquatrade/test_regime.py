"""Regime labels: against a slow twin, on every timeframe, and on stretches that people remember."""

import statistics
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite, log
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade import regime
from aquatrade.regime import known_at_close, regime_candles, regime_labels

HOUR = 3600
FOUR_HOURS = 4 * HOUR
EIGHT_HOURS = 8 * HOUR
LABELS = {"up", "down", "chop", "chaos", "mixed", "unknown"}
START = datetime(2024, 1, 1, tzinfo=UTC)


def market(seed: int, rows: int, seconds: int = EIGHT_HOURS) -> pd.DataFrame:
    """Drifts, idle stretches and a few wild candles."""
    rng = np.random.default_rng(seed)
    drift = np.repeat(rng.normal(0.0, 0.006, rows // 20 + 1), 20)[:rows]
    size = 0.02 * np.where(rng.random(rows) < 0.03, rng.uniform(4.0, 12.0, rows), 1.0)
    close = 100.0 * np.exp(np.cumsum(drift + size * rng.standard_normal(rows) / 2.0))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = np.abs(rng.normal(0.0, 0.003, (2, rows))) * close
    dates = pd.date_range(START, periods=rows, freq=f"{seconds}s").as_unit("ms")
    return pd.DataFrame(
        {
            "date": dates,
            "open": opened,
            "high": np.maximum(opened, close) + reach[0],
            "low": np.minimum(opened, close) - reach[1],
            "close": close,
        }
    )


def coarser(frame: pd.DataFrame, candles: int) -> pd.DataFrame:
    """Candles put together, from the first one on."""
    group = np.arange(len(frame)) // candles
    return frame.groupby(group).agg(
        {"date": "first", "open": "first", "high": "max", "low": "min", "close": "last"}
    )


def naive_label(frame: pd.DataFrame, row: int, a_day: int) -> str:
    """The sentences of docs/regime.md, for one candle."""
    high, low, close = (frame[name].tolist() for name in ("high", "low", "close"))
    if row + 1 < 31 * a_day:
        return "unknown"
    days = []
    for ago in range(31):
        last = row - ago * a_day
        day = slice(last - a_day + 1, last + 1)
        days.append(log(max(high[day]) / min(low[day])))
    closes = [close[row - ago * a_day] for ago in range(11)]
    net = closes[0] - closes[10]
    way = sum(abs(closes[ago] - closes[ago + 1]) for ago in range(10))
    efficiency = net / way if way else 0.0
    if days[0] >= 3 * statistics.median(days[1:]) and days[0] >= log(1.1):
        return "chaos"
    if abs(efficiency) >= 0.5:
        return "up" if efficiency > 0 else "down"
    return "chop" if abs(efficiency) < 0.25 else "mixed"


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), seconds=st.sampled_from([EIGHT_HOURS, 86_400, 43_200]))
def test_labels_are_the_naive_ones(seed: int, seconds: int) -> None:
    rows = 31 * 86_400 // seconds + 40
    frame = market(seed, rows, seconds)
    labels = regime_labels(frame, seconds)
    assert set(labels) <= LABELS
    for row in range(rows - 45, rows):
        assert labels.iloc[row] == naive_label(frame, row, 86_400 // seconds)


def test_the_market_of_these_tests_has_every_label() -> None:
    seen = {label for seed in range(4) for label in regime_labels(market(seed, 600), EIGHT_HOURS)}
    assert seen == LABELS


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), begin=st.integers(0, 200), end=st.integers(1, 300))
def test_neither_the_future_nor_the_far_past_counts(seed: int, begin: int, end: int) -> None:
    whole = market(seed, 300)
    labels = regime_labels(whole, EIGHT_HOURS)
    assert regime_labels(whole.head(end), EIGHT_HOURS).equals(labels.head(end))
    cut = whole.iloc[begin:].reset_index(drop=True)
    known = regime_candles(EIGHT_HOURS) - 1
    later = regime_labels(cut, EIGHT_HOURS)
    assert (later.iloc[:known] == "unknown").all()
    assert later.iloc[known:].tolist() == labels.iloc[begin + known :].tolist()


@pytest.mark.parametrize("candles", [3, 6, 24])
def test_every_timeframe_says_the_same_at_the_same_moment(candles: int) -> None:
    hourly = market(11, 60 * 24, HOUR)
    slow = coarser(hourly, candles)
    own = regime_labels(hourly, HOUR).iloc[candles - 1 :: candles]
    assert regime_labels(slow, candles * HOUR).tolist() == own.tolist()
    assert len(set(own)) > 3


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-6, 0.5, 3e4]))
def test_the_price_level_does_not_count(seed: int, scale: float) -> None:
    frame = market(seed, 150)
    scaled = frame.assign(**{name: frame[name] * scale for name in ("high", "low", "close")})
    assert regime_labels(scaled, EIGHT_HOURS).equals(regime_labels(frame, EIGHT_HOURS))


def straight(days: int, daily: float) -> pd.DataFrame:
    close = 100.0 * (1.0 + daily) ** np.arange(days)
    return pd.DataFrame({"high": close * 1.01, "low": close * 0.99, "close": close})


@pytest.mark.parametrize(("daily", "label"), [(0.01, "up"), (-0.01, "down"), (0.0, "chop")])
def test_a_straight_line(daily: float, label: str) -> None:
    assert regime_labels(straight(40, daily), 86_400).tolist() == ["unknown"] * 30 + [label] * 10


@pytest.mark.parametrize(("reach", "label"), [(0.20, "chaos"), (0.055, "chop")])
def test_three_times_a_quiet_day_is_chaos_only_if_it_is_wide(reach: float, label: str) -> None:
    """Days of 2 %: one of 6 % is more than three of them, and still no chaos."""
    frame = straight(40, 0.0)
    frame.loc[39, "low"] = 100.0 * (1.0 - reach)
    assert regime_labels(frame, 86_400).iloc[-1] == label
    wild = straight(40, 0.0).assign(low=80.0)  # what is usual is no chaos, however wide
    assert regime_labels(wild, 86_400).iloc[-1] == "chop"


@pytest.mark.parametrize("damage", [np.nan, 0.0, -1.0, np.inf])
def test_a_price_that_is_none_is_unknown_as_long_as_it_is_in_the_window(damage: float) -> None:
    frame = straight(80, 0.01)
    frame.loc[35, ["high", "low", "close"]] = damage
    labels = regime_labels(frame, 86_400)
    assert (labels.iloc[35:66] == "unknown").all()
    assert (labels.iloc[66:] == "up").all()


def test_no_candles_have_no_labels() -> None:
    assert regime_labels(straight(0, 0.0), HOUR).empty


@pytest.mark.parametrize("seconds", [0, 7 * 86_400, 3 * 86_400, 50_000])
def test_candles_that_do_not_fill_a_day_are_refused(seconds: int) -> None:
    with pytest.raises(ValueError, match="divides a day"):
        regime_labels(straight(40, 0.0), seconds)


@settings(max_examples=40)
@given(first=st.integers(0, 30), missing=st.integers(0, 8), unit=st.sampled_from(["ms", "us"]))
def test_a_faster_frame_has_the_hour_that_had_closed(
    first: int, missing: int, unit: Literal["ms", "us"]
) -> None:
    """Of a 5m candle that closes at 10:00 the hour from 9 to 10 is known, at 9:55 it is not."""
    fast = pd.Series(pd.date_range(START + first * timedelta(minutes=5), periods=90, freq="5min"))
    hours = pd.date_range(START, periods=9, freq="1h").as_unit(unit).delete(missing)
    labels = pd.Series([f"hour {hour.hour}" for hour in hours])
    found = known_at_close(fast, 300, pd.Series(hours), HOUR, labels)
    for opened, label in zip(fast, found, strict=True):
        closed = opened + timedelta(minutes=5)
        last = closed.floor("h") - timedelta(hours=1)
        assert label == (f"hour {last.hour}" if last in hours else "unknown")


def test_codes_tell_labels_apart() -> None:
    codes: Mapping[str, float] = regime.REGIME_CODES
    assert set(codes) == LABELS - {"unknown"}
    assert len(set(codes.values())) == len(codes) and all(map(isfinite, codes.values()))


# Stretches that are known by name: pair, first day, day after, label, at least, at most.
STRETCHES = [
    ("BTC", "2020-03-13", "2020-03-14", "chaos", 0.9, 1.0),
    ("ETH", "2020-03-13", "2020-03-14", "chaos", 0.9, 1.0),
    ("ETH", "2021-05-20", "2021-05-21", "chaos", 0.5, 1.0),
    ("BTC", "2024-08-05", "2024-08-06", "chaos", 0.7, 1.0),
    ("ETH", "2024-08-05", "2024-08-06", "chaos", 0.9, 1.0),
    ("BTC", "2022-01-01", "2023-01-01", "chaos", 0.005, 0.05),
    ("BTC", "2022-01-01", "2023-01-01", "up", 0.0, 0.12),
    ("BTC", "2021-05-19", "2021-05-21", "chaos", 0.6, 1.0),
    ("BTC", "2022-01-01", "2023-01-01", "down", 0.12, 0.25),
    ("BTC", "2022-06-10", "2022-06-16", "down", 0.3, 1.0),
    ("BTC", "2023-06-25", "2023-08-16", "chop", 0.5, 1.0),
    ("BTC", "2023-06-25", "2023-08-16", "chaos", 0.0, 0.0),
    ("BTC", "2020-12-16", "2021-01-08", "up", 0.7, 1.0),
]


@pytest.mark.parametrize(("coin", "first", "end", "label", "least", "most"), STRETCHES)
def test_stretches_that_people_remember(
    market_data: Path, coin: str, first: str, end: str, label: str, least: float, most: float
) -> None:
    frame = pd.read_feather(market_data / "binance" / f"{coin}_USDT-1h.feather")
    labels = regime_labels(frame, HOUR)
    here = labels[(frame["date"] >= first) & (frame["date"] < end)]
    assert len(here) > 20
    assert least <= (here == label).mean() <= most


def test_2022_fell_more_than_it_rose(market_data: Path) -> None:
    frame = pd.read_feather(market_data / "binance" / "BTC_USDT-4h.feather")
    labels = regime_labels(frame, FOUR_HOURS)[frame["date"].dt.year == 2022]
    share = labels.value_counts(normalize=True)
    assert share["down"] > 2 * share["up"]
    assert share.get("unknown", 0.0) == 0.0
