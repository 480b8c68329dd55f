"""Orders against hand-written ticks and a regular book: one level each tick, 10 SOL a level.

With a last price of 100.00 the bids are 99.99, 99.98, ... and the asks 100.00, 100.01, ...; the
first level holds 10 x 4/13 = 3 SOL (rounded to a step: 3.077), rising to 10 on the tenth.
"""

from collections.abc import Callable
from decimal import Decimal

import pytest

from sidecars.replay.matching.engine import ReplayEngine
from sidecars.replay.model import (
    Balance,
    ExchangeError,
    Order,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from tests.sidecars.replay.engine_fakes import START_MS, make_engine, request

D = Decimal
QUIET = {"SOLUSDT": [(0, 100.0, 1.0)]}


def balance(engine: ReplayEngine, asset: str, now_ms: int = START_MS) -> Balance:
    return next(b for b in engine.balances(now_ms) if b.asset == asset)


def executions(order: Order) -> list[tuple[Decimal, Decimal]]:
    return [(fill.price, fill.amount) for fill in order.fills]


def refused(engine: ReplayEngine, **order: object) -> tuple[int, str]:
    with pytest.raises(ExchangeError) as error:
        engine.place(request(**order), START_MS)  # type: ignore[arg-type]
    return error.value.code, error.value.message


def test_a_market_buy_walks_the_asks_and_pays_its_fee_in_the_base() -> None:
    engine, ledger, _ = make_engine(QUIET)
    order = engine.place(request(Side.BUY, "8"), START_MS)
    assert order.status is OrderStatus.FILLED
    assert executions(order) == [
        (D("100.00"), D("3.077")),
        (D("100.01"), D("3.846")),
        (D("100.02"), D("1.077")),
    ]
    assert [fill.fee for fill in order.fills] == [D("0.003077"), D("0.003846"), D("0.001077")]
    assert {fill.fee_asset for fill in order.fills} == {"SOL"}
    assert not any(fill.is_maker for fill in order.fills)
    cost = D("307.7") + D("3.846") * D("100.01") + D("1.077") * D("100.02")
    assert order.filled_quote == cost
    assert balance(engine, "USDT") == Balance("USDT", D(10_000) - cost, D(0))
    assert balance(engine, "SOL") == Balance("SOL", D("107.992"), D(0))
    assert ledger.verify() == []


def test_a_market_sell_walks_the_bids_and_pays_its_fee_in_the_quote_cut_off_at_8_decimals() -> None:
    engine, ledger, _ = make_engine(QUIET)
    order = engine.place(request(Side.SELL, "3.077"), START_MS)
    assert executions(order) == [(D("99.99"), D("3.077"))]
    assert order.filled_quote == D("307.66923")
    assert order.fills[0].fee == D("0.30766923")
    assert balance(engine, "USDT").free == D(10_000) + D("307.66923") - D("0.30766923")
    assert ledger.verify() == []


def test_a_fee_is_cut_off_not_rounded() -> None:
    engine, _, _ = make_engine(
        {"BTCUSDT": [(0, 61234.56, 1.0)]}, balances={"USDT": "10000", "BTC": "1"}
    )
    order = engine.place(request(Side.SELL, "0.00123", symbol="BTCUSDT"), START_MS)
    # 61234.55 x 0.00123 = 75.3184965, of which a thousandth is 0.0753184965
    assert order.filled_quote == D("75.3184965")
    assert order.fills[0].fee == D("0.07531849")
    bought = engine.place(request(Side.BUY, "0.00123", symbol="BTCUSDT"), START_MS)
    assert bought.fills[0].fee == D("0.00000123")


def test_the_average_price_gets_worse_with_size() -> None:
    averages = []
    for amount in ("1", "5", "20", "60"):
        engine, _, _ = make_engine(QUIET)
        order = engine.place(request(Side.BUY, amount), START_MS)
        averages.append(order.filled_quote / order.filled_amount)
    assert averages == sorted(set(averages))


def test_a_market_order_deeper_than_the_book_fills_what_is_there_and_expires() -> None:
    engine, ledger, _ = make_engine(QUIET, balances={"SOL": "1000", "USDT": "0"})
    bids, _ = engine.depth("SOLUSDT", START_MS, 100)
    there = sum(amount for _, amount in bids)
    order = engine.place(request(Side.SELL, "900"), START_MS)
    assert order.status is OrderStatus.EXPIRED
    assert order.filled_amount == there < 900
    assert engine.open_orders(START_MS) == []
    assert ledger.verify() == []


def test_what_was_taken_is_gone_and_comes_back_over_ten_seconds() -> None:
    engine, _, _ = make_engine(QUIET)
    _, before = engine.depth("SOLUSDT", START_MS, 1)
    engine.place(request(Side.BUY, "3.077"), START_MS)
    bids, asks = engine.depth("SOLUSDT", START_MS, 1)
    assert asks[0] == (D("100.01"), D("3.846"))
    assert bids[0] == (D("99.99"), D("3.077"))
    again = engine.place(request(Side.BUY, "1"), START_MS)
    assert executions(again) == [(D("100.01"), D(1))]
    _, later = engine.depth("SOLUSDT", START_MS + 5_000, 2)
    # Half of the 4.077 is still gone, so 3.077 - 2.039 (rounded up to a step) is back.
    assert later[0] == (D("100.00"), D("1.038"))
    assert engine.depth("SOLUSDT", START_MS + 10_000, 1)[1] == before


def test_a_crossing_limit_takes_up_to_its_price_and_rests_with_the_remainder() -> None:
    engine, ledger, _ = make_engine(QUIET)
    order = engine.place(request(Side.BUY, "10", "100.01"), START_MS)
    assert order.status is OrderStatus.PARTIALLY_FILLED
    assert executions(order) == [(D("100.00"), D("3.077")), (D("100.01"), D("3.846"))]
    assert balance(engine, "USDT").locked == D("3.077") * D("100.01")
    canceled = engine.cancel("SOLUSDT", START_MS, order_id=order.order_id)
    assert canceled.status is OrderStatus.CANCELED
    assert canceled.filled_amount == D("6.923")
    assert balance(engine, "USDT") == Balance("USDT", D(10_000) - order.filled_quote, D(0))
    assert ledger.verify() == []


def test_a_better_price_frees_the_difference() -> None:
    engine, _, _ = make_engine(QUIET)
    order = engine.place(request(Side.BUY, "3", "105.00"), START_MS)
    assert order.status is OrderStatus.FILLED
    assert order.filled_quote == 300
    assert balance(engine, "USDT") == Balance("USDT", D(9_700), D(0))


def test_a_resting_buy_gets_a_quarter_at_the_touch_and_everything_through() -> None:
    ticks = [(0, 100.0, 1.0), (1000, 99.5, 4.0), (2000, 99.51, 9.0), (3000, 99.49, 5.0)]
    engine, ledger, _ = make_engine({"SOLUSDT": ticks})
    order = engine.place(request(Side.BUY, "10", "99.50"), START_MS)
    assert (order.status, order.fills) == (OrderStatus.NEW, ())
    (touched,) = engine.advance(START_MS + 1000)
    assert executions(touched) == [(D("99.50"), D(1))]
    assert touched.fills[0].is_maker
    assert engine.advance(START_MS + 2000) == []
    (through,) = engine.advance(START_MS + 3000)
    # Through at 99.49: all 5 of the tick, at the order's own price.
    assert executions(through) == [(D("99.50"), D(1)), (D("99.50"), D(5))]
    assert through.status is OrderStatus.PARTIALLY_FILLED
    assert balance(engine, "USDT", START_MS + 3000).locked == 4 * D("99.50")
    assert ledger.verify() == []


def test_a_resting_sell_fills_on_the_way_up() -> None:
    ticks = [(0, 100.0, 1.0), (1000, 100.6, 50.0)]
    engine, ledger, _ = make_engine({"SOLUSDT": ticks})
    engine.place(request(Side.SELL, "10", "100.50"), START_MS)
    assert balance(engine, "SOL") == Balance("SOL", D(90), D(10))
    (order,) = engine.advance(START_MS + 1000)
    assert order.status is OrderStatus.FILLED
    assert executions(order) == [(D("100.50"), D(10))]
    assert order.fills[0].time_ms == order.updated_ms == START_MS + 1000
    assert balance(engine, "USDT").free == D(10_000) + D(1005) - D("1.005")
    assert ledger.verify() == []


def test_one_tick_is_shared_best_price_first_then_the_older_order() -> None:
    ticks = [(0, 100.0, 1.0), (1000, 99.0, 6.0)]
    engine, ledger, _ = make_engine({"SOLUSDT": ticks})
    older = engine.place(request(Side.BUY, "3", "99.40"), START_MS)
    younger = engine.place(request(Side.BUY, "3", "99.40"), START_MS)
    better = engine.place(request(Side.BUY, "2", "99.50"), START_MS)
    engine.advance(START_MS + 1000)
    filled = {
        order.order_id: order.filled_amount
        for order in engine.all_orders("SOLUSDT", START_MS + 1000)
    }
    assert filled == {better.order_id: D(2), older.order_id: D(3), younger.order_id: D(1)}
    assert ledger.verify() == []


def test_ticks_at_or_before_the_placing_are_not_matched() -> None:
    ticks = [(0, 100.0, 1.0), (1000, 90.0, 50.0), (1001, 100.0, 1.0)]
    engine, _, _ = make_engine({"SOLUSDT": ticks})
    engine.place(request(Side.BUY, "1", "95.00"), START_MS + 1001)
    assert engine.advance(START_MS + 5000) == []


def test_limit_maker_that_would_cross_is_refused_and_rests_otherwise() -> None:
    engine, _, _ = make_engine(QUIET)
    maker = OrderType.LIMIT_MAKER
    assert refused(engine, side=Side.BUY, amount="1", price="100.00", order_type=maker) == (
        -2010,
        "Order would immediately match and take.",
    )
    order = engine.place(request(Side.BUY, "1", "99.99", order_type=maker), START_MS)
    assert order.status is OrderStatus.NEW


def test_ioc_fills_what_it_can_and_fok_all_or_nothing() -> None:
    engine, ledger, _ = make_engine(QUIET)
    ioc = engine.place(request(Side.BUY, "5", "100.00", time_in_force=TimeInForce.IOC), START_MS)
    assert (ioc.status, ioc.filled_amount) == (OrderStatus.EXPIRED, D("3.077"))
    fok = engine.place(request(Side.SELL, "5", "99.99", time_in_force=TimeInForce.FOK), START_MS)
    assert (fok.status, fok.fills) == (OrderStatus.EXPIRED, ())
    whole = engine.place(request(Side.SELL, "5", "99.98", time_in_force=TimeInForce.FOK), START_MS)
    assert (whole.status, whole.filled_amount) == (OrderStatus.FILLED, D(5))
    assert engine.open_orders(START_MS) == []
    assert balance(engine, "USDT").locked == balance(engine, "SOL").locked == 0
    assert ledger.verify() == []


def test_a_stop_waits_then_takes_the_book_of_its_tick_and_rests_with_what_is_left() -> None:
    ticks = [(0, 100.0, 1.0), (1000, 99.0, 80.0), (2000, 97.99, 80.0), (3000, 98.5, 2.0)]
    engine, ledger, _ = make_engine({"SOLUSDT": ticks})
    stop = engine.place(
        request(Side.SELL, "10", "97.97", stop_price="98.00", order_type=OrderType.STOP_LOSS_LIMIT),
        START_MS,
    )
    assert (stop.status, stop.stop_triggered) == (OrderStatus.NEW, False)
    assert balance(engine, "SOL").locked == 10
    assert engine.advance(START_MS + 1000) == []
    (hit,) = engine.advance(START_MS + 2000)
    assert hit.stop_triggered
    assert executions(hit) == [(D("97.98"), D("3.077")), (D("97.97"), D("3.846"))]
    assert not hit.fills[0].is_maker
    (rested,) = engine.advance(START_MS + 3000)
    assert executions(rested)[2:] == [(D("97.97"), D(2))]
    assert rested.fills[-1].is_maker
    assert ledger.verify() == []


def test_a_stop_that_the_price_has_reached_is_refused() -> None:
    engine, _, _ = make_engine(QUIET)
    stop = OrderType.STOP_LOSS_LIMIT
    text = "Stop price would trigger immediately."
    for side, stop_price in ((Side.SELL, "100.00"), (Side.BUY, "100.00"), (Side.BUY, "99.00")):
        assert refused(
            engine, side=side, amount="1", price="100.00", stop_price=stop_price, order_type=stop
        ) == (-2010, text)


def test_a_market_order_by_quote_amount_spends_no_more_than_that() -> None:
    engine, ledger, _ = make_engine(QUIET)
    order = engine.place(request(Side.BUY, None, quote_amount="500"), START_MS)
    assert order.status is OrderStatus.FILLED
    # 3.077 x 100 = 307.7; the remaining 192.3 buy 1.922 at 100.01, with 0.08078 left over.
    assert executions(order) == [(D("100.00"), D("3.077")), (D("100.01"), D("1.922"))]
    assert D(500) - order.filled_quote < D("0.001") * D("100.01")
    sold = engine.place(request(Side.SELL, None, quote_amount="100"), START_MS)
    assert sold.status is OrderStatus.FILLED
    assert executions(sold) == [(D("99.99"), D("1.000"))]
    assert ledger.verify() == []


def test_without_funds_an_order_is_refused_and_leaves_no_trace() -> None:
    engine, ledger, _ = make_engine(QUIET)
    text = (-2010, "Account has insufficient balance for requested action.")
    assert refused(engine, side=Side.BUY, amount="101", price="100.00") == text
    assert refused(engine, side=Side.SELL, amount="100.001", price="100.00") == text
    assert refused(engine, side=Side.SELL, amount="100.001") == text
    assert refused(engine, side=Side.BUY, amount="100") == text
    assert refused(engine, side=Side.BUY, amount=None, quote_amount="10001") == text
    assert ledger.orders() == []
    first = engine.place(request(Side.BUY, "1", "90"), START_MS)
    assert first.order_id == 1


def test_what_rests_cannot_be_spent_twice() -> None:
    engine, _, _ = make_engine(QUIET)
    engine.place(request(Side.BUY, "100", "99.00"), START_MS)
    assert balance(engine, "USDT") == Balance("USDT", D(100), D(9_900))
    assert refused(engine, side=Side.BUY, amount="2", price="99.00")[0] == -2010


def test_client_order_ids_are_unique_among_open_orders_only() -> None:
    engine, _, _ = make_engine(QUIET)
    first = engine.place(request(Side.BUY, "1", "99.00", client_order_id="mine"), START_MS)
    assert refused(engine, side=Side.BUY, amount="1", price="98.00", client_order_id="mine") == (
        -2010,
        "Duplicate order sent.",
    )
    engine.cancel("SOLUSDT", START_MS, client_order_id="mine")
    second = engine.place(request(Side.BUY, "1", "98.00", client_order_id="mine"), START_MS)
    assert second.order_id == first.order_id + 1
    assert engine.order("SOLUSDT", START_MS, client_order_id="mine") == second
    assert engine.order("SOLUSDT", START_MS, order_id=1).status is OrderStatus.CANCELED


def test_unknown_orders_and_symbols_have_binances_codes() -> None:
    engine, _, _ = make_engine(QUIET)
    done = engine.place(request(Side.BUY, "1"), START_MS)
    cases: list[tuple[Callable[[], object], int, str]] = [
        (lambda: engine.cancel("SOLUSDT", START_MS, order_id=99), -2011, "Unknown order sent."),
        (
            lambda: engine.cancel("SOLUSDT", START_MS, order_id=done.order_id),
            -2011,
            "Unknown order sent.",
        ),
        (
            lambda: engine.order("SOLUSDT", START_MS, client_order_id="none"),
            -2013,
            "Order does not exist.",
        ),
        (
            lambda: engine.order("BTCUSDT", START_MS, order_id=done.order_id),
            -2013,
            "Order does not exist.",
        ),
        (lambda: engine.order("XUSDT", START_MS, order_id=1), -1121, "Invalid symbol."),
        (
            lambda: engine.place(request(Side.BUY, "1", symbol="XUSDT"), START_MS),
            -1121,
            "Invalid symbol.",
        ),
        (
            lambda: engine.place(request(Side.BUY, "1", symbol="BTCUSDT"), START_MS),
            -2010,
            "Market is closed.",
        ),
    ]
    for call, code, text in cases:
        with pytest.raises(ExchangeError) as error:
            call()
        assert (error.value.code, error.value.message) == (code, text)
    with pytest.raises(ExchangeError) as error:
        engine.cancel("SOLUSDT", START_MS)
    assert error.value.code == -1102
