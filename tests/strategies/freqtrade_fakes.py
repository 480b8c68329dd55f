"""What stands around a strategy inside freqtrade, as far as the strategy asks it."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
from freqtrade.persistence import Order, Trade

from tests.strategies.candle_tables import START

PAIR = "BTC/USDT"
# The signal candle opens at 05:00; the entry is made shortly after 06:00.
SIGNAL = START + timedelta(hours=5)
ENTERED = START + timedelta(hours=6, seconds=4)
SIGNAL_CLOSE_MS = int((START + timedelta(hours=6)).timestamp() * 1000)


class Frames:
    """The data provider as far as the strategy asks it."""

    def __init__(self, frame: pd.DataFrame, exchange: Any = None) -> None:
        self.frame = frame
        self._exchange = exchange

    def get_analyzed_dataframe(self, pair: str, timeframe: str) -> tuple[pd.DataFrame, datetime]:
        return self.frame, START

    def current_whitelist(self) -> list[str]:
        return [PAIR]


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
    values: dict[str, Any] = {
        "close": 88.0, "volume": 5.0, "sma_200": 80.0, "rsi": 21.0, "volume_ratio": 2.0,
    }  # fmt: skip
    dates = pd.date_range(START, periods=6, freq="1h", tz="UTC").as_unit("us")
    return pd.DataFrame({"date": dates, **values, **columns})


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
