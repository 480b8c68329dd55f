"""What is no number, no moment, none of its kind: refused by every rule that would need it."""

import math
from dataclasses import fields, replace
from typing import Any

import pytest

from aquatrade.risk.judging import Scope, judge_entry
from aquatrade.risk.model import Decision, RiskState
from aquatrade.risk.profile import CorrelationRule
from tests.aquatrade.risk import cases

CALM_STATE = RiskState()
ALL_ON = cases.profile(
    risk_per_trade_pct=2.0,
    max_order=500.0,
    max_cost_share_of_risk=0.33,
    max_exposure_pct=60.0,
    max_pair_pct=20.0,
    max_group_pct=35.0,
    max_exchange_pct=60.0,
    reserve_pct=20.0,
    max_heat_pct=6.0,
    max_open_positions=5,
    correlation=CorrelationRule(),
    valve_minutes=60.0,
    max_entries_per_hour=10,
    max_entries_per_day=50,
    rest_after_stop_minutes=15.0,
    max_atr_ratio=3.0,
    max_candle_age=2.0,
    max_clock_skew_seconds=1.0,
    max_exchange_silence_minutes=5.0,
)
GOOD_BOOK = cases.book(
    cases.position(amount=2.0, stake=200.0), closed=(cases.closed(profit=-1.0),), free=9_800.0
)
GOOD_ENTRY = cases.entry(stake=400.0, score=80.0, score_needed=60.0)
NO_NUMBERS = (math.nan, math.inf, -math.inf, -1.0, 1e300, None, "7")


def floats_of(thing: object) -> list[str]:
    return [one.name for one in fields(thing) if "float" in str(one.type)]  # type: ignore[arg-type]


def is_fine(name: str, value: object) -> bool:
    """Negative profit and what may be unknown are no faults."""
    negative = name == "profit" and value == -1.0
    optional = name in ("stop_rate", "score_needed", "score") and value is None
    return negative or optional


@pytest.mark.parametrize("scope", Scope)
def test_the_good_case_is_good(scope: Scope) -> None:
    verdict = judge_entry(ALL_ON, CALM_STATE, GOOD_BOOK, GOOD_ENTRY, cases.CALM, scope)
    assert (verdict.decision, verdict.stake, verdict.reasons) == (Decision.APPROVE, 400.0, ())


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number_refuses(scope: Scope, value: Any) -> None:
    held, trade = GOOD_BOOK.positions[0], GOOD_BOOK.closed[0]
    asked = [(GOOD_BOOK, replace(GOOD_ENTRY, **{n: value}), n) for n in floats_of(GOOD_ENTRY)]
    asked += [(replace(GOOD_BOOK, **{n: value}), GOOD_ENTRY, n) for n in floats_of(GOOD_BOOK)]
    asked += [
        (replace(GOOD_BOOK, positions=(replace(held, **{n: value}),)), GOOD_ENTRY, n)
        for n in floats_of(held)
    ]
    asked += [
        (replace(GOOD_BOOK, closed=(replace(trade, **{n: value}),)), GOOD_ENTRY, n)
        for n in floats_of(trade)
    ]
    assert len(asked) >= 20
    for book, entry, name in asked:
        if is_fine(name, value):
            continue
        verdict = judge_entry(ALL_ON, CALM_STATE, book, entry, cases.CALM, scope)
        assert (verdict.decision, verdict.stake) == (Decision.REJECT, 0.0), name
        assert {reason.rule for reason in verdict.reasons} == {"numbers"}, name


MAY_BE_ZERO = {"free", "profit", "cost_rate", "min_stake", "score", "score_needed"} | {
    f"{name} held" for name in ("amount", "stake", "pending_stake", "cost_rate")
}


@pytest.mark.parametrize("scope", Scope)
def test_zero_is_a_number_where_it_can_be_one(scope: Scope) -> None:
    profile = ALL_ON.model_copy(update={"reserve_pct": 0.0})
    held = GOOD_BOOK.positions[0]
    zero: Any = 0.0
    asked = [(GOOD_BOOK, replace(GOOD_ENTRY, **{n: zero}), n) for n in floats_of(GOOD_ENTRY)]
    asked += [(replace(GOOD_BOOK, **{n: zero}), GOOD_ENTRY, n) for n in floats_of(GOOD_BOOK)]
    asked += [
        (replace(GOOD_BOOK, positions=(replace(held, **{n: zero}),)), GOOD_ENTRY, f"{n} held")
        for n in floats_of(held)
    ]
    for book, entry, name in asked:
        verdict = judge_entry(profile, CALM_STATE, book, entry, cases.CALM, scope)
        is_a_number = "numbers" not in [reason.rule for reason in verdict.reasons]
        assert is_a_number == (name in MAY_BE_ZERO), name


