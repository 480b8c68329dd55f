"""Profiles with limits on losses, and books at a moment: by hand, and by chance."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from aquatrade.risk.breakers import observe
from aquatrade.risk.model import Book, Change, RiskState
from aquatrade.risk.profile import LossLimit, RiskProfile
from tests.aquatrade.risk.cases import profile

TUESDAY = datetime(2024, 3, 5, 10, 0, tzinfo=UTC)


def at(day: int, hour: int = 10, minute: int = 0, month: int = 3) -> datetime:
    """A moment of March 2024, whose 5th is a Tuesday."""
    return datetime(2024, month, day, hour, minute, tzinfo=UTC)


def book_at(moment: datetime, profit: float, capital: float = 1_000.0, **changes: Any) -> Book:
    """A book of a thousand and what was made or lost."""
    values: dict[str, Any] = {"equity": capital + profit, "free": max(0.0, capital + profit)}
    return Book(**{"at": moment, "profit": profit, **values, **changes})


def limit(limit_pct: float, resume: str = "by_hand", **changes: Any) -> LossLimit:
    return LossLimit.model_validate({"limit_pct": limit_pct, "resume": resume, **changes})


def looked(
    rules: RiskProfile, *books: Book, state: RiskState | None = None
) -> tuple[RiskState, list[Change]]:
    """The state after all looks, and what the last one changed."""
    present, changes = state or RiskState(), list[Change]()
    for book in books:
        present, changes = observe(rules, present, book)
    return present, changes


loss_limits = st.builds(
    LossLimit,
    limit_pct=st.sampled_from([3.0, 5.0, 6.0, 15.0, 40.0]),
    close=st.sampled_from(["nothing", "all", ["momentum"], ["momentum", "dip"]]),
    resume=st.sampled_from(["next_period", "after_hours", "by_hand", "config_change"]),
    off_hours=st.sampled_from([0.5, 6.0, 24.0, 200.0]),
    recovery_hours=st.sampled_from([0.0, 2.0, 48.0]),
    recovery_factor=st.sampled_from([0.25, 0.5, 1.0]),
)
loss_profiles = st.builds(
    lambda **limits: profile(**limits),
    day=st.none() | loss_limits,
    week=st.none() | loss_limits,
    month=st.none() | loss_limits,
    stop_equity=st.sampled_from([None, 600.0, 900.0]),
)
