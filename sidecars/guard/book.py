"""One book out of many bots: positions, reservations, equity, free cash, allotments. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from aquatrade.risk.model import Book, ClosedTrade, Period, Position, Side
from sidecars.guard.fleet import Fleet, Rules
from sidecars.guard.ledger import Purse, earned, profit_of
from sidecars.guard.model import BookView, Reservation
from sidecars.guard.settings import BotSettings
from sidecars.guard.snapshots import BotSnapshot, TradeSeen

UNKNOWN_FAMILY = "unknown"
# Of one order; a bot tells its fee only, an order in a moving market costs more.
LEAST_COST_RATE = 0.0015
DAY = timedelta(hours=24)
ALL_OF_IT = timedelta(days=3650)

_Place = tuple[str, str, Side]  # a bot's position in a pair


def fleet_book(
    rules: Rules, fleet: Fleet, purse: Purse, now: datetime, past: timedelta = ALL_OF_IT
) -> Book:
    """All bots of a purse as one book, with what is reserved as if it were ordered.

    past: how far back trades that are over, and entry orders, are wanted.
    """
    bots = rules.bots_of(purse)
    positions: dict[_Place, Position] = {}
    closed: list[ClosedTrade] = []
    entries_at: list[datetime] = []
    tied_up = 0.0
    for bot in bots:
        snapshot = fleet.snapshots.get(bot.name)
        if snapshot is None:
            continue
        family = family_of(fleet, bot)
        for trade in snapshot.trades:
            position = _position(bot, family, trade)
            _add(positions, position)
            tied_up += trade.stake + (trade.unrealized_profit or 0.0) + position.pending_stake
        closed += _closed_since(snapshot, family, now - past)
        entries_at += _entries_since(snapshot, now - min(past, DAY))
    for reservation in reservations_in(rules, fleet, purse):
        _add(positions, _promised(reservation))
        tied_up += reservation.stake
    equity = rules.settings.capital + earned(fleet.ledger, purse)
    return Book(
        at=now,
        equity=equity,
        free=equity - tied_up,
        profit=profit_of(fleet.ledger, purse),
        positions=tuple(positions.values()),
        closed=tuple(sorted(closed, key=lambda trade: trade.closed_at)),
        entries_at=tuple(sorted(entries_at)),
        exchanges=tuple(sorted({bot.exchange for bot in bots})),
    )


def _closed_since(snapshot: BotSnapshot, family: str, since: datetime) -> list[ClosedTrade]:
    """A bot's closed trades of late, newest first; there may be thousands that are older."""
    found = []
    for trade in reversed(snapshot.closed):
        if trade.closed_at < since:
            break
        found.append(replace(trade, family=family))
    return found


def _entries_since(snapshot: BotSnapshot, since: datetime) -> list[datetime]:
    found = []
    for entry in reversed(snapshot.entries):
        if entry.at <= since:
            break
        found.append(entry.at)
    return found


def family_of(fleet: Fleet, bot: BotSettings) -> str:
    """The family of a bot's strategy: as configured, else as the bot said in its last check."""
    return bot.family or fleet.families.get(bot.name) or UNKNOWN_FAMILY


def reservations_in(rules: Rules, fleet: Fleet, purse: Purse) -> list[Reservation]:
    """The reservations of a purse's bots, oldest first. Paper ones bind no real money."""
    names = {bot.name for bot in rules.bots_of(purse)}
    return sorted(
        (
            each
            for each in fleet.reservations.values()
            if each.bot in names and not (each.is_paper and purse is Purse.REAL)
        ),
        key=lambda each: (each.made_at, each.id),
    )


def _position(bot: BotSettings, family: str, trade: TradeSeen) -> Position:
    rate = trade.current_rate if trade.current_rate is not None else trade.open_rate
    return Position(
        bot=bot.name,
        exchange=bot.exchange,
        family=family,
        pair=trade.pair,
        side=trade.side,
        amount=trade.amount,
        entry_rate=trade.open_rate,
        current_rate=rate,
        stop_rate=trade.stop_rate,
        stake=trade.stake,
        opened_at=trade.opened_at,
        pending_stake=trade.pending_stake,
        leverage=trade.leverage,
        cost_rate=max(trade.fee_rate, LEAST_COST_RATE),
    )


