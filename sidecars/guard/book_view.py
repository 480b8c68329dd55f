"""The book as people are shown it: what belongs to whom. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from aquatrade.risk.model import Period
from sidecars.guard.book import at_stake, fleet_book, reservations_in
from sidecars.guard.fleet import Fleet, Rules
from sidecars.guard.ledger import Purse, profit_of
from sidecars.guard.model import BookView
from sidecars.guard.snapshots import BotSnapshot


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
