"""Heat and risk per trade: what is lost at the stops, by hand and against trading it through."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.risk.heat import loss_share, position_heat, total_heat
from aquatrade.risk.judging import Scope, judge_entry
from aquatrade.risk.model import Book, Decision, Entry, Position, RiskState, Side, Verdict
from tests.aquatrade.risk import cases, naive


def judged(book: Book, entry: Entry, scope: Scope = Scope.BOT, **limits: Any) -> Verdict:
    profile = cases.profile(**limits)
    return judge_entry(profile, RiskState(), book, entry, cases.CALM, scope)


@given(st.lists(cases.positions(), max_size=6))
def test_heat_is_what_trading_to_the_stops_loses(positions: list[Position]) -> None:
    expected = math.fsum(naive.heat_of(one) for one in positions)
    assert total_heat(positions) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert all(position_heat(one) >= 0.0 for one in positions)


@given(
    st.sampled_from(Side),
    st.floats(0.001, 1e5),
    st.floats(0.2, 1.8),
    st.floats(0.0, 0.05),
    st.floats(1.0, 1e5),
)
def test_the_share_lost_is_what_a_trade_loses(
    side: Side, rate: float, stop_over_rate: float, cost_rate: float, value: float
) -> None:
    stop_rate = rate * stop_over_rate
    lost = naive.loss_by_trading(side, value / rate, rate, stop_rate, cost_rate)
    share = loss_share(side, rate, stop_rate, cost_rate)
    assert value * share == pytest.approx(lost, rel=1e-6, abs=1e-6 * value)


@pytest.mark.parametrize(
    ("changes", "heat"),
    [
        ({}, 10 * (100 - 97) + 10 * 97 * 0.0015),  # 31.455
        ({"current_rate": 150.0}, 31.455),  # from the entry, wherever the price is
        ({"stop_rate": 100.0}, 1.5),  # at the entry's price the exit still costs
        ({"stop_rate": 100.0, "cost_rate": 0.0}, 0.0),
        ({"stop_rate": 100.16}, 0.0),  # break-even
        ({"stop_rate": 120.0}, 0.0),  # a locked profit does not pay for other trades
        ({"stop_rate": None}, 1000.0),
        ({"side": Side.SHORT, "stop_rate": 103.0}, 10 * 3 + 10 * 103 * 0.0015),
        ({"side": Side.SHORT, "stop_rate": 90.0}, 0.0),
        ({"side": Side.SHORT, "stop_rate": None}, 1000.0),
        ({"leverage": 5.0, "stake": 200.0}, 31.455),
        ({"leverage": 5.0, "stake": 200.0, "stop_rate": None}, 200.0),
        ({"amount": 0.0, "stake": 0.0, "pending_stake": 1000.0}, 31.455),
        ({"amount": 0.0, "stake": 0.0, "pending_stake": 1000.0, "stop_rate": None}, 1000.0),
        ({"amount": 0.0, "stake": 0.0, "pending_stake": 200.0, "leverage": 5.0}, 31.455),
        ({"pending_stake": 1000.0}, 62.91),
        # Small amounts of dear coins are amounts too.
        ({"amount": 0.5, "stake": 50.0}, 31.455 / 20),
        ({"amount": 0.0, "stake": 0.0, "pending_stake": 0.5}, 31.455 / 2000),
        (
            {"amount": 0.5, "stop_rate": 105.0, "current_rate": 110.0, "pending_stake": 0.55},
            0.005 * 5 + 0.005 * 105 * 0.0015,
        ),
        # What is filled is at break-even, the order that adds to it at 110 is not.
        (
            {"stop_rate": 105.0, "current_rate": 110.0, "pending_stake": 1100.0},
            10 * 5 + 10 * 105 * 0.0015,
        ),
    ],
)
def test_heat_by_hand(changes: dict[str, Any], heat: float) -> None:
    one = cases.position(**changes)
    assert position_heat(one) == pytest.approx(heat)
    assert naive.heat_of(one) == pytest.approx(heat)


# An entry of 500 at 50 with its stop at 49 loses 10 there, and 0.735 for the exit: 2.147 %.
SHARE = 0.02 + 0.98 * 0.0015


@pytest.mark.parametrize(
    ("held", "decision", "stake"),
    [
        (0, Decision.APPROVE, 500.0),
        (15, Decision.APPROVE, 500.0),  # 471.825 + 10.735 of 600
        (18, Decision.REJECT, 0.0),  # 566.19: 0.34 % is left of the 6 %, less than 1 %
    ],
)
@pytest.mark.parametrize("scope", Scope)
def test_heat_of_six_percent(held: int, decision: Decision, stake: float, scope: Scope) -> None:
    book = cases.book(*[cases.position()] * held)
    verdict = judged(book, cases.entry(), scope, max_heat_pct=6.0)
    assert (verdict.decision, verdict.stake) == (decision, stake)
    assert [reason.rule for reason in verdict.reasons] == ["heat"] * (stake <= 0)


@pytest.mark.parametrize(
    ("loss", "left", "stake"),
    [
        (400.0, 200.0, 200.0),  # no stop: all of it is at risk
        (500.0, 100.0, 100.0),  # exactly 1 % is left
        (500.01, 99.99, 0.0),
        (600.0, 0.0, 0.0),
        (900.0, -300.0, 0.0),
    ],
)
def test_an_entry_gets_what_heat_remains(loss: float, left: float, stake: float) -> None:
    book = cases.book(cases.position(stop_rate=None, stake=loss))
    verdict = judged(book, cases.entry(stop_rate=None), max_heat_pct=6.0)
    assert verdict.stake == pytest.approx(stake, rel=1e-6)
    assert verdict.stake <= max(left, 0.0)
    (reason,) = verdict.reasons
    assert (reason.rule, reason.limit) == ("heat", 6.0)
    if stake:
        assert reason.text == f"heat {loss / 100 + 5:.4g} % of equity with this entry, limit 6 %"
    else:
        assert reason.text == (
            f"heat {loss / 100:.4g} % of equity, limit 6 %: less than 1 % is left"
        )
        assert reason.value == pytest.approx(loss / 100)


def test_a_reduced_stake_uses_the_heat_up_and_no_more() -> None:
    book = cases.book(cases.position(stop_rate=None, stake=595.0))
    verdict = judged(book, cases.entry(), max_heat_pct=6.0, min_heat_left_pct=0.01)
    assert verdict.stake < 5.0 / SHARE
    assert verdict.stake == pytest.approx(5.0 / SHARE, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "limit_pct", "stake"),
    [
        ({}, 2.0, 500.0),  # 11.485 of 200
        ({}, 0.11485, 500.0),  # sized to the limit: rounding reduces nothing
        ({}, 0.1, 10 / (SHARE + 0.0015)),
        ({"stop_rate": 40.0}, 0.5, 50 / (0.2 + 0.8 * 0.0015 + 0.0015)),
        ({"stop_rate": None}, 2.0, 200.0),
        ({"stop_rate": None, "leverage": 3.0}, 2.0, 200.0),
        ({"leverage": 5.0}, 0.1, 2 / (SHARE + 0.0015)),
        ({}, 0.0001, 0.01 / (SHARE + 0.0015)),  # less than 1 is a stake too
        ({"side": Side.SHORT, "stop_rate": 51.0}, 0.1, 10 / (0.02 + 1.02 * 0.0015 + 0.0015)),
    ],
)
def test_risk_per_trade_by_hand(changes: dict[str, Any], limit_pct: float, stake: float) -> None:
    verdict = judged(cases.book(), cases.entry(**changes), risk_per_trade_pct=limit_pct)
    assert verdict.stake == pytest.approx(stake, rel=1e-6)
    assert verdict.stake <= stake * (1 + 1e-12)
    assert (verdict.decision is Decision.REDUCE) == (stake < 500.0)
    for reason in verdict.reasons:
        assert (reason.rule, reason.limit) == ("risk", limit_pct)
        assert reason.value == pytest.approx(limit_pct * 500.0 / stake)


@pytest.mark.parametrize(
    ("limit_pct", "stake"), [(1.0, 500.0), (0.4, 8.545 / (SHARE + 0.0015)), (0.3, 0.0)]
)
def test_an_increase_risks_with_the_trade_that_it_adds_to(limit_pct: float, stake: float) -> None:
    """31.455 of 10,000 is at risk already: 0.31455 %."""
    book = cases.book(cases.position())
    entry = cases.entry("BTC/USDT", is_increase=True)
    verdict = judged(book, entry, risk_per_trade_pct=limit_pct)
    assert verdict.stake == pytest.approx(stake, rel=1e-6)
    assert [reason.decision for reason in verdict.reasons] == (
        [] if stake >= 500.0 else [Decision.REDUCE if stake else Decision.REJECT]
    )
    apart = judged(book, cases.entry("BTC/USDT"), risk_per_trade_pct=limit_pct)
    assert apart.stake == 500.0


@pytest.mark.parametrize(
    ("changes", "is_refused"),
    [
        ({}, False),  # 0.3 % of a 2 % stop: 15 %
        ({"stop_rate": 49.6}, True),  # of 0.8 %: 37.5 %
        ({"stop_rate": 49.55}, False),  # of 0.9 %: a third, and not over it
        ({"stop_rate": None}, False),
        ({"stop_rate": None, "leverage": 200.0}, True),  # 0.3 % of the 0.5 % that are own money
        ({"side": Side.SHORT, "stop_rate": 50.4}, True),
        ({"cost_rate": 0.0, "stop_rate": 49.999}, False),
    ],
)
def test_costs_of_more_than_a_third_of_the_stop(changes: dict[str, Any], is_refused: bool) -> None:
    verdict = judged(cases.book(), cases.entry(**changes), max_cost_share_of_risk=1 / 3)
    assert [reason.rule for reason in verdict.reasons] == ["cost"] * is_refused
    assert (verdict.decision is Decision.REJECT) == is_refused
    if changes == {"stop_rate": 49.6}:
        assert verdict.text == "the round trip costs 37.5 % of the stop's distance, limit 33.33 %"
        assert verdict.reasons[0].value == pytest.approx(0.375)
