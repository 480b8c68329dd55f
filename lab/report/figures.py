"""The figures of a backtest by freqtrade's own definitions, and what they are worth.

Wherever freqtrade.data.metrics has a figure it is taken from there: 365 days a year, no risk-free
rate. Sharpe, Sortino, Calmar and drawdown are those of the balance, open positions included; the
ones of closed trades alone, which freqtrade prints first, stand beside them.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from freqtrade.data.metrics import (
    calculate_cagr,
    calculate_calmar,
    calculate_calmar_from_balance,
    calculate_expectancy,
    calculate_max_drawdown,
    calculate_max_drawdown_from_balance,
    calculate_p_value,
    calculate_sharpe,
    calculate_sharpe_from_balance,
    calculate_sortino,
    calculate_sortino_from_balance,
    calculate_sqn,
)
from freqtrade.optimize.optimize_reports.optimize_reports import calc_streak

from lab.evidence import monthly_interval_pct
from lab.report.equity import Curve, days_under_water
from lab.report.source import Backtest
from lab.suite_equity import NO_RATIO

QUARTER_DAYS = 90
FEWEST_TRADES = 20  # with fewer there is no verdict


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """Of all trades that freqtrade counts, those left open at the end at their last price.

    Percentages are of a trade's stake; None where a figure does not exist.
    """

    trades: int
    left_open: int
    trades_a_week: float
    win_rate_pct: float
    profit_factor: float | None  # None: no trade lost
    mean_pct: float
    interval_pct: tuple[float, float]  # 95 % of the mean, months drawn whole
    median_pct: float
    mean_win_pct: float | None
    mean_loss_pct: float | None
    win_to_loss: float | None
    expectancy: float  # of the stake currency a trade
    expectancy_ratio: float
    sqn: float | None
    p_value: float
    losses_in_a_row: int
    mean_hours: float
    time_in_market_pct: float  # of the time, at least one trade was open
    exposure_pct: float  # mean of stakes that were out, of the capital at the start


@dataclass(frozen=True, slots=True)
class CapitalFigures:
    """Of a balance. Percentages are of what it began with."""

    total_pct: float
    cagr_pct: float
    quarter_pct: float  # compounded, for 90 days
    drawdown_pct: float  # the largest, of the high before it
    days_under_water: int
    sharpe: float | None
    sortino: float | None
    calmar: float | None


@dataclass(frozen=True, slots=True)
class ClosedFigures:
    """Of closed trades alone, as freqtrade prints them first."""

    sharpe: float | None
    sortino: float | None
    calmar: float | None
    drawdown_pct: float


def trade_figures(backtest: Backtest) -> TradeFigures:
    """Figures of the trades; there is at least one."""
    trades = backtest.trades
    ratio = trades["profit_ratio"].to_numpy(dtype=np.float64)
    amounts = trades["profit_abs"].to_numpy(dtype=np.float64)
    lost = -float(amounts[amounts < 0].sum())
    expectancy, expectancy_ratio = calculate_expectancy(trades)
    wins, losses = ratio[ratio > 0], ratio[ratio < 0]
    mean_win = 100.0 * float(wins.mean()) if len(wins) else None
    mean_loss = 100.0 * float(losses.mean()) if len(losses) else None
    held = (trades["close_date"] - trades["open_date"]).dt.total_seconds() / 3600.0
    hours = max(backtest.days * 24.0, 1.0)
    return TradeFigures(
        trades=len(trades),
        left_open=int((trades["exit_reason"] == "force_exit").sum()),
        trades_a_week=len(trades) / (hours / 168.0),
        win_rate_pct=100.0 * len(wins) / len(trades),
        profit_factor=float(amounts[amounts > 0].sum()) / lost if lost > 0 else None,
        mean_pct=100.0 * float(ratio.mean()),
        interval_pct=monthly_interval_pct(trades),
        median_pct=100.0 * float(np.median(ratio)),
        mean_win_pct=mean_win,
        mean_loss_pct=mean_loss,
        win_to_loss=None if mean_win is None or mean_loss is None else mean_win / -mean_loss,
        expectancy=float(expectancy),
        expectancy_ratio=float(expectancy_ratio),
        sqn=ratio_or_none(calculate_sqn(trades, backtest.capital)),
        p_value=float(calculate_p_value(trades, backtest.capital)),
        losses_in_a_row=calc_streak(trades)[1],
        mean_hours=float(held.mean()),
        time_in_market_pct=min(100.0, 100.0 * _hours_with_a_trade(trades) / hours),
        exposure_pct=100.0 * float((held * trades["stake_amount"]).sum())
        / (hours * backtest.capital),
    )  # fmt: skip


def _hours_with_a_trade(trades: pd.DataFrame) -> float:
    """Length of the union of the trades' times."""
    total, reached = pd.Timedelta(0), None
    times = trades[["open_date", "close_date"]].sort_values("open_date")
    for opened, closed in times.itertuples(index=False):
        begin = opened if reached is None else max(opened, reached)
        if closed > begin:
            total += closed - begin
        reached = closed if reached is None else max(closed, reached)
    return float(total / pd.Timedelta("1h"))


