"""One book out of many bots, against a slow twin that adds up coin by coin."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.risk.model import ClosedTrade, Side
from aquatrade.risk.profile import RiskProfile
from sidecars.guard.book import allotment_now, at_stake, fleet_book
from sidecars.guard.book_view import book_view
from sidecars.guard.checks import check
from sidecars.guard.fleet import Fleet, Rules
from sidecars.guard.ledger import Purse
from sidecars.guard.model import Reservation
from tests.sidecars.guard.guard_rig import (
    START,
    at,
    holding,
    order,
    polled,
    ready_fleet,
    request,
    rules,
    snapshot,
    trade,
)

RULES = rules([{"name": "dip"}, {"name": "sma"}, {"name": "lab", "stage": "paper"}])


def promised(made: Rules, fleet: Fleet, bot: str, pair: str, stake: float = 100.0) -> Fleet:
    wish = request(bot, pair, stake, dry_run=bot == "lab")
    return check(made, fleet, wish, at(1)).fleet


def test_reservation_is_a_position_until_its_order_is_one() -> None:
    fleet = promised(RULES, ready_fleet(RULES), "dip", "BTC/USDT")
    (position,) = fleet_book(RULES, fleet, Purse.REAL, START).positions
    assert (position.amount, position.pending_stake, position.exposure) == (0.0, 100.0, 100.0)
    assert (position.bot, position.asset, position.stop_rate) == ("dip", "BTC", 95.0)
    ordered = trade(1, amount=0.0, stake=0.0, orders=(order("o1", 1.0, is_open=True),))
    fleet = polled(RULES, fleet, snapshot("dip", [ordered]), at(3))
    (position,) = fleet_book(RULES, fleet, Purse.REAL, START).positions
    assert (position.pending_stake, fleet.reservations) == (100.0, {})


def test_increase_is_added_to_its_position() -> None:
    fleet = holding(RULES, [trade(stake=300.0)])
    step = check(RULES, fleet, request("dip", stake=50.0, is_increase=True), at(2))
    (position,) = fleet_book(RULES, step.fleet, Purse.REAL, START).positions
    assert (position.stake, position.pending_stake) == (300.0, 50.0)
    assert at_stake(step.fleet, "dip") == 350.0


def test_position_knows_its_newest_entry() -> None:
    late = order("o2", 1.0, when=START + timedelta(hours=5))
    gone = replace(order("o3", 1.0, is_open=True), is_open=False, at=START + timedelta(hours=6))
    fleet = holding(RULES, [trade(orders=(order("o1"), late, gone))])
    (position,) = fleet_book(RULES, fleet, Purse.REAL, START).positions
    assert position.last_entry_at == late.at, "a cancelled order came to nothing"


def test_free_cash_knows_profits_orders_and_promises() -> None:
    fleet = polled(
        RULES,
        ready_fleet(RULES),
        snapshot("dip", [trade(stake=300.0, profit=-30.0, realized_profit=4.0)],
                 closed_profit=10.0, closed_count=1),
        at(1),
    )  # fmt: skip
    fleet = promised(RULES, fleet, "sma", "ETH/USDT", 50.0)
    book = fleet_book(RULES, fleet, Purse.REAL, START)
    assert book.equity == pytest.approx(5000.0 + 10.0 + 4.0 - 30.0)
    assert book.free == pytest.approx(5000.0 + 10.0 + 4.0 - 300.0 - 50.0)


def test_paper_is_no_part_of_the_real_book() -> None:
    fleet = promised(RULES, ready_fleet(RULES), "lab", "BTC/USDT")
    assert fleet_book(RULES, fleet, Purse.REAL, START).positions == ()
    assert len(fleet_book(RULES, fleet, Purse.PAPER, START).positions) == 1


def test_trade_whose_entry_was_cancelled_is_nothing() -> None:
    empty = trade(1, amount=0.0, stake=0.0, orders=())
    fleet = polled(RULES, ready_fleet(RULES), snapshot("dip", [empty]), at(1))
    assert fleet_book(RULES, fleet, Purse.REAL, START).positions == ()


def test_family_of_closed_trades_is_the_bots() -> None:
    closed = ClosedTrade("dip", "BTC/USDT", START, 1.0, False)
    fleet = polled(RULES, ready_fleet(RULES), snapshot("dip", closed=[closed]), at(1))
    assert [each.family for each in fleet_book(RULES, fleet, Purse.REAL, START).closed] == ["dip"]


def test_view_tells_whose_is_what() -> None:
    made = rules([{"name": "dip"}, {"name": "sma", "exchange": "kraken"}],
                 RiskProfile(name="test", reserve_pct=24.0))  # fmt: skip
    fleet = polled(made, ready_fleet(made), snapshot("dip", [trade(stake=300.0)]), at(1))
    held = snapshot("sma", [trade(1, "BTC/USDT", 200.0)], exchange="kraken")
    view = book_view(made, polled(made, fleet, held, at(1)), Purse.REAL, START)
    assert view.exposure_by_asset == {"BTC": 500.0}
    assert view.exposure_by_exchange == {"binance": 300.0, "kraken": 200.0}
    assert view.at_stake_by_bot == {"dip": 300.0, "sma": 200.0}
    assert (view.reserve, view.capital) == (1200.0, 5000.0)


Trades = st.lists(
    st.tuples(
        st.sampled_from(["BTC/USDT", "ETH/USDT", "SOL/USDT"]),
        st.floats(10.0, 900.0),  # stake
        st.floats(50.0, 200.0),  # present price, bought at 100
        st.floats(0.0, 300.0),  # an entry order that is open
        st.sampled_from([1.0, 3.0]),
    ),
    max_size=6,
)


@given(Trades, st.floats(-500.0, 500.0), st.lists(st.floats(1.0, 90.0), max_size=3))
def test_equals_the_slow_twin(
    trades: list[tuple[str, float, float, float, float]], realized: float, stakes: list[float]
) -> None:
    held = [
        trade(
            number,
            pair,
            stake,
            amount=stake * leverage / 100.0,
            leverage=leverage,
            current_rate=price,
            profit=stake * leverage / 100.0 * (price - 100.0),
            orders=(order(f"o{number}", pending * leverage / 100.0, is_open=True),),
        )
        for number, (pair, stake, price, pending, leverage) in enumerate(trades)
    ]
    seen = snapshot("dip", held, closed_profit=realized, closed_count=1)
    fleet = replace(
        polled(RULES, ready_fleet(RULES), seen, at(1)),
        reservations={
            f"r{number}": reservation(f"r{number}", f"C{number}/USDT", stake)
            for number, stake in enumerate(stakes)
        },
    )
    book = fleet_book(RULES, fleet, Purse.REAL, START)
    cash = 5000.0 + realized
    exposure = 0.0
    worth = 0.0
    for _, stake, price, pending, leverage in trades:
        cash -= stake + pending
        worth += stake + stake * leverage * (price - 100.0) / 100.0 + pending
        exposure += stake * leverage * price / 100.0 + pending * leverage
    for stake in stakes:
        cash -= stake
        worth += stake
        exposure += stake
    assert book.free == pytest.approx(cash, abs=1e-6)
    assert book.equity == pytest.approx(cash + worth, abs=1e-6)
    assert sum(each.exposure for each in book.positions) == pytest.approx(exposure, abs=1e-6)
    spent = sum(stake + pending for _, stake, _, pending, _ in trades)
    assert at_stake(fleet, "dip") == pytest.approx(spent + sum(stakes), abs=1e-6)


def reservation(number: str, pair: str, stake: float) -> Reservation:
    return Reservation(
        number, "dip", "binance", "dip", pair, Side.LONG, START, False, stake, 100.0, 95.0, 1.0,
        0.001, START, START + timedelta(minutes=2), 0.0, (), False,
    )  # fmt: skip


@given(st.floats(-3000.0, 3000.0))
def test_allotment_shrinks_with_losses_and_never_grows(realized: float) -> None:
    bot = RULES.settings.bots[0]
    left = allotment_now(bot, snapshot("dip", closed_profit=realized))
    assert 0.0 <= left <= bot.allotment
    assert left == pytest.approx(max(0.0, bot.allotment + min(0.0, realized)))
