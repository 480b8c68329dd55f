"""Days, weeks and months of UTC, and the marks that say how things stood when they began."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from aquatrade.risk.model import Book, Mark, Period, RiskState

LARGEST_PCT = 1e12  # of next to nothing anything is infinitely much, which no text can tell


def period_start(period: Period, moment: datetime) -> datetime:
    """00:00 UTC of the first day of the period (a week's is a Monday) that has the moment."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period is Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period is Period.MONTH else day


def next_period_start(period: Period, moment: datetime) -> datetime:
    """00:00 UTC of the first day after the period that has the moment."""
    longest = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 31}[period]
    return period_start(period, period_start(period, moment) + timedelta(days=longest))


def rolled_marks(state: RiskState, book: Book, now: datetime) -> dict[Period, Mark]:
    """The marks of the periods that have `now`; one that is not over keeps its mark.

    A new mark is how things stood at the last look, so that what was lost over the boundary while
    nobody looked counts. Without equity above 0 there is nothing a loss could be a share of: then
    an old mark stays.
    """
    marks = dict(state.marks)
    for period in Period:
        started = period_start(period, now)
        old = marks.get(period)
        if old is not None and old.started >= started:
            continue
        if old is None:
            equity, profit = book.equity, book.profit
        else:
            equity = state.last_equity if state.last_equity > 0.0 else book.equity
            profit = state.last_profit if math.isfinite(state.last_profit) else old.profit
        if equity > 0.0:
            marks[period] = Mark(period, started, equity, profit)
    return marks


def loss_pct(mark: Mark, profit: float) -> float:
    """What has been lost since the mark, as a percentage of its equity; negative: a gain."""
    return min((mark.profit - profit) / mark.equity * 100.0, LARGEST_PCT)


def restarted(
    marks: Mapping[Period, Mark], rule: str, book: Book, now: datetime
) -> dict[Period, Mark]:
    """The marks with that of a rule ("day", "week", "month"; others have none) at the present."""
    changed = dict(marks)
    if rule in tuple(Period) and book.equity > 0.0:
        period = Period(rule)
        changed[period] = Mark(period, period_start(period, now), book.equity, book.profit)
    return changed


def shifted_back(marks: Mapping[Period, Mark], now: datetime) -> dict[Period, Mark]:
    """The marks of periods that `now` says are still to come, as marks of the present ones.

    What they measure from stays: nothing that was lost is forgotten.
    """
    return {
        period: replace(mark, started=min(mark.started, period_start(period, now)))
        for period, mark in marks.items()
    }
