"""What is written about an adopted order: by trading mode, side and leverage."""

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.enums import TradingMode
from freqtrade.exceptions import TemporaryError
from freqtrade.persistence import PairLocks, Trade, init_db

from aquatrade.orphan_orders import Action
from aquatrade.orphan_settlement import Inquiry, client_id_prefix, settle_orphans
from tests.strategies.live_grid import NOW, MemoryExchange

PAIR = "BTC/USDT"
BROKERS = {"spot": "aq-a-", "swap": "aq-b-", "future": "x-cvBPrNm9"}


@pytest.fixture(autouse=True)
def database() -> Iterator[None]:
    init_db("sqlite://")
    PairLocks.timeframe = "1h"
    yield
    PairLocks.reset_locks()
    Trade.session.remove()


class Futures(MemoryExchange):
    trading_mode = TradingMode.FUTURES

    def __init__(self) -> None:
        super().__init__()
        self._api.options["broker"] = {"spot": "x-TKT5PX2F", "swap": "aq-grid-"}

    def get_max_leverage(self, pair: str, stake: float) -> float:
        return 20.0


def strategy(**changes: Any) -> SimpleNamespace:
    values: dict[str, Any] = {
        "can_short": True, "position_adjustment_enable": False, "timeframe": "1h",
        "config": {"stake_currency": "USDT"}, "preset_name": "specified",
        "get_strategy_name": lambda: "Momentum", "initial_stop_pct": lambda trade: 6.0,
        "leverage": lambda **asked: 3.0 if asked["side"] == "short" else 50.0,
    }  # fmt: skip
    return SimpleNamespace(**(values | changes))


def settled(exchange: MemoryExchange, who: SimpleNamespace) -> list[Action]:
    inquiry = Inquiry([PAIR], NOW - timedelta(hours=1), NOW)
    verdicts = settle_orphans(exchange, inquiry, who, lambda trade, side, price: "tag", NOW)
    return [verdict.action for verdict in verdicts]


@pytest.mark.parametrize(
    ("mode", "options", "expected"),
    [
        (TradingMode.SPOT, {"broker": BROKERS}, "aq-a-"),
        (TradingMode.FUTURES, {"broker": BROKERS}, "aq-b-"),
        (TradingMode.FUTURES, {"broker": {"spot": "aq-a-"}}, ""),
        (TradingMode.SPOT, {"broker": "one for all"}, ""),
        (TradingMode.SPOT, {}, ""),
    ],
)
def test_the_prefix_is_the_one_of_the_market(
    mode: TradingMode, options: dict[str, Any], expected: str
) -> None:
    exchange = SimpleNamespace(_api=SimpleNamespace(options=options), trading_mode=mode)
    assert client_id_prefix(exchange) == expected


@pytest.mark.parametrize(("side", "leverage"), [("sell", 3.0), ("buy", 20.0)])
def test_a_lost_entry_of_a_futures_bot(side: str, leverage: float) -> None:
    """With the leverage that the strategy gave it, at most the exchange's."""
    exchange = Futures()
    exchange.create_order(pair=PAIR, side=side, amount=2.0, rate=100.0)
    assert settled(exchange, strategy()) == [Action.ADOPT_ENTRY]
    (trade,) = Trade.get_open_trades()
    assert (trade.is_short, trade.leverage) == (side == "sell", leverage)
    assert trade.stake_amount == pytest.approx(200.0 / leverage)
    assert trade.has_open_orders
    assert (trade.stop_loss > 100.0) == (side == "sell")
    assert settled(exchange, strategy()) == []


def test_a_strategy_that_does_not_enlarge_trades_did_not_send_it() -> None:
    exchange = Futures()
    exchange.create_order(pair=PAIR, side="sell", amount=2.0, rate=100.0)
    settled(exchange, strategy())
    (order,) = Trade.get_open_trades()[0].orders
    order.ft_is_open = False
    Trade.commit()
    exchange.create_order(pair=PAIR, side="sell", amount=1.0, rate=101.0)
    exchange.orders[-1].update(status="closed", filled=1.0)
    assert settled(exchange, strategy()) == [Action.LOCK]
    assert PairLocks.is_pair_locked(PAIR, NOW)
    assert settled(exchange, strategy(position_adjustment_enable=True)) == [Action.ADOPT_INCREASE]
    assert Trade.get_open_trades()[0].orders[-1].ft_order_tag == "tag"


def test_an_exchange_that_does_not_answer_is_told_of() -> None:
    exchange = MemoryExchange()
    exchange.is_down = True
    with pytest.raises(TemporaryError):
        settled(exchange, strategy())
