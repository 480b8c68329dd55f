"""What a wallet was worth at the end of each day, and the figures of a stretch of it.

Sharpe, Sortino and drawdown are freqtrade's own formulas (freqtrade.data.metrics) on these daily
values, 365 days to a year. Freqtrade's own curve drops a position while its pair has no candle;
this one keeps it at its last close.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.data.metrics import (
    calculate_cagr,
    calculate_max_drawdown_from_balance,
    calculate_sharpe_from_balance,
    calculate_sortino_from_balance,
)

from lab.evidence import monthly_interval_pct

ONE_DAY = pd.Timedelta("1D")
LEFT_OPEN = "force_exit"  # freqtrade's reason for what the end of the candles closed
ORDER_COLUMNS = (
    "trade", "pair", "at", "is_entry", "is_short", "amount", "price", "fee_rate", "funding_usd",
)  # fmt: skip
NO_RATIO = -100.0  # freqtrade's word for a ratio that does not exist


@dataclass(frozen=True, slots=True)
class CapitalFigures:
    """What a capital did between two days. Percentages are of the value at the first of them.

    None where the figure does not exist: a value that never moves has no Sharpe ratio.
    """

    total_pct: float
    cagr_pct: float
    drawdown_pct: float
    sharpe: float | None
    sortino: float | None


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """Trades entered between two days. Percentages are of a trade's stake, costs included."""

    trades: int
    trades_a_week: float
    sales_a_week: float  # filled sell orders: the round trips of a grid
    win_pct: float | None
    profit_factor: float | None  # of amounts, as freqtrade's
    winner_to_loser: float | None  # mean winner over mean loser, of ratios
    mean_pct: float | None
    interval_pct: tuple[float, float] | None  # 95 %, months drawn whole
    costs_usd: float  # fee and slippage, paid on every order


def orders_of(trades: pd.DataFrame) -> pd.DataFrame:
    """Filled orders of freqtrade's trades, by the columns of ORDER_COLUMNS.

    funding_usd: what a perpetual's settlements since the order before brought (or, negative, cost).
    """
    rows: list[dict[str, Any]] = [
        {
            "trade": number,
            "pair": trade["pair"],
            "at": pd.Timestamp(order["order_filled_timestamp"], unit="ms", tz="UTC"),
            "is_entry": bool(order["ft_is_entry"]),
            "is_short": bool(trade["is_short"]),
            "amount": float(order["amount"]),
            "price": float(order["safe_price"]),
            "fee_rate": float(trade["fee_open"] if order["ft_is_entry"] else trade["fee_close"]),
            "funding_usd": float(order.get("funding_fee") or 0.0),
        }
        for number, trade in enumerate(trades.to_dict("records"))
        for order in trade["orders"]
        if order["order_filled_timestamp"] is not None
    ]
    return pd.DataFrame(rows, columns=list(ORDER_COLUMNS))


def daily_equity(
    orders: pd.DataFrame,
    closes: Mapping[str, pd.Series],
    capital: float,
    start: datetime,
    end: datetime,
) -> pd.Series:
    """The capital at the end of each UTC day from the day before `start` to that of `end`.

    orders: as orders_of. closes: per pair, daily, indexed by the day that they end. What is held
    counts at its last close; before the first one at the price that was paid. What is sold short
    counts against it in the same way.
    """
    days = pd.date_range(_day(start) - ONE_DAY, _day(end), freq="D")
    if orders.empty:
        return pd.Series(capital, index=days)
    bought = orders["is_entry"].to_numpy(dtype=bool) != orders["is_short"].to_numpy(dtype=bool)
    worth = orders["amount"] * orders["price"]
    flow = worth * np.where(bought, -(1 + orders["fee_rate"]), 1 - orders["fee_rate"])
    flow = flow + orders["funding_usd"]
    day = pd.DatetimeIndex(orders["at"]).floor("D")
    cash = capital + flow.groupby(day).sum().reindex(days, fill_value=0.0).cumsum()
    signed = orders["amount"] * np.where(bought, 1.0, -1.0)
    held = signed.groupby([day, orders["pair"].to_numpy()]).sum().unstack(fill_value=0)
    held = held.reindex(days, fill_value=0.0).cumsum()
    paid = orders["price"].groupby([day, orders["pair"].to_numpy()]).last().unstack()
    value: pd.Series = cash
    for pair in held.columns:
        price = closes[pair].reindex(days).ffill().fillna(paid[pair].reindex(days).ffill())
        # A rest of floating point is no coin.
        rest = 1e-9 * signed[(orders["pair"] == pair).to_numpy()].abs().max()
        amount = held[pair].where(held[pair].abs() > rest, 0.0)
        value = value + (amount * price).fillna(0.0)
    return value


