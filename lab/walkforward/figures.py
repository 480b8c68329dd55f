"""A window in figures, and what a fold's trials say of its choice. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.statistics.folds import Fold
from lab.statistics.overfitting import backtest_overfitting
from lab.statistics.sharpe import (
    NO_DEVIATION,
    NORMAL,
    FloatArray,
    column_sharpes,
    deflated_sharpe,
    expected_maximum_sharpe,
    return_moments,
)
from lab.walkforward.fold_result import FoldResult, days_of

DAYS_PER_YEAR = 365.0
LEAST_VARIANCE = 1e-12


@dataclass(frozen=True, slots=True)
class WindowFigures:
    """Daily returns of a window in figures. sharpe: a year, None where they never move; drawdown:
    of the peak, 0 to 1; total: 0.1 is 10 %."""

    days: int
    sharpe: float | None
    total: float
    drawdown: float


@dataclass(frozen=True, slots=True)
class SearchFigures:
    """What a fold's trials say of its choice. deflated: deflated Sharpe ratio of the chosen trial
    among all; excess: the same in standard errors; strict: with the variance between the trials as
    it is; pbo: by CSCV over the train window. None where they do not exist."""

    trials: int
    deflated: float | None
    excess: float | None
    strict: float | None
    pbo: float | None


def window_figures(returns: Sequence[float] | FloatArray) -> WindowFigures:
    """Figures of simple daily returns, one or more."""
    values = np.asarray(returns, dtype=np.float64)
    equity = np.concatenate([[1.0], np.cumprod(1.0 + values)])
    peak = np.maximum.accumulate(equity)
    deviation = float(values.std())
    is_flat = deviation <= NO_DEVIATION * float(np.abs(values).max())
    ratio = None if is_flat else float(values.mean()) / deviation
    return WindowFigures(
        days=len(values),
        sharpe=None if ratio is None else ratio * math.sqrt(DAYS_PER_YEAR),
        total=float(equity[-1] - 1.0),
        drawdown=float((1.0 - equity / peak).max()),
    )


def search_figures(result: FoldResult) -> SearchFigures:
    """Deflated Sharpe ratio of the chosen trial, and PBO, over all trials of a fold.

    The variance V between trials counts up to 1 / (periods - 1), which is what chance makes of
    trials without an edge. A search that finds something goes on near to it: what lies between its
    trials is then the edge itself, which to take for chance would deny every edge that is easy to
    find.
    """
    returns = result.train_matrix
    trials = len(result.trials)
    if result.chosen is None or not returns[:, result.chosen].any():
        return SearchFigures(trials, None, None, None, None)
    moments = return_moments(returns[:, result.chosen])
    between = float(column_sharpes(returns).var(ddof=1)) if trials > 1 else 0.0
    by_chance = min(between, 1.0 / (moments.periods - 1))
    gap = moments.sharpe - expected_maximum_sharpe(trials, by_chance)
    excess = gap / math.sqrt(max(moments.sharpe_variance, LEAST_VARIANCE) / (moments.periods - 1))
    strict = deflated_sharpe(moments, trials, between)
    return SearchFigures(trials, NORMAL.cdf(excess), excess, strict, _pbo(returns))


def _pbo(returns: FloatArray) -> float | None:
    try:
        return backtest_overfitting(returns).pbo
    except ValueError:  # too few days or trials, or one that always earns the same
        return None


def pooled_deflated(told: Sequence[tuple[Fold, SearchFigures]]) -> float | None:
    """Deflated Sharpe ratio over all folds: their excesses, in standard errors, put together.

    Phi(mean excess x sqrt(windows)), windows: how many train windows the distinct train days
    amount to, since overlapping ones tell the same twice. None where no fold has one.
    """
    excesses = [(fold, each.excess) for fold, each in told if each.excess is not None]
    if not excesses:
        return None
    days = [days_of(fold.train_start, fold.train_end) for fold, _ in excesses]
    windows = len(set().union(*days)) / (sum(map(len, days)) / len(days))
    mean = sum(excess for _, excess in excesses) / len(excesses)
    return NORMAL.cdf(mean * math.sqrt(windows))
