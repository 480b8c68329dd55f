"""The path inside a candle: what it must touch, in which order, and that it is repeatable."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.market import noise
from sidecars.replay.market.columns import from_rows, take
from sidecars.replay.market.price_path import (
    SHARE_OTHER_WAY,
    is_silent,
    ticks_of,
    ticks_per_candle,
)
from sidecars.replay.market.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, TIMEFRAMES_MS
from sidecars.replay.model import Candles, Ticks
from tests.sidecars.replay.market_fakes import START_MS, seeded_candles

KEY = noise.key_of("test", 7, "AAAUSDT")
COLUMNS = ("trade_id", "time_ms", "price", "amount", "buyer_is_maker")

steps = st.integers(1, 2_000)


@st.composite
def any_candle(draw: st.DrawFn) -> tuple[Candles, int, int]:
    """A candle of any shape on or off the tick, its timeframe, and the tick's decimals."""
    decimals = draw(st.integers(0, 4))
    finer = draw(st.integers(0, 2))
    scale = 10.0 ** (decimals + finer)
    prices = [draw(steps) / scale for _ in range(4)]
    row = (prices[0], max(prices), min(prices), prices[1])
    timeframe_ms = draw(st.sampled_from(sorted(TIMEFRAMES_MS.values())))
    opened = START_MS + draw(st.integers(0, 1000)) * 1000
    volume = draw(st.floats(1e-6, 1e9))
    return from_rows([(opened, *row, volume)]), timeframe_ms, decimals


