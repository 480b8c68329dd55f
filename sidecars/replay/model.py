"""The words the replay exchange is written in: markets, candles, ticks, orders, fills.

Prices that a feed makes are floats on the market's price tick; money in the ledger is Decimal.
Moments are integer milliseconds since the epoch, UTC, as on the wire.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Market:
    """One tradable spot symbol and its filters (Binance's PRICE_FILTER, LOT_SIZE, NOTIONAL)."""

    symbol: str  # "BTCUSDT"
    base: str
    quote: str
    price_tick: Decimal
    amount_step: Decimal
    min_amount: Decimal
    max_amount: Decimal
    min_notional: Decimal
    maker_fee_rate: Decimal = Decimal("0.001")
    taker_fee_rate: Decimal = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Candles:
    """Columns of equal length, ordered by open time, without duplicates; holes are allowed."""

    open_time_ms: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray  # base units

    def __len__(self) -> int:
        return len(self.open_time_ms)


@dataclass(frozen=True, slots=True)
class Ticks:
    """Trades of one symbol in time order: what happened inside candles, each a price and amount.

    `trade_id` is deterministic: the same moment of the same feed and seed has the same ids.
    """

    trade_id: IntArray
    time_ms: IntArray
    price: FloatArray
    amount: FloatArray  # base units
    buyer_is_maker: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.time_ms)


class Feed(Protocol):
    """Closed history, from a datadir or from a seed. Knows nothing of `now`."""

    @property
    def markets(self) -> tuple[Market, ...]: ...

    @property
    def span_ms(self) -> tuple[int, int]:
        """First open time and last close time over all symbols."""
        ...

    def candles(self, symbol: str, timeframe_ms: int, start_ms: int, end_ms: int) -> Candles:
        """Candles with start_ms <= open time < end_ms, whole ones only; empty outside the record.

        Any of Binance's timeframes is answered: read if recorded, else aggregated from a finer
        one. Weekly candles open on Mondays 00:00 UTC. Raises KeyError for an unknown symbol.
        """
        ...

    def finest(self, symbol: str, moment_ms: int) -> tuple[int, Candles] | None:
        """(timeframe_ms, one candle) of the finest record that covers the moment, or None."""
        ...

    def tape(self, symbol: str, start_ms: int, end_ms: int) -> list[tuple[int, Candles]]:
        """The finest record, piece by piece as (timeframe_ms, candles), in time order.

        Every candle that overlaps [start_ms, end_ms). Pieces never overlap: a coarser candle is
        on the tape only where no finer one lies inside it. Holes stay between them.
        """
        ...


class MarketView(Protocol):
    """The market as it stood at a moment: nothing after `now_ms` is ever in an answer.

    A pure function of feed, seed and moment: the same question has the same answer for ever.
    """

    @property
    def markets(self) -> dict[str, Market]: ...

    def klines(
        self,
        symbol: str,
        timeframe_ms: int,
        now_ms: int,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> Candles:
        """Binance's semantics: inclusive start and end on open time; with a start the first
        `limit` candles from it, else the last `limit`. The forming candle, built from the ticks
        up to now, comes last."""
        ...

    def last_price(self, symbol: str, now_ms: int) -> float | None:
        """Price of the last tick at or before now; None before listing and inside a hole."""
        ...

    def ticks(self, symbol: str, after_ms: int, upto_ms: int) -> Ticks:
        """Every tick with after_ms < time <= upto_ms."""
        ...

    def trades(
        self,
        symbol: str,
        now_ms: int,
        *,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> Ticks:
        """For trades and aggTrades: from an id, from a time, or the last `limit`."""
        ...

    def turnover_per_second(self, symbol: str, now_ms: int) -> float:
        """Base units traded a second, mean of the last closed hour: the book's depth follows it."""
        ...


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIMIT_MAKER = "LIMIT_MAKER"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class OrderStatus(StrEnum):
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What a client asked for, already parsed; the engine checks it against the filters."""

    symbol: str
    side: Side
    type: OrderType
    amount: Decimal | None  # base units; None only for a market order by quote_amount
    client_order_id: str
    price: Decimal | None = None
    stop_price: Decimal | None = None
    quote_amount: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `fee` is in `fee_asset`: base for buys, quote for sells, as on Binance."""

    trade_id: int
    order_id: int
    symbol: str
    side: Side
    time_ms: int
    price: Decimal
    amount: Decimal
    quote_amount: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the ledger holds it; a change makes a new one (dataclasses.replace)."""

    order_id: int
    request: OrderRequest
    status: OrderStatus
    created_ms: int
    updated_ms: int
    filled_amount: Decimal = Decimal(0)
    filled_quote: Decimal = Decimal(0)
    stop_triggered: bool = False
    fills: tuple[Fill, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Balance:
    asset: str
    free: Decimal
    locked: Decimal


class ExchangeError(Exception):
    """A refusal with Binance's own code and text, and the HTTP status it goes out with."""

    def __init__(self, code: int, message: str, http_status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status


class MatchingEngine(Protocol):
    """One account's orders against the market. Every method first brings the book up to now_ms.

    A change is committed to the ledger before it is returned: what a client was told survives
    SIGKILL. `now_ms` never runs backwards; an earlier moment is treated as the latest one seen.
    """

    def advance(self, now_ms: int) -> list[Order]:
        """Match open orders against the ticks up to now; the orders that changed, in order."""
        ...

    def place(self, request: OrderRequest, now_ms: int) -> Order:
        """Check filters and balance, match at once what can be. Raises ExchangeError."""
        ...

    def cancel(
        self,
        symbol: str,
        now_ms: int,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> Order: ...

    def order(
        self,
        symbol: str,
        now_ms: int,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> Order: ...

    def open_orders(self, now_ms: int, symbol: str | None = None) -> list[Order]: ...

    def all_orders(
        self,
        symbol: str,
        now_ms: int,
        *,
        from_order_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[Order]: ...

    def fills(
        self,
        now_ms: int,
        symbol: str | None = None,
        *,
        order_id: int | None = None,
        from_trade_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[Fill]: ...

    def balances(self, now_ms: int) -> list[Balance]: ...

    def depth(
        self, symbol: str, now_ms: int, levels: int
    ) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
        """Bids and asks, best first, as (price, amount)."""
        ...

    def close(self) -> None: ...
