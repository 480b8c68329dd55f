"""Orders of a grid that the exchange took and the database never saw, and a trade's rotation."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.exceptions import InsufficientFundsError
from freqtrade.persistence import PairLocks, Trade, init_db
from freqtrade.strategy.strategy_wrapper import strategy_safe_wrapper

from aquatrade.grid.state import GridState, from_json
from aquatrade.orphan_watch import OrphanWatch
from aquatrade.unused_callbacks import let_read
from tests.strategies.grid_tables import FEE_RATE, PAIR
from tests.strategies.live_grid import LiveGrid, started

READERS = (
    "adjust_trade_position", "custom_exit", "custom_entry_price", "custom_exit_price",
    "order_filled",
)  # fmt: skip
SECONDS = timedelta(seconds=5)


@pytest.fixture(autouse=True)
def database() -> Iterator[None]:
    fresh_database()
    yield
    PairLocks.reset_locks()
    Trade.session.remove()


def fresh_database() -> None:
    init_db("sqlite://")
    PairLocks.timeframe = "5m"


def books(grid: LiveGrid) -> tuple[object, ...]:
    """All that freqtrade and the grid believe about the pair's last trade."""
    trade = Trade.session.scalars(Trade.get_trades_query([])).unique().all()[-1]
    return (
        (trade.is_open, trade.amount, trade.stake_amount, trade.open_rate, trade.realized_profit),
        [
            (o.order_id, o.ft_order_side, o.amount, o.filled, o.status, o.ft_is_open)
            for o in trade.orders
        ],
        from_json(trade.get_custom_data("grid")),
    )


def next_level(grid: LiveGrid) -> None:
    started(grid)
    lose(grid, lambda: grid.look(97.0))


def two_levels(grid: LiveGrid) -> None:
    started(grid)
    lose(grid, lambda: grid.look(96.0))


def one_of_two_lots(grid: LiveGrid) -> None:
    started(grid)
    lose(grid, lambda: grid.look(99.0))


def all_lots(grid: LiveGrid) -> None:
    started(grid)
    lose(grid, lambda: grid.look(100.0))


def the_stop(grid: LiveGrid) -> None:
    started(grid)
    lose(grid, lambda: grid.ask_exit(39.0))


def the_first_level(grid: LiveGrid) -> None:
    assert grid.enter(100.0) == 0.0
    assert grid.enter(101.5) == 0.0
    lose(grid, lambda: grid.enter(99.5))


def a_level_of_a_flat_grid(grid: LiveGrid) -> None:
    started(grid)
    grid.look(100.0)
    grid.fill()
    assert grid.enter(99.6, tag="goes_on") == 0.0
    lose(grid, lambda: grid.enter(96.9, tag="goes_on"))


def lose(grid: LiveGrid, order: Callable[[], object]) -> None:
    """The world that the test asks for: whether the answer comes, and who lives to hear it."""
    before = len(grid.exchange.orders)
    grid.exchange.loses_answers = grid.fate != "heard"
    order()
    grid.exchange.loses_answers = False
    assert len(grid.exchange.orders) == before + 1
    if grid.fate == "killed":
        grid.start()


def world(folder: Path, fate: str, scene: Callable[[LiveGrid], None]) -> LiveGrid:
    fresh_database()
    grid = LiveGrid(folder)
    grid.fate = fate
    scene(grid)
    grid.loop(SECONDS)
    grid.fill()
    return grid


@pytest.mark.parametrize(
    "scene",
    [
        next_level, two_levels, one_of_two_lots, all_lots, the_stop, the_first_level,
        a_level_of_a_flat_grid,
    ],
    ids=lambda scene: scene.__name__,
)  # fmt: skip
def test_a_lost_order_is_booked_as_if_it_had_been_heard_of(
    scene: Callable[[LiveGrid], None], tmp_path: Path
) -> None:
    expected = without_moments(books(world(tmp_path, "heard", scene)))
    for fate in ("killed", "answer lost"):
        assert without_moments(books(world(tmp_path, fate, scene))) == expected, fate


def without_moments(found: tuple[object, ...]) -> tuple[object, ...]:
    *rest, state = found
    assert isinstance(state, GridState)
    return *rest, replace(state, trips=tuple(replace(trip, sold_at="") for trip in state.trips))


