"""Whether a look at the book can change anything: asked at every candle of a backtest.

The rules themselves take long enough to be felt there, and nearly all of their looks find that all
is as it was. In doubt the answer is yes.
"""

import math
from dataclasses import replace
from datetime import UTC, datetime

from aquatrade.risk.model import Period, RiskState
from aquatrade.risk.periods import next_period_start
from aquatrade.risk.profile import RiskProfile

# The rules have the last word on what is just a breach and what is just none.
MARGIN = 1e-6
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class QuickLook:
    """Knows, after each whole look, until when and down to which profit nothing happens."""

    def __init__(self, profile: RiskProfile) -> None:
        limits = {Period.DAY: profile.day, Period.WEEK: profile.week, Period.MONTH: profile.month}
        self._limits = {period: limit for period, limit in limits.items() if limit is not None}
        self._until: datetime | None = None
        self._idle_until: datetime | None = None
        self._floor = math.inf
        self._seen: tuple[datetime, float, float] | None = None

    def may_idle(self, now: datetime) -> bool:
        """Whether a book in which nothing has changed needs no look at all.

        A new day's mark is how things stood at the last look: it can wait for the next one.
        """
        return self._idle_until is not None and now < self._idle_until

    def looked(self, state: RiskState, now: datetime) -> None:
        """A whole look has ended with this state."""
        self._seen = None
        if state.error is not None or state.last_at != now:
            self._until = self._idle_until = None
            return
        ends = [trip.until for trip in state.trips if trip.until is not None]
        if state.recovery_until is not None:
            ends.append(state.recovery_until)
        self._idle_until = min(ends, default=END_OF_TIME)
        self._until = min(self._idle_until, next_period_start(Period.DAY, now))
        active = {trip.rule for trip in state.trips}
        floors = [
            mark.profit - mark.equity * limit.limit_pct / 100.0 * (1.0 - MARGIN)
            for period, limit in self._limits.items()
            if (mark := state.marks.get(period)) is not None and period.value not in active
        ]
        if len(floors) < len([one for one in self._limits if one.value not in active]):
            self._until = self._idle_until = None  # a limit without a mark: there was no equity yet
        self._floor = max(floors, default=-math.inf)

    def is_enough(self, now: datetime, equity: float, profit: float) -> bool:
        """Whether the rules need not look; then it is kept how things stood."""
        if self._until is None or now >= self._until:
            return False
        if not profit > self._floor or not 0.0 < equity < math.inf:
            return False
        self._seen = (now, equity, profit)
        return True

    def caught_up(self, state: RiskState) -> RiskState:
        """The state as whole looks would have left it."""
        if self._seen is None:
            return state
        last_at, last_equity, last_profit = self._seen
        return replace(state, last_at=last_at, last_equity=last_equity, last_profit=last_profit)

    def forget(self) -> None:
        """Another run: nothing is known."""
        self._until = self._idle_until = None
        self._seen = None
