import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.confluence.candles import (
    MS_PER_DAY,
    CandleError,
    DailyCandles,
    check_rows,
    is_sunday,
    unbroken_runs,
)

DAY = MS_PER_DAY
GOOD = [[DAY, 2.0, 3.0, 1.0, 2.5, 10.0], [2 * DAY, 2.5, 3.0, 2.0, 2.0, 0.0]]


def test_good_rows_pass_as_they_are() -> None:
    assert check_rows(GOOD, DAY, 2 * DAY) == GOOD
    assert check_rows([], 0, 0) == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"code": -1}, "expected a list"),
        (None, "expected a list"),
        ([[DAY, 2.0, 3.0, 1.0, 2.5]], "six numbers"),
        ([[DAY, 2.0, "3", 1.0, 2.5, 1.0]], "six numbers"),
        ([[DAY, 2.0, None, 1.0, 2.5, 1.0]], "six numbers"),
        ([[DAY, 2.0, True, 1.0, 2.5, 1.0]], "six numbers"),
        ([[DAY, 2.0, math.nan, 1.0, 2.5, 1.0]], "not finite"),
        ([[DAY, 2.0, math.inf, 1.0, 2.5, 1.0]], "not finite"),
        ([[DAY, 2.0, 1.9, 1.0, 1.5, 1.0]], "low <= open"),
        ([[DAY, 2.0, 3.0, 2.1, 2.5, 1.0]], "low <= open"),
        ([[DAY, 0.0, 3.0, 0.0, 2.5, 1.0]], "low <= open"),
        ([[DAY, 2.0, 3.0, 1.0, 2.5, -1.0]], "low <= open"),
        ([[DAY + 1, 2.0, 3.0, 1.0, 2.5, 1.0]], "00:00 UTC"),
        ([GOOD[1], GOOD[0]], "expected a later one"),
        ([GOOD[0], GOOD[0]], "expected a later one"),
        ([[3 * DAY, 2.0, 3.0, 1.0, 2.5, 1.0]], "from the future"),
        ([[0, 2.0, 3.0, 1.0, 2.5, 1.0]], "expected a later one"),
    ],
)
def test_one_wrong_row_refuses_the_answer(rows: Any, message: str) -> None:
    with pytest.raises(CandleError, match=message):
        check_rows(rows, DAY, 2 * DAY)


@given(st.sets(st.integers(0, 60)))
def test_runs_cover_everything_and_break_at_every_hole(days: set[int]) -> None:
    times = np.array(sorted(days), dtype=np.int64) * DAY
    runs = unbroken_runs(times)
    assert [row for run in runs for row in range(run.start, run.stop)] == list(range(len(times)))
    starts = {run.start for run in runs}
    for row in range(len(times)):
        follows = row > 0 and times[row] - times[row - 1] == DAY
        assert (row in starts) == (not follows)


def test_before_takes_closed_candles_only() -> None:
    candles = DailyCandles.from_rows(GOOD)
    assert len(candles.before(2 * DAY - 1)) == 0
    assert len(candles.before(2 * DAY)) == 1
    assert len(candles.before(3 * DAY)) == 2
    assert candles.has(DAY)
    assert not candles.has(3 * DAY)
    assert [list(row) for row in candles.rows()] == GOOD


def test_sundays() -> None:
    sunday = 1_546_732_800_000  # 2019-01-06
    days = sunday + DAY * np.arange(-7, 8)
    assert np.flatnonzero(is_sunday(days)).tolist() == [0, 7, 14]
