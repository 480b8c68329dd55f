"""Each method of sizing as the config names it: its own figures, its ceiling, its refusals."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.settings import SettingsError, load_settings
from aquatrade.sizing import StakeDecision
from aquatrade.sizing_settings import SizingSettings
from aquatrade.stake_choice import choose_stake, realised_volatility_pct


@dataclass
class Known:
    """Figures as a test has them."""

    money: float = 1_000.0
    volatility: float = 120.0
    trades: Sequence[float] = ()
    profit: float = 0.0
    at_stake: float = 0.0

    def capital(self) -> float:
        return self.money

    def volatility_pct(self, candles: int) -> float:
        return self.volatility

    def results(self) -> Sequence[float]:
        return self.trades

    def realised_profit(self) -> float:
        return self.profit

    def staked(self) -> float:
        return self.at_stake


def chosen(figures: Known, available: float = 1_000.0, **keys: Any) -> StakeDecision:
    return choose_stake(
        SizingSettings(**{"stake_usd": 500.0, **keys}),
        figures,
        stop_pct=10.0,
        available=available,
        min_stake=5.0,
    )


GOOD = (0.1, -0.05) * 25  # half of them win twice what the others lose
BAD = (0.05, -0.1) * 25


@pytest.mark.parametrize(
    ("keys", "figures", "stake"),
    [
        ({"method": "fixed"}, Known(), 500.0),
        ({"method": "fraction"}, Known(), 100.0),
        ({"method": "fraction", "fraction_pct": 80.0}, Known(), 500.0),
        ({"method": "volatility"}, Known(), 50.0),
        ({"method": "volatility"}, Known(volatility=30.0), 100.0),
        ({"method": "volatility"}, Known(volatility=math.nan), 0.0),
        ({"method": "volatility"}, Known(volatility=0.0), 0.0),
        # Kelly: 0.5 / 0.05 - 0.5 / 0.1 = 5 times the capital.
        ({"method": "kelly"}, Known(trades=GOOD), 100.0),
        ({"method": "kelly", "kelly_cap_pct": 30.0}, Known(trades=GOOD), 300.0),
        ({"method": "kelly"}, Known(trades=BAD), 0.0),
        ({"method": "half_base", "base_usd": 1_000.0}, Known(), 500.0),
        ({"method": "half_base", "base_usd": 1_000.0}, Known(at_stake=400.0), 100.0),
        ({"method": "half_base", "base_usd": 1_000.0}, Known(at_stake=400.0, profit=90.0), 190.0),
        ({"method": "half_base", "base_usd": 1_000.0}, Known(money=600.0), 300.0),
        ({"method": "half_base", "base_usd": 1_000.0}, Known(at_stake=500.0), 0.0),
    ],
)
def test_a_method_asks_for_its_own_numbers(
    keys: dict[str, Any], figures: Known, stake: float
) -> None:
    decision = chosen(figures, **keys)
    assert decision.stake == pytest.approx(stake)
    assert bool(decision.reason) is (stake == 0.0)


@pytest.mark.parametrize("trades", [(), GOOD[:49], (0.1,) * 60, (*(0.1,) * 60, 0.0)])
def test_kelly_goes_by_risk_until_the_trades_say_enough(
    trades: Sequence[float], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "aquatrade.stake_choice"):
        by_kelly = chosen(Known(trades=trades), method="kelly")
    assert by_kelly == chosen(Known(), method="risk")
    assert "sized by risk" in caplog.text


@given(
    method=st.sampled_from(["risk", "fixed", "fraction", "volatility", "kelly", "half_base"]),
    money=st.floats(allow_nan=True, allow_infinity=True),
    volatility=st.floats(allow_nan=True, allow_infinity=True),
    available=st.floats(allow_nan=True, allow_infinity=True),
    trades=st.lists(st.floats(-1.0, 2.0), max_size=80),
    at_stake=st.floats(allow_nan=True, allow_infinity=True),
)
def test_no_method_passes_its_ceiling_or_what_is_free(
    method: str, money: float, volatility: float, available: float, trades: list[float],
    at_stake: float,
) -> None:  # fmt: skip
    known = Known(money, volatility, trades, profit=0.0, at_stake=at_stake)
    decision = chosen(known, available, method=method, base_usd=800.0)
    assert 0.0 <= decision.stake <= 500.0
    assert decision.stake == 0.0 or 5.0 <= decision.stake <= available
    assert bool(decision.reason) is (decision.stake == 0.0)


@given(st.lists(st.floats(0.01, 1e6), min_size=3, max_size=40))
def test_volatility_is_the_textbooks(closes: list[float]) -> None:
    returns = [math.log(b) - math.log(a) for a, b in pairwise(closes)]
    expected = statistics.stdev(returns) * math.sqrt(8_766.0) * 100.0
    assert realised_volatility_pct(closes, 8_766.0) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("closes", [[], [1.0], [1.0, 2.0], [1.0, math.nan, 2.0], [1.0, 0.0, 1.0]])
def test_volatility_of_too_little_is_not_known(closes: list[float]) -> None:
    assert math.isnan(realised_volatility_pct(closes, 8_766.0))


def test_half_base_without_a_base_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"aquatrade\.sizing\.base_usd' is missing"):
        load_settings({"aquatrade": {"sizing": {"method": "half_base"}}})
