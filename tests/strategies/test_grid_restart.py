"""GridTrader with a database: a restart finds its grid, and each order is booked once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.persistence import Order, PairLocks, Trade, init_db
from freqtrade.resolvers import StrategyResolver

from aquatrade.grid.keeping import STATE_KEY
from aquatrade.grid.state import GridState, from_json
from lab.evidence_runner import STRATEGIES
from tests.strategies.grid_tables import HAND, PAIR

NOW = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
RATES = ("current_rate", "current_entry_rate", "current_exit_rate")
PROFITS = ("current_profit", "current_entry_profit", "current_exit_profit")


@pytest.fixture(autouse=True)
def database() -> Iterator[None]:
    init_db("sqlite://")
    PairLocks.timeframe = "5m"
    yield
    PairLocks.reset_locks()
    Trade.session.remove()


class LiveGrid:
    """A live strategy and the hands of freqtrade: places what is asked, fills it when told."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.orders = 0
        self.now = NOW
        self.start()

    def start(self) -> None:
        """A new process: nothing in memory."""
        config: dict[str, Any] = {
            "strategy": "GridTrader",
            "strategy_path": STRATEGIES,
            "user_data_dir": self._folder,
            "runmode": RunMode.LIVE,
            "dry_run": False,
            "stake_currency": "USDT",
            "aquatrade": {"grid": HAND, "accept_negative_evidence": True},
        }
        self.strategy = StrategyResolver.load_strategy(config)
        self.strategy.ft_load_hyper_params(False)
        self.strategy.dp = SimpleNamespace(
            current_whitelist=lambda: [PAIR],
            orderbook=lambda pair, depth: {"bids": [[100.0, 1.0]], "asks": [[100.01, 1.0]]},
            get_analyzed_dataframe=lambda pair, timeframe: (pd.DataFrame(), None),
        )

    @property
    def trade(self) -> Trade:
        found = Trade.get_open_trades()
        assert len(found) == 1
        return found[0]

    def state(self) -> GridState:
        return from_json(self.trade.get_custom_data(STATE_KEY))

    def enter(self, rate: float, tag: str = "specified") -> float:
        """What freqtrade asks for an entry: (price,) stake."""
        self.now += timedelta(minutes=5)
        price = self.strategy.custom_entry_price(
            pair=PAIR, trade=None, current_time=self.now, proposed_rate=rate, entry_tag=tag,
            side="long",
        )  # fmt: skip
        stake = self.strategy.custom_stake_amount(
            pair=PAIR, current_time=self.now, current_rate=price, proposed_stake=1.0,
            min_stake=5.0, max_stake=5_000.0, leverage=1.0, entry_tag=tag, side="long",
        )  # fmt: skip
        if stake:
            trade = Trade(
                pair=PAIR, base_currency="BTC", stake_currency="USDT", stake_amount=stake,
                amount=0.0, fee_open=0.001, fee_close=0.001, open_rate=price, open_date=self.now,
                is_open=True, exchange="binance", enter_tag=tag, timeframe=5, leverage=1.0,
                amount_precision=1e-8, price_precision=1e-8, precision_mode=4,
            )  # fmt: skip
            trade.adjust_stop_loss(price, -0.4, initial=True)
            self._place(trade, "buy", stake / price, price, tag)
        return float(stake)

    def look(self, rate: float) -> tuple[float, str] | None:
        """adjust_trade_position, and the order that freqtrade places for it."""
        self.now += timedelta(minutes=5)
        trade = self.trade
        wish = self.strategy.adjust_trade_position(
            trade=trade, current_time=self.now, min_stake=5.0, max_stake=5_000.0,
            **dict.fromkeys(RATES, rate), **dict.fromkeys(PROFITS, 0.0),
        )  # fmt: skip
        if wish is None:
            return None
        stake, tag = wish
        side = "buy" if stake > 0 else "sell"
        amount = stake / rate if stake > 0 else -stake * trade.amount / trade.stake_amount
        self._place(trade, side, amount, rate, tag)
        return float(stake), str(tag)

    def _place(self, trade: Trade, side: str, amount: float, price: float, tag: str) -> None:
        self.orders += 1
        trade.orders.append(
            Order(
                order_id=str(self.orders), ft_order_side=side, side=side, ft_pair=PAIR,
                symbol=PAIR, ft_amount=amount, amount=amount, filled=0.0, remaining=amount,
                ft_price=price, price=price, average=price, status="open", order_type="limit",
                ft_is_open=True, order_date=self.now, ft_order_tag=tag,
            )
        )  # fmt: skip
        Trade.session.add(trade)
        Trade.commit()

    def fill(self, share: float = 1.0, *, tell: bool = True) -> None:
        """The open order is done; tell: whether the bot is there to hear of it."""
        trade = self.trade
        order = trade.orders[-1]
        order.filled, order.remaining = order.amount * share, order.amount * (1 - share)
        order.status, order.ft_is_open = "closed" if share == 1.0 else "canceled", False
        order.order_filled_date = self.now
        is_all = order.ft_order_side == "sell" and order.filled >= trade.amount * 0.999
        if is_all:
            trade.close(order.price)
        else:
            trade.recalc_trade_from_orders()
        Trade.commit()
        if tell:
            self.strategy.order_filled(pair=PAIR, trade=trade, order=order, current_time=self.now)


@pytest.fixture
def grid(tmp_path: Path) -> LiveGrid:
    return LiveGrid(tmp_path)


def started(grid: LiveGrid) -> LiveGrid:
    """A grid around 100 with two lots, 99 and 98."""
    assert grid.enter(100.0) == 0.0
    assert grid.enter(99.0) == 100.0
    grid.fill()
    assert grid.look(98.0) == (100.0, "grid_buy_L-2")
    grid.fill()
    return grid


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
    grid.strategy.adjust_trade_position(
        trade=grid.trade, current_time=grid.now, min_stake=5.0, max_stake=5_000.0,
        **dict.fromkeys(RATES, 97.0), **dict.fromkeys(PROFITS, 0.0),
    )  # fmt: skip
    assert len(grid.state().in_phase("buying")) == 1  # refused by somebody, or lost
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
    assert (state.round_trips, state.centre, state.booked) == (2, 100.0, (str(grid.orders),))
    assert [level.number for level in state.lots] == [-1]


def test_after_a_stop_only_a_fitting_market_opens_a_new_grid(grid: LiveGrid) -> None:
    started(grid)
    trade = grid.trade
    assert (
        grid.strategy.custom_exit(
            pair=PAIR, trade=trade, current_time=grid.now, current_rate=39.0, current_profit=-0.6
        )
        == "grid_stop"
    )
    grid._place(trade, "sell", trade.amount, 39.0, "grid_stop")
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