def _promised(reservation: Reservation) -> Position:
    return Position(
        bot=reservation.bot,
        exchange=reservation.exchange,
        family=reservation.family,
        pair=reservation.pair,
        side=reservation.side,
        amount=0.0,
        entry_rate=reservation.rate,
        current_rate=reservation.rate,
        stop_rate=reservation.stop_rate,
        stake=0.0,
        opened_at=reservation.made_at,
        pending_stake=reservation.stake,
        leverage=reservation.leverage,
        cost_rate=reservation.cost_rate,
    )


def _add(positions: dict[_Place, Position], more: Position) -> None:
    if more.amount <= 0.0 and more.pending_stake <= 0.0:
        return  # its entry was cancelled; the bot has not struck it off yet
    place = (more.bot, more.pair, more.side)
    there = positions.get(place)
    if there is None:
        positions[place] = more
        return
    if more.amount <= 0.0:
        positions[place] = replace(there, pending_stake=there.pending_stake + more.pending_stake)
        return
    # Two trades of one pair: both stand, the second under a place of its own.
    positions[(more.bot, f"{more.pair}#{len(positions)}", more.side)] = more


# -- allotments ----------------------------------------------------------------------------------


def at_stake(fleet: Fleet, bot: str) -> float:
    """Own money of a bot in positions, entry orders and reservations."""
    snapshot = fleet.snapshots.get(bot)
    held = 0.0 if snapshot is None else snapshot.at_stake
    return held + sum(each.stake for each in fleet.reservations.values() if each.bot == bot)


def allotment_now(bot: BotSettings, snapshot: BotSnapshot | None) -> float:
    """What is left of the allotment after realised losses; profits do not enlarge it."""
    if snapshot is None:
        return bot.allotment
    realized = snapshot.closed_profit + sum(trade.realized_profit for trade in snapshot.trades)
    return max(0.0, bot.allotment + min(0.0, realized))


# -- views ---------------------------------------------------------------------------------------


def book_view(rules: Rules, fleet: Fleet, purse: Purse, now: datetime) -> BookView:
    """The book with what belongs to whom."""
    book = fleet_book(rules, fleet, purse, now)
    bots = rules.bots_of(purse)
    by_asset: defaultdict[str, float] = defaultdict(float)
    by_exchange: defaultdict[str, float] = defaultdict(float)
    for position in book.positions:
        by_asset[position.asset] += position.exposure
        by_exchange[position.exchange] += position.exposure
    return BookView(
        book=book,
        capital=rules.settings.capital,
        reserve=book.equity * rules.profile.reserve_pct / 100.0,
        at_stake_by_bot={bot.name: at_stake(fleet, bot.name) for bot in bots},
        exposure_by_asset=dict(by_asset),
        exposure_by_exchange=dict(by_exchange),
        profit_by_bot=profits(fleet.snapshots, (bot.name for bot in bots)),
        profit_day=profit_since(fleet, purse, Period.DAY),
        profit_week=profit_since(fleet, purse, Period.WEEK),
        profit_month=profit_since(fleet, purse, Period.MONTH),
        reservations=tuple(reservations_in(rules, fleet, purse)),
    )


def profits(snapshots: Mapping[str, BotSnapshot], bots: Iterable[str]) -> dict[str, float]:
    """All that bots have earned, by their own databases; one that was never read is left out."""
    return {bot: snapshots[bot].profit for bot in bots if bot in snapshots}


def profit_since(fleet: Fleet, purse: Purse, period: Period) -> float | None:
    """Profit of the purse in the present day, week or month; None before the first look."""
    state = fleet.risk.get(purse)
    mark = None if state is None else state.marks.get(period)
    return None if mark is None else profit_of(fleet.ledger, purse) - mark.profit
