"""Limits on what is open: exposure, assets and hedges, exchanges, places, orders, the reserve."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.risk.exposure import asset_exposures, exchange_exposure, total_exposure
from aquatrade.risk.judging import Scope, judge_entry
from aquatrade.risk.model import Book, Decision, Entry, Position, RiskState, Side, Verdict
from tests.aquatrade.risk import cases, naive


def judged(book: Book, entry: Entry, scope: Scope, **limits: Any) -> Verdict:
    profile = cases.profile(**limits)
    return judge_entry(profile, RiskState(), book, entry, cases.CALM, scope)


def rules(verdict: Verdict) -> list[str]:
    return [reason.rule for reason in verdict.reasons]


@given(st.lists(cases.positions(), max_size=7))
def test_exposures_equal_the_slow_ones(positions: list[Position]) -> None:
    figures = asset_exposures(positions)
    assert figures.keys() == {one.asset for one in positions}
    for asset, value in figures.items():
        assert value == pytest.approx(naive.exposure_of_asset(positions, asset))
        assert asset_exposures(positions, (asset,)) == {asset: pytest.approx(value)}
    total = total_exposure(positions)
    assert total == pytest.approx(naive.gross(positions))
    assert sum(figures.values()) <= total * (1 + 1e-9)
    apart = sum(exchange_exposure(positions, name) for name in ("binance", "bybit"))
    assert apart == pytest.approx(total)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize(("stake", "is_refused"), [(500.0, False), (500.1, True), (5000.0, True)])
def test_exposure(scope: Scope, stake: float, is_refused: bool) -> None:
    held = [cases.position(), cases.position("SOL/USDT", amount=0.0, pending_stake=2000.0)]
    book = cases.book(*held, cases.position("ADA/USDT", current_rate=250.0))
    entry = cases.entry(stake=stake)
    verdict = judged(book, entry, scope, max_exposure_pct=60.0)
    assert rules(verdict) == ["exposure"] * is_refused  # 1,000 + 2,000 + 2,500 of 6,000
    if is_refused:
        value = 55 + stake / 100
        assert verdict.text == f"exposure {value:.4g} % of equity, limit 60 %"
        assert verdict.reasons[0].value == pytest.approx(value)


@pytest.mark.parametrize(("leverage", "is_refused"), [(2.0, False), (2.1, True)])
def test_leverage_is_exposure(leverage: float, is_refused: bool) -> None:
    book = cases.book(cases.position(), exchanges=("binance", "bybit"))
    entry = cases.entry(stake=1000.0, leverage=leverage)
    total = judged(book, entry, Scope.FLEET, max_exposure_pct=30.0)
    assert rules(total) == ["exposure"] * is_refused
    there = judged(book, entry, Scope.FLEET, max_exchange_pct=30.0)
    assert rules(there) == ["exchange"] * is_refused
    if is_refused:
        assert there.text == "binance 31 % of equity, limit 30 %"


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize(
    ("held", "changes", "is_refused"),
    [
        ([], {"stake": 2000.0}, False),
        ([], {"stake": 2001.0}, True),
        ([], {"stake": 700.0, "leverage": 3.0}, True),
        ([{}], {"stake": 1000.0}, False),
        ([{}], {"stake": 1001.0}, True),
        ([{"pair": "BTC/USDT:USDT", "bot": "second"}], {"stake": 1001.0}, True),  # one asset
        ([{"pair": "SOL/USDT"}], {"stake": 1001.0}, False),
        # The legs of a hedge count net, those of strategies that disagree do not.
        ([{"side": Side.SHORT, "stop_rate": 103.0}], {"stake": 3000.0}, False),
        ([{"side": Side.SHORT, "stop_rate": 103.0}], {"stake": 3001.0}, True),
        ([{"side": Side.SHORT, "stop_rate": 103.0, "family": "scalp"}], {"stake": 1001.0}, True),
        # An order hedges nothing before it is filled.
        (
            [
                {
                    "side": Side.SHORT,
                    "stop_rate": 103.0,
                    "amount": 0.0,
                    "pending_stake": 1000.0,
                }
            ],
            {"stake": 2001.0},
            True,
        ),
    ],
)
def test_one_asset(
    scope: Scope, held: list[dict[str, Any]], changes: dict[str, Any], is_refused: bool
) -> None:
    book = cases.book(*(cases.position(**one) for one in held))
    verdict = judged(book, cases.entry("BTC/USDT", **changes), scope, max_pair_pct=20.0)
    assert rules(verdict) == ["pair"] * is_refused


@pytest.mark.parametrize(
    ("held", "known", "is_refused"),
    [
        ("binance", (), False),  # one exchange: no limit
        ("bybit", (), False),  # two, and 5 % here
        ("binance", ("binance", "bybit"), True),
        ("binance", ("binance",), False),
    ],
)
def test_exchanges_once_there_are_two(held: str, known: tuple[str, ...], is_refused: bool) -> None:
    book = cases.book(cases.position(amount=58.0, exchange=held), exchanges=known)
    entry = cases.entry(stake=500.0)
    assert rules(judged(book, entry, Scope.FLEET, max_exchange_pct=60.0)) == ["exchange"] * int(
        is_refused
    )
    assert judged(book, entry, Scope.BOT, max_exchange_pct=60.0).decision is Decision.APPROVE


@pytest.mark.parametrize(
    ("stake", "reserve_pct", "is_refused"),
    [
        (3000.0, 20.0, False),
        (3000.1, 20.0, True),
        (5000.0, 0.0, False),
        (5000.1, 0.0, True),  # more than there is
    ],
)
def test_the_reserve_is_never_staked(stake: float, reserve_pct: float, is_refused: bool) -> None:
    entry = cases.entry(stake=stake)
    verdict = judged(cases.book(), entry, Scope.FLEET, reserve_pct=reserve_pct)
    assert rules(verdict) == ["reserve"] * is_refused
    if stake == 3000.1:
        assert verdict.text == "20 % of equity would stay in cash, the reserve is 20 %"
        assert verdict.reasons[0].value == pytest.approx(19.999)
    bot = judged(cases.book(), entry, Scope.BOT, reserve_pct=reserve_pct)
    assert bot.decision is Decision.APPROVE


@pytest.mark.parametrize("scope", Scope)
def test_places(scope: Scope) -> None:
    book = cases.book(cases.position(), cases.position("SOL/USDT", amount=0.0, pending_stake=9.0))
    assert judged(book, cases.entry(), scope, max_open_positions=3).decision is Decision.APPROVE
    verdict = judged(book, cases.entry(stake=100.0), scope, max_open_positions=2)
    assert verdict.text == "2 positions open, limit 2"
    increase = cases.entry("SOL/USDT", is_increase=True)
    assert judged(book, increase, scope, max_open_positions=2).decision is Decision.APPROVE
    increase_of_nothing = cases.entry("ADA/USDT", is_increase=True)
    assert rules(judged(book, increase_of_nothing, scope, max_open_positions=2)) == ["positions"]


@pytest.mark.parametrize(
    ("changes", "held", "stake"),
    [
        ({"stake": 2000.0}, [], 2000.0),
        ({"stake": 2100.0}, [], 2000.0),
        ({"stake": 2100.0, "leverage": 3.0}, [], 2000.0),  # 6,000 of notional
        ({"stake": 1900.0, "leverage": 3.0}, [], 1900.0),
        ({"stake": 1500.0, "is_increase": True}, [cases.position("ETH/USDT")], 1000.0),
        (
            {"stake": 1500.0, "is_increase": True},
            [cases.position("ETH/USDT", current_rate=200.0)],
            0.0,
        ),
        (
            {"stake": 1500.0, "is_increase": True},
            [cases.position("ETH/USDT", current_rate=199.95)],
            0.5,
        ),
    ],
)
def test_a_trade_takes_no_more_than_its_place(
    changes: dict[str, Any], held: list[Position], stake: float
) -> None:
    verdict = judged(cases.book(*held), cases.entry(**changes), Scope.BOT, max_open_positions=5)
    assert verdict.stake == pytest.approx(stake, rel=1e-5) and verdict.stake <= stake
    assert (rules(verdict) == ["notional"]) == (stake < changes["stake"])


@pytest.mark.parametrize(("stake", "given_stake"), [(499.0, 499.0), (500.0, 500.0), (900.0, 500.0)])
def test_one_order(stake: float, given_stake: float) -> None:
    verdict = judged(cases.book(), cases.entry(stake=stake), Scope.BOT, max_order=500.0)
    assert verdict.stake == given_stake
    assert (verdict.text == "order of 900, limit 500") == (stake > given_stake)


def test_borrowed_money_is_part_of_an_order() -> None:
    entry = cases.entry("BTC/USDT:USDT", stake=500.0, leverage=5.0)
    verdict = judged(cases.book(), entry, Scope.BOT, max_order=500.0)
    assert (verdict.decision, verdict.stake) == (Decision.REDUCE, 100.0)
    assert verdict.text == "order of 2500, limit 500"
