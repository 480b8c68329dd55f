"""What an account and the bots on it say of orders, fills, coins and cash. Immutable.

Amounts are base units, costs and cash quote units, both exact; moments are aware UTC.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

# What is younger is left for the next look: a bot learns of a fill only in its next loop.
SETTLE = timedelta(seconds=60)
ZERO = Decimal(0)

# Pair and id: an exchange may number its orders for each pair anew.
OrderKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ExchangeOrder:
    """An order as the exchange tells it. changed_at: of its last fill or change of state."""

    pair: str
    order_id: str
    client_order_id: str
    side: str  # "buy" | "sell"
    status: str  # "open", "closed", "canceled", ...
    amount: Decimal
    filled: Decimal
    changed_at: datetime

    @property
    def is_open(self) -> bool:
        return self.status == "open"

    @property
    def key(self) -> OrderKey:
        return (self.pair, self.order_id)


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. amount: base units, cost: quote units."""

    pair: str
    order_id: str
    amount: Decimal
    cost: Decimal
    at: datetime

    @property
    def key(self) -> OrderKey:
        return (self.pair, self.order_id)


@dataclass(frozen=True, slots=True)
class AccountBooks:
    """One look at an account.

    orders: all that are open, and those that were asked for by id; missing: asked for, and the
    exchange does not have them. fills: all of a pair since `fills_since` of it. totals: free and
    locked amounts of each coin. own: what belongs to no bot. steps: the smallest amount that can
    be ordered.
    """

    account: str
    at: datetime
    fills_since: Mapping[str, datetime]  # by pair
    orders: Mapping[OrderKey, ExchangeOrder] = field(default_factory=dict)
    missing: frozenset[OrderKey] = frozenset()
    fills: tuple[Fill, ...] = ()
    totals: Mapping[str, Decimal] = field(default_factory=dict)
    own: Mapping[str, Decimal] = field(default_factory=dict)
    positions: Mapping[str, Decimal] = field(default_factory=dict)  # short is negative
    steps: Mapping[str, Decimal] = field(default_factory=dict)  # by pair

    @property
    def settled_at(self) -> datetime:
        """What the exchange did until then, a bot must know by now."""
        return self.at - SETTLE


@dataclass(frozen=True, slots=True)
class BotOrder:
    """An order as a bot's database has it."""

    pair: str
    order_id: str
    is_open: bool
    filled: Decimal
    created_at: datetime

    @property
    def key(self) -> OrderKey:
        return (self.pair, self.order_id)


@dataclass(frozen=True, slots=True)
class Holding:
    """What one open trade holds. amount: base units, short is negative.

    unbooked_fee: the most of the coin that fees took and the bot did not book: freqtrade lets them
    "eat into dust" when the wallet has more of the coin, and books them on a first entry only.
    """

    pair: str
    amount: Decimal
    unbooked_fee: Decimal = ZERO
    is_position: bool = False  # futures

    @property
    def asset(self) -> str:
        return self.pair.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Cash:
    """capital: what the bot was given; expected: what of it, with all trades so far, is cash."""

    currency: str
    capital: Decimal
    expected: Decimal


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """client_id_prefix: what the client ids of the bot's orders begin with, and no other's; None:
    they cannot be told from others, all orders of its pairs are taken for its own."""

    name: str
    client_id_prefix: str | None = None


@dataclass(frozen=True, slots=True)
class BotBooks:
    """What one bot believes. orders: all of its open trades, and of those that were closed since
    before the account's earliest `fills_since`; pairs: those that it may trade."""

    bot: BotIdentity
    pairs: frozenset[str] = frozenset()
    orders: Mapping[OrderKey, BotOrder] = field(default_factory=dict)
    holdings: tuple[Holding, ...] = ()
    cash: Cash | None = None  # None: nobody has said how much is the bot's


@dataclass(frozen=True, slots=True)
class Leftover:
    """What an account has of a coin beyond the bots' holdings; negative: they hold more.

    dust: by how much that may change without meaning anything; young: how much of it may be an
    order of a moment ago that a bot has not booked yet.
    """

    value: Decimal
    dust: Decimal
    young: Decimal = ZERO

    @property
    def for_sure(self) -> Decimal:
        return self.value - self.dust - self.young


def filled_of(fills: Iterable[Fill]) -> dict[OrderKey, Decimal]:
    """The amounts of each order's fills together."""
    sums: dict[OrderKey, Decimal] = {}
    for fill in fills:
        sums[fill.key] = sums.get(fill.key, ZERO) + fill.amount
    return sums
