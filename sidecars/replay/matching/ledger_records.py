"""What goes into the replay exchange's ledger and comes out of it, besides orders and fills."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sidecars.replay.model import Balance, Fill, Order


@dataclass(frozen=True, slots=True)
class Deposit:
    """What was paid in, at the start or later."""

    deposit_id: int
    asset: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """The whole ledger in a few numbers."""

    orders: int
    open_orders: int
    fills: int
    deposits: dict[str, Decimal]
    held: dict[str, Decimal]  # asset -> free + locked
    turnover: dict[str, Decimal]  # quote asset -> sum of the fills' quote amounts
    fees: dict[str, Decimal]  # fee asset -> sum


@dataclass(frozen=True, slots=True)
class Changes:
    """One change of state, to be written whole or not at all.

    orders: new and changed ones as they now stand; balances: likewise, changed ones only.
    matched_ms: the moment up to which all ticks have met the open orders.
    """

    orders: Sequence[Order]
    fills: Sequence[Fill]
    balances: Sequence[Balance]
    matched_ms: int


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where an engine goes on: ids are never used again, ticks up to matched_ms never again met."""

    next_order_id: int
    next_trade_id: int
    matched_ms: int
