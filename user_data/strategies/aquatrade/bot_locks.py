"""Freqtrade's locks as the face of trips: visible in FreqUI and /locks, lifted there by hand."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from freqtrade.persistence import PairLocks
from freqtrade.persistence.models import PairLock

logger = logging.getLogger(__name__)

ALL_PAIRS = "*"
# What tells these locks from those of the guard, of freqtrade's protections and of a person.
PREFIX = "bot risk: "
LONGEST_REASON = 250  # of 255 that freqtrade's column holds
UNTIL_A_PERSON = datetime(2100, 1, 1, tzinfo=UTC)
# Freqtrade rounds the end of a lock up to the next candle, also one on a candle's boundary.
JUST_BEFORE = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why to lock; until: None: a person ends it."""

    text: str
    since: datetime
    until: datetime | None = None


def lock_reason(text: str) -> str:
    """The reason of a lock, as freqtrade shows it."""
    return f"{PREFIX}{text}"[:LONGEST_REASON]


def lock_end(until: datetime | None) -> datetime:
    """Until when to lock for a trip that ends then (None: by hand)."""
    return UNTIL_A_PERSON if until is None else until - JUST_BEFORE


class BacktestLocks:
    """Locks in freqtrade's list of a run. Nobody lifts them by hand."""

    def __init__(self) -> None:
        self._held: dict[str, Any] = {}

    def lifted(self, causes: Collection[Cause]) -> list[Cause]:
        """Those whose lock a person has removed: none."""
        return []

    def hold(self, causes: Collection[Cause], now: datetime, *, keep: bool = False) -> None:
        """Have exactly these locks."""
        reasons = {lock_reason(cause.text): cause.until for cause in causes}
        for reason in [reason for reason in self._held if reason not in reasons]:
            # PairLocks.unlock_reason compares with the wall clock, which a backtest has left.
            self._held.pop(reason).active = False
        for reason, until in reasons.items():
            if reason not in self._held:
                self._held[reason] = PairLocks.lock_pair(
                    ALL_PAIRS, lock_end(until), reason, now=now
                )


class LiveLocks:
    """Locks in freqtrade's database: they outlive a restart, and people remove them."""

    def lifted(self, causes: Collection[Cause]) -> list[Cause]:
        """Those whose lock a person has removed (/unlock, FreqUI or DELETE /locks)."""
        return [cause for cause in causes if self._newest_is_active(cause) is False]

    def hold(self, causes: Collection[Cause], now: datetime, *, keep: bool = False) -> None:
        """Have exactly these locks; keep: and leave the others, which nobody knows the state of."""
        reasons = {lock_reason(cause.text): cause for cause in causes}
        held = {
            lock.reason
            for lock in PairLocks.get_pair_locks(ALL_PAIRS, now)
            if lock.reason is not None and lock.reason.startswith(PREFIX)
        }
        for reason in () if keep else held - set(reasons):
            PairLocks.unlock_reason(reason, now)
        for reason, cause in reasons.items():
            if reason not in held:
                # A cause is never younger than its lock, whatever the clock has done meanwhile.
                began, end = max(cause.since, now), lock_end(cause.until)
                PairLocks.lock_pair(ALL_PAIRS, max(end, began), reason, now=began)

    @staticmethod
    def _newest_is_active(cause: Cause) -> bool | None:
        """Of the locks made for this cause; None: none was made yet."""
        # Columns, not objects: those that the session holds may be older than the database.
        active = PairLock.session.scalars(
            sa.select(PairLock.active)
            .where(
                PairLock.pair == ALL_PAIRS,
                PairLock.reason == lock_reason(cause.text),
                PairLock.lock_time >= cause.since,
            )
            .order_by(PairLock.id.desc())
            .limit(1)
        ).first()
        return None if active is None else bool(active)
