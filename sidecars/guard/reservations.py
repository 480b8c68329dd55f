"""The life of a reservation: made with a check, used by an order, given back, or outlived. Pure.

It ends in one of three ways only: an entry order of the bot for its pair and side is seen that was
not there before (used), the bot gives it back (released), or its lease is over and a poll of the
bot that began after that end shows nothing of it (over). A bot that cannot be read keeps what it
has. Leases are measured on a steady clock, seconds that nobody sets: a wall clock that jumps ends
none. After a restart the steady clock is another, and each lease begins anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aquatrade.risk.model import Reason, Side
from sidecars.guard.model import CheckKey, CheckRequest, Reservation
from sidecars.guard.snapshots import BotSnapshot, EntrySeen

Reservations = Mapping[str, Reservation]


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, twice: as people tell it, and in seconds of the steady clock."""

    at: datetime
    steady_s: float


@dataclass(frozen=True, slots=True)
class Settled:
    """What a poll did to a bot's reservations. left: those that live on."""

    left: tuple[Reservation, ...]
    used: tuple[Reservation, ...]
    over: tuple[Reservation, ...]
    orders: frozenset[str] = frozenset()  # those that have used one


def reserve(
    request: CheckRequest,
    *,
    number: str,
    stake: float,
    reasons: tuple[Reason, ...],
    now: Moment,
    lease_seconds: float,
    snapshot: BotSnapshot | None,
    is_paper: bool,
    approval: str | None = None,
) -> Reservation:
    """A reservation for what a check let through."""
    entry = request.entry
    return Reservation(
        id=number,
        bot=entry.bot,
        exchange=entry.exchange,
        family=entry.family,
        pair=entry.pair,
        side=entry.side,
        candle=request.candle,
        is_increase=entry.is_increase,
        stake=stake,
        rate=entry.rate,
        stop_rate=entry.stop_rate,
        leverage=entry.leverage,
        cost_rate=entry.cost_rate,
        made_at=now.at,
        expires_at=now.at + timedelta(seconds=lease_seconds),
        lease_ends_s=now.steady_s + lease_seconds,
        reasons=reasons,
        is_paper=is_paper,
        tag=request.tag,
        known_orders=frozenset(
            order.order_id for order in orders_of(snapshot, entry.pair, entry.side)
        ),
        approval=approval,
    )


def living(reservations: Reservations, key: CheckKey) -> Reservation | None:
    """The reservation that was made for the very same wish."""
    return next((each for each in reservations.values() if each.key == key), None)


def unseen(reservations: Reservations, bot: str, pair: str, side: Side) -> Reservation | None:
    """The newest reservation of a bot for a pair and side: its order was not seen yet."""
    found = [
        each
        for each in reservations.values()
        if (each.bot, each.pair, each.side) == (bot, pair, side)
    ]
    return max(found, key=lambda each: each.made_at, default=None)


def of_bot(reservations: Reservations, bot: str) -> list[Reservation]:
    """A bot's reservations, oldest first."""
    return sorted(
        (each for each in reservations.values() if each.bot == bot),
        key=lambda each: (each.made_at, each.id),
    )


def settle(
    reservations: Iterable[Reservation], snapshot: BotSnapshot, poll_began_s: float
) -> Settled:
    """What becomes of one bot's reservations (oldest first) by what a poll of it shows.

    Each order uses one reservation at most: the oldest order that is new the oldest reservation.
    One that replaces a cancelled order uses none.
    """
    replacing = snapshot.replacing
    left: list[Reservation] = []
    used: list[Reservation] = []
    over: list[Reservation] = []
    taken: set[str] = set()
    for reservation in reservations:
        orders = orders_of(snapshot, reservation.pair, reservation.side)
        order = _first_new(orders, reservation.known_orders | taken | replacing)
        if order is not None:
            taken.add(order.order_id)
            used.append(reservation)
        elif poll_began_s > reservation.lease_ends_s:
            over.append(reservation)
        else:
            left.append(reservation)
    known = tuple(_knowing(each, snapshot) for each in left)
    return Settled(known, tuple(used), tuple(over), frozenset(taken))


def _first_new(orders: Sequence[EntrySeen], known: frozenset[str] | set[str]) -> EntrySeen | None:
    return next((order for order in orders if order.order_id not in known), None)


def _knowing(reservation: Reservation, snapshot: BotSnapshot) -> Reservation:
    """All orders there are belong to others: one that did not would have used it."""
    known = frozenset(
        order.order_id for order in orders_of(snapshot, reservation.pair, reservation.side)
    )
    if known <= reservation.known_orders:
        return reservation
    return replace(reservation, known_orders=reservation.known_orders | known)


def orders_of(snapshot: BotSnapshot | None, pair: str, side: Side) -> tuple[EntrySeen, ...]:
    """A bot's entry orders for a pair and side, oldest first."""
    if snapshot is None:
        return ()
    return tuple(order for order in snapshot.entries if (order.pair, order.side) == (pair, side))


def after_restart(
    reservations: Iterable[Reservation], steady_s: float, lease_seconds: float
) -> dict[str, Reservation]:
    """What was kept, with whole leases on the new steady clock; by id."""
    return {each.id: replace(each, lease_ends_s=steady_s + lease_seconds) for each in reservations}
