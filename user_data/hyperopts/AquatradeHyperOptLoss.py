"""AquatradeHyperOptLoss: how far a backtest is from what a strategy has to clear.

freqtrade hyperopt --hyperopt-loss AquatradeHyperOptLoss ...

A strategy has to clear, over more than 200 trades: win rate over 55 %, profit factor over 1.5,
drawdown under 15 %, Sharpe ratio over 1.2, achieved R over 1.5, fewer than 8 losses in a row.

    credit of a figure = 1 where its threshold is reached, else what part of it is, never under 0
    trust              = trades / trades needed, at most 1
    loss               = 6 - trust x sum of the six credits        (from 6 to 0)
    all seven cleared:   loss = -(mean margin beyond the thresholds), each margin m as m / (1 + m)

So whatever clears everything is below 0 and better than all that does not; three lucky trades
earn next to nothing; and nothing is gained by pushing one figure far while another fails. All is
measured in sample: what the search finds still has to clear it out of sample.

Figures are freqtrade's: win rate, profit factor and losses in a row of its report; Sharpe ratio
and drawdown of the wallet, open positions counted, where the report has it (wallet_stats). Achieved
R: mean of profit_ratio / distance of the first stop (x leverage) over the winners; the first stop
is the one that freqtrade sets at entry, so a strategy that then moves it closer earns more R than
this counts. Winners without a stop have no R, and without any R that credit is 0.

Other thresholds, for a short window of candles say, go into the config:

    "aquatrade_hyperopt_loss": {"trades_over": 30, "sharpe_over": 1.0}
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
from freqtrade.exceptions import OperationalException
from freqtrade.optimize.hyperopt_loss.hyperopt_loss_interface import IHyperOptLoss
from pandas import DataFrame

SECTION = "aquatrade_hyperopt_loss"
FIGURES = 6


@dataclass(frozen=True)
class Thresholds:
    """What has to be cleared; every one is a key of the config's section."""

    trades_over: int = 200
    win_rate_over: float = 0.55
    profit_factor_over: float = 1.5
    drawdown_under: float = 0.15  # of the wallet's peak
    sharpe_over: float = 1.2  # a year, 365 days
    achieved_r_over: float = 1.5
    losses_in_a_row_under: int = 8


@dataclass(frozen=True)
class Figures:
    """What a backtest came to. achieved_r: None without a winner that has a stop."""

    trades: int
    win_rate: float
    profit_factor: float
    drawdown: float
    sharpe: float
    achieved_r: float | None
    losses_in_a_row: int


def thresholds_of(config: Mapping[str, Any]) -> Thresholds:
    """The config's thresholds over the defaults. OperationalException for a wrong key or value."""
    section = config.get(SECTION, {})
    if not isinstance(section, Mapping):
        raise OperationalException(f"{SECTION}: {section!r}, expected a section of thresholds")
    names = [each.name for each in fields(Thresholds)]
    for name, value in section.items():
        if name not in names:
            raise OperationalException(f"{SECTION}.{name} is no threshold, expected {names}")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or value <= 0:
            raise OperationalException(f"{SECTION}.{name}: {value!r}, expected a number over 0")
    return Thresholds(**section)


def achieved_r(trades: DataFrame) -> float | None:
    """Mean R of the winners: profit_ratio over the distance of the first stop, in parts of the
    entry price x leverage. None without a winner that has one. trades: freqtrade's columns."""
    winners = trades[trades["profit_ratio"] > 0.0]
    entry = winners["open_rate"].to_numpy(dtype=float)
    stop = winners["initial_stop_loss_abs"].to_numpy(dtype=float)
    leverage = winners["leverage"].to_numpy(dtype=float)
    risk = np.abs(entry - stop) / entry * np.where(leverage > 0.0, leverage, 1.0)
    has_stop = (stop > 0.0) & (risk > 0.0)
    if not has_stop.any():
        return None
    return float((winners["profit_ratio"].to_numpy(dtype=float)[has_stop] / risk[has_stop]).mean())


def figures_of(results: DataFrame, report: Mapping[str, Any]) -> Figures:
    """Figures of freqtrade's trades and its report of them."""
    wallet = report.get("wallet_stats") or report
    gained = float(results["profit_abs"].clip(lower=0.0).sum())
    lost = -float(results["profit_abs"].clip(upper=0.0).sum())
    # Freqtrade's report says 0 where nothing was lost.
    profit_factor = gained / lost if lost > 0.0 else (math.inf if gained > 0.0 else 0.0)
    return Figures(
        trades=len(results),
        win_rate=float(report["winrate"]),
        profit_factor=profit_factor,
        drawdown=float(wallet["max_relative_drawdown"]),
        sharpe=float(wallet["sharpe"]),
        achieved_r=achieved_r(results),
        losses_in_a_row=int(report["max_consecutive_losses"]),
    )


def loss_of(figures: Figures, thresholds: Thresholds) -> float:
    """The loss, from 6 down to over -1; below 0 only where every threshold is cleared."""
    # In parts of the threshold: over 0 is beyond it, -1 is nothing at all or worse.
    margins = [
        _over(figures.win_rate, thresholds.win_rate_over),
        _over(figures.profit_factor, thresholds.profit_factor_over),
        _over(figures.sharpe, thresholds.sharpe_over),
        _over(figures.achieved_r, thresholds.achieved_r_over),
        _under(figures.drawdown, thresholds.drawdown_under),
        _under(figures.losses_in_a_row, thresholds.losses_in_a_row_under),
    ]
    if figures.trades > thresholds.trades_over and min(margins) > 0.0:
        return -sum(_bounded(margin) for margin in margins) / FIGURES
    trust = min(1.0, figures.trades / (thresholds.trades_over + 1))
    return FIGURES - trust * sum(1.0 + min(0.0, margin) for margin in margins)


def _over(value: float | None, threshold: float) -> float:
    if value is None or math.isnan(value):
        return -1.0
    return max(-1.0, value / threshold - 1.0)


def _under(value: float, threshold: float) -> float:
    return -1.0 if math.isnan(value) else max(-1.0, 1.0 - value / threshold)


def _bounded(margin: float) -> float:
    return 1.0 if math.isinf(margin) else margin / (1.0 + margin)


class AquatradeHyperOptLoss(IHyperOptLoss):  # type: ignore[misc]  # freqtrade is untyped here
    """See the module: smaller is better, below 0 every threshold is cleared."""

    @staticmethod
    def hyperopt_loss_function(
        *,
        results: DataFrame,
        trade_count: int,
        min_date: datetime,
        max_date: datetime,
        config: Mapping[str, Any],
        processed: Mapping[str, DataFrame],
        backtest_stats: Mapping[str, Any],
        starting_balance: float,
        **kwargs: Any,
    ) -> float:
        """The loss of one epoch. OperationalException for a wrong threshold in the config."""
        thresholds = thresholds_of(config)
        if trade_count == 0:
            return float(FIGURES)
        return loss_of(figures_of(results, backtest_stats), thresholds)
