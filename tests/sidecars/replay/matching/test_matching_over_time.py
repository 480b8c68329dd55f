"""The engine over time and over several markets: what it looks at, tells, pages and remembers."""

from decimal import Decimal

from sidecars.replay.model import (
    OrderStatus,
    Side,
)
from tests.sidecars.replay.engine_fakes import START_MS, make_engine, request

D = Decimal
QUIET = {"SOLUSDT": [(0, 100.0, 1.0)]}


def test_an_earlier_moment_is_treated_as_the_latest_one() -> None:
    engine, _, _ = make_engine(QUIET)
    engine.advance(START_MS + 9000)
    order = engine.place(request(Side.BUY, "1", "99.00"), START_MS + 1000)
    assert order.created_ms == START_MS + 9000


def test_ticks_are_made_for_symbols_with_open_orders_only() -> None:
    ticks = {"SOLUSDT": [(0, 100.0, 1.0)], "DOGEUSDT": [(0, 0.1, 5.0)]}
    engine, _, view = make_engine(ticks)
    engine.advance(START_MS + 60_000)
    assert view.asked == []
    engine.place(request(Side.BUY, "1", "99.00"), START_MS + 60_000)
    engine.advance(START_MS + 120_000)
    assert set(view.asked) == {"SOLUSDT"}


def test_changes_found_on_the_way_are_told_by_the_next_advance() -> None:
    ticks = [(0, 100.0, 1.0), (1000, 98.0, 50.0)]
    engine, _, _ = make_engine({"SOLUSDT": ticks})
    order = engine.place(request(Side.BUY, "1", "99.00"), START_MS)
    assert engine.order("SOLUSDT", START_MS + 1000, order_id=1).status is OrderStatus.FILLED
    (told,) = engine.advance(START_MS + 1000)
    assert (told.order_id, told.status) == (order.order_id, OrderStatus.FILLED)
    assert engine.advance(START_MS + 1000) == []


def test_lists_are_paged_as_on_binance() -> None:
    engine, _, _ = make_engine(QUIET)
    for number in range(6):
        engine.place(request(Side.BUY, "0.1"), START_MS + number * 1000)
    now_ms = START_MS + 5000
    orders = engine.all_orders("SOLUSDT", now_ms, limit=2)
    assert [order.order_id for order in orders] == [5, 6]
    orders = engine.all_orders("SOLUSDT", now_ms, from_order_id=2, limit=2)
    assert [order.order_id for order in orders] == [2, 3]
    orders = engine.all_orders("SOLUSDT", now_ms, start_ms=START_MS + 1000, end_ms=now_ms - 2000)
    assert [order.order_id for order in orders] == [2, 3, 4]
    assert [fill.trade_id for fill in engine.fills(now_ms, "SOLUSDT", limit=2)] == [5, 6]
    assert [f.trade_id for f in engine.fills(now_ms, from_trade_id=3, limit=2)] == [3, 4]
    assert [f.order_id for f in engine.fills(now_ms, order_id=4)] == [4]
    assert engine.fills(now_ms, "BTCUSDT") == []
    assert all(order.fills for order in engine.all_orders("SOLUSDT", now_ms))


def test_memory_holds_no_orders_that_are_done() -> None:
    engine, ledger, _ = make_engine(QUIET)
    for number in range(200):
        side = Side.BUY if number % 2 else Side.SELL
        engine.place(request(side, "0.1"), START_MS + number * 1000)
        order = engine.place(request(side, "0.1", "100.00"), START_MS + number * 1000)
        if order.status is OrderStatus.NEW:
            engine.cancel("SOLUSDT", START_MS, order_id=order.order_id)
    state = engine._state
    assert state.open_orders == {}
    assert sum(map(len, state.taken.values())) <= 2 * 2 * 10
    assert engine._news == {}
    assert ledger.totals().orders == 400


def test_orders_on_three_markets_fill_in_the_order_of_time() -> None:
    ticks = {
        "BTCUSDT": [(0, 60000.0, 1.0), (3000, 59000.0, 1.0)],
        "SOLUSDT": [(0, 100.0, 1.0), (1000, 98.0, 9.0), (5000, 97.0, 9.0)],
        "DOGEUSDT": [(0, 0.12345, 1.0), (2000, 0.12, 900_000.0)],
    }
    engine, ledger, _ = make_engine(ticks)
    engine.place(request(Side.BUY, "0.01234", "59500.01", symbol="BTCUSDT"), START_MS)
    engine.place(request(Side.BUY, "12.345", "98.76", symbol="SOLUSDT"), START_MS)
    engine.place(request(Side.BUY, "4321", "0.12321", symbol="DOGEUSDT"), START_MS)
    engine.advance(START_MS + 6000)
    fills = engine.fills(START_MS + 6000)
    assert [fill.symbol for fill in fills] == ["SOLUSDT", "DOGEUSDT", "BTCUSDT", "SOLUSDT"]
    assert [fill.trade_id for fill in fills] == [1, 2, 3, 4]
    assert [fill.amount for fill in fills] == [D(9), D(4321), D("0.01234"), D("3.345")]
    assert fills[1].quote_amount == D("532.39041")
    assert fills[2].fee == D("0.00001234")
    assert ledger.verify() == []
