"""Callbacks that decide about money or keep the record of it, when everything around them fails."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import TemporaryError
from freqtrade.persistence import Order, PairLocks, Trade, init_db
from freqtrade.strategy.strategy_wrapper import strategy_safe_wrapper

from aquatrade.base_strategy import NOT_COMPARED
from tests.aquatrade.fake_sidecar import HOUR_MS, TOKEN, FakeSidecar, running_sidecar, score_record
from tests.strategies.candle_tables import START

LoadStrategy = Callable[..., Any]
PAIR = "BTC/USDT"
# The signal candle opens at 05:00; the entry is made shortly after 06:00.
SIGNAL = START + timedelta(hours=5)
ENTERED = START + timedelta(hours=6, seconds=4)
SIGNAL_CLOSE_MS = int((START + timedelta(hours=6)).timestamp() * 1000)


class Wallets:
    def __init__(self, total: float | Exception) -> None:
        self.total = total

    def get_total_stake_amount(self) -> float:
        if isinstance(self.total, Exception):
            raise self.total
        return self.total


class Frames:
    """The data provider as far as the strategy asks it."""

    def __init__(self, frame: pd.DataFrame, exchange: Any = None) -> None:
        self.frame = frame
        self._exchange = exchange

    def get_analyzed_dataframe(self, pair: str, timeframe: str) -> tuple[pd.DataFrame, datetime]:
        return self.frame, START

    def current_whitelist(self) -> list[str]:
        return [PAIR]


def stake(strategy: Any, **changes: Any) -> float:
    """custom_stake_amount as freqtrade calls it; -1 stands for freqtrade's own stake."""
    arguments: dict[str, Any] = {
        "pair": PAIR,
        "current_time": ENTERED,
        "current_rate": 100.0,
        "proposed_stake": 200.0,
        "min_stake": 5.0,
        "max_stake": 10_000.0,
        "leverage": 1.0,
        "entry_tag": "crash",
        "side": "long",
    }
    wrapped = strategy_safe_wrapper(strategy.custom_stake_amount, default_retval=-1.0)
    return float(wrapped(**(arguments | changes)))


@pytest.mark.parametrize(
    ("capital", "changes", "expected"),
    [
        (10_000.0, {}, 200.0),
        (1_000.0, {}, 98.67),  # 2 % of 1,000 over 20.27 % lost at the stop
        (1_000.0, {"max_stake": 60.0}, 60.0),
        (1_000.0, {"min_stake": 99.0}, 0.0),
        (1_000.0, {"min_stake": None}, 98.67),
        (1_000.0, {"max_stake": float("nan")}, 0.0),
        (0.0, {}, 0.0),
        (float("nan"), {}, 0.0),
        (float("inf"), {}, 0.0),
        (-5.0, {}, 0.0),
        (RuntimeError("no balance"), {}, 0.0),
        (TemporaryError("exchange away"), {}, 0.0),
    ],
)
def test_the_stake_is_right_or_nothing(
    capital: Any, changes: dict[str, Any], expected: float, load_strategy: LoadStrategy
) -> None:
    strategy = load_strategy()
    strategy.wallets = Wallets(capital)
    assert stake(strategy, **changes) == pytest.approx(expected, abs=0.01)


def test_without_wallets_there_is_no_stake(load_strategy: LoadStrategy) -> None:
    assert stake(load_strategy()) == 0.0


