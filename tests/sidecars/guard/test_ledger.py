"""Profits of many bots as one number that only trading moves."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.risk.model import ClosedTrade
from sidecars.guard.ledger import AccountKey, BotAccount, Purse, earned, profit_of, with_snapshot
from sidecars.guard.snapshots import BotSnapshot
from tests.sidecars.guard.guard_rig import START, snapshot, trade

REAL = (Purse.REAL,)
Money = st.floats(-1e5, 1e5, allow_nan=False)


def test_bot_that_joins_brings_its_past_into_the_equity_and_not_into_the_day() -> None:
    ledger = with_snapshot({}, REAL, snapshot("dip", closed_profit=-300.0, closed_count=4))
    assert profit_of(ledger, Purse.REAL) == 0.0
    assert earned(ledger, Purse.REAL) == -300.0


def test_bot_that_leaves_takes_nothing_away() -> None:
    ledger = with_snapshot({}, REAL, snapshot("dip"))
    ledger = with_snapshot(ledger, REAL, snapshot("dip", closed_profit=-300.0, closed_count=1))
    ledger = with_snapshot(ledger, REAL, snapshot("sma"))
    assert (profit_of(ledger, Purse.REAL), earned(ledger, Purse.REAL)) == (-300.0, -300.0)


def test_realised_and_unrealised_profits_count() -> None:
    ledger = with_snapshot({}, REAL, snapshot("dip"))
    held = trade(profit=-40.0, realized_profit=15.0)
    ledger = with_snapshot(
        ledger, REAL, snapshot("dip", [held], closed_profit=10.0, closed_count=1)
    )
    assert profit_of(ledger, Purse.REAL) == -15.0


@pytest.mark.parametrize("change", [{"closed_count": 2}, {"closed_count": 9, "is_dry_run": True}])
def test_other_database_is_neither_profit_nor_loss(change: dict[str, object]) -> None:
    ledger = with_snapshot({}, REAL, snapshot("dip"))
    ledger = with_snapshot(ledger, REAL, snapshot("dip", closed_profit=200.0, closed_count=9))
    ledger = with_snapshot(ledger, REAL, snapshot("dip", closed_profit=-50.0, **change))  # type: ignore[arg-type]
    assert (profit_of(ledger, Purse.REAL), earned(ledger, Purse.REAL)) == (200.0, 200.0)


def test_purses_do_not_mix() -> None:
    ledger = with_snapshot({}, (Purse.PAPER,), snapshot("lab", is_dry_run=True))
    ledger = with_snapshot(
        ledger, (Purse.PAPER,), snapshot("lab", closed_profit=9.0, closed_count=1, is_dry_run=True)
    )
    assert profit_of(ledger, Purse.REAL) == 0.0
    assert profit_of(ledger, Purse.PAPER) == 9.0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["dip", "sma", "grid"]),
            st.sampled_from(["trade", "new database"]),
            Money,
        ),
        max_size=30,
    )
)
def test_only_trading_moves_the_profit(steps: list[tuple[str, str, float]]) -> None:
    """The slow twin: the sum of the changes that trading made."""
    ledger: dict[AccountKey, BotAccount] = {}
    said: dict[str, tuple[float, int]] = {}
    traded, past = 0.0, 0.0
    for bot, what, money in steps:
        if bot not in said:
            past += money
            said[bot] = (money, 5)
        elif what == "trade":
            before, count = said[bot]
            traded += money - before
            said[bot] = (money, count + 1)
        elif said[bot][1] > 0:
            said[bot] = (0.0, 0)
        profit, count = said[bot]
        ledger = with_snapshot(
            ledger, REAL, snapshot(bot, closed_profit=profit, closed_count=count)
        )
    assert profit_of(ledger, Purse.REAL) == pytest.approx(traded, abs=1e-6)
    assert earned(ledger, Purse.REAL) == pytest.approx(past + traded, abs=1e-6)


def grown(before: BotSnapshot, after: BotSnapshot) -> float:
    """The profit after two polls."""
    ledger = with_snapshot({}, REAL, snapshot("dip", closed_count=before.closed_count))
    ledger = with_snapshot(ledger, REAL, before)
    return profit_of(with_snapshot(ledger, REAL, after, before), Purse.REAL)


def test_fresh_database_turns_no_open_loss_into_a_profit() -> None:
    lost = snapshot("dip", [trade(1, profit=-300.0)])
    assert grown(lost, snapshot("dip")) == -300.0
    other = trade(1, "ETH/USDT", profit=0.0)
    assert grown(lost, snapshot("dip", [other])) == -300.0
    younger = trade(1, profit=0.0, opened_at=START + timedelta(minutes=1))
    assert grown(lost, snapshot("dip", [younger])) == -300.0
    sold = snapshot("dip", closed_profit=-310.0, closed_count=1)
    assert grown(lost, sold) == -310.0, "it was closed"
    entering = snapshot("dip", [trade(1, profit=0.0, amount=0.0, stake=0.0)])
    assert grown(entering, snapshot("dip", closed_profit=5.0)) == 5.0, "it was never filled"


def test_other_database_with_more_closed_trades_is_another() -> None:
    def closed(pair: str, hours: float) -> ClosedTrade:
        at = START - timedelta(hours=hours)
        return ClosedTrade("dip", pair, at, -100.0, False, at - timedelta(hours=1))

    one = closed("BTC/USDT", 5)
    before = snapshot("dip", closed=[one], closed_profit=-100.0, closed_count=1)
    more = closed("ETH/USDT", 1)
    goes_on = snapshot("dip", closed=[one, more], closed_profit=-200.0, closed_count=2)
    assert grown(before, goes_on) == -200.0
    strange = snapshot("dip", closed=[more, more], closed_profit=900.0, closed_count=2)
    assert grown(before, strange) == -100.0
    old = closed("BTC/USDT", 24 * 9)
    long_ago = snapshot("dip", closed=[old], closed_profit=-100.0, closed_count=1)
    assert grown(long_ago, snapshot("dip", closed_profit=-100.0, closed_count=1)) == -100.0
    assert grown(long_ago, snapshot("dip", closed_profit=-120.0, closed_count=2)) == -120.0
