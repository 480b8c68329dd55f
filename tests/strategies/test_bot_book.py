"""The book of a bot: the same trades make the same book from the database and from a backtest."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from freqtrade.enums import TradingMode
from freqtrade.persistence import (
    LocalTrade,
    Order,
    Trade,
    disable_database_use,
    enable_database_use,
    init_db,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.bot_book import BotIdentity, Money, bot_book, unrealized_profit
from aquatrade.bot_ledger import BacktestLedger, LiveLedger
from aquatrade.risk.model import Book, Side

NOW = datetime(2024, 3, 12, 7, 0, 4, tzinfo=UTC)
IDENTITY = BotIdentity("tester", "binance", "dip", 0.0015)
MONEY = Money(capital=10_000.0, free=7_000.0)
RATES = {"BTC/USDT": 90.0, "ETH/USDT": 12.0, "SOL/USDT": 5.0}


def order(number: int, pair: str, side: str, amount: float, price: float, **changes: Any) -> Order:
    at = NOW - timedelta(hours=number)
    values: dict[str, Any] = {
        "order_id": f"{pair}-{number}", "ft_order_side": side, "ft_pair": pair, "side": side,
        "ft_amount": amount, "ft_price": price, "price": price, "average": price,
        "amount": amount, "filled": amount, "remaining": 0.0, "status": "closed",
        "ft_is_open": False, "order_date": at, "order_filled_date": at, "symbol": pair,
        "order_type": "limit", "funding_fee": 0.0,
    }  # fmt: skip
    return Order(**(values | changes))


def trades(kind: Any) -> list[Any]:
    """One held and added to, one whose order waits, one sold in part, and three that ended."""

    def trade(pair: str, orders: list[Order], hours_open: float = 30.0, **changes: Any) -> Any:
        values: dict[str, Any] = {
            "pair": pair, "base_currency": pair.split("/")[0], "stake_currency": "USDT",
            "stake_amount": orders[0].amount * orders[0].price, "amount": 0.0,
            "open_rate": orders[0].price, "open_date": NOW - timedelta(hours=hours_open),
            "fee_open": 0.001, "fee_close": 0.001, "is_open": True, "exchange": "binance",
            "leverage": 1.0, "trading_mode": TradingMode.SPOT, "amount_precision": 1e-8,
            "precision_mode": 4, "price_precision": 1e-8, "precision_mode_price": 4,
            "contract_size": 1.0,
        }  # fmt: skip
        made = kind(**(values | changes))
        if kind is LocalTrade:
            made.orders = []
        for one in orders:
            if kind is LocalTrade:
                one._trade_bt = made
            made.orders.append(one)
        made.adjust_stop_loss(made.open_rate, -0.2, initial=True)
        made.recalc_trade_from_orders()
        return made

    waiting = {"filled": 0.0, "remaining": 20.0, "status": "open", "ft_is_open": True}
    made = [
        trade("BTC/USDT", [order(30, "BTC/USDT", "buy", 10.0, 100.0),
                           order(2, "BTC/USDT", "buy", 5.0, 94.0)]),
        trade("ETH/USDT", [order(1, "ETH/USDT", "buy", 20.0, 10.0, **waiting)], hours_open=1.0),
        trade("SOL/USDT", [order(40, "SOL/USDT", "buy", 100.0, 4.0),
                           order(3, "SOL/USDT", "sell", 40.0, 6.0)]),
    ]  # fmt: skip
    for hours, price, reason in (
        (50, 95.0, "stop_loss"),
        (20, 120.0, "roi"),
        (5, 90.0, "risk_day"),
    ):
        ended = trade("BTC/USDT", [order(hours + 2, "BTC/USDT", "buy", 1.0, 100.0),
                                   order(hours, "BTC/USDT", "sell", 1.0, price)],
                      hours_open=hours + 2.0)  # fmt: skip
        ended.exit_reason = reason
        ended.close_date = NOW - timedelta(hours=hours)
        ended.close(price, show_msg=False)
        made.append(ended)
    return made


@pytest.fixture
def live_book() -> Iterator[Book]:
    init_db("sqlite://")
    for one in trades(Trade):
        Trade.session.add(one)
    Trade.commit()
    yield book(LiveLedger(IDENTITY))
    Trade.session.remove()


@pytest.fixture
def backtest_book(live_book: Book) -> Iterator[Book]:
    disable_database_use("1h")
    LocalTrade.reset_trades()
    for one in trades(LocalTrade):
        LocalTrade.add_bt_trade(one)
        if not one.is_open:
            LocalTrade.bt_total_profit += one.close_profit_abs
    yield book(BacktestLedger(IDENTITY))
    LocalTrade.reset_trades()
    enable_database_use()


def book(ledger: Any) -> Book:
    return bot_book(
        NOW, IDENTITY, MONEY, ledger.open_trades(), ledger.closed_profit(),
        lambda pair, is_short: RATES[pair], ledger.history(NOW),
    )  # fmt: skip


def test_the_same_book_live_and_in_a_backtest(live_book: Book, backtest_book: Book) -> None:
    assert backtest_book == live_book


def test_every_number_of_the_book(live_book: Book) -> None:
    btc, eth, sol = live_book.positions
    assert (btc.amount, btc.entry_rate, btc.current_rate) == (15.0, 98.0, 90.0)
    assert (btc.stake, btc.pending_stake, btc.side) == (1_470.0, 0.0, Side.LONG)
    # The stop of the first entry at 100: an average that falls does not loosen it.
    assert btc.stop_rate == pytest.approx(80.0)
    assert (eth.amount, eth.stake, eth.pending_stake, eth.exposure) == (0.0, 0.0, 200.0, 200.0)
    assert (sol.amount, sol.stake) == (60.0, 240.0)
    fees = 0.001 * (1_470 + 1_350 + 240 + 300)
    unrealized = (1_350 - 1_470) + (300 - 240) - fees
    realized = 40 * 6 * 0.999 - 40 * 4 * 1.001
    closed = sum(price * 0.999 - 100 * 1.001 for price in (95.0, 120.0, 90.0))
    assert live_book.equity == pytest.approx(10_000 + unrealized)
    assert live_book.profit == pytest.approx(closed + realized + unrealized)
    assert [trade.was_stopped for trade in live_book.closed] == [True, False, False]
    assert [trade.closed_at for trade in live_book.closed] == [
        NOW - timedelta(hours=hours) for hours in (50, 20, 5)
    ]
    # Of the last 24 h: two entries that are open, two of trades that ended.
    hours = [(NOW - moment) / timedelta(hours=1) for moment in live_book.entries_at]
    assert hours == [22.0, 7.0, 2.0, 1.0]


def test_a_price_that_is_not_known_makes_no_number() -> None:
    (held, *_) = trades(LocalTrade)
    made = bot_book(NOW, IDENTITY, MONEY, [held], 0.0, lambda pair, is_short: float("nan"))
    assert str(made.equity) == str(made.profit) == "nan"


@settings(max_examples=60)
@given(
    is_short=st.booleans(),
    leverage=st.sampled_from([1.0, 3.0]),
    amount=st.floats(0.001, 1e4),
    open_rate=st.floats(0.01, 1e5),
    rate=st.floats(0.01, 1e5),
    funding=st.floats(-50.0, 50.0),
)
def test_what_is_unrealised_is_what_freqtrade_shows(
    is_short: bool, leverage: float, amount: float, open_rate: float, rate: float, funding: float
) -> None:
    trade = LocalTrade(
        pair="BTC/USDT:USDT", stake_amount=amount * open_rate / leverage, amount=amount,
        open_rate=open_rate, open_date=NOW, fee_open=0.001, fee_close=0.002, is_open=True,
        exchange="binance", leverage=leverage, is_short=is_short,
        trading_mode=TradingMode.FUTURES,
    )  # fmt: skip
    trade.funding_fees = funding
    trade.recalc_open_trade_value()
    shown = trade.calc_profit(rate)
    assert unrealized_profit(trade, rate) == pytest.approx(shown, rel=1e-9, abs=1e-6)
