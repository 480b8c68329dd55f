"""A bot's closed trades: read whole now and then, and in between those that are new."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from sidecars.common.source_errors import SourceError
from sidecars.guard.bot_answers import TradeAnswer, TradesAnswer
from sidecars.guard.bot_snapshot import ClosedBook, closed_book
from sidecars.guard.settings import BotSettings

RECENT = timedelta(days=2)
WHOLE_EVERY = timedelta(hours=1)
PAGE = 500  # the most that freqtrade gives at once
NEWEST = 30
ATTEMPTS = 3

# limit, offset, whether by id (else: closed last first).
Fetch = Callable[[int, int, bool], TradesAnswer]


class ClosedTrades:
    """Remembers the profit of every closed trade, and the whole of the recent ones."""

    def __init__(self, bot: BotSettings) -> None:
        self._bot = bot
        self._book: ClosedBook | None = None  # None: something has changed since it was made
        self._profits: dict[int, float] = {}
        self._recent: dict[int, TradeAnswer] = {}
        self._whole_at: datetime | None = None

    def refresh(self, fetch: Fetch, now: datetime) -> ClosedBook:
        """What there is now. Raises SourceError: what fetch raises, or no two pages that fit."""
        if self._is_whole_due(now) or not self._took_newest(fetch, now):
            self._read_whole(fetch, now)
        if self._book is None:
            profit = math.fsum(self._profits.values())
            self._book = closed_book(self._bot, len(self._profits), profit, self._recent.values())
        return self._book

    def _is_whole_due(self, now: datetime) -> bool:
        # A clock that goes back is a reason, too.
        return self._whole_at is None or not timedelta(0) <= now - self._whole_at < WHOLE_EVERY

    def _took_newest(self, fetch: Fetch, now: datetime) -> bool:
        """Take those that were closed last; whether all are known then."""
        page = fetch(NEWEST, 0, False)
        self._take(page.trades, now)
        return len(self._profits) == page.total_trades

    def _read_whole(self, fetch: Fetch, now: datetime) -> None:
        for _ in range(ATTEMPTS):
            found: dict[int, TradeAnswer] = {}
            while True:
                page = fetch(PAGE, len(found), True)
                before = len(found)
                found |= {trade.trade_id: trade for trade in page.trades}
                if len(found) >= page.total_trades or len(found) == before:
                    break
            if len(found) == page.total_trades:
                self._profits.clear()
                self._recent.clear()
                self._book = None
                self._take(list(found.values()), now)
                self._whole_at = now
                return
        raise SourceError("its closed trades change while they are read", "malformed")

    def _take(self, trades: list[TradeAnswer], now: datetime) -> None:
        for trade in trades:
            if trade.closed_at < now - RECENT:
                is_new = self._profits.get(trade.trade_id) != trade.whole_profit
            else:
                is_new = self._recent.get(trade.trade_id) != trade
                self._recent[trade.trade_id] = trade
            self._profits[trade.trade_id] = trade.whole_profit
            if is_new:
                self._book = None
        old = [key for key, trade in self._recent.items() if trade.closed_at < now - RECENT]
        for key in old:
            del self._recent[key]
            self._book = None
