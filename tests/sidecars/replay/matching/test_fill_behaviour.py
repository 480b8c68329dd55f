"""Late, small and refused fills: what the client is told, and what the ledger knows meanwhile."""

from decimal import Decimal

import pytest

from sidecars.replay.matching.fill_behaviour import FillBehaviour
from sidecars.replay.model import ExchangeError, Order, OrderStatus, Side
from tests.sidecars.replay.engine_fakes import START_MS, make_engine, request

D = Decimal
TICKS = {"SOLUSDT": [(0, 100.0, 1.0), (1000, 99.0, 4.0), (2000, 99.0, 50.0), (9000, 99.0, 1.0)]}


def test_a_late_fill_is_told_after_the_delay_while_the_ledger_has_it_at_once() -> None:
    engine, ledger, _ = make_engine(TICKS)
    engine.behaviour.fill_delay_ms = 3000
    told = engine.place(request(Side.BUY, "2"), START_MS)
    assert told.status is OrderStatus.NEW
    assert not told.fills
    assert told.filled_quote == told.filled_amount == 0
    (true,) = ledger.orders()
    assert true.status is OrderStatus.FILLED
    for now_ms in (START_MS, START_MS + 2999):
        assert engine.advance(now_ms) == []
        assert engine.order("SOLUSDT", now_ms, order_id=1) == told
        assert engine.open_orders(now_ms) == [told]
        assert engine.fills(now_ms) == []
    with pytest.raises(ExchangeError, match=r"Unknown order sent\."):
        engine.cancel("SOLUSDT", START_MS + 2999, order_id=1)
    assert engine.advance(START_MS + 3000) == [true]
    assert engine.order("SOLUSDT", START_MS + 3000, order_id=1) == true
    assert engine.open_orders(START_MS + 3000) == []
    assert engine.fills(START_MS + 3000) == list(true.fills)
    assert ledger.verify() == []


def test_late_fills_of_a_resting_order_come_one_after_the_other() -> None:
    engine, _, _ = make_engine(TICKS)
    engine.behaviour.fill_delay_ms = 1500
    engine.place(request(Side.BUY, "20", "99.50"), START_MS)
    filled = [
        engine.order("SOLUSDT", START_MS + after_ms, order_id=1).filled_amount
        for after_ms in (1000, 2000, 2499, 2500, 3499, 3500)
    ]
    assert filled == [0, 0, 0, 4, 4, 20]


def test_a_cancellation_tells_all_that_was_filled() -> None:
    engine, ledger, _ = make_engine(TICKS)
    engine.behaviour.fill_delay_ms = 60_000
    engine.place(request(Side.BUY, "20", "99.50"), START_MS)
    canceled = engine.cancel("SOLUSDT", START_MS + 1000, order_id=1)
    assert (canceled.status, canceled.filled_amount) == (OrderStatus.CANCELED, D(4))
    assert engine.order("SOLUSDT", START_MS + 1000, order_id=1) == canceled
    assert engine.fills(START_MS + 1000) == list(canceled.fills)
    assert ledger.verify() == []


def test_a_share_caps_each_fill_of_a_resting_order() -> None:
    engine, ledger, _ = make_engine(TICKS)
    engine.behaviour.max_fill_share = D("0.3")
    engine.place(request(Side.BUY, "10", "99.50"), START_MS)
    (order,) = engine.advance(START_MS + 9000)
    assert [fill.amount for fill in order.fills] == [D(3), D(3), D(1)]
    assert ledger.verify() == []


def test_a_share_leaves_a_limit_resting_and_a_market_order_expired() -> None:
    engine, ledger, _ = make_engine(TICKS)
    engine.behaviour.max_fill_share = D("0.5")
    limit = engine.place(request(Side.BUY, "2", "101.00"), START_MS)
    assert (limit.status, limit.filled_amount) == (OrderStatus.PARTIALLY_FILLED, D(1))
    market = engine.place(request(Side.BUY, "2"), START_MS)
    assert (market.status, market.filled_amount) == (OrderStatus.EXPIRED, D(1))
    smallest = engine.place(request(Side.BUY, "0.051"), START_MS)
    assert smallest.filled_amount == D("0.025")
    assert ledger.verify() == []


def test_the_next_placements_are_refused_and_then_no_more() -> None:
    engine, ledger, _ = make_engine(TICKS)
    engine.behaviour.reject_next.extend([ExchangeError(-1015, "Too many new orders.")] * 2)
    for _ in range(2):
        with pytest.raises(ExchangeError) as error:
            engine.place(request(Side.BUY, "1"), START_MS)
        assert (error.value.code, error.value.message) == (-1015, "Too many new orders.")
    assert ledger.orders() == []
    assert engine.place(request(Side.BUY, "1"), START_MS).order_id == 1


class OddOnes(FillBehaviour):
    """Every second order is late."""

    def delay_ms_of(self, order: Order) -> int:
        return 5000 if order.order_id % 2 else 0


def test_a_behaviour_can_choose_order_by_order() -> None:
    engine, _, _ = make_engine(TICKS)
    engine.behaviour = OddOnes()
    late = engine.place(request(Side.BUY, "1"), START_MS)
    prompt = engine.place(request(Side.BUY, "1"), START_MS)
    assert (late.status, prompt.status) == (OrderStatus.NEW, OrderStatus.FILLED)
    told = engine.all_orders("SOLUSDT", START_MS)
    assert [order.status for order in told] == [OrderStatus.NEW, OrderStatus.FILLED]