def test_tags_of_levels_are_found_again(tmp_path: Path) -> None:
    for scene, tag in ((two_levels, "grid_buy_L-3_L-4"), (one_of_two_lots, "grid_sell_L-2")):
        grid = world(tmp_path, "killed", scene)
        assert grid.trade.orders[-1].ft_order_tag == tag
    assert world(tmp_path, "killed", the_stop) and Trade.get_trades([]).first().exit_reason == (
        "grid_stop"
    )


def test_nothing_is_placed_twice_while_an_answer_is_missing(tmp_path: Path) -> None:
    """In the same loop, and until the exchange has been asked: an order more would be one twice."""
    grid = started(LiveGrid(tmp_path))
    grid.exchange.loses_answers = True
    assert grid.look(97.0) == (100.0, "grid_buy_L-3")
    grid.exchange.loses_answers = False
    assert grid.look_again(97.0) is None
    assert not grid.place(grid.trade, "sell", 0.1, 97.0, "in the same loop")
    grid.exchange.is_down = True
    assert grid.look(97.0) is None
    assert not grid.place(grid.trade, "buy", 0.1, 97.0, "not compared yet")
    assert len(grid.exchange.orders) == 3
    grid.exchange.is_down = False
    grid.loop(SECONDS)
    grid.fill()
    assert [level.number for level in grid.state().lots] == [-3, -2, -1]


def test_an_exchange_that_does_not_answer_blocks_no_exit(tmp_path: Path) -> None:
    grid = started(LiveGrid(tmp_path))
    grid.exchange.loses_requests = grid.exchange.is_down = True
    assert grid.look(97.0) is not None
    grid.loop(SECONDS)
    grid.exchange.loses_requests = False
    assert grid.ask_exit(39.0) == "grid_stop"
    assert grid.exchange.orders[-1]["side"] == "sell"


def test_a_request_that_never_arrived_is_sent_again_half_a_minute_later(tmp_path: Path) -> None:
    grid = started(LiveGrid(tmp_path))
    grid.exchange.loses_requests = True
    assert grid.look(97.0) is not None
    grid.exchange.loses_requests = False
    for _ in range(6):  # it may still be under way
        grid.loop(SECONDS)
        assert grid.look_again(97.0) is None
    grid.loop(SECONDS)
    assert grid.strategy.orphans.is_settled(PAIR)
    assert grid.look(97.0) == (100.0, "grid_buy_L-3")
    assert len(grid.exchange.orders) == 3


def test_a_refusal_is_an_answer(tmp_path: Path) -> None:
    grid = started(LiveGrid(tmp_path))

    def refuse(**_: Any) -> dict[str, Any]:
        raise InsufficientFundsError("no money")

    grid.exchange.create_order = refuse  # type: ignore[method-assign]
    grid.strategy.orphans.start()
    with pytest.raises(InsufficientFundsError):
        grid.exchange.create_order(pair=PAIR, side="buy", amount=1.0, rate=97.0)
    assert grid.strategy.orphans.is_settled(PAIR)


def test_what_freqtrade_writes_at_its_start_makes_no_order_old(tmp_path: Path) -> None:
    """It asks for open orders first: an order lost hours ago is still the last thing it did."""
    grid = started(LiveGrid(tmp_path))
    lost = grid.exchange.loses_answers = True
    grid.look(97.0)
    grid.exchange.loses_answers = not lost
    later = grid.now + timedelta(hours=6)
    del grid.exchange.create_order  # the process ends
    watch = OrphanWatch(grid.strategy, is_live=True)
    watch.start()
    grid.trade.orders[0].order_update_date = later
    Trade.commit()
    watch.look(later)
    assert [order.order_id for order in grid.trade.orders] == ["1", "2", "3"]
    assert not PairLocks.is_pair_locked(PAIR, later)


