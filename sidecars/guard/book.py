"""One book out of many bots: positions, reservations, equity, free cash, allotments. Pure."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aquatrade.risk.model import Book, ClosedTrade, Position, Side
from sidecars.guard.fleet import Fleet, Rules
from sidecars.guard.ledger import Purse, earned, profit_of
from sidecars.guard.model import Reservation
from sidecars.guard.settings import BotSettings
from sidecars.guard.snapshots import BotSnapshot, TradeSeen

UNKNOWN_FAMILY = "unknown"
# Of one order; a bot tells its fee only, an order in a moving market costs more.
LEAST_COST_RATE = 0.0015
DAY = timedelta(hours=24)
ALL_OF_IT = timedelta(days=3650)

_Place = tuple[str, str, Side]  # a bot's position in a pair


def fleet_book(
    rules: Rules,
    fleet: Fleet,
    purse: Purse,
    now: datetime,
    past: timedelta = ALL_OF_IT,
    asset: str | None = None,
) -> Book:
    """All bots of a purse as one book, with what is reserved as if it were ordered.

    past, asset: how far back, and of which coin (None: all), what was done is wanted.
    """
    base = _base(rules, fleet, purse)
    positions = dict(base.positions)
    tied_up = base.tied_up
    for reservation in reservations_in(rules, fleet, purse):
        _add(positions, _promised(reservation))
        tied_up += reservation.stake
    closed = [trade for held in base.held for trade in _closed_since(held, now - past, asset)]
    entries_at: list[datetime] = []
    if asset is None:
        since = now - min(past, DAY)
        entries_at = [at for held in base.held for at in _entries_since(held.snapshot, since)]
    return Book(
        at=now,
        equity=base.equity,
        free=base.equity - tied_up,
        profit=base.profit,
        positions=tuple(positions.values()),
        closed=tuple(sorted(closed, key=lambda trade: trade.closed_at)),
        entries_at=tuple(sorted(entries_at)),
        exchanges=base.exchanges,
    )


def unpriced(rules: Rules, fleet: Fleet, purse: Purse) -> tuple[tuple[str, str], ...]:
    """Bot and pair of each position whose present price nobody knows."""
    return _base(rules, fleet, purse).unpriced


@dataclass(frozen=True, slots=True)
class _Base:
    """What all bots of a purse hold, by their snapshots; what is reserved comes on top."""

    rules: Rules
    made_of: tuple[object, ...]
    held: tuple["_Held", ...]
    positions: Mapping[_Place, Position]
    tied_up: float
    equity: float
    profit: float
    exchanges: tuple[str, ...]
    unpriced: tuple[tuple[str, str], ...]


# Of each purse the last: all checks between two polls are judged by the same one.
_BASES: dict[Purse, _Base] = {}


def _base(rules: Rules, fleet: Fleet, purse: Purse) -> _Base:
    known = _BASES.get(purse)
    made_of = (fleet.snapshots, fleet.ledger, fleet.families)
    if (
        known is not None
        and known.rules is rules
        and all(old is new for old, new in zip(known.made_of, made_of, strict=True))
    ):
        return known
    bots = rules.bots_of(purse)
    held = tuple(
        _held(bot, family_of(fleet, bot), snapshot)
        for bot in bots
        if (snapshot := fleet.snapshots.get(bot.name)) is not None
    )
    positions: dict[_Place, Position] = {}
    for each in held:
        for position in each.positions:
            _add(positions, position)
    base = _Base(
        rules=rules,
        made_of=made_of,
        held=held,
        positions=positions,
        tied_up=sum(each.tied_up for each in held),
        equity=rules.settings.capital + earned(fleet.ledger, purse),
        profit=profit_of(fleet.ledger, purse),
        exchanges=tuple(sorted({bot.exchange for bot in bots})),
        unpriced=tuple((each.bot.name, pair) for each in held for pair in each.snapshot.unpriced),
    )
    _BASES[purse] = base
    return base


@dataclass(frozen=True, slots=True)
class _Held:
    """What a bot holds and has closed, by one snapshot of it."""

    snapshot: BotSnapshot
    bot: BotSettings
    family: str
    positions: tuple[Position, ...]
    tied_up: float
    closed: tuple[ClosedTrade, ...]  # newest first
    closed_by_asset: Mapping[str, Sequence[ClosedTrade]]  # newest first


# Of each bot the last: all checks between two polls are judged by the same snapshots.
_HELD: dict[str, _Held] = {}


def _held(bot: BotSettings, family: str, snapshot: BotSnapshot) -> _Held:
    known = _HELD.get(bot.name)
    if known is None or known.bot is not bot or known.family != family:
        known = None
    elif known.snapshot is snapshot:
        return known
    positions = tuple(_position(bot, family, trade) for trade in snapshot.trades)
    tied_up = sum(
        trade.stake + (trade.unrealized_profit or 0.0) + position.pending_stake
        for trade, position in zip(snapshot.trades, positions, strict=True)
    )
    if known is not None and known.snapshot.closed is snapshot.closed:
        closed, by_asset = known.closed, known.closed_by_asset
    else:
        closed = tuple(replace(trade, family=family) for trade in reversed(snapshot.closed))
        by_asset = _by_asset(closed)
    held = _Held(snapshot, bot, family, positions, tied_up, closed, by_asset)
    _HELD[bot.name] = held
    return held


def _by_asset(closed: Iterable[ClosedTrade]) -> dict[str, list[ClosedTrade]]:
    found: defaultdict[str, list[ClosedTrade]] = defaultdict(list)
    for trade in closed:
        found[trade.pair.partition("/")[0]].append(trade)
    return dict(found)


def _closed_since(held: _Held, since: datetime, asset: str | None) -> list[ClosedTrade]:
    """A bot's closed trades of late, newest first; there may be thousands that are older."""
    trades = held.closed if asset is None else held.closed_by_asset.get(asset, ())
    return list(itertools.takewhile(lambda trade: trade.closed_at >= since, trades))


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
        last_entry_at=trade.last_entry_at,
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
