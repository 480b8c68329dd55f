"""The stake: right or nothing, when everything around it fails."""

from collections.abc import Callable
from typing import Any

import pytest
from freqtrade.exceptions import TemporaryError
from freqtrade.strategy.strategy_wrapper import strategy_safe_wrapper

from tests.strategies.freqtrade_fakes import ENTERED, PAIR

LoadStrategy = Callable[..., Any]


class Wallets:
    def __init__(self, total: float | Exception) -> None:
        self.total = total

    def get_total_stake_amount(self) -> float:
        if isinstance(self.total, Exception):
            raise self.total
        return self.total


def stake(strategy: Any, **changes: Any) -> float:
    """custom_stake_amount as freqtrade calls it; -1 stands for freqtrade's own stake."""
    arguments: dict[str, Any] = {
        "pair": PAIR,
        "current_time": ENTERED,
        "current_rate": 100.0,
        "proposed_stake": 200.0,
        "min_stake": 5.0,
        "max_stake": 10_000.0,
        "leverage": 1.0,
        "entry_tag": "crash",
        "side": "long",
    }
    wrapped = strategy_safe_wrapper(strategy.custom_stake_amount, default_retval=-1.0)
    return float(wrapped(**(arguments | changes)))


@pytest.mark.parametrize(
    ("capital", "changes", "expected"),
    [
        (10_000.0, {}, 200.0),
        (1_000.0, {}, 98.67),  # 2 % of 1,000 over 20.27 % lost at the stop
        (1_000.0, {"max_stake": 60.0}, 60.0),
        (1_000.0, {"min_stake": 99.0}, 0.0),
        (1_000.0, {"min_stake": None}, 98.67),
        (1_000.0, {"max_stake": float("nan")}, 0.0),
        (0.0, {}, 0.0),
        (float("nan"), {}, 0.0),
        (float("inf"), {}, 0.0),
        (-5.0, {}, 0.0),
        (RuntimeError("no balance"), {}, 0.0),
        (TemporaryError("exchange away"), {}, 0.0),
    ],
)
def test_the_stake_is_right_or_nothing(
    capital: Any, changes: dict[str, Any], expected: float, load_strategy: LoadStrategy
) -> None:
    strategy = load_strategy()
    strategy.wallets = Wallets(capital)
    assert stake(strategy, **changes) == pytest.approx(expected, abs=0.01)


def test_without_wallets_there_is_no_stake(load_strategy: LoadStrategy) -> None:
    assert stake(load_strategy()) == 0.0


def test_a_fixed_stake_is_the_one_that_is_set(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(sizing={"method": "fixed", "stake_usd": 150.0})
    assert stake(strategy) == pytest.approx(150.0)
    assert stake(strategy, max_stake=149.0) == 0.0
