"""A backtest's trades by tag, exit or pair, and the ones that stand out."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from lab.report.score_buckets import wilson_interval_pct
from lab.report.source import Backtest


@dataclass(frozen=True, slots=True)
class Group:
    """Trades that share something. Percentages are of stakes, of_capital_pct of capital."""

    name: str
    trades: int
    win_pct: float
    win_interval_pct: tuple[float, float]
    mean_pct: float
    profit: float  # in the stake currency
    of_capital_pct: float
    profit_factor: float | None
    mean_hours: float


@dataclass(frozen=True, slots=True)
class TradeLine:
    """One trade as a line of a table."""

    pair: str
    opened: datetime
    closed: datetime
    is_short: bool
    tag: str
    exit_reason: str
    profit_pct: float
    profit: float


def groups_by(backtest: Backtest, column: str) -> tuple[Group, ...]:
    """By freqtrade's column, the most profitable first."""
    parts = backtest.trades.groupby(column, sort=True)
    groups = [_group(str(name) or "-", part, backtest.capital) for name, part in parts]
    return tuple(sorted(groups, key=lambda group: -group.profit))


def _group(name: str, part: pd.DataFrame, capital: float) -> Group:
    amounts = part["profit_abs"]
    lost = -float(amounts[amounts < 0].sum())
    wins = int((amounts > 0).sum())
    hours = (part["close_date"] - part["open_date"]).dt.total_seconds() / 3600.0
    return Group(
        name=name,
        trades=len(part),
        win_pct=100.0 * wins / len(part),
        win_interval_pct=wilson_interval_pct(wins, len(part)),
        mean_pct=100.0 * float(part["profit_ratio"].mean()),
        profit=float(amounts.sum()),
        of_capital_pct=100.0 * float(amounts.sum()) / capital,
        profit_factor=float(amounts[amounts > 0].sum()) / lost if lost > 0 else None,
        mean_hours=float(hours.mean()),
    )


def best_and_worst(
    backtest: Backtest, most: int = 5
) -> tuple[tuple[TradeLine, ...], tuple[TradeLine, ...]]:
    """By their result in % of the stake, the best first and the worst first; none is in both."""
    ranked = backtest.trades.sort_values("profit_ratio", ascending=False, kind="stable")
    number = min(most, (len(ranked) + 1) // 2)
    best = ranked.head(number)
    worst = ranked.iloc[max(number, len(ranked) - most) :].iloc[::-1]
    return _lines(best), _lines(worst)


def _lines(trades: pd.DataFrame) -> tuple[TradeLine, ...]:
    return tuple(
        TradeLine(
            pair=str(row["pair"]),
            opened=row["open_date"].to_pydatetime(),
            closed=row["close_date"].to_pydatetime(),
            is_short=bool(row["is_short"]),
            tag=str(row["enter_tag"]),
            exit_reason=str(row["exit_reason"]),
            profit_pct=100.0 * float(row["profit_ratio"]),
            profit=float(row["profit_abs"]),
        )
        for row in trades.to_dict("records")
    )
