"""What holds for every profile, book and entry, checked against the slow twins."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.risk.judging import Scope, judge_entry
from aquatrade.risk.model import Book, Decision, Entry, Market, RiskState
from aquatrade.risk.profile import RiskProfile
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
