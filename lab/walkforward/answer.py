"""The folds of a plan, judged beside holding the pairs over the same days."""

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd

from lab.suite_equity import held_equity
from lab.walkforward.fold_result import FoldResult
from lab.walkforward.judge import Walk, judge
from lab.walkforward.plan import WalkPlan
from lab.walkforward.returns import closes_by_day

ONE_DAY = timedelta(days=1)


def answer_of(plan: WalkPlan, results: Sequence[FoldResult]) -> Walk:
    """Raises ValueError without folds."""
    return judge(results, held_returns(plan))


def held_returns(plan: WalkPlan) -> pd.Series | None:
    """Daily returns of equal parts of all pairs, bought at the close before the first test day.

    No fees. None without candles of two days.
    """
    first, last = plan.jobs[0].fold.test_start, plan.jobs[-1].fold.test_end
    closes = closes_by_day(plan.wish.datadir, plan.pairs, plan.timeframe)
    equity = held_equity(closes, first - ONE_DAY, last)
    return None if equity is None else equity.pct_change().iloc[1:]