def test_a_grid_that_has_not_bought_yet_survives_a_restart(tmp_path: Path) -> None:
    """Laid around 100 and, with nothing bought on the way up, anew around 109."""
    grid = LiveGrid(tmp_path)
    assert grid.enter(100.0) == 0.0
    assert grid.enter(109.0) == 0.0
    before = grid.strategy.desk.book.plan(PAIR)
    assert (before.centre, before.generation) == (109.0, 1)
    grid.start()
    assert grid.strategy.desk.book.plan(PAIR) == before
    assert grid.enter(106.8) == 200.0
    grid.fill()
    grid.start()
    assert [level.number for level in grid.state().lots] == [-2, -1]
    assert grid.state().centre == 109.0
    # Nothing of it is left for the pair's next grid.
    grid.ask_exit(60.0)
    grid.fill()
    grid.start()
    assert grid.strategy.desk.book.plan(PAIR) is None


def test_a_grid_that_no_market_suits_any_more_is_forgotten(tmp_path: Path) -> None:
    grid = LiveGrid(tmp_path)
    assert grid.enter(100.0) == 0.0
    assert grid.enter(100.0, tag="goes_on") == 0.0
    grid.start()
    assert grid.strategy.desk.book.plan(PAIR) is None


def many_orders(folder: Path) -> LiveGrid:
    """Two lots, and ten orders: level -2 was bought and sold four times more."""
    grid = started(LiveGrid(folder, rotate_after_orders=10))
    for _ in range(4):
        for rate in (99.0, 98.0):
            assert grid.look(rate) is not None
            grid.fill()
    assert len(grid.trade.orders) == 10
    return grid


@pytest.mark.parametrize("fate", ["heard", "killed"])
def test_a_rotation_costs_its_fees_and_nothing_else(fate: str, tmp_path: Path) -> None:
    grid = many_orders(tmp_path)
    grid.fate = fate
    before = grid.state()
    lose(grid, lambda: grid.ask_exit(98.4))
    grid.loop(SECONDS)
    grid.fill()
    assert Trade.get_open_trades() == []
    grid.start()
    lose(grid, lambda: grid.enter(98.4, tag="goes_on"))
    grid.loop(SECONDS)
    grid.fill()
    after = grid.state()
    assert len(grid.trade.orders) == 1
    assert [level.key for level in after.lots] == [level.key for level in before.lots]
    for lot, sold in zip(after.lots, before.lots, strict=True):
        assert lot.amount == pytest.approx(sold.amount, rel=1e-6)
        assert (lot.sell_price, lot.trips, lot.phase) == (sold.sell_price, sold.trips, "holding")
    assert (after.ended, after.rotated, after.round_trips) == (None, (), before.round_trips)
    fees = before.inventory * 98.4 * 2 * FEE_RATE
    cost = before.profit_at(98.4, FEE_RATE) - after.profit_at(98.4, FEE_RATE)
    assert cost == pytest.approx(fees, rel=0.01)


def test_a_trade_is_not_rotated_where_its_lots_could_not_be_bought_again(tmp_path: Path) -> None:
    grid = many_orders(tmp_path)
    PairLocks.lock_pair(PAIR, grid.now + timedelta(hours=1), "test", now=grid.now)
    assert grid.ask_exit(98.4) is None


def test_a_line_that_the_price_is_above_is_not_bought_again(tmp_path: Path) -> None:
    """Lot -2 is sold at 99: after a rise to 99.2 only lot -1 is wanted back."""
    grid = many_orders(tmp_path)
    assert grid.ask_exit(98.4) == "grid_rotation"
    grid.fill()
    amount = 100.0 / 99.0
    assert grid.enter(99.2, tag="goes_on") == pytest.approx(amount * 99.2)
    grid.fill()
    assert [level.number for level in grid.state().lots] == [-1]


def test_callbacks_that_only_read_a_trade_get_no_copy_of_it(tmp_path: Path) -> None:
    """Freqtrade copies what it gives to any other: this is of its making, and may change."""
    trade = object()
    plain = SimpleNamespace(custom_exit=lambda *, trade: trade)
    assert strategy_safe_wrapper(plain.custom_exit)(trade=trade) is not trade
    let_read(plain, "custom_exit")
    assert strategy_safe_wrapper(plain.custom_exit)(trade=trade) is trade
    strategy = LiveGrid(tmp_path).strategy
    assert {getattr(strategy, name).__name__ for name in READERS} == set(READERS)
    assert all(getattr(strategy, name).__qualname__ == f"IStrategy.{name}" for name in READERS)