def _day(moment: datetime) -> pd.Timestamp:
    return pd.Timestamp(moment).floor("D")


def slice_equity(equity: pd.Series, since: datetime | None, until: datetime) -> pd.Series:
    """The days of [since, until) and the last value before them, which they start from."""
    part = equity[equity.index < pd.Timestamp(until)]
    if since is None:
        return part
    first = int(part.index.searchsorted(_day(since)))
    return part.iloc[max(0, first - 1) :]


def capital_figures(equity: pd.Series) -> CapitalFigures:
    """Figures of a daily equity. Raises ValueError for fewer than two days."""
    if len(equity) < 2:
        raise ValueError(f"{len(equity)} day(s) of equity, expected two or more")
    total = float(equity.iloc[-1] / equity.iloc[0] - 1.0)
    days = (equity.index[-1] - equity.index[0]).days
    if float(equity.min()) <= 0.0:
        # Fixed stakes have lost all of the capital: returns of what is left mean nothing.
        return CapitalFigures(total * 100.0, -100.0, 100.0, None, None)
    balance = pd.DataFrame({"date": equity.index, "total_quote": equity.to_numpy()})
    drawdown = calculate_max_drawdown_from_balance(balance, relative=True)
    return CapitalFigures(
        total_pct=total * 100.0,
        cagr_pct=100.0 * float(calculate_cagr(days, float(equity.iloc[0]), float(equity.iloc[-1]))),
        drawdown_pct=100.0 * float(drawdown.relative_account_drawdown),
        sharpe=_ratio(calculate_sharpe_from_balance(balance)),
        sortino=_ratio(calculate_sortino_from_balance(balance)),
    )


def _ratio(value: float) -> float | None:
    return None if value <= NO_RATIO else float(value)


def trade_figures(
    trades: pd.DataFrame, orders: pd.DataFrame, since: datetime, until: datetime
) -> TradeFigures:
    """Figures of the trades entered in [since, until), those left open at the end not counted.

    trades: freqtrade's columns; orders: as orders_of, of the same trades.
    """
    weeks = (until - since).total_seconds() / (7 * 86_400)
    ordered = orders[(orders["at"] >= since) & (orders["at"] < until)]
    costs = float((ordered["amount"] * ordered["price"] * ordered["fee_rate"]).sum())
    within = (trades["open_date"] >= since) & (trades["open_date"] < until)
    closed = trades[within & (trades["exit_reason"] != LEFT_OPEN)]
    sales_a_week = float((~ordered["is_entry"].astype(bool)).sum()) / weeks
    if closed.empty:
        return TradeFigures(0, 0.0, sales_a_week, None, None, None, None, None, costs)
    ratio = closed["profit_ratio"].to_numpy(dtype=np.float64)
    amounts = closed["profit_abs"].to_numpy(dtype=np.float64)
    lost = -amounts[amounts < 0].sum()
    has_both = bool((ratio > 0).any() and (ratio < 0).any())
    return TradeFigures(
        trades=len(closed),
        trades_a_week=len(closed) / weeks,
        sales_a_week=sales_a_week,
        win_pct=float((ratio > 0).mean() * 100),
        profit_factor=float(amounts[amounts > 0].sum() / lost) if lost > 0 else None,
        winner_to_loser=float(ratio[ratio > 0].mean() / -ratio[ratio < 0].mean())
        if has_both
        else None,
        mean_pct=float(ratio.mean() * 100),
        interval_pct=monthly_interval_pct(closed),
        costs_usd=costs,
    )


def held_equity(
    closes: Mapping[str, pd.Series], since: datetime, until: datetime
) -> pd.Series | None:
    """Growth of equal parts, bought at each pair's first close in [since, until) and kept.

    closes: as for daily_equity. A pair listed later is cash until then; one whose candles end
    stays at its last close. No fees. None without two days of any pair.
    """
    whole = pd.DataFrame(closes)
    window = whole[(whole.index >= pd.Timestamp(since).floor("D")) & (whole.index < until)]
    window = window.dropna(axis="columns", how="all")
    if len(window) < 2 or window.empty:
        return None
    growth = (window / window.bfill().iloc[0]).ffill().fillna(1.0)
    equity: pd.Series = growth.mean(axis="columns")
    return equity