@pytest.mark.parametrize("field", ["entry", "position"])
def test_costs_of_everything_make_no_sense(field: str) -> None:
    book, entry = GOOD_BOOK, GOOD_ENTRY
    if field == "entry":
        entry = replace(entry, cost_rate=1.0)
    else:
        book = replace(book, positions=(replace(book.positions[0], cost_rate=1.0),))
    verdict = judge_entry(cases.profile(), CALM_STATE, book, entry, cases.CALM, Scope.BOT)
    assert [reason.rule for reason in verdict.reasons] == ["numbers"]


@pytest.mark.parametrize("scope", Scope)
def test_the_unit_of_money_is_no_matter(scope: Scope) -> None:
    """The same in bitcoin: what is 10,000 in dollars is 0.1."""
    unit = 1e-5
    limit = ALL_ON.model_copy(update={"max_order": 500 * unit})
    held = replace(
        GOOD_BOOK.positions[0],
        entry_rate=100 * unit,
        current_rate=100 * unit,
        stop_rate=97 * unit,
        stake=200 * unit,
    )
    book = replace(
        GOOD_BOOK,
        equity=10_000 * unit,
        free=9_800 * unit,
        positions=(held,),
    )
    for stake in (400.0, 499.0, 600.0, 2_000.0, 20_000.0):
        entry = replace(GOOD_ENTRY, stake=stake)
        small = replace(entry, stake=stake * unit, rate=50 * unit, stop_rate=49 * unit)
        large_verdict = judge_entry(ALL_ON, CALM_STATE, GOOD_BOOK, entry, cases.CALM, scope)
        small_verdict = judge_entry(limit, CALM_STATE, book, small, cases.CALM, scope)
        assert small_verdict.decision is large_verdict.decision
        assert small_verdict.stake == pytest.approx(large_verdict.stake * unit, abs=2e-8)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "7"])
@pytest.mark.parametrize(
    "name", ["atr_ratio", "candle_age", "clock_skew_seconds", "exchange_silence_seconds"]
)
def test_what_a_bot_cannot_tell_refuses(name: str, value: Any) -> None:
    market = replace(cases.CALM, **{name: value})
    verdict = judge_entry(ALL_ON, CALM_STATE, GOOD_BOOK, GOOD_ENTRY, market, Scope.BOT)
    assert (verdict.decision, verdict.stake) == (Decision.REJECT, 0.0)
    fleet = judge_entry(ALL_ON, CALM_STATE, GOOD_BOOK, GOOD_ENTRY, market, Scope.FLEET)
    assert fleet.decision is Decision.APPROVE  # the guard has no candles


@pytest.mark.parametrize("value", [math.nan, math.inf, 1.5, None])
@pytest.mark.parametrize("scope", Scope)
def test_a_correlation_that_is_none_refuses(scope: Scope, value: Any) -> None:
    known = dict(cases.CALM.correlations or {}) | {("ETH/USDT", "BTC/USDT"): value}
    market = replace(cases.CALM, correlations=known)
    verdict = judge_entry(ALL_ON, CALM_STATE, GOOD_BOOK, GOOD_ENTRY, market, scope)
    assert verdict.text == "correlation of ETH/USDT with BTC/USDT is not known"


@pytest.mark.parametrize("scope", Scope)
def test_moments_without_a_zone_refuse(scope: Scope) -> None:
    naive = cases.AT.replace(tzinfo=None)
    for book in (
        replace(GOOD_BOOK, at=naive),
        replace(
            GOOD_BOOK,
            positions=(replace(GOOD_BOOK.positions[0], opened_at=naive, bot="second"),),
        ),
    ):
        verdict = judge_entry(ALL_ON, CALM_STATE, book, GOOD_ENTRY, cases.CALM, scope)
        assert verdict.decision is Decision.REJECT


@pytest.mark.parametrize(
    "changes",
    [
        {"closed": (cases.closed(was_stopped=True, closed_at=cases.AT.replace(tzinfo=None)),)},
        {"entries_at": (cases.AT.replace(tzinfo=None),)},
        {"closed": None},
        {"positions": (None,)},
    ],
)
def test_what_is_none_of_its_kind_refuses(changes: dict[str, Any]) -> None:
    book = replace(GOOD_BOOK, **changes)
    verdict = judge_entry(ALL_ON, CALM_STATE, book, GOOD_ENTRY, cases.CALM, Scope.BOT)
    assert (verdict.decision, verdict.stake) == (Decision.REJECT, 0.0)
    assert "cannot be judged" in verdict.text
