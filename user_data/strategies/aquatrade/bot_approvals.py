"""Entries that were allowed and whose order has not been made yet. Pure, but for its memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

# Freqtrade asks for the stake and then for the last word in one go.
UNUSED_AFTER = timedelta(seconds=5)
# An order that was sent may have been taken although the exchange's answer was lost.
SENT_AFTER = timedelta(seconds=30)
TOLERANCE = 1e-6  # of a stake: what rounding to the exchange's steps makes of it


@dataclass(frozen=True, slots=True)
class Approval:
    """notional: the most that may be ordered, in stake currency (stake x leverage)."""

    pair: str
    side: str  # "long" | "short"
    notional: float
    at: datetime
    reservation: str | None = None  # of the guard
    is_sent: bool = False  # it has had the last word: an order followed, or was tried


class Approvals:
    """At most one for each pair and side."""

    def __init__(self) -> None:
        self._granted: dict[tuple[str, str], Approval] = {}

    def __len__(self) -> int:
        return len(self._granted)

    def grant(self, approval: Approval) -> None:
        self._granted[(approval.pair, approval.side)] = approval

    def revoke(self, pair: str, side: str) -> Approval | None:
        """What was allowed before is not any more; returns it."""
        return self._granted.pop((pair, side), None)

    def use(self, pair: str, side: str, notional: float) -> bool:
        """Whether an order of that size was allowed; from now on it counts as sent."""
        approval = self._granted.get((pair, side))
        if approval is None or not 0.0 < notional <= approval.notional * (1.0 + TOLERANCE):
            return False
        self._granted[(pair, side)] = replace(approval, is_sent=True)
        return True

    def settle(
        self,
        now: datetime,
        order_came: Callable[[Approval], bool],
        entry_waits: Callable[[Approval], bool],
    ) -> Iterator[Approval]:
        """Forget what is done with; yields those whose order never came.

        order_came: whether the bot has an order of it. entry_waits: whether that is unfilled yet,
        so that it may still be replaced by one of the same size.
        """
        for key, approval in list(self._granted.items()):
            patience = SENT_AFTER if approval.is_sent else UNUSED_AFTER
            if order_came(approval):
                if not entry_waits(approval):
                    self._granted.pop(key, None)
            elif now - approval.at >= patience:
                self._granted.pop(key, None)
                yield approval
