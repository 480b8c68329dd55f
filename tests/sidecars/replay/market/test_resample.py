"""Candle grids and aggregation against their slow twins, which use the standard calendar."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.market.resample import divides, resample
from sidecars.replay.market.timeframes import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    MONTH_MS,
    TIMEFRAMES_MS,
    WEEK_MS,
    check_timeframe,
    close_time,
    close_times,
    open_time,
    open_times,
)
from tests.sidecars.replay.market_fakes import (
    START_MS,
    naive_open,
    naive_resample,
    seeded_candles,
    without,
)

moments = st.integers(min_value=1_483_228_800_000, max_value=1_893_456_000_000)


@given(moment_ms=moments, timeframe=st.sampled_from(sorted(TIMEFRAMES_MS)))
def test_open_times_follow_the_calendar(moment_ms: int, timeframe: str) -> None:
    length = TIMEFRAMES_MS[timeframe]
    opened = open_time(moment_ms, length)
    assert opened == naive_open(moment_ms, timeframe)
    assert opened <= moment_ms < close_time(opened, length)
    assert naive_open(close_time(opened, length), timeframe) == close_time(opened, length)
    column = np.array([moment_ms], dtype=np.int64)
    assert open_times(column, length)[0] == opened
    assert close_times(open_times(column, length), length)[0] == close_time(opened, length)


def test_weeks_open_on_monday_and_february_is_shorter_than_thirty_days() -> None:
    assert open_time(START_MS + 6 * DAY_MS + 1, WEEK_MS) == START_MS
    february_ms = START_MS + 31 * DAY_MS
    assert close_time(february_ms, MONTH_MS) - february_ms == 29 * DAY_MS


@given(
    seed=st.integers(0, 50),
    source=st.sampled_from(["1m", "5m", "1h"]),
    timeframe=st.sampled_from(sorted(TIMEFRAMES_MS)),
    offset=st.integers(0, 5000),
    hole=st.tuples(st.integers(0, 399), st.integers(0, 100)),
)
def test_resample_equals_its_slow_twin(
    seed: int, source: str, timeframe: str, offset: int, hole: tuple[int, int]
) -> None:
    source_ms = TIMEFRAMES_MS[source]
    if not divides(source_ms, TIMEFRAMES_MS[timeframe]):
        return
    candles = seeded_candles(400, source_ms, seed=seed, start_ms=START_MS + offset * source_ms)
    candles = without(candles, hole[0], min(hole[0] + hole[1], len(candles)))
    fast, counts = resample(candles, TIMEFRAMES_MS[timeframe])
    slow = naive_resample(candles, timeframe)
    assert fast.open_time_ms.tolist() == [row[0] for row in slow]
    for column, name in enumerate(["open", "high", "low", "close"], start=1):
        assert getattr(fast, name).tolist() == [row[column] for row in slow]
    assert fast.volume == pytest.approx([row[5] for row in slow])
    assert counts.sum() == len(candles)


@pytest.mark.parametrize(
    ("finer", "coarser", "fits"),
    [
        ("1m", "3m", True),
        ("3m", "5m", False),
        ("5m", "5m", False),
        ("8h", "12h", False),
        ("1d", "1w", True),
        ("3d", "1w", False),
        ("1w", "1M", False),
        ("12h", "1M", True),
    ],
)
def test_only_lengths_that_tile_are_aggregated(finer: str, coarser: str, fits: bool) -> None:
    assert divides(TIMEFRAMES_MS[finer], TIMEFRAMES_MS[coarser]) is fits


def test_an_unknown_length_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="no candles of 420000 ms; expected the length of 1m, 3m"):
        check_timeframe(7 * MINUTE_MS)
    check_timeframe(HOUR_MS)
