"""The grid along recorded candles: the golden tables of the backtester give the same figures."""

import numpy as np
import pandas as pd
import pytest

from aquatrade.grid.spec import GridSpec
from lab.grid_evidence import Outcome, fits, outcome_table, run_pair
from tests.strategies.grid_tables import FEE_RATE, FIRST, HAND, Row, rows_of, wobbling_hours

SPEC = GridSpec(**HAND)
RANGE = (100, 100, 99, 98.5, 97.9, 98, 99, 100, 101, 102, 101.5, 100.9, 100.8, 102, 102)
CRASH = (100, 100, 99, 98, 97, 96, 95, 94, 93, 92, 88, 82, 81, 80)


def frame(rows: list[Row], freq: str = "5min") -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["open", "high", "low", "close", "volume"])
    table.insert(0, "date", pd.date_range(FIRST, periods=len(rows), freq=freq))
    return table


def test_round_trips_of_a_range() -> None:
    found = run_pair(frame(rows_of(*RANGE)), np.full(len(RANGE), True), SPEC, FEE_RATE)
    pairs = ((98.0, 99.0), (99.0, 100.0), (100.92, 102.0))
    earned = sum(100 / low * high * (1 - FEE_RATE) - 100 * (1 + FEE_RATE) for low, high in pairs)
    assert (found.trips, found.wins, found.stops) == (3, 3, 0)
    assert found.years_pct == {2024: pytest.approx(100 * earned / 800)}
    assert found.held_pct == {2024: pytest.approx(2.0)}


def test_a_crash_is_stopped_and_no_grid_opens_where_none_fits() -> None:
    fit = np.arange(len(CRASH)) < 12
    found = run_pair(frame(rows_of(*CRASH)), fit, SPEC, FEE_RATE)
    units = sum(100.0 / price for price in range(92, 100))
    lost = units * 81.0 * (1 - FEE_RATE) - 800 * (1 + FEE_RATE)
    assert (found.stops, found.lots_left, found.trips) == (1, 8, 0)
    assert found.worst_usd == pytest.approx(lost)
    assert found.years_pct == {2024: pytest.approx(100 * lost / 800)}
    never = run_pair(frame(rows_of(*CRASH)), np.full(len(CRASH), False), SPEC, FEE_RATE)
    assert never.years_pct == {2024: 0.0}
    assert run_pair(frame(rows_of(*CRASH)), fit & False, SPEC, FEE_RATE, always=True).stops == 1


def test_an_hour_counts_once_it_has_closed() -> None:
    hours = frame(wobbling_hours(800), "1h")
    start = hours["date"].iloc[-1]
    candles = frame(rows_of(*[100.0] * 24))
    candles["date"] = pd.date_range(start, periods=24, freq="5min")
    assert fits(candles, hours, SPEC).all()
    hours.loc[hours.index[-1], "high"] = 200.0  # the week is wide from its close on
    assert fits(candles, hours, SPEC).tolist() == [True] * 12 + [False] * 12


def test_no_candles_are_refused_and_the_table_has_a_line_a_run() -> None:
    with pytest.raises(ValueError, match="no candles"):
        run_pair(frame([]), np.full(0, True), SPEC, FEE_RATE)
    one = Outcome(years_pct={2024: 1.0}, held_pct={2024: 2.0}, weeks=1.0)
    assert outcome_table("t", [("BTC", 0.1, one), ("ETH", 0.1, one)]).row_count == 2
