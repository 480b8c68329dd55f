"""What has to be done to a bot so that it is as the breakers and the kill switch demand. Pure.

Nothing is remembered of what was done: what a poll shows is compared with what should be, so an
act is repeated until it is seen done, a bot that was down gets it when it is back, and a lock that
is there is not made twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sidecars.guard.book import family_of
from sidecars.guard.fleet import Fleet, purse_of
from sidecars.guard.settings import BotSettings
from sidecars.guard.snapshots import PAUSED, RUNNING, BotSnapshot, LockSeen, TradeSeen

ALL_PAIRS = "*"
# Every lock of the guard begins so; no other is ever taken away.
LOCK_PREFIX = "guard: "
LONGEST_REASON = 255  # of freqtrade's database
UNTIL_A_PERSON = timedelta(days=3650)
LEAST_LOCK = timedelta(minutes=5)


class ActKind(StrEnum):
    PAUSE = "pause"
    START = "start"
    LOCK = "lock"
    UNLOCK = "unlock"
    CANCEL = "cancel"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to do. key: the same for the same thing, however often it is tried."""

    kind: ActKind
    bot: str
    text: str
    until: datetime | None = None  # LOCK
    reason: str = ""  # LOCK
    lock_id: int = 0  # UNLOCK
    trade_id: int = 0  # CANCEL, CLOSE
    pair: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        what = {
            ActKind.PAUSE: "",
            ActKind.START: "",
            ActKind.LOCK: self.reason,
            ActKind.UNLOCK: str(self.lock_id),
            ActKind.CANCEL: str(self.trade_id),
            ActKind.CLOSE: str(self.trade_id),
        }
        return (self.bot, self.kind.value, what[self.kind])


@dataclass(frozen=True, slots=True)
class Demand:
    """What one trip, or the kill switch, demands of a bot."""

    text: str
    until: datetime | None  # None: a person ends it
    close: str | tuple[str, ...]  # "nothing", "all", families

    @property
    def reason(self) -> str:
        return f"{LOCK_PREFIX}{self.text}"[:LONGEST_REASON]

    def closes(self, family: str) -> bool:
        if isinstance(self.close, str):
            return self.close == "all"
        return family in self.close


def demands(fleet: Fleet, bot: BotSettings) -> list[Demand]:
    """All that is demanded of a bot now."""
    found = []
    if fleet.kill is not None:
        text = f"kill switch, by {fleet.kill.by}: {fleet.kill.reason}"
        found.append(Demand(text, None, "all" if fleet.kill.close else "nothing"))
    if fleet.kill_file is not None:
        found.append(Demand(fleet.kill_file, None, "nothing"))
    # A trip of the paper book stops no real bot.
    state = fleet.risk.get(purse_of(bot))
    trips = () if state is None else state.trips
    return [*found, *(Demand(trip.text, trip.until, trip.close) for trip in trips)]


def due_acts(fleet: Fleet, bot: BotSettings, now: datetime) -> list[Act]:
    """What the last poll of a bot shows to be still undone."""
    snapshot = fleet.snapshots.get(bot.name)
    if snapshot is None:
        return []
    wanted = demands(fleet, bot)
    acts = [*_pauses(fleet, bot, snapshot, wanted), *_locks(bot, snapshot, wanted, now)]
    if wanted:
        family = family_of(fleet, bot)
        closing = any(demand.closes(family) for demand in wanted)
        for trade in snapshot.trades:
            acts += _of_trade(bot, trade, is_closing=closing)
    return acts


def _pauses(
    fleet: Fleet, bot: BotSettings, snapshot: BotSnapshot, wanted: list[Demand]
) -> Iterator[Act]:
    """Paused, a bot enters nothing and adds to nothing, whatever locks its strategy looks at; its
    exits go on. What a person has paused, or stopped, stays so."""
    if wanted and snapshot.run_state == RUNNING:
        yield Act(ActKind.PAUSE, bot.name, f"pause: {wanted[0].text}")
    elif not wanted and snapshot.run_state == PAUSED and bot.name in fleet.paused:
        yield Act(ActKind.START, bot.name, "start: nothing demands its pause any more")


def _locks(
    bot: BotSettings, snapshot: BotSnapshot, wanted: list[Demand], now: datetime
) -> Iterator[Act]:
    there = {lock.reason for lock in snapshot.locks if _is_own(lock)}
    reasons = {demand.reason: demand for demand in wanted}
    for reason, demand in reasons.items():
        if reason not in there:
            # Over for the bot's clock and not yet for the guard's: a little longer.
            until = now + UNTIL_A_PERSON
            if demand.until is not None:
                until = max(demand.until, now + LEAST_LOCK)
            text = f"lock all pairs until {until:%Y-%m-%d %H:%M} UTC: {demand.text}"
            yield Act(ActKind.LOCK, bot.name, text, until=until, reason=reason)
    for lock in snapshot.locks:
        if _is_own(lock) and lock.reason not in reasons:
            text = f"take lock {lock.lock_id} away: {lock.reason}"
            yield Act(ActKind.UNLOCK, bot.name, text, lock_id=lock.lock_id)


def _is_own(lock: LockSeen) -> bool:
    return lock.pair == ALL_PAIRS and lock.reason.startswith(LOCK_PREFIX)


def _of_trade(bot: BotSettings, trade: TradeSeen, *, is_closing: bool) -> Iterator[Act]:
    if is_closing and trade.amount > 0.0:
        if not _is_leaving(trade):
            text = f"close trade {trade.trade_id}, {trade.pair}, at market"
            yield Act(ActKind.CLOSE, bot.name, text, trade_id=trade.trade_id, pair=trade.pair)
    elif trade.open_entries:
        text = f"cancel the open entry order of trade {trade.trade_id}, {trade.pair}"
        yield Act(ActKind.CANCEL, bot.name, text, trade_id=trade.trade_id, pair=trade.pair)


def _is_leaving(trade: TradeSeen) -> bool:
    """Whether a market order to sell is on its way already."""
    return any(order.order_type == "market" for order in trade.open_exits)


def is_locked(snapshot: BotSnapshot | None) -> bool:
    """Whether a lock of the guard was seen in the bot."""
    return snapshot is not None and any(_is_own(lock) for lock in snapshot.locks)
