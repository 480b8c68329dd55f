"""Orders of this bot that its database does not know, and what is to be done about them. Pure.

A bot that is killed after the exchange took an order and before freqtrade stored it leaves one such
order behind: at most one of a pair, and the last thing the bot did. That one is adopted: booked as
if nothing had happened. Anything else is more than a kill can explain; then open orders are
cancelled and the pair is locked until a person has looked.
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
# What ccxt puts before the client ids of everybody's spot orders on Binance.
SHARED_PREFIX = "x-TKT5PX2F"
# How old an order may be that is adopted into a database without any order.
YOUNG = timedelta(hours=1)


class Action(StrEnum):
    ADOPT_ENTRY = "adopt_entry"
    ADOPT_EXIT = "adopt_exit"
    LOCK = "lock"
    IGNORE = "ignore"


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
    last_activity: datetime | None  # the latest moment that anything was written about orders


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
    return bool(client_id_prefix) and not client_id_prefix.startswith(SHARED_PREFIX)


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
        if order.side == "buy" and pair not in books.open_pairs:
            return Verdict(pair, Action.ADOPT_ENTRY, orders, f"{_told(order)}: booked as a trade")
        if order.side == "sell" and books.open_pairs.get(pair) is False:
            return Verdict(
                pair, Action.ADOPT_EXIT, orders, f"{_told(order)}: booked on the open trade"
            )
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


def _told(order: ExchangeOrder) -> str:
    state = "open, " if order.is_open else ""
    return (
        f"{order.side} order {order.order_id} of {order.pair} from "
        f"{order.created:%Y-%m-%d %H:%M:%S} ({state}{order.filled:.8g} filled)"
    )
