"""What trading cost, and what the same trades would have made at other costs."""

from dataclasses import dataclass

import pandas as pd

from lab.report.source import Backtest
from lab.suite_equity import orders_of

OTHER_RATES_PCT = (0.0, 0.1, 0.2, 0.3, 0.4)


@dataclass(frozen=True, slots=True)
class AtAnotherRate:
    """Total of the same trades and amounts, had each side cost so much. Percentages of capital."""

    rate_pct: float
    total_pct: float


@dataclass(frozen=True, slots=True)
class Costs:
    """Of all filled orders, in the stake currency; fee and slippage are one number to freqtrade.

    break_even_pct: what a side may cost before the same trades earn nothing; None where they lose
    at no costs at all.
    """

    rate_pct: float
    paid: float
    paid_of_capital_pct: float
    turnover: float
    turnover_of_capital: float
    before_costs: float
    after_costs: float
    break_even_pct: float | None
    others: tuple[AtAnotherRate, ...]


def costs_of(backtest: Backtest) -> Costs | None:
    """None where the result has no orders."""
    trades = backtest.trades
    if "orders" not in trades or trades["orders"].isna().any():
        return None
    orders = orders_of(trades)
    worth: pd.Series = orders["amount"] * orders["price"]
    turnover = float(worth.sum())
    paid = float((worth * orders["fee_rate"]).sum())
    after = float(trades["profit_abs"].sum())
    before = after + paid
    return Costs(
        rate_pct=100.0 * backtest.fee_rate,
        paid=paid,
        paid_of_capital_pct=100.0 * paid / backtest.capital,
        turnover=turnover,
        turnover_of_capital=turnover / backtest.capital,
        before_costs=before,
        after_costs=after,
        break_even_pct=100.0 * before / turnover if before > 0.0 and turnover > 0.0 else None,
        others=tuple(
            AtAnotherRate(rate, 100.0 * (before - turnover * rate / 100.0) / backtest.capital)
            for rate in OTHER_RATES_PCT
        ),
    )
