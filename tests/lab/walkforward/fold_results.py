"""Results of folds as a search over simulated daily returns would leave them."""

from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from lab.statistics.folds import Fold, Mode, walk_forward_folds
from lab.walkforward.fold_result import Dimension, FoldResult, Part, Trial, days_of

DEVIATION = 0.02
RANGE = Dimension("hour", 0.0, 23.0)
WORD = Dimension("kind", options=("a", "b", True))


def some_folds(count: int, mode: Mode = "rolling") -> tuple[Fold, ...]:
    """Two months to train, one to test."""
    start = datetime(2023, 1, 1, tzinfo=UTC)
    end = (pd.Timestamp(start) + pd.DateOffset(months=2 + count)).to_pydatetime()
    return walk_forward_folds(start, end, mode=mode)


def part(returns: Iterable[float], trades: int = 20, mean_pct: float | None = 0.1) -> Part:
    return Part(trades, trades // 2, mean_pct, tuple(float(each) for each in returns))


def simulated(
    fold: Fold, random: np.random.Generator, trials: int = 60, edges: int = 0, edge: float = 0.0
) -> FoldResult:
    """Trials of normal returns; the first `edges` have a mean of up to `edge` deviations a day,
    the trial with the best Sharpe ratio is chosen, and out of sample it has what it truly has."""
    days = len(days_of(fold.train_start, fold.train_end))
    test_days = len(days_of(fold.test_start, fold.test_end))
    means = np.zeros(trials)
    means[:edges] = edge * DEVIATION * np.linspace(1.0, 0.3, edges)
    returns = random.normal(0.0, DEVIATION, (trials, days)) + means[:, None]
    chosen = int((returns.mean(axis=1) / returns.std(axis=1)).argmax())
    later = random.normal(0.0, DEVIATION, test_days) + means[chosen]
    return FoldResult(
        key=f"key{fold.number}",
        fold=fold,
        dimensions=(RANGE, WORD),
        trials=tuple(Trial({"hour": n % 24, "kind": "ab"[n % 2]}, -n, 40) for n in range(trials)),
        chosen=chosen,
        in_sample=part(returns[chosen], 40),
        repeats=True,
        out_of_sample=part(later),
        defaults=part(random.normal(0.0, DEVIATION, test_days)),
        seconds=1.0,
        trial_returns=tuple(tuple(float(x) for x in row) for row in returns),
    )
