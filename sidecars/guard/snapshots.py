"""Bots as a poll showed them. Immutable; moments are aware UTC, money is in stake currency."""

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta

from aquatrade.risk.model import ClosedTrade, Side

# How far back the entry orders of closed trades are told.
ENTRIES_FOR = timedelta(hours=25)
RUNNING, PAUSED = "running", "paused"  # states of a bot
AWAY = "cannot be reached"  # nobody listens at its address
# What prices and steps of the amount may add to an order that replaces another.
REPLACED_MARGIN = 1.02


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """One order of a trade, filled or open, in the bot's own words."""

    order_id: str
    side: str  # "buy", "sell" or "stoploss"
    is_entry: bool
    order_type: str
    amount: float  # base units
    filled: float
    rate: float
    is_open: bool
    at: datetime | None
    tag: str | None = None

    @property
    def remaining(self) -> float:
        return max(0.0, self.amount - self.filled)


@dataclass(frozen=True, slots=True)
class TradeSeen:
    """One open trade of a bot. What is filled of open orders counts as held."""

    trade_id: int
    pair: str
    side: Side
    amount: float  # base units held
    stake: float  # own money in what is held
    open_rate: float
    current_rate: float | None  # None: the bot has no price
    stop_rate: float | None
    leverage: float
    opened_at: datetime
    realized_profit: float  # of parts sold, net
    unrealized_profit: float | None  # net of costs; None: the bot has no price
    fee_rate: float
    tag: str | None = None
    orders: tuple[OrderSeen, ...] = ()

    @property
    def asset(self) -> str:
        """The base coin."""
        return self.pair.partition("/")[0]

    @property
    def open_entries(self) -> tuple[OrderSeen, ...]:
        return tuple(order for order in self.orders if order.is_open and order.is_entry)

    @property
    def last_entry_at(self) -> datetime | None:
        """When the newest entry order that came to something, or still may, was made."""
        made = [
            order.at
            for order in self.orders
            if order.is_entry and order.at is not None and (order.is_open or order.filled > 0.0)
        ]
        return max(made, default=None)

    @property
    def open_exits(self) -> tuple[OrderSeen, ...]:
        """Without stop orders on the exchange."""
        return tuple(
            order
            for order in self.orders
            if order.is_open and not order.is_entry and order.side != "stoploss"
        )

    @property
    def replacing(self) -> frozenset[str]:
        """The entry orders that took the place of one cancelled before it was filled."""
        entries = [order for order in self.orders if order.is_entry]
        found = set()
        for before, order in itertools.pairwise(entries):
            left = before.remaining * before.rate
            if not before.is_open and 0.0 < order.amount * order.rate <= left * REPLACED_MARGIN:
                found.add(order.order_id)
        return frozenset(found)

    @property
    def pending_stake(self) -> float:
        """Own money in entry orders that are not filled."""
        return sum(order.remaining * order.rate for order in self.open_entries) / self.leverage


@dataclass(frozen=True, slots=True)
class EntrySeen:
    """An entry order of an open trade, or of one that has been closed since yesterday."""

    order_id: str
    pair: str
    side: Side
    at: datetime
    is_open: bool


@dataclass(frozen=True, slots=True)
class LockSeen:
    lock_id: int
    pair: str  # "*": all
    side: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class BotSnapshot:
    """What one whole poll of a bot said. began_at, at: before the first and after the last
    answer, by the guard's clock."""

    bot: str
    began_at: datetime
    at: datetime
    bot_name: str
    exchange: str
    trading_mode: str  # "spot" or "futures"
    is_dry_run: bool
    run_state: str  # "running", "paused", "stopped", "reload_config"
    strategy: str
    stake_currency: str
    trades: tuple[TradeSeen, ...]
    closed: tuple[ClosedTrade, ...]  # of the last days, oldest first
    closed_count: int  # all there ever were
    closed_profit: float  # of all closed trades ever
    entries: tuple[EntrySeen, ...]  # oldest first
    locks: tuple[LockSeen, ...] = ()
    clock_skew_seconds: float | None = None  # the bot's clock less the guard's; None: not told

    @property
    def profit(self) -> float:
        """Realised and unrealised, of all trades ever; a trade without a price counts what it has
        realised."""
        return self.closed_profit + sum(
            trade.realized_profit + (trade.unrealized_profit or 0.0) for trade in self.trades
        )

    @property
    def at_stake(self) -> float:
        """Own money in positions and in entry orders."""
        return sum(trade.stake + trade.pending_stake for trade in self.trades)

    @property
    def replacing(self) -> frozenset[str]:
        """The entry orders that took the place of a cancelled one."""
        return frozenset(order for trade in self.trades for order in trade.replacing)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Pairs whose present price the bot does not know."""
        return tuple(
            trade.pair
            for trade in self.trades
            if trade.amount > 0.0 and trade.unrealized_profit is None
        )