def capital_figures(balance: pd.DataFrame, daily: pd.Series, days: int) -> CapitalFigures:
    """Of a balance (columns date, total_quote) and its daily values over so many days.

    Raises ValueError for one day.
    """
    if len(daily) < 2 or len(balance) < 2:
        raise ValueError(f"{len(daily)} day(s) of balance, expected two or more")
    first, last = float(daily.iloc[0]), float(daily.iloc[-1])
    lost_all = float(daily.min()) <= 0.0
    drawdown = calculate_max_drawdown_from_balance(balance, relative=True)
    return CapitalFigures(
        total_pct=100.0 * (last / first - 1.0),
        cagr_pct=-100.0 if lost_all else 100.0 * float(calculate_cagr(days, first, last)),
        quarter_pct=-100.0 if lost_all else 100.0 * ((last / first) ** (QUARTER_DAYS / days) - 1.0),
        drawdown_pct=100.0 if lost_all else 100.0 * float(drawdown.relative_account_drawdown),
        days_under_water=days_under_water(daily),
        # Returns of what is left of nothing mean nothing.
        sharpe=None if lost_all else ratio_or_none(calculate_sharpe_from_balance(balance)),
        sortino=None if lost_all else ratio_or_none(calculate_sortino_from_balance(balance)),
        calmar=None if lost_all else ratio_or_none(calculate_calmar_from_balance(balance)),
    )


def figures_of_curve(curve: Curve, days: int) -> CapitalFigures:
    """The same of a curve."""
    return capital_figures(curve.balance, curve.daily, days)


def closed_figures(backtest: Backtest) -> ClosedFigures:
    """Of closed trades, as freqtrade's own result file has them."""
    known = (backtest.trades, backtest.start, backtest.end, backtest.capital)
    drawdown = calculate_max_drawdown(
        backtest.trades, value_col="profit_abs", starting_balance=backtest.capital
    )
    return ClosedFigures(
        sharpe=ratio_or_none(calculate_sharpe(*known)),
        sortino=ratio_or_none(calculate_sortino(*known)),
        calmar=ratio_or_none(calculate_calmar(*known)),
        drawdown_pct=100.0 * float(drawdown.relative_account_drawdown),
    )


def ratio_or_none(value: float) -> float | None:
    """None for freqtrade's word for a ratio that does not exist."""
    return None if value <= NO_RATIO or not np.isfinite(value) else float(value)


class Grade(StrEnum):
    """What a figure is worth."""

    GOOD = "good"
    ACCEPTABLE = "acceptable"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Measure:
    """Above `good` a figure is good, above or at `acceptable` acceptable; `flag`: beyond it a red
    flag. less: it is the other way round."""

    name: str
    good: float
    acceptable: float
    flag: float | None = None
    less: bool = False

    def grade(self, value: float) -> Grade:
        sign = -1.0 if self.less else 1.0
        if sign * value > sign * self.good:
            return Grade.GOOD
        return Grade.ACCEPTABLE if sign * value >= sign * self.acceptable else Grade.BAD

    def is_flag(self, value: float) -> bool:
        sign = -1.0 if self.less else 1.0
        return self.flag is not None and sign * value < sign * self.flag


WIN_RATE = Measure("win rate", 65.0, 55.0, 50.0)
PROFIT_FACTOR = Measure("profit factor", 2.0, 1.5, 1.0)
SHARPE = Measure("Sharpe", 1.5, 1.0, 0.5)
DRAWDOWN = Measure("drawdown", 10.0, 15.0, 20.0, less=True)
QUARTER_RETURN = Measure("90-day return", 20.0, 10.0)
