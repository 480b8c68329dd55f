"""The stake: never more at risk than asked for, never rounded up into more risk."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.sizing import fixed_stake, loss_share_at_stop, stake_at_risk

MONEY = st.floats(0.01, 1e7)
GOOD: dict[str, Any] = {
    "capital": 1000.0,
    "available": 1000.0,
    "risk_pct": 2.0,
    "stop_pct": 20.0,
    "cost_pct_per_side": 0.15,
    "max_stake": 200.0,
    "min_stake": 5.0,
}


def loss_of_a_trade(stake: float, stop_pct: float, cost_pct: float) -> float:
    """Slow and obvious: buy, pay, fall to the stop, sell, pay."""
    entry_price = 50.0
    amount = stake / entry_price
    paid = amount * entry_price * (1 + cost_pct / 100)
    exit_price = entry_price * (1 - stop_pct / 100)
    received = amount * exit_price * (1 - cost_pct / 100)
    return paid - received


@given(
    capital=MONEY,
    available=MONEY,
    risk_pct=st.floats(0.1, 10.0),
    stop_pct=st.floats(0.1, 99.0),
    cost_pct_per_side=st.floats(0.0, 2.0),
    max_stake=MONEY,
    min_stake=st.floats(0.0, 100.0),
)
def test_the_loss_at_the_stop_is_within_the_risk(**figures: Any) -> None:
    stake = stake_at_risk(**figures).stake
    loss = loss_of_a_trade(stake, figures["stop_pct"], figures["cost_pct_per_side"])
    assert loss <= figures["capital"] * figures["risk_pct"] / 100 * (1 + 1e-9)
    assert 0.0 <= stake <= min(figures["available"], figures["max_stake"])
    assert stake == 0.0 or stake >= figures["min_stake"]


@given(
    capital=MONEY,
    stop_pct=st.floats(0.1, 99.0),
    cost_pct_per_side=st.floats(0.0, 2.0),
    max_stake=MONEY,
)
def test_the_stake_is_the_largest_that_is_allowed(**figures: Any) -> None:
    decision = stake_at_risk(**(GOOD | figures | {"available": 1e12, "min_stake": 0.0}))
    bigger = decision.stake * 1.001
    loss = loss_of_a_trade(bigger, figures["stop_pct"], figures["cost_pct_per_side"])
    too_risky = loss > figures["capital"] * GOOD["risk_pct"] / 100
    assert too_risky or bigger > figures["max_stake"]


@given(st.floats(0.1, 99.0), st.floats(0.0, 2.0))
def test_the_share_lost_is_what_a_trade_loses(stop_pct: float, cost_pct: float) -> None:
    expected = loss_of_a_trade(1.0, stop_pct, cost_pct)
    assert loss_share_at_stop(stop_pct, cost_pct) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "stake"),
    [
        ({}, 1000 * 0.02 / 0.2027),  # 98.67: the risk binds
        ({"capital": 5000.0}, 200.0),  # the cap binds
        ({"available": 50.0}, 50.0),  # the balance binds
        ({"stop_pct": 2.0}, 200.0),
        ({"min_stake": 98.0}, 1000 * 0.02 / 0.2027),
        ({"min_stake": 99.0}, 0.0),  # the exchange asks for more than the risk allows
        ({"available": 0.0}, 0.0),
    ],
)
def test_by_hand(changes: dict[str, float], stake: float) -> None:
    decision = stake_at_risk(**(GOOD | changes))
    assert decision.stake == pytest.approx(stake, rel=1e-4)
    assert bool(decision.reason) == (stake == 0.0)


@pytest.mark.parametrize("key", list(GOOD))
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_figures_that_make_no_sense_stake_nothing(key: str, value: float) -> None:
    if key == "max_stake" and value == math.inf:
        value = math.nan
    decision = stake_at_risk(**(GOOD | {key: value}))
    assert decision.stake == 0.0 and decision.reason


@pytest.mark.parametrize(
    ("figures", "stake"),
    [
        ({"stake": 200.0, "available": 500.0, "min_stake": 5.0}, 200.0),
        ({"stake": 200.0, "available": 199.0, "min_stake": 5.0}, 0.0),
        ({"stake": 4.0, "available": 500.0, "min_stake": 5.0}, 0.0),
        ({"stake": math.nan, "available": 500.0, "min_stake": 5.0}, 0.0),
        ({"stake": 200.0, "available": math.nan, "min_stake": 5.0}, 0.0),
    ],
)
def test_a_fixed_stake_is_that_or_none(figures: dict[str, Any], stake: float) -> None:
    assert fixed_stake(**figures).stake == pytest.approx(stake)
