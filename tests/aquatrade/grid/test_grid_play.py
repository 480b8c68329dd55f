"""What a grid does along prices: against the naive twin, and by hand."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.grid.booking import Fill, begun, booked, released
from aquatrade.grid.play import (
    GRID_ROTATION,
    GRID_STOP,
    GRID_TAKE_PROFIT,
    Wish,
    armed,
    opened,
    reason_to_end,
    rotates,
    step,
    wish_at,
)
from aquatrade.grid.spec import GridSpec, Kind
from aquatrade.grid.state import GridState, Level, for_next_trade, from_json
from tests.aquatrade.grid.grid_walks import MANY, MOMENT, fill_of, see, walked
from tests.aquatrade.grid.naive_grid import FEE_RATE, NaiveGrid

# Steps of 1 USD around 100, four levels a side, 50 USD each.
HAND = GridSpec(
    kind="arithmetic", levels=4, spacing_pct=1.0, stake_usd=50.0, rebalance_pct=3.5, stop_pct=15.0
)
MOVES = st.lists(st.floats(-0.03, 0.03), min_size=1, max_size=60)


def prices_of(moves: list[float]) -> list[float]:
    prices = [100.0]
    for move in moves:
        prices.append(prices[-1] * (1 + move))
    return prices[1:]


@settings(max_examples=60)
@given(
    kind=st.sampled_from(["geometric", "arithmetic"]),
    spacing=st.sampled_from([0.5, 1.0, 2.5]),
    levels=st.integers(1, 12),
    moves=MOVES,
)
def test_a_walk_equals_the_naive_grid(
    kind: Kind, spacing: float, levels: int, moves: list[float]
) -> None:
    spec = GridSpec(kind=kind, levels=levels, spacing_pct=spacing, stake_usd=50.0)
    naive = NaiveGrid(kind, spacing, levels, 50.0, 10.0, 8.0, 100.0)
    state = opened(spec, 100.0)
    for price in prices_of(moves):
        state = see(state, price)
        naive.see(price)
        assert len(state.lots) == len(naive.lots) <= levels
        assert state.round_trips == len(naive.trips)
        assert state.generation == naive.rebalances
        assert state.realised == pytest.approx(naive.realised, abs=1e-9)
        assert state.inventory == pytest.approx(sum(lot["amount"] for lot in naive.lots))
        assert state.wins == sum(trip > 0 for trip in naive.trips)
        # What came in less what went out is the realised profit less what the lots cost.
        assert state.realised - state.inventory_cost == pytest.approx(naive.cash, abs=1e-9)
        assert from_json(state.to_json()) == state


@settings(max_examples=40)
@given(moves=MOVES, share=st.floats(0.05, 1.0), armed_levels=st.integers(1, 8))
def test_whatever_is_filled_no_money_is_lost_in_the_books(
    moves: list[float], share: float, armed_levels: int
) -> None:
    state, cash, held = opened(HAND, 100.0), 0.0, 0.0
    for price in prices_of(moves):
        state, wish = step(state, price, price, armed_levels)
        if wish is None:
            continue
        fill = fill_of(wish, price, share)
        cash += fill.value if fill.side == "sell" else -fill.value
        held += -fill.amount if fill.side == "sell" else fill.amount
        state = released(booked(begun(state, wish), fill))
        assert from_json(state.to_json()) == state
        assert state.realised - state.inventory_cost == pytest.approx(cash, abs=1e-6)
        assert math.isclose(state.inventory, held, abs_tol=0.05)
        assert len(state.lots) <= HAND.levels
        assert all(level.phase in ("waiting", "holding") for level in state.levels)
    by_level = sum(trip.profit for trip in state.trips)
    assert by_level == pytest.approx(state.realised, abs=1e-6)


def test_round_trips_by_hand() -> None:
    state = walked(opened(HAND, 100.0), [99.0, 98.0, 99.0, 100.0])
    # Bought 50 USD at 99 and at 98, sold at 99 and at 100.
    first = 50 / 98 * 99 * 0.999 - 50 * 1.001
    second = 50 / 99 * 100 * 0.999 - 50 * 1.001
    assert [trip.profit for trip in state.trips] == pytest.approx([first, second])
    assert state.realised == pytest.approx(first + second)
    assert state.round_trips == state.wins == 2
    assert state.inventory == 0.0
    assert state.average_price is None
    profits = {level.number: level.profit for level in state.levels if level.trips}
    assert profits == {-2: pytest.approx(first), -1: pytest.approx(second)}


def test_a_new_grid_buys_nothing_above_the_price_it_was_laid_at() -> None:
    state = opened(HAND, 100.0)
    assert wish_at(state, 100.0, 100.0, MANY) is None
    # Price goes up two steps: their lines are below it now, and are bought on the way back.
    state = walked(state, [102.5])
    wish = wish_at(state, 101.5, 101.5, MANY)
    assert wish is not None
    assert (wish.side, wish.price, wish.stake, wish.tag) == ("buy", 102.0, 50.0, "grid_buy_L2")


def test_all_levels_that_were_crossed_are_one_order() -> None:
    _, wish = step(opened(HAND, 100.0), 97.2, 97.2, MANY)
    assert wish is not None
    assert (wish.price, wish.stake, wish.tag) == (98.5, 100.0, "grid_buy_L-1_L-2")
    # With one level armed it is the nearest line alone.
    _, wish = step(opened(HAND, 100.0), 97.2, 97.2, 1)
    assert wish is None  # 97 is nearer and not crossed
    _, wish = step(opened(HAND, 100.0), 97.8, 97.8, 1)
    assert wish is not None
    assert wish.tag == "grid_buy_L-2"


def test_a_rebalance_keeps_lots_with_their_sells_and_counts_them_as_levels() -> None:
    state = walked(opened(HAND, 100.0), [99.0, 98.0, 96.4])
    assert len(state.lots) == 3  # 99, 98, 97
    state = walked(state, [96.4])
    assert (state.generation, state.centre) == (1, 96.4)
    assert [level.sell_price for level in state.lots] == [98.0, 99.0, 100.0]
    assert state.free_lots == 1
    assert {level.number for level in state.levels if level.generation == 1} == set(range(-4, 4))
    # One more is bought, then the grid is full.
    state = walked(state, [95.0, 93.0])
    assert len(state.lots) == 4
    assert wish_at(state, 93.0, 93.0, MANY) is None
    state = walked(state, [100.0])
    assert state.round_trips == 4
    assert state.free_lots == 4
    assert state.lots == ()


def test_a_static_grid_does_not_move() -> None:
    spec = replace(HAND, range_low=90.0, range_high=110.0)
    assert walked(opened(spec, 100.0), [120.0, 80.0, 130.0]).generation == 0


def test_the_seed_buys_half_of_the_lots_for_the_sells_above() -> None:
    spec = replace(HAND, seed_inventory=True)
    _, wish = step(opened(spec, 100.0), 100.0, 100.0, MANY)
    assert wish is not None
    assert (wish.price, wish.stake, wish.tag) == (100.0, 100.0, "grid_seed_L0_L1")
    state = walked(opened(spec, 100.0), [100.0, 101.0, 102.0])
    assert state.round_trips == 2
    assert not state.seed_due


def test_stop_and_take_profit_count_realised_and_unrealised_over_the_capital() -> None:
    state = walked(opened(HAND, 100.0), [99.0, 98.0, 97.0, 96.0])
    units = 50 / 99 + 50 / 98 + 50 / 97 + 50 / 96
    # 15 % of 200 USD: sold at this price, fees included, exactly 30 USD are lost.
    price = (4 * 50 * 1.001 - 30.0) / units / 0.999
    assert reason_to_end(state, price * 1.0001, FEE_RATE) is None
    assert reason_to_end(state, price * 0.9999, FEE_RATE) == GRID_STOP
    richer = replace(state, realised=5.0)
    assert reason_to_end(richer, price * 0.9999, FEE_RATE) is None
    aims = replace(state, spec=replace(HAND, take_profit_pct=2.0))
    assert reason_to_end(aims, 97.0, FEE_RATE) is None
    assert reason_to_end(replace(aims, realised=4.0), 98.0, FEE_RATE) == GRID_TAKE_PROFIT


def test_what_sells_everything_ends_the_grid() -> None:
    state = walked(opened(HAND, 100.0), [99.0, 98.0])
    half = Fill("7", "sell", state.inventory / 2, 40.0, 80.0, GRID_STOP, MOMENT)
    partly = booked(state, half)
    assert partly.ended is None
    assert partly.inventory == pytest.approx(state.inventory / 2)
    rest = Fill("8", "sell", state.inventory / 2, 39.0, 78.0, GRID_STOP, MOMENT)
    over = booked(partly, rest)
    assert (over.ended, over.lots, over.lots_left) == (GRID_STOP, (), 2)
    assert over.realised == pytest.approx(40.0 + 39.0 - state.inventory_cost)
    assert wish_at(over, 90.0, 90.0, MANY) is None
    dusty = replace(state, dust_amount=0.01, dust_cost=0.9)
    gone = booked(dusty, replace(half, amount=dusty.inventory))
    assert sum(trip.profit for trip in gone.trips) == pytest.approx(gone.realised)


def test_an_order_is_booked_once_and_what_it_left_waits_again() -> None:
    state, wish = step(opened(HAND, 100.0), 98.0, 98.0, MANY)
    assert wish is not None
    working = begun(state, wish)
    assert {level.phase for level in working.levels if level.number in (-1, -2)} == {"buying"}
    assert released(working) == state  # refused: nothing happened
    fill = fill_of(wish, 98.0, share=0.5)  # the gate let half of it pass
    once = released(booked(working, fill))
    assert once == released(booked(booked(working, fill), fill))
    assert [level.number for level in once.lots] == [-1]
    assert wish_at(once, 98.0, 98.0, MANY) is not None


def test_a_sell_that_was_cancelled_half_way_goes_on_with_the_rest() -> None:
    state = walked(opened(HAND, 100.0), [99.0])
    state, wish = step(state, 100.0, 100.0, MANY)
    assert wish is not None
    assert wish.is_last
    state = released(booked(begun(state, wish), fill_of(wish, 100.0, share=0.4)))
    assert state.round_trips == 0
    assert state.inventory == pytest.approx(0.6 * 50 / 99)
    state = walked(state, [100.0])
    assert state.round_trips == 1
    assert state.inventory == 0.0


def test_dust_of_a_sale_goes_with_the_next_one() -> None:
    state = walked(opened(HAND, 100.0), [99.0, 98.0])
    state, wish = step(state, 99.0, 99.0, MANY)
    assert wish is not None
    state = released(booked(begun(state, wish), fill_of(wish, 99.0, share=0.995)))
    assert state.dust_amount == pytest.approx(0.005 * 50 / 98)
    _, wish = step(state, 100.0, 100.0, MANY)
    assert wish is not None
    assert wish.amount == pytest.approx(50 / 99 + state.dust_amount)


def test_armed_levels_are_the_nearest() -> None:
    state = opened(HAND, 100.0)
    assert armed(state, 99.1, 2) == {(0, -1), (0, 0)}
    assert armed(state, 99.1, 0) == frozenset()


@pytest.mark.parametrize(
    ("phase", "wrong"),
    [("waiting", "holding"), ("waiting", "selling"), ("buying", "selling"), ("holding", "buying")],
)
def test_a_level_has_one_life(phase: Any, wrong: Any) -> None:
    level = Level(-1, 0, 99.0, 100.0, phase=phase)
    with pytest.raises(ValueError, match=f"is {phase}, it cannot be {wrong} next"):
        level.moved(wrong)


def test_state_is_read_back_or_refused() -> None:
    state = walked(opened(HAND, 100.0), [99.0, 100.0, 98.0])
    assert from_json(state.to_json()) == state
    assert for_next_trade(state).trips == ()
    for text in ("{}", "[]", '{"version":0}', "nonsense"):
        with pytest.raises(ValueError, match=r"."):
            from_json(text)


def test_a_buy_that_nobody_waited_for_goes_to_the_nearest_level() -> None:
    foreign = Fill("3", "buy", 0.5, 49.0, 98.1, "force_entry", MOMENT)
    state: GridState = booked(opened(HAND, 100.0), foreign)
    assert [level.number for level in state.lots] == [-2]


def rotated_at(state: GridState, price: float, share: float = 1.0) -> GridState:
    """All lots sold in one order, or a part of each."""
    amount = state.inventory * share
    value = amount * price * (1 - FEE_RATE)
    number = f"rotation {state.realised} {share}"
    return booked(state, Fill(number, "sell", amount, value, price, GRID_ROTATION, MOMENT))


@settings(max_examples=40)
@given(moves=MOVES, later=st.lists(st.floats(-0.03, 0.03), max_size=20), in_parts=st.booleans())
def test_a_rotation_changes_nothing_but_what_its_fees_cost(
    moves: list[float], later: list[float], in_parts: bool
) -> None:
    """The grid that goes on and its twin that was sold and bought again hold the same lots."""
    prices = prices_of(moves)
    state = replace(walked(opened(HAND, 100.0), prices), booked=())
    price = prices[-1]
    if not state.lots or any(level.sell_price <= price for level in state.lots):
        return
    twin = rotated_at(rotated_at(state, price, 0.4), price) if in_parts else (
        rotated_at(state, price)
    )  # fmt: skip
    assert not twin.lots and twin.ended is None
    assert from_json(twin.to_json()) == twin
    twin = see(for_next_trade(twin), price)
    assert twin.rotated == () and twin.round_trips == state.round_trips
    assert [level.key for level in twin.lots] == [level.key for level in state.lots]
    for lot, kept in zip(twin.lots, state.lots, strict=True):
        assert lot.amount == pytest.approx(kept.amount)
    fees = state.inventory * price * 2 * FEE_RATE
    assert twin.profit_at(price, 0.0) == pytest.approx(state.profit_at(price, 0.0) - fees)
    for each in later:
        price *= 1 + each
        state, twin = see(state, price), see(twin, price)
        assert [level.key for level in twin.lots] == [level.key for level in state.lots]
        assert twin.profit_at(price, 0.0) == pytest.approx(state.profit_at(price, 0.0) - fees)


def test_a_trade_is_rotated_when_little_is_held_or_it_is_high_time() -> None:
    spec = replace(HAND, levels=8)
    one, four = (walked(opened(spec, 100.0), range(99, low, -1)) for low in (98, 95))
    assert (len(one.lots), len(four.lots)) == (1, 4)
    for state, orders, most, expected in (
        (one, 9, 10, False), (one, 10, 10, True), (one, 100, None, False),
        (four, 14, 10, False), (four, 15, 10, True), (opened(spec, 100.0), 99, 10, False),
        (begun(four, step(four, 100.0, 100.0, MANY)[1] or Wish("buy", (), 0, 0, 0, False, "")),
         15, 10, False),
    ):  # fmt: skip
        assert rotates(state, orders, most) == expected


def test_what_was_kept_before_there_were_rotations_is_read() -> None:
    state = opened(HAND, 100.0)
    raw = json.loads(state.to_json())
    del raw["rotated"]
    assert from_json(json.dumps(raw)) == state
