"""Orders that the exchange has and the database does not: booked, or the pair is locked."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import TemporaryError
from freqtrade.persistence import Order, PairLocks, Trade

from tests.strategies.freqtrade_fakes import (
    ENTERED,
    PAIR,
    FakeExchange,
    Frames,
    exchange_order,
    open_trade,
)

LoadStrategy = Callable[..., Any]


def live_with(load_strategy: LoadStrategy, exchange: FakeExchange) -> Any:
    strategy = load_strategy(RunMode.LIVE)
    strategy.dp = Frames(pd.DataFrame(), exchange)
    return strategy


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("status", ["open", "closed"])
def test_a_lost_entry_is_booked_as_the_trade_it_was(
    status: str, load_strategy: LoadStrategy
) -> None:
    exchange = FakeExchange(
        [exchange_order(status=status, filled=0.0 if status == "open" else 2.0)]
    )
    strategy = live_with(load_strategy, exchange)
    strategy.bot_loop_start(current_time=ENTERED)
    (trade,) = Trade.get_open_trades()
    assert (trade.pair, trade.enter_tag, trade.open_rate_requested) == (PAIR, "crash", 100.0)
    assert trade.stop_loss == pytest.approx(80.0)
    (order,) = Order.get_open_orders()  # freqtrade asks the exchange for its fate and books it
    assert (order.order_id, order.ft_price, order.safe_filled) == ("77", 100.0, 0.0)
    assert exchange.cancelled == []
    assert not PairLocks.is_pair_locked(PAIR, ENTERED)
    strategy.bot_loop_start(current_time=ENTERED)
    live_with(load_strategy, exchange).bot_loop_start(current_time=ENTERED)
    assert len(Trade.get_open_trades()) == 1


@pytest.mark.usefixtures("database")
def test_a_lost_exit_is_booked_on_its_trade(load_strategy: LoadStrategy) -> None:
    trade = open_trade()
    late = int((ENTERED + timedelta(hours=1)).timestamp() * 1000)
    order = trade.orders[0]
    order.order_update_date = ENTERED
    Trade.commit()
    lost = exchange_order("78", side="sell", amount=1.0, filled=1.0, timestamp=late)
    known = exchange_order("1", amount=1.0, filled=1.0)
    strategy = live_with(load_strategy, FakeExchange([known, lost]))
    strategy.bot_loop_start(current_time=ENTERED + timedelta(hours=2))
    assert [o.order_id for o in trade.orders] == ["1", "78"]
    assert trade.orders[1].ft_is_open and trade.orders[1].ft_order_side == "sell"
    assert trade.exit_reason == "recovered"


@pytest.mark.usefixtures("database")
def test_what_a_kill_does_not_explain_locks_the_pair_and_cancels(
    load_strategy: LoadStrategy, caplog: pytest.LogCaptureFixture
) -> None:
    orders = [exchange_order("77"), exchange_order("78", status="open", filled=0.5)]
    exchange = FakeExchange(orders)
    live_with(load_strategy, exchange).bot_loop_start(current_time=ENTERED)
    assert Trade.get_open_trades() == []
    assert exchange.cancelled == ["78"]
    assert PairLocks.is_pair_locked(PAIR, ENTERED + timedelta(days=300))
    (error,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert "2 filled" in error.getMessage() and "0.5 filled" in error.getMessage()


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("error", [TemporaryError("away"), RuntimeError("bug")])
def test_no_entry_before_the_comparison_succeeds(
    error: Exception, load_strategy: LoadStrategy
) -> None:
    exchange = FakeExchange([], error)
    strategy = live_with(load_strategy, exchange)
    strategy.bot_loop_start(current_time=ENTERED)
    assert PairLocks.is_global_lock(ENTERED)
    exchange.error = None
    strategy.bot_loop_start(current_time=ENTERED + timedelta(seconds=5))
    assert not PairLocks.is_global_lock(ENTERED + timedelta(minutes=1))


def test_a_backtest_compares_nothing(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy()
    strategy.dp = None
    strategy.bot_loop_start(current_time=ENTERED)
