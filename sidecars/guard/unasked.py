"""Entry orders that no reservation was made for: another process trades for the bot, or somebody by
hand, or the bot does not ask. Pure.

An order is asked for if it uses a reservation, one that lives or one that has ended since: what a
bot sent in time may be seen long after. An order that the bot put in the place of one of its own
that it cancelled is no new one. What is there when a bot is read for the first time is taken as it
is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aquatrade.event_log import Event
from sidecars.guard.fleet import Fleet, PollState, Unasked
from sidecars.guard.model import Reservation, Stage
from sidecars.guard.reservations import Settled
from sidecars.guard.settings import BotSettings
from sidecars.guard.snapshots import ENTRIES_FOR, BotSnapshot, EntrySeen
from sidecars.guard.words import plain_event, reservation_event

RULE = "unasked"
# Between the clocks of bot and guard, and between sending an order and its moment.
CLOCK_MARGIN = timedelta(seconds=60)
# So long a reservation that has ended is known.
KNOWN_FOR = timedelta(hours=24)
MOST_KNOWN = 200


def see_orders(
    fleet: Fleet,
    bot: BotSettings,
    before: BotSnapshot | None,
    snapshot: BotSnapshot,
    settled: Settled,
    now: datetime,
) -> tuple[Fleet, list[Event]]:
    """What is new in a bot since it was read before (None: never, or it is another database)."""
    own = [each for each in fleet.ended.values() if each.bot == bot.name]
    # After a start `before` is what was kept, which is not all.
    is_whole = fleet.polls.get(bot.name, PollState()).is_fresh
    found = look_for_unasked(before, snapshot, settled.orders, own, is_whole=is_whole)
    events = [
        reservation_event(each, "used", "its order was seen late", now) for each in found.late
    ]
    gone = {each.id for each in found.late}
    left = fleet.ended
    if gone:
        left = {key: each for key, each in fleet.ended.items() if key not in gone}
    unasked = fleet.unasked
    is_paper = bot.stage is Stage.PAPER
    for entry in found.orders:
        text = order_text(bot.name, entry)
        if not is_paper or bot.name not in unasked:  # of play money people are told once
            data = {
                "bot": bot.name, "rule": RULE, "paper": is_paper, "order": entry.order_id,
                "side": entry.side, "at": entry.at,
            }  # fmt: skip
            events.append(replace(plain_event("error", text, now, data), pair=entry.pair))
        if bot.name not in unasked:
            unasked = {**unasked, bot.name: Unasked(bot.name, now, text)}
    ended = still_known(left, settled.over, now)
    return replace(fleet, unasked=unasked, ended=ended), events


@dataclass(frozen=True, slots=True)
class Found:
    """orders: those that nobody asked for. late: ended reservations that were used after all."""

    orders: tuple[EntrySeen, ...] = ()
    late: tuple[Reservation, ...] = ()


def look_for_unasked(
    before: BotSnapshot | None,
    snapshot: BotSnapshot,
    asked: frozenset[str],
    ended: Iterable[Reservation],
    *,
    is_whole: bool = True,
) -> Found:
    """What is new since before. is_whole: before has all entries that it had then. asked: the
    orders that have used a living reservation; ended: the bot's reservations that live no more."""
    if before is None:
        return Found()
    known = asked | snapshot.replacing | {entry.order_id for entry in before.entries}
    known |= {order.order_id for trade in before.trades for order in trade.orders}
    # What is older was left out then, or was looked at by a guard that has kept less of it.
    oldest = before.at - ENTRIES_FOR if is_whole else before.began_at
    orders: list[EntrySeen] = []
    late: list[Reservation] = []
    waiting = sorted(ended, key=lambda each: each.made_at)
    for entry in snapshot.entries:
        if entry.order_id in known or (entry.at <= oldest and not entry.is_open):
            continue
        used = next((each for each in waiting if _may_be_of(entry, each)), None)
        if used is None:
            orders.append(entry)
        else:
            waiting.remove(used)
            late.append(used)
    return Found(tuple(orders), tuple(late))


def _may_be_of(entry: EntrySeen, reservation: Reservation) -> bool:
    if (entry.pair, entry.side) != (reservation.pair, reservation.side):
        return False
    begin, end = reservation.made_at - CLOCK_MARGIN, reservation.expires_at + CLOCK_MARGIN
    return begin <= entry.at <= end


def still_known(
    ended: Mapping[str, Reservation], more: Iterable[Reservation], now: datetime
) -> Mapping[str, Reservation]:
    """The ended reservations with those that have just ended, without those of long ago."""
    new = {each.id: each for each in more}
    old = [key for key, each in ended.items() if now - each.expires_at >= KNOWN_FOR]
    if not new and not old:
        return ended
    both = {**{key: each for key, each in ended.items() if key not in old}, **new}
    newest = sorted(both.values(), key=lambda each: each.made_at)[-MOST_KNOWN:]
    return {each.id: each for each in newest}


def order_text(bot: str, entry: EntrySeen) -> str:
    """One line for people."""
    return (
        f"bot {bot} has made an entry order that it did not ask for: {entry.pair} {entry.side}, "
        f"order {entry.order_id[:60]} of {entry.at:%Y-%m-%d %H:%M:%S} UTC"
    )
