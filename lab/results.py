"""What a backtest came to, and what holding would have: the same figures for both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from freqtrade.data.btanalysis import load_backtest_stats

DAYS_PER_YEAR = 365


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the comparison. Percentages are of the starting capital unless they say trade.

    None where the figure does not exist: a holder has no win rate, an idle strategy no Sharpe.
    """

    name: str
    trades: int
    win_rate_pct: float | None
    mean_trade_pct: float | None
    profit_factor: float | None
    total_pct: float
    max_drawdown_pct: float
    sharpe: float | None


def equity_figures(equity: pd.Series) -> tuple[float, float, float | None]:
    """(total %, largest drawdown %, Sharpe) of a daily equity curve.

    Sharpe = mean / standard deviation of daily returns x sqrt(365), no risk-free rate; None when
    the curve never moves.
    """
    returns = equity.pct_change().dropna()
    total_pct = (equity.iloc[-1] / equity.iloc[0] - 1) * 100
    drawdown_pct = (1 - equity / equity.cummax()).max() * 100
    deviation = returns.std()
    sharpe = float(returns.mean() / deviation * np.sqrt(DAYS_PER_YEAR)) if deviation > 0 else None
    return float(total_pct), float(drawdown_pct), sharpe


def backtest_outcome(name: str, export: Path, strategy: str) -> Outcome:
    """Read a result file of `freqtrade backtesting --export trades`.

    The equity curve is realised profit by day of exit, as freqtrade exports it.
    """
    statistics = load_backtest_stats(export)["strategy"][strategy]
    start = float(statistics["starting_balance"])
    daily = pd.Series(
        {pd.Timestamp(day): float(profit) for day, profit in statistics["daily_profit"]}
    ).sort_index()
    equity = pd.concat([pd.Series([start]), start + daily.cumsum()], ignore_index=True)
    total_pct, drawdown_pct, sharpe = equity_figures(equity)
    trades = statistics["trades"]
    return Outcome(
        name=name,
        trades=len(trades),
        **_trade_figures(trades),
        total_pct=total_pct,
        max_drawdown_pct=drawdown_pct,
        sharpe=sharpe,
    )


def _trade_figures(trades: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
    if not trades:
        return {"win_rate_pct": None, "mean_trade_pct": None, "profit_factor": None}
    profits = np.array([trade["profit_abs"] for trade in trades])
    losses = -profits[profits < 0].sum()
    return {
        "win_rate_pct": float((profits > 0).mean() * 100),
        "mean_trade_pct": float(np.mean([trade["profit_ratio"] for trade in trades]) * 100),
        "profit_factor": float(profits[profits > 0].sum() / losses) if losses > 0 else None,
    }


def hold_outcome(
    name: str, closes: Mapping[str, pd.Series], start: datetime, end: datetime
) -> Outcome:
    """Buy all pairs in equal parts at the first close in [start, end] and never sell.

    closes: per pair a series of closes, indexed by aware UTC close time. A pair that is listed
    later joins with its part held in cash until then. No fees. Raises ValueError without data.
    """
    window = pd.DataFrame(closes).loc[start:end].resample("1D").last()
    if window.empty:
        raise ValueError(f"no candles between {start:%Y-%m-%d} and {end:%Y-%m-%d} to hold")
    growth = (window / window.bfill().iloc[0]).ffill().fillna(1.0)
    total_pct, drawdown_pct, sharpe = equity_figures(growth.mean(axis=1))
    return Outcome(
        name=name,
        trades=len(window.columns),
        win_rate_pct=None,
        mean_trade_pct=None,
        profit_factor=None,
        total_pct=total_pct,
        max_drawdown_pct=drawdown_pct,
        sharpe=sharpe,
    )


def read_closes(datadir: Path, pair: str, timeframe: str) -> pd.Series:
    """Closes of a pair from freqtrade's feather file, indexed by the candle's close time."""
    path = datadir / f"{pair.replace('/', '_')}-{timeframe}.feather"
    frame = pd.read_feather(path)
    closed_at = pd.DatetimeIndex(frame["date"]) + pd.Timedelta(timeframe)
    return pd.Series(frame["close"].to_numpy(), index=closed_at)
