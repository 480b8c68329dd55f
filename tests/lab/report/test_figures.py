"""The report's figures: each is freqtrade's own for the same backtest; the others have a twin."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.report.costs import costs_of
from lab.report.equity import (
    MARKED,
    OF_FREQTRADE,
    REALISED,
    curve_of,
    days_under_water,
    monthly_returns_pct,
    rolling_sharpe,
)
from lab.report.figures import (
    DRAWDOWN,
    SHARPE,
    WIN_RATE,
    Grade,
    closed_figures,
    figures_of_curve,
    ratio_or_none,
    trade_figures,
)
from lab.report.groups import best_and_worst, groups_by
from lab.report.source import Backtest, read_backtests
from tests.lab.report.backtests import FEE, START, trade, write_daily, write_result


def only(place: Path) -> Backtest:
    backtests, notes = read_backtests([place])
    assert len(backtests) == 1 and not notes
    return backtests[0]


def figures(backtest: Backtest) -> dict[str, tuple[Any, Any]]:
    """Every figure that freqtrade has, too: ours, freqtrade's."""
    stats, wallet = backtest.stats, backtest.stats["wallet_stats"]
    trades = trade_figures(backtest)
    capital = figures_of_curve(curve_of(backtest, None), backtest.whole_days)
    closed = closed_figures(backtest)
    return {
        "trades": (trades.trades, stats["total_trades"]),
        "win rate": (trades.win_rate_pct, 100 * stats["winrate"]),
        "profit factor": (trades.profit_factor, stats["profit_factor"]),
        "mean": (trades.mean_pct, 100 * stats["profit_mean"]),
        "median": (trades.median_pct, 100 * stats["profit_median"]),
        "expectancy": (trades.expectancy, stats["expectancy"]),
        "expectancy ratio": (trades.expectancy_ratio, stats["expectancy_ratio"]),
        "SQN": (trades.sqn, stats["sqn"]),
        "p-value": (trades.p_value, stats["p_value"]),
        "losses in a row": (trades.losses_in_a_row, stats["max_consecutive_losses"]),
        "holding": (round(trades.mean_hours * 60), stats["holding_avg_s"] / 60),
        "total": (capital.total_pct, 100 * stats["profit_total"]),
        "CAGR": (capital.cagr_pct, 100 * stats["cagr"]),
        "Sharpe": (capital.sharpe, wallet["sharpe"]),
        "Sortino": (capital.sortino, wallet["sortino"]),
        "Calmar": (capital.calmar, wallet["calmar"]),
        "drawdown": (capital.drawdown_pct, 100 * wallet["max_relative_drawdown"]),
        "closed Sharpe": (closed.sharpe, stats["sharpe"]),
        "closed Sortino": (closed.sortino, stats["sortino"]),
        "closed Calmar": (closed.calmar, stats["calmar"]),
        "closed drawdown": (closed.drawdown_pct, 100 * stats["max_drawdown_account"]),
    }


def test_every_figure_is_freqtrades_own_for_the_same_backtest(result: Path) -> None:
    backtest = only(result)
    assert len(backtest.trades) > 10
    found = {name: ours for name, (ours, _) in figures(backtest).items()}
    assert found == {
        # -100 is freqtrade's word for a ratio that does not exist.
        name: None if theirs == -100 else pytest.approx(theirs)
        for name, (_, theirs) in figures(backtest).items()
    }


def test_groups_are_freqtrades_own(result: Path) -> None:
    backtest = only(result)
    for column, key in (("enter_tag", "results_per_enter_tag"), ("pair", "results_per_pair"),
                        ("exit_reason", "exit_reason_summary")):  # fmt: skip
        theirs = {
            each["key"]: (each["trades"], each["profit_total_abs"], 100 * each["winrate"])
            for each in backtest.stats[key]
            if each["key"] != "TOTAL"
        }
        ours = {each.name: (each.trades, each.profit, each.win_pct)
                for each in groups_by(backtest, column)}  # fmt: skip
        assert ours == {name: pytest.approx(figures) for name, figures in theirs.items()}


def test_candles_wallet_and_closed_trades_end_at_the_same_balance(
    result: Path, seeded_datadir: Path
) -> None:
    backtest = only(result)
    marked, own = curve_of(backtest, seeded_datadir), curve_of(backtest, None)
    assert (marked.source, own.source) == (MARKED, OF_FREQTRADE)
    assert marked.daily.iloc[0] == own.daily.iloc[0] == 5000.0
    final = backtest.stats["final_balance"]
    assert marked.daily.iloc[-1] == pytest.approx(final)
    assert own.daily.iloc[-1] == pytest.approx(final)
    assert list(marked.daily.index) == list(own.daily.index)
    # Freqtrade values at the open of the last candle of a day, this at its close.
    assert np.abs(marked.daily / own.daily - 1).max() < 0.02


def test_what_is_held_counts_at_the_days_close(tmp_path: Path) -> None:
    file = write_result(tmp_path, [trade(1, 10.0, hours=48)], days=4)
    write_daily(tmp_path, "BTC", [10, 12, 9, 11, 11])
    daily = curve_of(only(file), tmp_path).daily
    paid = 1000 - 100 * (1 + FEE)
    # The day before, the day before the entry, two nights with 10 coins, after the exit.
    ends = 1000 + 100 * (1 + FEE) * 0.10
    assert daily.tolist() == pytest.approx([1000, 1000, paid + 120, paid + 90, ends, ends])
    closed = curve_of(only(file), None)
    assert closed.source == REALISED
    assert closed.daily.tolist() == pytest.approx([1000, 1000, 1000, 1000, ends, ends])


