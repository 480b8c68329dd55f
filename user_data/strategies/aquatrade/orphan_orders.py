"""Orders of this bot that its database does not know, and what is to be done about them. Pure.

A bot that is killed after the exchange took an order and before freqtrade stored it leaves one such
order behind: at most one of a pair, and the last thing the bot did. So does an order whose answer
never came. That one is adopted: booked as if nothing had happened. Anything else is more than a
kill can explain; then open orders are cancelled and the pair is locked until a person has looked.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# Clocks of exchange and bot may differ by this much.
CLOCK_SLACK = timedelta(seconds=60)
# Bought and sold again but for fees and dust: nothing is held.
DUST_SHARE = 0.02
# What ccxt puts before the client ids of everybody's orders on Binance: spot, linear, other.
SHARED_PREFIXES = ("x-TKT5PX2F", "x-cvBPrNm9", "x-xcKtGhcu")
# How old an order may be that is adopted into a database without any order.
YOUNG = timedelta(hours=1)


class Action(StrEnum):
    ADOPT_ENTRY = "adopt_entry"
    ADOPT_INCREASE = "adopt_increase"
    ADOPT_EXIT = "adopt_exit"
    LOCK = "lock"
    IGNORE = "ignore"


BOOKED = {
    Action.ADOPT_ENTRY: "booked as a trade",
    Action.ADOPT_INCREASE: "booked as an increase of the open trade",
    Action.ADOPT_EXIT: "booked on the open trade",
}


@dataclass(frozen=True, slots=True)
class ExchangeOrder:
    """An order as the exchange tells it."""

    order_id: str
    client_order_id: str
    pair: str
    side: str  # "buy" | "sell"
    is_open: bool
    filled: float  # base units
    created: datetime


@dataclass(frozen=True, slots=True)
class Books:
    """What the bot's database knows."""

    order_ids: Collection[str]
    open_pairs: Mapping[str, bool]  # pair of an open trade -> whether it has an open order
    # The latest moment that anything was written about orders; all later ones may be lost ones.
    last_activity: datetime | None
    short_pairs: Collection[str] = ()  # those of open_pairs whose trade is short
    can_short: bool = False
    may_increase: bool = False  # whether the strategy makes open trades larger


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about the unknown orders of one pair; `why` is for a person."""

    pair: str
    action: Action
    orders: tuple[ExchangeOrder, ...]
    why: str

    @property
    def to_cancel(self) -> tuple[ExchangeOrder, ...]:
        """Open orders that nobody would look after."""
        if self.action != Action.LOCK:
            return ()
        return tuple(order for order in self.orders if order.is_open)


def judge_orphans(
    orders: Sequence[ExchangeOrder], books: Books, client_id_prefix: str, now: datetime
) -> list[Verdict]:
    """One verdict for each pair that has orders of this bot unknown to its database.

    client_id_prefix: what the client ids of this bot's orders begin with; "" if the exchange has
    no such thing. Without a prefix of the bot's own nothing is adopted (`adopts`), as the order
    may be a person's or another program's.
    """
    unknown: defaultdict[str, list[ExchangeOrder]] = defaultdict(list)
    for order in orders:
        of_interest = order.is_open or order.filled > 0.0
        is_ours = order.client_order_id.startswith(client_id_prefix)
        if of_interest and is_ours and order.order_id not in books.order_ids:
            unknown[order.pair].append(order)
    return [
        _judge_pair(pair, tuple(of_pair), books, now, adopt=adopts(client_id_prefix))
        for pair, of_pair in sorted(unknown.items())
    ]


def adopts(client_id_prefix: str) -> bool:
    """Whether a prefix tells this bot's orders from everybody else's: ccxt's own does not."""
    return bool(client_id_prefix) and not client_id_prefix.startswith(SHARED_PREFIXES)


def _judge_pair(
    pair: str,
    orders: tuple[ExchangeOrder, ...],
    books: Books,
    now: datetime,
    *,
    adopt: bool,
) -> Verdict:
    order = orders[0]
    last = books.last_activity
    # An empty database proves nothing about an order of long ago: it may be another bot's.
    since = now - YOUNG if last is None else last - CLOCK_SLACK
    if len(orders) == 1 and adopt and order.created >= since:
        action = _adopting(order, books)
        if action is not None:
            return Verdict(pair, action, orders, f"{_told(order)}: {BOOKED[action]}")
    bought = sum(each.filled for each in orders if each.side == "buy")
    sold = sum(each.filled for each in orders if each.side == "sell")
    if abs(bought - sold) <= DUST_SHARE * bought and not any(each.is_open for each in orders):
        return Verdict(pair, Action.IGNORE, orders, "bought and sold again, nothing is held")
    told = ", ".join(_told(each) for each in orders)
    return Verdict(
        pair,
        Action.LOCK,
        orders,
        f"orders on the exchange that the database does not know: {told}",
    )


def _adopting(order: ExchangeOrder, books: Books) -> Action | None:
    """What the one lost order of its pair did; None if the bot would not have sent it.

    A trade has one working order at a time: with one of its own open, it did not send another.
    """
    if order.pair not in books.open_pairs:
        return Action.ADOPT_ENTRY if order.side == "buy" or books.can_short else None
    if books.open_pairs[order.pair]:
        return None
    entry_side = "sell" if order.pair in books.short_pairs else "buy"
    if order.side != entry_side:
        return Action.ADOPT_EXIT
    return Action.ADOPT_INCREASE if books.may_increase else None


def _told(order: ExchangeOrder) -> str:
    state = "open, " if order.is_open else ""
    return (
        f"{order.side} order {order.order_id} of {order.pair} from "
        f"{order.created:%Y-%m-%d %H:%M:%S} ({state}{order.filled:.8g} filled)"
    )
