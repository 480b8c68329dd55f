"""GridTrader with a database: a restart finds its grid, and each order is booked once."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from freqtrade.persistence import PairLocks, Trade, init_db

from tests.strategies.grid_tables import PAIR
from tests.strategies.live_grid import NOW, LiveGrid, started


@pytest.fixture(autouse=True)
def database() -> Iterator[None]:
    init_db("sqlite://")
    PairLocks.timeframe = "5m"
    yield
    PairLocks.reset_locks()
    Trade.session.remove()


@pytest.fixture
def grid(tmp_path: Path) -> LiveGrid:
    return LiveGrid(tmp_path)


def test_a_restart_finds_the_grid_exactly(grid: LiveGrid) -> None:
    started(grid)
    before = grid.state()
    assert [level.number for level in before.lots] == [-2, -1]
    assert before.average_price == pytest.approx(200.2 / (100 / 99 + 100 / 98))
    grid.start()
    assert grid.look(98.5) is None
    assert grid.state() == before
    stake, tag = grid.look(99.0) or (0.0, "")
    assert (stake < 0, tag) == (True, "grid_sell_L-2")
    grid.fill()
    assert grid.state().round_trips == 1
    assert grid.state().trips[0].profit == pytest.approx(100 / 98 * 99 * 0.999 - 100.1, abs=1e-4)


def test_an_order_that_filled_while_the_bot_was_down_is_booked_once(grid: LiveGrid) -> None:
    started(grid)
    assert grid.look(97.0) == (100.0, "grid_buy_L-3")
    grid.fill(tell=False)
    grid.start()
    for _ in range(2):
        assert grid.look(97.5) is None
        assert [level.number for level in grid.state().lots] == [-3, -2, -1]
    grid.strategy.order_filled(
        pair=PAIR, trade=grid.trade, order=grid.trade.orders[-1], current_time=grid.now
    )
    assert len(grid.state().lots) == 3


def test_a_kill_between_the_first_order_and_its_fill(grid: LiveGrid) -> None:
    """The grid was never written: the line of the order is the first below the centre."""
    grid.enter(100.0)
    assert grid.enter(99.0) == 100.0
    grid.start()
    assert grid.look(99.0) is None  # its order works
    assert [level.number for level in grid.state().in_phase("buying")] == [-1]
    grid.fill(tell=False)
    grid.start()
    assert grid.look(99.0) is None
    state = grid.state()
    assert [level.number for level in state.lots] == [-1]
    assert state.centre == pytest.approx(100.0)


def test_an_order_that_never_came_leaves_its_level_waiting(grid: LiveGrid) -> None:
    started(grid)
    grid.exchange.loses_requests = True
    grid.look(97.0)
    assert len(grid.state().in_phase("buying")) == 1  # refused by somebody, or lost
    grid.exchange.loses_requests = False
    grid.start()
    assert grid.look(97.0) == (100.0, "grid_buy_L-3")


def test_a_grid_that_is_flat_goes_on_with_the_next_trade(grid: LiveGrid) -> None:
    started(grid)
    grid.look(100.0)
    grid.fill()
    assert Trade.get_open_trades() == []
    grid.start()
    # Nothing fits a new grid now, but this one goes on: line 99 is bought again.
    assert grid.enter(99.6, tag="goes_on") == 0.0
    assert grid.enter(98.9, tag="goes_on") == 100.0
    grid.fill()
    state = grid.state()
    assert (state.round_trips, state.centre, state.booked) == (
        2,
        100.0,
        (grid.trade.orders[-1].order_id,),
    )
    assert [level.number for level in state.lots] == [-1]


def test_after_a_stop_only_a_fitting_market_opens_a_new_grid(grid: LiveGrid) -> None:
    started(grid)
    assert grid.ask_exit(39.0) == "grid_stop"
    grid.fill()
    grid.start()
    assert grid.enter(39.0, tag="goes_on") == 0.0
    assert grid.strategy.no_stake_reason == "the market does not suit a new grid"
    assert grid.enter(39.0) == 0.0
    assert grid.enter(38.6) == 100.0


def test_a_sell_is_never_blocked_and_a_lock_stops_buys(grid: LiveGrid) -> None:
    started(grid)
    PairLocks.lock_pair(PAIR, grid.now + timedelta(days=1), "test", now=grid.now)
    assert grid.look(97.0) is None
    assert grid.state().in_phase("buying") == () or grid.look(97.0) is None
    stake, tag = grid.look(100.0) or (0.0, "")
    assert (round(stake + grid.trade.stake_amount, 6), tag) == (0.0, "grid_sell_L-2_L-1")


def test_a_wide_spread_opens_no_grid(grid: LiveGrid) -> None:
    grid.strategy.dp.orderbook = lambda pair, depth: {"bids": [[99.0, 1.0]], "asks": []}
    assert grid.enter(100.0) == 0.0
    assert grid.enter(99.0) == 0.0
    assert "spread" in grid.strategy.no_stake_reason


def test_a_callback_that_fails_buys_nothing(grid: LiveGrid) -> None:
    grid.strategy.dp.orderbook = lambda pair, depth: {}
    assert grid.enter(100.0) == 0.0
    assert "could not be told" in grid.strategy.no_stake_reason


def test_lines_are_drawn(grid: LiveGrid) -> None:
    started(grid)
    drawn = grid.strategy.plot_annotations(
        pair=PAIR, start_date=NOW, end_date=grid.now, dataframe=None
    )
    labels = {line["label"]: line["y_start"] for line in drawn}
    assert labels["centre"] == 100.0
    assert labels["sell L-2"] == pytest.approx(99.0)
    assert labels["buy L-3"] == pytest.approx(97.0)
    # 120 USD of 800 are lost: what 200.20 USD of coins bring then, fees included, is 80.20.
    assert labels["grid stop"] == pytest.approx(80.2 / (100 / 99 + 100 / 98) / 0.999)
