"""What holds for every profile, book and entry, checked against the slow twins."""

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.risk.judging import Scope, judge_entry
from aquatrade.risk.model import Book, Decision, Entry, Market, RiskState
from aquatrade.risk.profile import CorrelationRule, RiskProfile
from tests.aquatrade.risk import cases
from tests.aquatrade.risk.naive import breaches

CALM_STATE = RiskState()
Known = Mapping[tuple[str, str], float]


def judged(
    profile: RiskProfile, book: Book, entry: Entry, known: Known | None, scope: Scope
) -> tuple[Decision, float]:
    verdict = judge_entry(profile, CALM_STATE, book, entry, Market(correlations=known), scope)
    return verdict.decision, verdict.stake


@given(
    cases.profiles(),
    cases.books(),
    cases.entries(),
    cases.correlation_maps(),
    st.sampled_from(Scope),
    st.booleans(),
)
def test_what_is_let_in_keeps_every_limit(
    profile: RiskProfile,
    book: Book,
    entry: Entry,
    known: Known,
    scope: Scope,
    filled: bool,
) -> None:
    decision, stake = judged(profile, book, entry, known, scope)
    if decision is Decision.REJECT:
        assert stake == 0.0
        return
    assert entry.min_stake <= stake <= entry.stake and stake > 0.0
    assert (stake < entry.stake) == (decision is Decision.REDUCE)
    fleet = scope is Scope.FLEET
    assert not breaches(profile, book, entry, stake, known, fleet=fleet, filled=filled)


@settings(max_examples=50)
@given(
    cases.profiles(),
    cases.books(),
    cases.entries(),
    cases.correlation_maps(),
    st.sampled_from(Scope),
)
def test_what_is_refused_or_reduced_would_break_a_limit(
    profile: RiskProfile, book: Book, entry: Entry, known: Known, scope: Scope
) -> None:
    """The other direction: nothing is refused that keeps all limits with room to spare."""
    decision, _ = judged(profile, book, entry, known, scope)
    if decision is Decision.APPROVE:
        return
    fleet = scope is Scope.FLEET
    over = breaches(profile, book, entry, entry.stake * 1.001, known, fleet=fleet, filled=False)
    heat_full = profile.max_heat_pct is not None and any(
        reason.rule == "heat"
        for reason in judge_entry(
            profile, CALM_STATE, book, entry, Market(correlations=known), scope
        ).reasons
    )
    assert over or heat_full or entry.stake < entry.min_stake


REFUSING = (
    "max_exposure_pct",
    "max_pair_pct",
    "max_group_pct",
    "max_exchange_pct",
    "max_open_positions",
)
REDUCING = ("risk_per_trade_pct", "max_order", "max_heat_pct", "max_open_positions")


def tightened(profile: RiskProfile, name: str, factor: float) -> RiskProfile:
    limit = getattr(profile, name)
    if limit is None:
        return profile
    tight: Any = max(1, int(limit * factor)) if isinstance(limit, int) else limit * factor
    return profile.model_copy(update={name: tight})


@settings(max_examples=50)
@given(
    cases.profiles(),
    cases.books(),
    cases.entries(),
    cases.correlation_maps(),
    st.sampled_from(Scope),
    st.sampled_from(sorted({*REFUSING, *REDUCING})),
    st.floats(0.05, 1.0),
)
def test_a_stricter_limit_never_lets_more_in(
    profile: RiskProfile,
    book: Book,
    entry: Entry,
    known: Known,
    scope: Scope,
    name: str,
    factor: float,
) -> None:
    """A limit that reduces may make a stake fit that another limit refused as a whole; then it
    fits in the looser profile too."""
    decision, stake = judged(profile, book, entry, known, scope)
    strict_decision, strict = judged(tightened(profile, name, factor), book, entry, known, scope)
    assert strict <= stake or (decision is Decision.REJECT and name in REDUCING)
    if strict_decision is not Decision.REJECT:
        fleet = scope is Scope.FLEET
        assert not breaches(profile, book, entry, strict, known, fleet=fleet, filled=True)


@settings(max_examples=50)
@given(
    cases.profiles(),
    cases.books(),
    cases.entries(),
    cases.correlation_maps(),
    st.sampled_from(Scope),
    st.floats(0.1, 1.0),
)
def test_less_is_asked_less_is_given(
    profile: RiskProfile,
    book: Book,
    entry: Entry,
    known: Known,
    scope: Scope,
    factor: float,
) -> None:
    """And what is given may be asked for again: it is approved whole."""
    decision, stake = judged(profile, book, entry, known, scope)
    less = replace(entry, stake=entry.stake * factor)
    if decision is not Decision.REJECT:
        assert judged(profile, book, less, known, scope)[1] <= stake + 1e-6
        again = judged(profile, book, replace(entry, stake=stake), known, scope)
        assert again == (Decision.APPROVE, stake)


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
        assert verdict.reasons[0].text, name


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
