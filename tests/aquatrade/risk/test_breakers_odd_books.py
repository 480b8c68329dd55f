"""The breakers and books that cannot be believed, or that have nothing left."""

import math
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from aquatrade.risk.breakers import book_is_usable, observe, resume
from aquatrade.risk.model import Book, Period, RiskState
from aquatrade.risk.state_json import from_json, to_json
from tests.aquatrade.risk.breaker_cases import TUESDAY, at, book_at, limit, looked
from tests.aquatrade.risk.cases import position, profile

QUANT = profile(
    day=limit(3.0, "after_hours", close=["momentum"], recovery_hours=48.0),
    week=limit(7.0, close="all"),
    month=limit(12.0, "config_change", close="all"),
)


def rules_of(state: RiskState) -> list[str]:
    return [trip.rule for trip in state.trips]


def restarted_bot(state: RiskState) -> RiskState:
    return from_json(to_json(state))


BROKEN: list[dict[str, Any]] = [
    {"equity": math.nan},
    {"equity": math.inf},
    {"equity": 1e300},
    {"profit": math.nan},
    {"profit": -math.inf},
    {"at": datetime(2024, 3, 6)},  # noqa: DTZ001
    {"at": datetime.max.replace(tzinfo=TUESDAY.tzinfo)},
    {"at": datetime.min.replace(tzinfo=TUESDAY.tzinfo)},
    {"positions": (position(current_rate=0.0),)},
    {"positions": (position(), position(amount=math.nan))},
]


@pytest.mark.parametrize("changes_of_book", BROKEN)
def test_a_book_that_cannot_be_believed_changes_nothing_and_is_told_once(
    changes_of_book: dict[str, Any],
) -> None:
    rules = profile(day=limit(3.0, "next_period"), week=limit(3.0), stop_equity=900.0)
    state, _ = looked(rules, book_at(TUESDAY, 0.0), book_at(at(5, 11), -40.0))
    assert rules_of(state) == ["day", "week"]
    broken = replace(book_at(at(6, 11), -900.0), **changes_of_book)
    after, changes = observe(rules, state, broken)
    assert [(change.kind, change.rule) for change in changes] == [("error", "book")]
    assert after == replace(state, error=changes[0].text)
    assert observe(rules, after, broken) == (after, [])
    lifted, changes = resume(rules, after, broken, None)
    assert lifted == after
    assert {change.kind for change in changes} == {"error"}
    assert not book_is_usable(broken)
    after, _ = observe(rules, after, book_at(at(6, 11), -40.0))
    assert (rules_of(after), after.error) == (["week"], None)


@pytest.mark.parametrize("equity", [0.0, -250.0])
def test_equity_that_is_gone_is_the_worst_loss_not_an_unknown_one(equity: float) -> None:
    gone = Book(at=at(5, 11), equity=equity, free=equity, profit=equity - 1_000.0)
    state, _ = looked(QUANT, book_at(TUESDAY, 0.0), gone)
    assert rules_of(state) == ["day", "week", "month"]
    assert not book_is_usable(gone)
    # The next day has nothing that a loss could be a share of: the old mark stays.
    state, changes = looked(QUANT, replace(gone, at=at(6, 11)), state=restarted_bot(state))
    assert [change.kind for change in changes] == ["resume", "trip"]
    assert state.marks[Period.DAY].started == at(5, 0)
    assert resume(QUANT, state, gone, "week")[1][0].text == (
        "week not resumed: equity is not above 0"
    )
    refilled = replace(gone, at=at(7, 12), equity=800.0, free=800.0)
    state, _ = looked(QUANT, refilled, state=state)
    assert state.marks[Period.DAY].equity == 800.0
    assert rules_of(state) == ["week", "month"]


def test_a_first_look_at_an_empty_account_measures_nothing_until_there_is_money() -> None:
    empty = Book(at=TUESDAY, equity=0.0, free=0.0, profit=0.0)
    state, changes = looked(QUANT, empty)
    assert (state.marks, state.trips, changes) == ({}, (), [])
    state, _ = looked(QUANT, book_at(at(5, 11), 0.0), book_at(at(5, 12), -31.0), state=state)
    assert rules_of(state) == ["day"]


def test_a_loss_of_almost_nothing_is_a_number_that_outlives_a_restart() -> None:
    tiny = Book(at=TUESDAY, equity=5e-324, free=0.0, profit=0.0)
    state, _ = looked(QUANT, tiny, replace(tiny, profit=-1e17))
    assert restarted_bot(state) == state
