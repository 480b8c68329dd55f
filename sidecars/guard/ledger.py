"""Profits of many bots as one number that only trading moves. Pure.

A bot that joins brings the profits of its past, one that leaves takes them away, and one whose
database begins anew forgets them: none of that is a profit or a loss of the day. So each bot has
an account here: what it says of itself, and what has to be added to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from sidecars.guard.snapshots import BotSnapshot

# A bot's closed trades are told for a little longer.
REMEMBERED = timedelta(days=7)


class Purse(StrEnum):
    """REAL: hybrid and live bots. PAPER: all bots, as if all of them were real."""

    REAL = "real"
    PAPER = "paper"


@dataclass(frozen=True, slots=True)
class BotAccount:
    """One bot in one purse. said: the profit that it told last.

    profit_shift: makes the sum of profits go on where it stood; equity_shift: the same for the
    equity, of which the profits that a bot had before are a part.
    """

    said: float
    profit_shift: float
    equity_shift: float
    closed_count: int
    is_dry_run: bool

    @property
    def profit(self) -> float:
        return self.said + self.profit_shift

    @property
    def equity(self) -> float:
        """The bot's part of the equity, besides the capital."""
        return self.said + self.equity_shift


AccountKey = tuple[Purse, str]
Ledger = Mapping[AccountKey, BotAccount]


def with_snapshot(
    ledger: Ledger,
    purses: Iterable[Purse],
    snapshot: BotSnapshot,
    before: BotSnapshot | None = None,
) -> dict[AccountKey, BotAccount]:
    """The ledger after a bot has told how it stands. before: what it told last. Accounts of bots
    that are gone stay."""
    after = dict(ledger)
    for purse in purses:
        key = (purse, snapshot.bot)
        after[key] = _told(after.get(key), snapshot, before)
    return after


def _told(
    account: BotAccount | None, snapshot: BotSnapshot, before: BotSnapshot | None
) -> BotAccount:
    said = snapshot.profit
    new = BotAccount(said, -said, 0.0, snapshot.closed_count, snapshot.is_dry_run)
    if account is None:
        return new
    if begins_anew(account, snapshot, before):
        profit_shift, equity_shift = account.profit - said, account.equity - said
        return replace(new, profit_shift=profit_shift, equity_shift=equity_shift)
    return replace(account, said=said, closed_count=snapshot.closed_count)


def begins_anew(
    account: BotAccount, snapshot: BotSnapshot, before: BotSnapshot | None = None
) -> bool:
    """Whether the bot has another database than before: trades that it told of are gone, or it
    went from play money to real money or back."""
    if snapshot.closed_count < account.closed_count or snapshot.is_dry_run != account.is_dry_run:
        return True
    return before is not None and _has_lost_trades(before, snapshot)


def _has_lost_trades(before: BotSnapshot, snapshot: BotSnapshot) -> bool:
    now = {trade.trade_id: (trade.pair, trade.opened_at) for trade in snapshot.trades}
    # One of which nothing was bought is struck off when its order is cancelled.
    held = [trade for trade in before.trades if trade.amount > 0.0]
    others = [trade for trade in held if trade.trade_id in now]
    if any(now[trade.trade_id] != (trade.pair, trade.opened_at) for trade in others):
        return True
    if len(held) - len(others) > snapshot.closed_count - before.closed_count:
        return True
    since = snapshot.at - REMEMBERED
    closed = {(trade.pair, trade.opened_at) for trade in snapshot.closed}
    return any(
        trade.closed_at > since and (trade.pair, trade.opened_at) not in closed
        for trade in before.closed
    )


def profit_of(ledger: Ledger, purse: Purse) -> float:
    """Of all bots that ever belonged to the purse; moved by trading alone."""
    return sum(account.profit for (where, _), account in ledger.items() if where is purse)


def earned(ledger: Ledger, purse: Purse) -> float:
    """What the bots have added to the capital, or lost of it."""
    return sum(account.equity for (where, _), account in ledger.items() if where is purse)