@given(case=any_candle(), seed=st.integers(0, 2**64 - 1))
def test_the_path_is_the_candle(case: tuple[Candles, int, int], seed: int) -> None:
    candle, timeframe_ms, decimals = case
    ticks = ticks_of(candle, timeframe_ms, seed, decimals)
    opened, low, high = int(candle.open_time_ms[0]), candle.low[0], candle.high[0]
    assert len(ticks) == ticks_per_candle(timeframe_ms)
    assert ticks.price[0] == candle.open[0]
    assert ticks.price[-1] == candle.close[0]
    assert ticks.price.min() == low
    assert ticks.price.max() == high
    assert ticks.time_ms[0] == opened
    assert ticks.time_ms[-1] < opened + timeframe_ms
    assert np.all(np.diff(ticks.time_ms) > 0)
    assert ticks.amount.sum() == pytest.approx(candle.volume[0], rel=1e-12)
    assert np.all(ticks.amount > 0.0)
    assert ticks.trade_id.tolist() == [opened // 1000 + n for n in range(len(ticks))]
    on_record = {candle.open[0], candle.high[0], candle.low[0], candle.close[0]}
    for price in ticks.price.tolist():
        assert price in on_record or price == round(price, decimals)


@given(seed=st.integers(0, 2**32))
def test_extremes_come_in_the_stated_order(seed: int) -> None:
    rising = from_rows([(START_MS, 100.0, 110.0, 95.0, 105.0, 5.0)])
    falling = from_rows([(START_MS, 105.0, 110.0, 95.0, 100.0, 5.0)])
    usual = noise.uniform(seed, START_MS // 1000)[0] >= SHARE_OTHER_WAY
    for candle, low_first in ((rising, usual), (falling, not usual)):
        prices = ticks_of(candle, HOUR_MS, seed, 2).price
        assert (prices.argmin() < prices.argmax()) == low_first


def test_one_candle_in_nine_goes_the_other_way_round() -> None:
    count = 4000
    rows = [(START_MS + n * MINUTE_MS, 100.0, 101.0, 99.0, 100.5, 1.0) for n in range(count)]
    prices = ticks_of(from_rows(rows), MINUTE_MS, KEY, 2).price.reshape(count, -1)
    high_first = np.mean(prices.argmax(axis=1) < prices.argmin(axis=1))
    # Four standard errors of the share.
    assert high_first == pytest.approx(SHARE_OTHER_WAY, abs=0.02)


def test_an_open_at_the_extreme_is_that_extreme() -> None:
    rows = [(START_MS + n * MINUTE_MS, 99.0, 103.0, 99.0, 103.0, 1.0) for n in range(200)]
    prices = ticks_of(from_rows(rows), MINUTE_MS, KEY, 2).price.reshape(200, -1)
    between = prices[:, 1:-1]
    assert np.mean((between > 99.0) & (between < 103.0)) > 0.9


@given(first=st.integers(0, 59), count=st.integers(1, 60), seed=st.integers(0, 2**64 - 1))
def test_a_candles_path_does_not_depend_on_its_neighbours(
    first: int, count: int, seed: int
) -> None:
    candles = seeded_candles(60, MINUTE_MS)
    everything = ticks_of(candles, MINUTE_MS, seed, 2)
    some = take(candles, slice(first, first + count))
    part = ticks_of(some, MINUTE_MS, seed, 2)
    in_part = (everything.time_ms >= some.open_time_ms[0]) & (
        everything.time_ms < some.open_time_ms[-1] + MINUTE_MS
    )
    for name in COLUMNS:
        assert np.array_equal(getattr(everything, name)[in_part], getattr(part, name))


def test_long_stretches_are_made_in_batches_that_leave_no_seam(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    candles = seeded_candles(50, MINUTE_MS)
    at_once = ticks_of(candles, MINUTE_MS, KEY, 2)
    monkeypatch.setattr("sidecars.replay.market.price_path.CANDLES_AT_ONCE", 7)
    in_batches = ticks_of(candles, MINUTE_MS, KEY, 2)
    for name in COLUMNS:
        assert np.array_equal(getattr(at_once, name), getattr(in_batches, name))


def test_silent_candles_have_no_ticks_and_quiet_ones_that_moved_do() -> None:
    silent = from_rows([(START_MS, 100.0, 100.0, 100.0, 100.0, 0.0)])
    moved = from_rows([(START_MS, 100.0, 101.0, 100.0, 101.0, 0.0)])
    assert is_silent(silent).tolist() == [True]
    assert len(ticks_of(silent, MINUTE_MS, KEY, 2)) == 0
    ticks = ticks_of(moved, MINUTE_MS, KEY, 2)
    assert (ticks.price[0], ticks.price[-1]) == (100.0, 101.0)
    assert ticks.amount.tolist() == [0.0] * 12


def test_seed_and_symbol_make_different_paths() -> None:
    candles = seeded_candles(5, HOUR_MS)
    paths = [
        ticks_of(candles, HOUR_MS, noise.key_of(seed, symbol), 2).price.tolist()
        for seed in (1, 2)
        for symbol in ("AAAUSDT", "BBBUSDT")
    ]
    assert len({tuple(path) for path in paths}) == 4


def test_amounts_vary_within_a_candle_and_from_candle_to_candle() -> None:
    rows = [(START_MS + n * HOUR_MS, 100.0, 101.0, 99.0, 100.5, 7.0) for n in range(50)]
    amounts = ticks_of(from_rows(rows), HOUR_MS, KEY, 2).amount.reshape(50, -1)
    # Exponential shares: the deviation is as large as the mean.
    assert amounts.std() / amounts.mean() == pytest.approx(1.0, abs=0.05)
    likeness = np.asarray(np.corrcoef(amounts))[np.triu_indices(50, 1)]
    assert abs(likeness.mean()) < 0.02


def test_takers_sell_into_a_fall_and_buy_into_a_rise() -> None:
    ticks: Ticks = ticks_of(seeded_candles(20, HOUR_MS), HOUR_MS, KEY, 2)
    per_candle = ticks_per_candle(HOUR_MS)
    prices = ticks.price.reshape(-1, per_candle)
    makers = ticks.buyer_is_maker.reshape(-1, per_candle)
    change = np.diff(prices, axis=1)
    assert makers[:, 1:][change < 0].all()
    assert not makers[:, 1:][change > 0].any()


@pytest.mark.parametrize(
    ("timeframe_ms", "count"),
    [(MINUTE_MS, 12), (5 * MINUTE_MS, 60), (HOUR_MS, 240), (DAY_MS, 1440)],
)
def test_ticks_are_dense_enough_to_trade_on(timeframe_ms: int, count: int) -> None:
    assert ticks_per_candle(timeframe_ms) == count


def test_noise_is_uniform_and_normal_and_independent_of_the_question() -> None:
    rows, columns = np.arange(2000, dtype=np.int64), np.arange(50, dtype=np.int64)
    uniform = noise.uniform(KEY, rows[:, None], columns[None, :])
    normal = noise.normal(KEY, rows[:, None], columns[None, :])
    assert uniform.min() > 0.0
    assert uniform.max() < 1.0
    assert uniform.mean() == pytest.approx(0.5, abs=0.005)
    assert np.corrcoef(uniform[1:].ravel(), uniform[:-1].ravel())[0, 1] == pytest.approx(
        0, abs=0.02
    )
    assert (normal.mean(), normal.std()) == pytest.approx((0.0, 1.0), abs=0.01)
    assert np.mean(normal**4) == pytest.approx(3.0, abs=0.15)
    assert noise.uniform(KEY, 7, 3)[0] == uniform[7, 3]
