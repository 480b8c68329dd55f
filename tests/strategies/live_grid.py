"""A live GridTrader with a database, an exchange in memory and the hands of freqtrade."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
from freqtrade.enums import RunMode, TradingMode
from freqtrade.exceptions import DependencyException, TemporaryError
from freqtrade.persistence import Order, Trade
from freqtrade.resolvers import StrategyResolver

from aquatrade.grid.keeping import STATE_KEY
from aquatrade.grid.state import GridState, from_json
from lab.evidence_runner import STRATEGIES
from tests.strategies.grid_tables import HAND, PAIR

NOW = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
RATES = ("current_rate", "current_entry_rate", "current_exit_rate")
PROFITS = ("current_profit", "current_entry_profit", "current_exit_profit")


class MemoryExchange:
    """What the settlement asks of freqtrade's Exchange. It takes every order; answers get lost."""

    id = "binance"
    trading_mode = TradingMode.SPOT
    precisionMode = precision_mode_price = 4  # noqa: N815 - freqtrade's name

    def __init__(self) -> None:
        self._api = SimpleNamespace(options={"broker": {"spot": "aq-grid-"}})
        self.orders: list[dict[str, Any]] = []
        self.now = NOW
        self.loses_answers = False
        self.loses_requests = False
        self.is_down = False

    def create_order(
        self, *, pair: str, side: str, amount: float, rate: float, **_: Any
    ) -> dict[str, Any]:
        if self.loses_requests:
            raise TemporaryError("the request was lost")
        number = str(len(self.orders) + 1)
        order = {
            "id": number, "clientOrderId": f"aq-grid-{number}", "symbol": pair, "side": side,
            "amount": amount, "price": rate, "average": None, "filled": 0.0, "remaining": amount,
            "cost": 0.0, "status": "open", "type": "limit",
            "timestamp": int(self.now.timestamp() * 1000),
        }  # fmt: skip
        self.orders.append(order)
        if self.loses_answers:
            raise TemporaryError("the answer was lost")
        return order

    def fetch_orders(self, pair: str, since: datetime) -> list[dict[str, Any]]:
        if self.is_down:
            raise TemporaryError("the exchange is down")
        return [o for o in self.orders if o["timestamp"] >= since.timestamp() * 1000]

    def get_fee(self, **_: Any) -> float:
        return 0.001

    def get_pair_base_currency(self, pair: str) -> str:
        return pair.split("/")[0]

    def get_precision_amount(self, pair: str) -> float:
        return 1e-8

    get_precision_price = get_precision_amount

    def get_contract_size(self, pair: str) -> float:
        return 1.0


class LiveGrid:
    """A live strategy: places what is asked, fills it when told."""

    def __init__(self, folder: Path, **section: Any) -> None:
        self._folder = folder
        self._section: Mapping[str, Any] = {**HAND, **section}
        self.exchange = MemoryExchange()
        self.now = NOW
        self.fate = "heard"  # of the next order that a test loses: "killed", "answer lost"
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
            "aquatrade": {"grid": dict(self._section), "accept_negative_evidence": True},
        }
        self.exchange.__dict__.pop("create_order", None)
        self.strategy = StrategyResolver.load_strategy(config)
        self.strategy.dp = SimpleNamespace(
            current_whitelist=lambda: [PAIR],
            orderbook=lambda pair, depth: {"bids": [[100.0, 1.0]], "asks": [[100.01, 1.0]]},
            get_analyzed_dataframe=lambda pair, timeframe: (pd.DataFrame(), None),
            _exchange=self.exchange,
        )
        self.strategy.ft_bot_start()
        self.loop(timedelta(0))

    def loop(self, later: timedelta = timedelta(minutes=5)) -> None:
        """The beginning of freqtrade's next loop."""
        self.now = self.exchange.now = self.now + later
        self.strategy.bot_loop_start(current_time=self.now)

    @property
    def trade(self) -> Trade:
        found = Trade.get_open_trades()
        assert len(found) == 1
        return found[0]

    def state(self) -> GridState:
        return from_json(self.trade.get_custom_data(STATE_KEY))

    def enter(self, rate: float, tag: str = "specified") -> float:
        """What freqtrade asks for an entry: (price,) stake."""
        self.loop()
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
            self.place(trade, "buy", stake / price, price, tag)
        return float(stake)

    def look(self, rate: float) -> tuple[float, str] | None:
        """adjust_trade_position in the next loop, and the order that freqtrade places for it."""
        self.loop()
        return self.look_again(rate)

    def look_again(self, rate: float) -> tuple[float, str] | None:
        """The same without a new loop."""
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
        self.place(trade, side, amount, rate, tag)
        return float(stake), str(tag)

    def ask_exit(self, rate: float) -> str | None:
        """custom_exit in the next loop, and the order that freqtrade places for it."""
        self.loop()
        trade = self.trade
        tag: str | None = self.strategy.custom_exit(
            pair=PAIR, trade=trade, current_time=self.now, current_rate=rate, current_profit=0.0
        )
        if tag is not None:
            self.place(trade, "sell", trade.amount, rate, tag)
        return tag

    def place(self, trade: Trade, side: str, amount: float, price: float, tag: str) -> bool:
        try:
            order = self.exchange.create_order(
                pair=PAIR, ordertype="limit", side=side, amount=amount, rate=price, leverage=1.0
            )
        except DependencyException:
            return False
        known = Order.parse_from_ccxt_object(order, PAIR, side, amount, price)
        known.ft_order_tag = tag
        known.order_update_date = self.now
        trade.orders.append(known)
        trade.recalc_trade_from_orders()
        Trade.session.add(trade)
        Trade.commit()
        return True

    def fill(self, share: float = 1.0, *, tell: bool = True) -> None:
        """The open order is done; tell: whether the bot is there to hear of it.

        By freqtrade's own functions, as it books what the exchange says of an order.
        """
        trade = self.trade
        order = trade.orders[-1]
        raw = next(o for o in self.exchange.orders if o["id"] == order.order_id)
        raw.update(
            status="closed" if share == 1.0 else "canceled", filled=raw["amount"] * share,
            remaining=raw["amount"] * (1.0 - share), average=raw["price"],
            lastTradeTimestamp=int(self.now.timestamp() * 1000),
        )  # fmt: skip
        trade.update_order(raw)
        trade.update_trade(order)
        order.order_update_date = self.now  # freqtrade asks the machine's clock
        Trade.commit()
        if tell:
            self.strategy.order_filled(pair=PAIR, trade=trade, order=order, current_time=self.now)


def started(grid: LiveGrid) -> LiveGrid:
    """A grid around 100 with two lots, 99 and 98."""
    assert grid.enter(100.0) == 0.0
    assert grid.enter(99.0) == 100.0
    grid.fill()
    assert grid.look(98.0) == (100.0, "grid_buy_L-2")
    grid.fill()
    return grid