def test_costs_are_those_of_every_order_and_other_rates_are_linear(tmp_path: Path) -> None:
    backtest = only(write_result(tmp_path, [trade(1, 10.0), trade(3, -4.0)]))
    costs = costs_of(backtest)
    assert costs is not None
    turnover = sum(o["amount"] * o["safe_price"] for t in backtest.trades["orders"] for o in t)
    assert costs.paid == pytest.approx(turnover * FEE)
    at = {each.rate_pct: each.total_pct for each in costs.others}
    assert at[0.1] == pytest.approx(100 * backtest.trades["profit_abs"].sum() / 1000)
    assert at[0.0] - at[0.2] == pytest.approx(2 * (at[0.1] - at[0.2]))
    assert costs.break_even_pct is not None
    nothing = costs.before_costs - turnover * costs.break_even_pct / 100
    assert nothing == pytest.approx(0.0, abs=1e-9)


def test_time_in_market_counts_trades_at_once_only_once(tmp_path: Path) -> None:
    trades = [trade(1, 1.0, hours=48), trade(2, 1.0, hours=12), trade(6, 1.0, hours=24)]
    found = trade_figures(only(write_result(tmp_path, trades, days=10)))
    assert found.time_in_market_pct == pytest.approx(30.0)
    assert found.exposure_pct == pytest.approx(100 * 84 * 100 / (240 * 1000))


def test_best_and_worst_share_no_trade(tmp_path: Path) -> None:
    for number in (1, 2, 3, 9, 12):
        backtest = only(write_result(tmp_path, [trade(day, day - 4.5) for day in range(number)]))
        best, worst = best_and_worst(backtest)
        assert len(best) + len(worst) == min(number, 10)
        assert not {each.opened for each in best} & {each.opened for each in worst}
        shown = [each.profit_pct for each in (*best, *reversed(worst))]
        assert shown == sorted(shown, reverse=True)


CURVES = st.lists(st.floats(50, 200), min_size=2, max_size=300)


def curve(values: list[float]) -> pd.Series:
    return pd.Series(values, index=pd.date_range(START, periods=len(values), freq="D"))


@given(CURVES)
@settings(max_examples=40, deadline=None)
def test_days_under_water_by_looking_at_every_day(values: list[float]) -> None:
    longest = 0
    for first in range(len(values)):
        high = max(values[: first + 1])
        below = 0
        while first + below + 1 < len(values) and values[first + below + 1] < high:
            below += 1
        longest = max(longest, below)
    assert days_under_water(curve(values)) == longest


@given(CURVES)
@settings(max_examples=40, deadline=None)
def test_months_multiply_to_the_year_and_years_to_the_total(values: list[float]) -> None:
    table = monthly_returns_pct(curve(values))
    for cells in table.values():
        product = math.prod(1 + value / 100 for month, value in cells.items() if month)
        assert product == pytest.approx(1 + cells[0] / 100)
    years = math.prod(1 + cells[0] / 100 for cells in table.values())
    assert years == pytest.approx(values[-1] / values[0])


def test_after_all_is_lost_there_are_no_returns() -> None:
    lost = curve([100.0] * 40 + [50.0, 0.0] + [0.0] * 400)
    assert monthly_returns_pct(lost) == {2023: {0: -100.0, 1: 0.0, 2: -100.0}}
    assert np.isfinite(rolling_sharpe(lost, 5)).all()


@given(CURVES, st.integers(2, 40))
@settings(max_examples=40, deadline=None)
def test_rolling_sharpe_window_by_window(values: list[float], days: int) -> None:
    found = rolling_sharpe(curve(values), days)
    returns = [after / before - 1 for before, after in pairwise(values)]
    index = curve(values).index
    for last in range(days, len(returns) + 1):
        window = returns[last - days : last]
        deviation = float(np.std(window))
        if deviation > 1e-6:
            expected = np.mean(window) / deviation * math.sqrt(365)
            assert found[index[last]] == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(
    ("measure", "value", "grade", "is_flag"),
    [
        (WIN_RATE, 65.1, Grade.GOOD, False), (WIN_RATE, 65.0, Grade.ACCEPTABLE, False),
        (WIN_RATE, 55.0, Grade.ACCEPTABLE, False), (WIN_RATE, 54.9, Grade.BAD, False),
        (WIN_RATE, 49.9, Grade.BAD, True), (SHARPE, 1.6, Grade.GOOD, False),
        (SHARPE, 0.4, Grade.BAD, True), (DRAWDOWN, 9.9, Grade.GOOD, False),
        (DRAWDOWN, 10.0, Grade.ACCEPTABLE, False), (DRAWDOWN, 15.1, Grade.BAD, False),
        (DRAWDOWN, 20.1, Grade.BAD, True),
    ],
)  # fmt: skip
def test_grades(measure: Any, value: float, grade: Grade, is_flag: bool) -> None:
    assert (measure.grade(value), measure.is_flag(value)) == (grade, is_flag)


def test_a_ratio_that_does_not_exist_is_none() -> None:
    assert [ratio_or_none(value) for value in (-100.0, float("nan"), float("inf"), 1.5)] == [
        None, None, None, 1.5,
    ]  # fmt: skip
