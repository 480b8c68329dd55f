"""The rules one by one, against slow definitions of the same."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.matching.book import on_tick
from sidecars.replay.matching.matching_rules import (
    Execution,
    affordable,
    available_in_tick,
    first_come,
    is_triggered_by,
    may_matter,
    share_of_tick,
    take_amount,
    take_quote,
)
from sidecars.replay.matching.spot_account import floor_to_step, quote_of
from sidecars.replay.model import Market, Order, OrderStatus, OrderType, Side
from tests.sidecars.replay.engine_fakes import BTC, PLAIN_BOOK, SOL, request

D = Decimal
STOP = OrderType.STOP_LOSS_LIMIT
ticks = st.integers(9_900, 10_100)
sides = st.sampled_from(list(Side))
levels = st.lists(st.tuples(st.integers(1, 10**7), st.integers(1, 10**6)), max_size=8).map(
    lambda rows: [(price * D("0.01"), amount * D("0.001")) for price, amount in rows]
)


def order_of(number: int, side: Side, price_ticks: int, stop_ticks: int | None = None) -> Order:
    wish = request(
        side,
        "1",
        str(price_ticks * SOL.price_tick),
        order_type=OrderType.LIMIT if stop_ticks is None else STOP,
        stop_price=None if stop_ticks is None else str(stop_ticks * SOL.price_tick),
    )
    return Order(number, wish, OrderStatus.NEW, 0, 0)


@given(
    orders=st.lists(st.tuples(sides, ticks, st.none() | ticks, st.booleans()), max_size=6),
    prices=st.lists(st.tuples(ticks, st.sampled_from([0.0, 0.004, -0.0049])), max_size=30),
)
def test_the_first_look_at_ticks_never_misses_one_that_matters(
    orders: list[tuple[Side, int, int | None, bool]], prices: list[tuple[int, float]]
) -> None:
    made = [
        replace(order_of(n, side, price, stop), stop_triggered=triggered and stop is not None)
        for n, (side, price, stop, triggered) in enumerate(orders)
    ]
    floats = np.array([price * 0.01 + off for price, off in prices])
    looked = may_matter(floats, made, SOL.price_tick)
    assert looked.shape == floats.shape
    for price, is_let_through in zip(floats.tolist(), looked.tolist(), strict=True):
        exact = on_tick(price, SOL.price_tick)
        matters = any(
            is_triggered_by(order, exact) or share_of_tick(order, exact, PLAIN_BOOK) > 0
            for order in made
        )
        assert is_let_through or not matters


def test_the_first_look_spares_ticks_that_are_far_away() -> None:
    orders = [order_of(1, Side.BUY, 9_900), order_of(2, Side.SELL, 9_800, stop_ticks=9_850)]
    floats = np.array([98.4, 98.5, 98.9, 99.0, 99.01, 99.02, 100.0, 120.0])
    looked = may_matter(floats, orders, SOL.price_tick)
    assert looked.tolist() == [True, True, True, True, True, False, False, False]
    assert not may_matter(floats, [], SOL.price_tick).any()


@given(side=sides, levels=levels, steps=st.integers(0, 10**6), limit=st.none() | ticks)
def test_taking_an_amount(
    side: Side, levels: list[tuple[Decimal, Decimal]], steps: int, limit: int | None
) -> None:
    levels.sort(reverse=side is Side.SELL)
    limit_price = None if limit is None else limit * D("0.01")
    amount = steps * D("0.001")
    taken = take_amount(levels, side, amount, limit_price)
    reachable = [
        (price, available)
        for price, available in levels
        if limit_price is None
        or (price <= limit_price if side is Side.BUY else price >= limit_price)
    ]
    there = sum((available for _, available in reachable), D(0))
    assert sum((execution.amount for execution in taken), D(0)) == min(amount, there)
    for execution, (price, available) in zip(taken, reachable, strict=False):
        assert execution.price == price
        assert 0 < execution.amount <= available
    assert all(e.amount == a for e, (_, a) in zip(taken[:-1], reachable, strict=False))


@given(levels=levels, cents=st.integers(1, 10**9))
def test_taking_for_a_quote_amount(levels: list[tuple[Decimal, Decimal]], cents: int) -> None:
    levels.sort()
    budget = cents * D("0.01")
    taken, sufficed = take_quote(levels, budget, SOL.amount_step)
    cost = sum((quote_of(e.price, e.amount) for e in taken), D(0))
    assert cost <= budget
    if sufficed:
        # One more step of the level it stopped at would have been too much.
        stopped_at = levels[len(taken) - 1 if _is_partial(taken, levels) else len(taken)][0]
        assert cost + quote_of(stopped_at, SOL.amount_step) > budget
    else:
        assert [(e.price, e.amount) for e in taken] == levels


def _is_partial(taken: list[Execution], levels: list[tuple[Decimal, Decimal]]) -> bool:
    return bool(taken) and taken[-1].amount < levels[len(taken) - 1][1]


@given(
    quote=st.integers(1, 10**16),
    price=st.integers(1, 10**12),
    market=st.sampled_from([SOL, BTC]),
)
def test_affordable_is_the_largest_amount_that_fits(quote: int, price: int, market: Market) -> None:
    budget, at = quote * D("1e-8"), price * market.price_tick
    amount = affordable(budget, at, market.amount_step)
    assert Fraction(amount) * Fraction(at) <= Fraction(budget)
    assert Fraction(amount + market.amount_step) * Fraction(at) > Fraction(budget)


@given(value=st.integers(0, 10**20), step=st.sampled_from(["1", "0.001", "0.00001", "0.05"]))
def test_floor_to_step(value: int, step: str) -> None:
    exact = Fraction(value, 10**8)
    floored = Fraction(floor_to_step(value * D("1e-8"), D(step)))
    assert floored <= exact < floored + Fraction(step)
    assert floored % Fraction(step) == 0


def test_shares_of_a_tick() -> None:
    buy, sell = order_of(1, Side.BUY, 10_000), order_of(2, Side.SELL, 10_000)
    stop = order_of(3, Side.SELL, 10_000, stop_ticks=10_050)
    shares = [
        [share_of_tick(order, D(price), PLAIN_BOOK) for price in ("99.99", "100.00", "100.01")]
        for order in (buy, sell, stop, replace(stop, stop_triggered=True))
    ]
    through, touch = D(1), D("0.25")
    assert shares == [[through, touch, 0], [0, touch, through], [0, 0, 0], [0, touch, through]]


def test_what_is_left_of_a_tick_is_whole_steps_and_never_negative() -> None:
    assert available_in_tick(1.2349, D(1), D(0), SOL) == D("1.234")
    assert available_in_tick(1.2349, D("0.25"), D(0), SOL) == D("0.308")
    assert available_in_tick(1.2349, D("0.25"), D("0.3"), SOL) == D("0.008")
    assert available_in_tick(1.2349, D("0.25"), D("0.5"), SOL) == 0
    assert available_in_tick(1e-9, D(1), D(0), SOL) == 0


def test_the_queue_goes_by_price_then_by_age() -> None:
    orders = [
        order_of(4, Side.BUY, 9_900),
        order_of(2, Side.BUY, 9_950),
        order_of(1, Side.BUY, 9_900),
        order_of(5, Side.SELL, 10_200),
        order_of(3, Side.SELL, 10_100),
    ]
    assert [order.order_id for order in first_come(orders)] == [2, 1, 4, 3, 5]


def test_a_stop_is_triggered_at_its_price_and_beyond() -> None:
    sell = order_of(1, Side.SELL, 9_990, stop_ticks=10_000)
    buy = order_of(2, Side.BUY, 10_010, stop_ticks=10_000)
    prices = [D("99.99"), D("100.00"), D("100.01")]
    assert [is_triggered_by(sell, price) for price in prices] == [True, True, False]
    assert [is_triggered_by(buy, price) for price in prices] == [False, True, True]
    assert not is_triggered_by(replace(sell, stop_triggered=True), D(1))
    assert not is_triggered_by(order_of(3, Side.SELL, 10_000), D(1))
