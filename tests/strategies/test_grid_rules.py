"""GridTrader's refusals at the start, and what its risk rules refuse."""

from pathlib import Path
from typing import Any

import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.resolvers import StrategyResolver

from lab.evidence_runner import STRATEGIES
from tests.strategies.grid_tables import HAND, PAIR, backtest, orders_of, rows_of

# Rules that candles which stand still for days say nothing about.
QUIET: dict[str, Any] = {"name": "test", "max_atr_ratio": None, "rest_after_stop_minutes": None}
DOWN_AND_UP = (100, 100, 99, 98, 97, 96, 98.5, 100.2, 100.2, 97, 97, 97, 97)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"spacing_pct": 0.3}, r"aquatrade\.grid': a step of 0\.3 % is under 2 x 0\.1 % fee"),
        ({"pairs": {"ETH/USDT": {"spacing_pct": 0.3}}}, r"pairs\.ETH/USDT': a step of 0\.3 %"),
        ({"range_low": 90.0}, "a static range has two ends"),
    ],
)
def test_a_grid_that_cannot_pay_does_not_start(
    section: dict[str, Any], words: str, tmp_path: Path
) -> None:
    config: dict[str, Any] = {
        "strategy": "GridTrader", "strategy_path": STRATEGIES, "user_data_dir": tmp_path,
        "runmode": RunMode.BACKTEST, "dry_run": True, "stake_currency": "USDT",
        "aquatrade": {"grid": section},
    }  # fmt: skip
    with pytest.raises(OperationalException, match=words) as caught:
        StrategyResolver.load_strategy(config)
    assert "\n" not in str(caught.value)


def test_live_needs_a_word_about_the_evidence(tmp_path: Path) -> None:
    config: dict[str, Any] = {
        "strategy": "GridTrader", "strategy_path": STRATEGIES, "user_data_dir": tmp_path,
        "runmode": RunMode.LIVE, "dry_run": False, "stake_currency": "USDT",
    }  # fmt: skip
    with pytest.raises(OperationalException, match="accept_negative_evidence"):
        StrategyResolver.load_strategy(config)


def stakes_of(trades: Any) -> list[float]:
    return [
        round(order["amount"] * order["safe_price"], 1)
        for trade in trades.to_dict("records")
        for order in trade["orders"]
        if order["ft_is_entry"]
    ]


def test_what_the_risk_rules_refuse_waits(tmp_path: Path) -> None:
    """At most 1.5 % of 10,000 USD in the pair is one lot: the lines under it are refused, and wait.
    Once the lot is sold, four lines at once are too much, the highest of them alone is not."""
    risk = {**QUIET, "max_pair_pct": 1.5}
    trades = backtest(tmp_path, {PAIR: rows_of(*DOWN_AND_UP)}, HAND, aquatrade={"risk": risk})
    assert [order[:3] for order in orders_of(trades)] == [
        (2, "buy", 99.0),
        (7, "sell", 100.18),
        (10, "buy", 97.02),
    ]
    assert stakes_of(trades) == [100.0, 100.0]


def test_what_the_risk_rules_make_smaller_is_a_smaller_lot(tmp_path: Path) -> None:
    """Four lines are crossed at candle 9: four orders of 60 USD, the first of them the entry's."""
    risk = {**QUIET, "max_order": 60.0}
    trades = backtest(tmp_path, {PAIR: rows_of(*DOWN_AND_UP)}, HAND, aquatrade={"risk": risk})
    assert set(stakes_of(trades)) == {60.0}
    assert [order[0] for order in orders_of(trades) if order[1] == "buy"] == [
        2, 3, 4, 5, 9, 9, 10, 11
    ]  # fmt: skip


def test_without_rules_the_same_way_is_bought_whole(tmp_path: Path) -> None:
    trades = backtest(tmp_path, {PAIR: rows_of(*DOWN_AND_UP)}, HAND)
    assert stakes_of(trades) == [100.0, 100.0, 100.0, 100.0, 400.0]