def test_a_fixed_stake_is_the_one_that_is_set(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(sizing={"method": "fixed", "stake_usd": 150.0})
    assert stake(strategy) == pytest.approx(150.0)
    assert stake(strategy, max_stake=149.0) == 0.0


# -- with a database ------------------------------------------------------------------------------


@pytest.fixture
def database() -> Iterator[None]:
    init_db("sqlite://")
    PairLocks.timeframe = "1h"
    yield
    Trade.session.remove()


def open_trade(**changes: Any) -> Trade:
    """A trade whose entry was filled a little dearer than it was decided at."""
    trade = Trade(
        pair=PAIR, base_currency="BTC", stake_currency="USDT", stake_amount=100.0, amount=1.0,
        fee_open=0.001, fee_close=0.001, open_rate=100.5, open_date=ENTERED, is_open=True,
        exchange="binance", enter_tag="crash_conf60", timeframe=60, leverage=1.0,
    )  # fmt: skip
    entry: dict[str, Any] = {
        "order_id": "1", "ft_order_side": "buy", "ft_pair": PAIR, "ft_amount": 1.0,
        "ft_price": 100.0, "price": 100.0, "average": 100.5, "amount": 1.0, "filled": 1.0,
        "status": "closed", "side": "buy", "order_date": ENTERED, "ft_is_open": False,
    }  # fmt: skip
    trade.orders.append(Order(**(entry | changes)))
    trade.adjust_stop_loss(trade.open_rate, -0.2, initial=True)
    Trade.session.add(trade)
    Trade.commit()
    return trade


def frame(**columns: Any) -> pd.DataFrame:
    values: dict[str, Any] = {"close": 88.0, "sma_200": 80.0, "rsi": 21.0, "volume_ratio": 2.0}
    dates = pd.date_range(START, periods=6, freq="1h", tz="UTC").as_unit("us")
    return pd.DataFrame({"date": dates, **values, **columns})


def fill(strategy: Any, trade: Trade, order: Order) -> None:
    """order_filled as freqtrade calls it."""
    strategy_safe_wrapper(strategy.order_filled, supress_error=True)(
        pair=trade.pair, trade=trade, order=order, current_time=ENTERED
    )


@pytest.mark.usefixtures("database")
def test_a_fill_is_kept_with_its_slippage_and_context(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(RunMode.DRY_RUN)
    strategy.dp = Frames(frame(score=66.0, score_technical=20.0, score_vetoed=0.0))
    trade = open_trade()
    fill(strategy, trade, trade.orders[0])
    assert trade.get_custom_data("fill_1") == {
        "side": "buy",
        "expected_price": 100.0,
        "actual_price": 100.5,
        "slippage_pct": pytest.approx(0.5),
    }
    context = trade.get_custom_data("entry_context")
    assert context["signal_candle"] == SIGNAL.isoformat()
    assert (context["preset"], context["rsi"], context["regime"]) == ("crash", 21.0, "uptrend")
    assert (context["score"], context["score_layers"]["technical"]) == (66.0, 20.0)
    assert (context["expected_price"], context["stop_pct"]) == (100.0, pytest.approx(20.0))


@pytest.mark.usefixtures("database")
def test_a_sale_below_its_price_is_a_cost_and_leaves_the_context(
    load_strategy: LoadStrategy,
) -> None:
    strategy = load_strategy(RunMode.DRY_RUN)
    strategy.dp = Frames(frame())
    trade = open_trade()
    fill(strategy, trade, trade.orders[0])
    before = trade.get_custom_data("entry_context")
    sale = Order(
        order_id="2", ft_order_side="sell", ft_pair=PAIR, ft_amount=1.0, ft_price=110.0,
        price=110.0, average=109.0, amount=1.0, filled=1.0, status="closed", side="sell",
        order_date=ENTERED,
    )  # fmt: skip
    trade.orders.append(sale)
    Trade.commit()
    fill(strategy, trade, sale)
    assert trade.get_custom_data("fill_2")["slippage_pct"] == pytest.approx(100 / 110)
    assert trade.get_custom_data("entry_context") == before


@pytest.mark.usefixtures("database")
def test_a_cancelled_order_without_a_fill_leaves_no_record(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(RunMode.DRY_RUN)
    strategy.dp = Frames(frame())
    trade = open_trade(filled=0.0, status="canceled")
    fill(strategy, trade, trade.orders[0])
    assert trade.get_custom_data("fill_1") is None


@pytest.mark.usefixtures("database")
def test_killed_between_order_and_fill_the_context_is_rebuilt_with_its_score(
    load_strategy: LoadStrategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new process learns of the fill before it has analysed any candle, hours later."""
    monkeypatch.setenv("AQUATRADE_SCORES_TOKEN", TOKEN)
    with running_sidecar() as sidecar:
        sidecar.records = [
            score_record(PAIR, SIGNAL_CLOSE_MS - HOUR_MS, total=66.0),
            score_record(PAIR, SIGNAL_CLOSE_MS + HOUR_MS, total=10.0),
        ]
        strategy = load_strategy(RunMode.DRY_RUN, scores={"url": sidecar.url})
        strategy.dp = Frames(pd.DataFrame())
        trade = open_trade()
        fill(strategy, trade, trade.orders[0])
        assert trade.get_custom_data("entry_context") is None
        restarted = START + timedelta(hours=9)
        strategy.bot_loop_start(current_time=restarted)
        assert trade.get_custom_data("entry_context") is None
        strategy.dp = Frames(frame(score=float("nan")))
        strategy.bot_loop_start(current_time=restarted)
    context = trade.get_custom_data("entry_context")
    assert (context["score"], context["score_layers"]["technical"]) == (66.0, 22.0)
    assert context["signal_candle"] == SIGNAL.isoformat()


@pytest.mark.usefixtures("database")
def test_a_context_without_its_score_says_why(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(RunMode.DRY_RUN, scores={"url": "http://127.0.0.1:1"})
    strategy.dp = Frames(frame(score=float("nan")))
    trade = open_trade()
    strategy.bot_loop_start(current_time=ENTERED)
    fill(strategy, trade, trade.orders[0])
    context = trade.get_custom_data("entry_context")
    assert context["score"] is None
    assert context["score_unavailable"] == "score sidecar unavailable"


@pytest.mark.usefixtures("database")
def test_a_wider_preset_after_a_restart_does_not_loosen_a_stop(load_strategy: LoadStrategy) -> None:
    """Bought under `specified` (2 %), restarted under `crash` (20 %): the stop stays at 2 %."""
    before = load_strategy(RunMode.DRY_RUN, preset="specified")
    before.dp = Frames(frame())
    trade = open_trade()
    trade.stop_loss, trade.initial_stop_loss_pct = 0.0, None
    trade.adjust_stop_loss(trade.open_rate, before.stoploss)
    fill(before, trade, trade.orders[0])
    after = load_strategy(RunMode.DRY_RUN, preset="crash")
    Trade.stoploss_reinitialization(after.stoploss)
    assert trade.stop_loss == pytest.approx(100.5 * 0.8)
    after.ft_stoploss_adjust(100.0, trade, ENTERED, 0.0, 0.0)
    assert trade.stop_loss == pytest.approx(100.5 * 0.98, rel=1e-6)
    # The same preset again: nothing to do, and the stop is no trailing one.
    trade.stop_loss, trade.initial_stop_loss_pct, trade.is_stop_loss_trailing = 0.0, None, False
    trade.adjust_stop_loss(trade.open_rate, before.stoploss)
    before.ft_stoploss_adjust(100.0, trade, ENTERED, 0.0, 0.0)
    assert not trade.is_stop_loss_trailing


@pytest.mark.usefixtures("database")
def test_late_scores_make_the_candle_analysed_again(
    load_strategy: LoadStrategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AQUATRADE_SCORES_TOKEN", TOKEN)
    with running_sidecar() as sidecar:
        sidecar.records = [score_record(PAIR, SIGNAL_CLOSE_MS)]
        strategy = load_strategy(RunMode.DRY_RUN, scores={"url": sidecar.url})
        strategy.dp = Frames(frame())
        strategy.bot_loop_start(current_time=ENTERED)
        assert not strategy.process_only_new_candles
        strategy.bot_loop_start(current_time=ENTERED)
        assert strategy.process_only_new_candles


# -- orders that the database does not know -------------------------------------------------------


class FakeExchange:
    """Freqtrade's exchange as far as the settlement asks it."""

    id = "binance"
    trading_mode = "spot"
    precisionMode = 4  # noqa: N815 - freqtrade's name
    precision_mode_price = 4

    def __init__(self, orders: list[dict[str, Any]], error: Exception | None = None) -> None:
        self._api = SimpleNamespace(options={"broker": {"spot": "x-ours"}})
        self.orders = orders
        self.error = error
        self.cancelled: list[str] = []

    def fetch_orders(self, pair: str, since: datetime) -> list[dict[str, Any]]:
        if self.error is not None:
            raise self.error
        return [order for order in self.orders if order["symbol"] == pair]

    def cancel_order(self, order_id: str, pair: str) -> None:
        self.cancelled.append(order_id)

    def get_fee(self, symbol: str, taker_or_maker: str) -> float:
        return 0.001

    def get_pair_base_currency(self, pair: str) -> str:
        return pair.split("/")[0]

    def get_precision_amount(self, pair: str) -> float:
        return 1e-8

    def get_precision_price(self, pair: str) -> float:
        return 0.01

    def get_contract_size(self, pair: str) -> float:
        return 1.0


def exchange_order(order_id: str = "77", **changes: Any) -> dict[str, Any]:
    order: dict[str, Any] = {
        "id": order_id, "clientOrderId": f"x-ours{order_id}", "symbol": PAIR, "side": "buy",
        "type": "limit", "status": "closed", "price": 100.0, "average": 99.5, "amount": 2.0,
        "filled": 2.0, "remaining": 0.0, "cost": 199.0,
        "timestamp": int(ENTERED.timestamp() * 1000),
    }  # fmt: skip
    return order | changes


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
    now = datetime.now(UTC)
    PairLocks.lock_pair("*", now + timedelta(hours=1), NOT_COMPARED)
    strategy.bot_loop_start(current_time=now)
    assert not PairLocks.is_global_lock(now + timedelta(minutes=1))


def test_a_backtest_compares_nothing(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy()
    strategy.dp = None
    strategy.bot_loop_start(current_time=ENTERED)


@pytest.fixture
def sidecar() -> Iterator[FakeSidecar]:
    with running_sidecar() as fake:
        yield fake


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"body": b"]["}, {"delay_seconds": 20.0}, {"records": []}]
)
def test_a_broken_sidecar_stops_entries_and_not_the_loop(
    fault: dict[str, Any],
    sidecar: FakeSidecar,
    load_strategy: LoadStrategy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AQUATRADE_SCORES_TOKEN", TOKEN)
    for name, value in fault.items():
        setattr(sidecar, name, value)
    section = {"url": sidecar.url, "filter": True, "timeout_seconds": 0.2}
    strategy = load_strategy(RunMode.DRY_RUN, scores=section)
    strategy.dp = Frames(frame())
    strategy.bot_loop_start(current_time=ENTERED)
    candles = strategy.scores.join(frame(), PAIR)
    assert candles["score"].isna().all()
    assert not strategy.scores.allows(candles, 0.0).any()
