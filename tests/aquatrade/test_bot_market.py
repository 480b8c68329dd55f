"""What is known of the market when an entry is judged: nothing of what came later."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import CandleType
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.bot_candles import BacktestCandles, Columns, columns_of
from aquatrade.bot_market import HourlyCorrelations, atr_ratio, candle_age

START = datetime(2024, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


def frame(seed: int, rows: int = 200, pair: int = 0) -> pd.DataFrame:
    """A walk that half follows the one of all pairs."""
    own, common = np.random.default_rng([seed, pair]), np.random.default_rng(seed)
    close = 100.0 * np.exp(
        np.cumsum(own.normal(0.0, 0.004, rows) + common.normal(0.0, 0.004, rows))
    )
    return pd.DataFrame(
        {
            "date": pd.date_range(START, periods=rows, freq="1h").as_unit("ms"),
            "high": close * (1.0 + np.abs(own.normal(0.0, 0.003, rows))),
            "low": close * (1.0 - np.abs(own.normal(0.0, 0.003, rows))),
            "close": close,
        }
    )


class Fixed:
    """Candles of some pairs; rows: how many of them there are."""

    def __init__(self, frames: Sequence[pd.DataFrame]) -> None:
        self._columns = {
            pair: columns_of(one, "1h") for pair, one in zip(PAIRS, frames, strict=False)
        }

    def columns(self, pair: str) -> Columns | None:
        return self._columns.get(pair)

    def hourly(self, pair: str, now: datetime) -> Columns | None:
        return self._columns.get(pair)


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), rows=st.integers(60, 199))
def test_the_future_changes_nothing(seed: int, rows: int) -> None:
    whole = Fixed([frame(seed, pair=number) for number in range(3)])
    cut = Fixed([frame(seed, pair=number).head(rows) for number in range(3)])
    now = START + rows * HOUR
    assert atr_ratio(whole, PAIRS[0], now) == atr_ratio(cut, PAIRS[0], now)
    hours = 55
    late = HourlyCorrelations(whole, hours).among(PAIRS, now)
    assert late == HourlyCorrelations(cut, hours).among(PAIRS, now)
    assert len(late) == 6


def test_the_ratio_is_the_atrs_over_its_mean_by_hand() -> None:
    candles = frame(3)
    now = START + 150 * HOUR
    rows = candles.iloc[90:150]
    ranges = [
        max(high - low, abs(high - before), abs(low - before))
        for (before, (high, low)) in zip(
            rows["close"].iloc[:-1],
            zip(rows["high"].iloc[1:], rows["low"].iloc[1:], strict=True),
            strict=True,
        )
    ]
    atr = [sum(ranges[:14]) / 14]
    for one in ranges[14:]:
        atr.append((13 * atr[-1] + one) / 14)
    expected = atr[-1] / (sum(atr[-20:]) / 20)
    assert atr_ratio(Fixed([candles]), PAIRS[0], now) == pytest.approx(expected)


def test_what_is_not_known_is_no_number() -> None:
    candles = Fixed([frame(1, rows=59)])
    now = START + 59 * HOUR
    assert atr_ratio(candles, PAIRS[0], now) is None
    assert atr_ratio(candles, PAIRS[1], now) is None
    assert candle_age(candles, PAIRS[1], now, "1h") is None
    broken = frame(1)
    broken.loc[130, "high"] = float("nan")
    assert atr_ratio(Fixed([broken]), PAIRS[0], START + 150 * HOUR) is None


def test_a_market_that_stands_still_is_not_wild() -> None:
    still = frame(1).assign(high=100.0, low=100.0, close=100.0)
    assert atr_ratio(Fixed([still]), PAIRS[0], START + 150 * HOUR) == pytest.approx(0.0)


def test_the_age_counts_from_the_newest_close_in_candles() -> None:
    candles = Fixed([frame(1, rows=100)])
    closed = START + 100 * HOUR
    for minutes, age in ((0, 0.0), (30, 0.5), (150, 2.5)):
        now = closed + timedelta(minutes=minutes)
        assert candle_age(candles, PAIRS[0], now, "1h") == pytest.approx(age)


def test_correlations_are_those_of_pandas_and_kept_for_the_hour() -> None:
    frames = [frame(7, pair=number) for number in range(3)]
    asked = HourlyCorrelations(Fixed(frames), 100)
    now = START + 150 * HOUR
    found = asked.among(PAIRS, now)
    closes = pd.DataFrame({p: f["close"] for p, f in zip(PAIRS, frames, strict=True)})
    expected = closes.iloc[49:150].apply(np.log).diff().corr()
    for first, second in pairwise(PAIRS):
        assert found[(first, second)] == pytest.approx(expected.loc[first, second])
    assert asked.among(PAIRS, now + timedelta(minutes=59)) == found
    assert asked.among(PAIRS, now + HOUR) != found


def test_a_pair_without_candles_is_left_out_and_asked_for_again() -> None:
    candles = Fixed([frame(7, pair=number) for number in range(2)])
    asked = HourlyCorrelations(candles, 100)
    now = START + 150 * HOUR
    assert set(asked.among(PAIRS, now)) == {PAIRS[:2], PAIRS[1::-1]}
    candles._columns[PAIRS[2]] = columns_of(frame(7, pair=2), "1h")
    assert len(asked.among(PAIRS, now)) == 6


@pytest.mark.parametrize("timeframe", ["1h", "15m"])
def test_a_backtest_knows_the_hours_before_its_frame_from_the_first_candle_on(
    timeframe: str, tmp_path: Path
) -> None:
    """The run begins in hour 150 of the candles on disk; 40 hours are warm-up, 100 are asked."""
    stored = frame(5, rows=400).assign(volume=1.0)
    stored.insert(1, "open", stored["close"])
    stored.to_feather(tmp_path / "BTC_USDT-1h.feather")
    begin = START + 150 * HOUR
    config = {
        "timerange": f"{int(begin.timestamp())}-",
        "datadir": tmp_path,
        "dataformat_ohlcv": "feather",
        "candle_type_def": CandleType.SPOT,
    }
    candles = BacktestCandles(timeframe, 100, config)
    if timeframe == "1h":
        candles.take(PAIRS[0], stored.iloc[110:])
    for hour in (150, 152, 209, 210, 211, 212, 399):
        now = START + hour * HOUR
        found = candles.hourly(PAIRS[0], now)
        assert found is not None
        end = found.known(now)
        expected = stored["close"].iloc[hour - 101 : hour]
        assert found.close[end - 101 : end].tolist() == expected.tolist()


def test_shorter_candles_make_the_hours_where_none_are_on_disk(tmp_path: Path) -> None:
    rows = frame(5, rows=400)
    rows["date"] = pd.date_range(START, periods=400, freq="15min").as_unit("ms")
    config = {"datadir": tmp_path, "dataformat_ohlcv": "feather",
              "candle_type_def": CandleType.SPOT}  # fmt: skip
    candles = BacktestCandles("15m", 100, config)
    candles.take(PAIRS[0], rows)
    found = candles.hourly(PAIRS[0], START + 50 * HOUR)
    assert found is not None
    assert found.close.tolist() == rows["close"].iloc[3::4].tolist()
    assert found.known(START + 50 * HOUR) == 50


@given(gaps=st.sets(st.integers(1, 98), max_size=20), minute=st.integers(-120, 7_000))
def test_what_is_known_is_what_had_closed(gaps: set[int], minute: int) -> None:
    rows = frame(2, rows=100).drop(index=list(gaps)).reset_index(drop=True)
    now = START + timedelta(minutes=minute)
    closed = [date for date in rows["date"] if date + HOUR <= now]
    columns = columns_of(rows, "1h")
    assert columns.known(now) == len(closed)
    if closed:
        assert columns.newest_close(now) == rows["close"].iloc[len(closed) - 1]
    else:
        assert str(columns.newest_close(now)) == "nan"
