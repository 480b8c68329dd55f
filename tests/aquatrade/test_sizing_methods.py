"""The other ways to size: fraction, volatility, Kelly, half of the base with all profit."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aquatrade.sizing import (
    StakeDecision,
    fraction_stake,
    half_base_cap,
    half_base_stake,
    kelly_fraction,
    kelly_stake,
    loss_share_at_stop,
    stake_at_risk,
    volatility_stake,
)

COMMON: dict[str, Any] = {
    "capital": 1000.0,
    "available": 800.0,
    "max_stake": 500.0,
    "min_stake": 5.0,
}
FRACTION = COMMON | {"fraction_pct": 20.0}
VOLATILITY = FRACTION | {"volatility_pct": 80.0, "target_volatility_pct": 40.0}
KELLY = COMMON | {
    "win_rate": 0.6,
    "mean_win_pct": 10.0,
    "mean_loss_pct": 10.0,
    "trades": 60,
    "min_trades": 50,
    "kelly_multiplier": 0.5,
    "cap_pct": 25.0,
}
HALF_BASE: dict[str, Any] = {
    "base": 1000.0,
    "equity": 1200.0,
    "realised_profit": 200.0,
    "staked": 0.0,
    "stake": 100.0,
    "available": 800.0,
    "min_stake": 5.0,
}
Sizing = Callable[..., StakeDecision]
METHODS: list[tuple[Sizing, dict[str, Any]]] = [
    (fraction_stake, FRACTION),
    (volatility_stake, VOLATILITY),
    (kelly_stake, KELLY),
    (half_base_stake, HALF_BASE),
]


@pytest.mark.parametrize(
    ("method", "figures", "changes", "stake"),
    [
        (fraction_stake, FRACTION, {}, 200.0),
        (fraction_stake, FRACTION, {"fraction_pct": 100.0}, 500.0),  # the cap
        (fraction_stake, FRACTION, {"available": 150.0}, 150.0),
        (fraction_stake, FRACTION, {"min_stake": 201.0}, 0.0),
        (fraction_stake, FRACTION, {"fraction_pct": 100.1}, 0.0),
        (fraction_stake, FRACTION, {"fraction_pct": 0.0}, 0.0),
        (volatility_stake, VOLATILITY, {}, 100.0),  # 20 % x 40 / 80
        (volatility_stake, VOLATILITY, {"volatility_pct": 40.0}, 200.0),
        (volatility_stake, VOLATILITY, {"volatility_pct": 10.0}, 200.0),  # never more
        (volatility_stake, VOLATILITY, {"volatility_pct": 0.0}, 0.0),
        (kelly_stake, KELLY, {}, 250.0),  # half of Kelly's 200 % is capped
        (kelly_stake, KELLY, {"mean_win_pct": 50.0, "mean_loss_pct": 50.0}, 200.0),
        (kelly_stake, KELLY, {"mean_win_pct": 100.0, "mean_loss_pct": 100.0}, 100.0),
        (kelly_stake, KELLY, {"trades": 49}, 0.0),
        (kelly_stake, KELLY, {"win_rate": 0.5}, 0.0),
        (kelly_stake, KELLY, {"win_rate": 1.0, "mean_loss_pct": math.nan}, 0.0),
        (kelly_stake, KELLY, {"kelly_multiplier": 1.5}, 0.0),
        (half_base_stake, HALF_BASE, {}, 100.0),
        (half_base_stake, HALF_BASE, {"staked": 650.0}, 50.0),  # 500 + 200 - 650
        (half_base_stake, HALF_BASE, {"staked": 696.0}, 0.0),
        (half_base_stake, HALF_BASE, {"staked": 700.0}, 0.0),
        (half_base_stake, HALF_BASE, {"realised_profit": -200.0, "staked": 450.0}, 50.0),
        (half_base_stake, HALF_BASE, {"available": 20.0}, 20.0),
    ],
)
def test_by_hand(
    method: Sizing, figures: dict[str, Any], changes: dict[str, Any], stake: float
) -> None:
    decision = method(**(figures | changes))
    assert decision.stake == pytest.approx(stake)
    assert bool(decision.reason) == (stake <= 0.0)


@pytest.mark.parametrize(
    ("base", "equity", "profit", "cap"),
    [
        (1000.0, 1000.0, 0.0, 500.0),
        (1000.0, 1300.0, 300.0, 800.0),
        (1000.0, 700.0, -300.0, 350.0),
        (1000.0, 900.0, 100.0, 550.0),  # an open loss of 200
        (1000.0, 0.0, -1000.0, 0.0),
    ],
)
def test_half_of_the_base_and_all_profit(
    base: float, equity: float, profit: float, cap: float
) -> None:
    assert half_base_cap(base=base, equity=equity, realised_profit=profit) == pytest.approx(cap)


@pytest.mark.parametrize(("method", "figures"), METHODS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0])
def test_figures_that_make_no_sense_stake_nothing(
    method: Sizing, figures: dict[str, Any], value: float
) -> None:
    for key in figures:
        if key in ("trades", "min_trades") or (key, value) == ("realised_profit", -1.0):
            continue
        decision = method(**(figures | {key: value}))
        assert decision.stake == 0.0 and decision.reason, key


MONEY = st.floats(1.0, 1e6)


@given(
    st.floats(0.0, 1.0), st.floats(0.5, 300.0), st.floats(0.5, 100.0), MONEY, st.floats(0.1, 1.0)
)
def test_no_method_is_above_its_bounds(
    win_rate: float, mean_win_pct: float, mean_loss_pct: float, available: float, factor: float
) -> None:
    changes = {
        "win_rate": win_rate,
        "mean_win_pct": mean_win_pct,
        "mean_loss_pct": mean_loss_pct,
        "kelly_multiplier": factor,
        "available": available,
    }
    stake = kelly_stake(**(KELLY | changes)).stake
    assert 0.0 <= stake <= min(available, 250.0, 500.0)
    assert stake == 0.0 or stake >= 5.0
    calm = volatility_stake(**(VOLATILITY | {"volatility_pct": mean_win_pct}))
    assert calm.stake <= fraction_stake(**FRACTION).stake


def growth(fraction: float, win_rate: float, win: float, loss: float) -> float:
    """The expected logarithm of what a bet makes of the capital."""
    return win_rate * math.log1p(fraction * win) + (1 - win_rate) * math.log1p(-fraction * loss)


@given(st.floats(0.05, 0.95), st.floats(5.0, 300.0), st.floats(5.0, 100.0))
def test_no_fraction_grows_faster_than_kelly_s(
    win_rate: float, mean_win_pct: float, mean_loss_pct: float
) -> None:
    win, loss = mean_win_pct / 100, mean_loss_pct / 100
    best = kelly_fraction(win_rate, mean_win_pct, mean_loss_pct)
    assume(-0.99 / win < best < 0.99 / loss)
    most = growth(best, win_rate, win, loss)
    for step in range(-50, 51):
        other = best + step * 0.02 / loss
        if other * win > -1.0 and other * loss < 1.0:
            assert growth(other, win_rate, win, loss) <= most + 1e-12


@given(MONEY, MONEY, st.floats(-1e6, 1e6), MONEY, st.floats(0.0, 1e6))
def test_what_is_staked_stays_under_the_cap(
    base: float, equity: float, profit: float, stake: float, staked: float
) -> None:
    money = {"base": base, "equity": equity, "realised_profit": profit}
    figures = HALF_BASE | money | {"stake": stake, "staked": staked, "available": 1e9}
    given_stake = half_base_stake(**figures).stake
    cap = 0.5 * (base if base < equity else equity) + (profit if profit > 0 else 0)
    assert given_stake <= stake
    assert given_stake == 0.0 or staked + given_stake <= cap * (1 + 1e-9)


@given(st.floats(0.1, 99.0), st.floats(0.0, 2.0))
def test_a_short_loses_what_trading_it_loses(stop_pct: float, cost_pct: float) -> None:
    amount, price = 3.0, 50.0
    stop = price * (1 + stop_pct / 100)
    received = amount * price * (1 - cost_pct / 100)
    paid = amount * stop * (1 + cost_pct / 100)
    share = loss_share_at_stop(stop_pct, cost_pct, is_short=True)
    assert share * amount * price == pytest.approx(paid - received)


def test_a_short_at_risk_is_smaller_than_a_long() -> None:
    figures = COMMON | {"risk_pct": 2.0, "stop_pct": 5.0, "cost_pct_per_side": 0.15}
    long, short = stake_at_risk(**figures).stake, stake_at_risk(**figures, is_short=True).stake
    assert short == pytest.approx(20.0 / (0.05 + 0.0015 + 0.0015 * 1.05))
    assert short < long
