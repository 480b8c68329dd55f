"""Every limit that is on, with its present value and how much of it is used."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from aquatrade.risk.judging import Scope, judge_entry
from aquatrade.risk.limits import LimitUse, describe
from aquatrade.risk.model import Book, Decision, Entry, Mark, Market, Period, RiskState, Side
from aquatrade.risk.profile import CorrelationRule, LossLimit, RiskProfile
from tests.aquatrade.risk import cases, naive

ALL_ON = cases.profile(
    day=LossLimit(limit_pct=3.0),
    week=LossLimit(limit_pct=7.0),
    month=LossLimit(limit_pct=12.0),
    max_exposure_pct=60.0,
    max_pair_pct=20.0,
    max_group_pct=35.0,
    max_exchange_pct=60.0,
    reserve_pct=20.0,
    max_heat_pct=6.0,
    max_open_positions=4,
    correlation=CorrelationRule(),
    max_entries_per_hour=10,
    max_entries_per_day=50,
    stop_equity=4_250.0,
)
STATE = RiskState(
    marks={
        Period.DAY: Mark(Period.DAY, cases.AT, 10_000.0, 500.0),
        Period.WEEK: Mark(Period.WEEK, cases.AT, 8_000.0, 1_000.0),
    }
)
BOOK = cases.book(
    cases.position("BTC/USDT"),
    cases.position("ETH/USDT", bot="second", exchange="bybit"),
    cases.position("BTC/USDT:USDT", side=Side.SHORT, stop_rate=103.0, amount=5.0, exchange="bybit"),
    profit=720.0,
    entries_at=tuple(cases.AT - timedelta(minutes=minutes) for minutes in (90, 60, 59, 0)),
)
KNOWN = dict(cases.CALM.correlations or {}) | {
    ("BTC/USDT", "ETH/USDT"): 0.8,
    ("ETH/USDT", "BTC/USDT"): 0.8,
}


def test_the_whole_picture() -> None:
    uses = {use.name: use for use in describe(ALL_ON, STATE, BOOK, KNOWN)}
    heat = 2 * 31.455 + 5 * 3 + 5 * 103 * 0.0015
    expected = {
        "exposure": (25.0, 60.0, "% of equity", 25 / 60),
        "pair BTC": (5.0, 20.0, "% of equity", 0.25),  # the short hedges half of it
        "pair ETH": (10.0, 20.0, "% of equity", 0.5),
        "exchange binance": (10.0, 60.0, "% of equity", 1 / 6),
        "exchange bybit": (15.0, 60.0, "% of equity", 0.25),
        "heat": (heat / 100, 6.0, "% of equity", heat / 600),
        "positions": (3.0, 4.0, "positions", 0.75),
        "group BTC+ETH": (15.0, 35.0, "% of equity", 15 / 35),
        "cluster BTC+ETH": (2.0, 2.0, "positions", 1.0),  # two in one direction
        "reserve": (50.0, 20.0, "% of equity", 50 / 80),
        "equity": (10_000.0, 4_250.0, "stake currency", 0.425),
        "loss of the day": (-2.2, 3.0, "% of equity", 0.0),
        "loss of the week": (3.5, 7.0, "% of equity", 0.5),
        "loss of the month": (None, 12.0, "% of equity", None),  # no mark: not known
        "entries per hour": (2.0, 10.0, "entries", 0.2),
        "entries per day": (4.0, 50.0, "entries", 0.08),
    }
    assert list(uses) == list(expected)
    for name, (value, limit, unit, share) in expected.items():
        use = uses[name]
        assert (use.limit, use.unit) == (limit, unit), name
        assert use.value == (None if value is None else pytest.approx(value)), name
        assert use.share == (None if share is None else pytest.approx(share)), name


def test_what_is_off_is_not_shown() -> None:
    assert describe(cases.profile(), STATE, BOOK, KNOWN) == []
    one_exchange = cases.book(cases.position())
    assert describe(cases.profile(max_exchange_pct=60.0), STATE, one_exchange, None) == []


def test_groups_without_the_rule_on_correlation_and_the_reverse() -> None:
    for limits, name in (
        ({"max_group_pct": 35.0}, "group BTC+ETH"),
        ({"correlation": CorrelationRule()}, "cluster BTC+ETH"),
    ):
        (use,) = describe(cases.profile(**limits), STATE, BOOK, KNOWN)
        assert use.name == name


def test_the_edges_of_cash_and_losses() -> None:
    rich = replace(BOOK, free=12_000.0)  # more cash than equity: shorts are open
    (reserve,) = describe(cases.profile(reserve_pct=0.5), STATE, rich, None)
    assert (reserve.value, reserve.share) == (120.0, 0.0)
    nothing = RiskState(marks={Period.DAY: Mark(Period.DAY, cases.AT, 0.0, 0.0)})
    (loss,) = describe(cases.profile(day=LossLimit(limit_pct=3.0)), nothing, BOOK, None)
    assert (loss.value, loss.share) == (None, None)


@pytest.mark.parametrize("equity", [math.nan, 0.0, -5.0])
def test_what_is_not_known_is_not_zero(equity: float) -> None:
    for use in describe(ALL_ON, RiskState(), replace(BOOK, equity=equity), None):
        if use.name == "equity":
            assert use.share is None
        elif use.unit == "% of equity":
            assert (use.value, use.share) == (None, None), use.name


@given(cases.profiles(), cases.books(), cases.entries(), cases.correlation_maps())
def test_a_limit_is_shown_as_it_is_judged(
    profile: RiskProfile, book: Book, entry: Entry, known: dict[tuple[str, str], float]
) -> None:
    """What the guard lets in leaves no limit shown as exceeded that the entry bears upon."""
    market = Market(correlations=known)
    verdict = judge_entry(profile, RiskState(), book, entry, market, Scope.FLEET)
    if verdict.decision is Decision.REJECT:
        return
    after = naive.with_entry(book, entry, verdict.stake, filled=False)
    uses = {use.name: use for use in describe(profile, RiskState(), after, known)}
    concerned = [
        use
        for name, use in uses.items()
        if name in ("exposure", "heat", "reserve", f"pair {entry.asset}")
        or name == f"exchange {entry.exchange}"
        or (name.startswith("group ") and entry.asset in name.split(" ")[1].split("+"))
    ]
    assert all(is_within(use) for use in concerned)


def is_within(use: LimitUse) -> bool:
    return use.share is not None and use.share <= 1 + 1e-6
