"""What freqtrade knows of a bot's trades: from its database live, from its lists in a backtest."""

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from freqtrade.persistence import LocalTrade, Order, Trade

from aquatrade.bot_book import BotIdentity, History
from aquatrade.risk.model import STOP_REASONS, ClosedTrade, Side

# As many wins in a row as a rule may ask for, and as many losses between them.
CLOSED_TRADES_KEPT = 200
DAY = timedelta(hours=24)


class Ledger(Protocol):
    """What the rules ask about the past and the present of a bot."""

    def open_trades(self) -> Sequence[Any]:
        """Freqtrade's open trades, unfilled ones included; to be read only."""
        ...

    def closed_profit(self) -> float:
        """Net profit of all closed trades ever, in stake currency."""
        ...

    def history(self, now: datetime) -> History:
        """Closed trades and the entries of the last 24 h."""
        ...


class LiveLedger:
    """From freqtrade's database; for bots in live and dry-run mode."""

    def __init__(self, identity: BotIdentity) -> None:
        self._identity = identity
        self._closed: tuple[ClosedTrade, ...] = ()
        self._seen: tuple[int, datetime | None] = (0, None)

    def open_trades(self) -> Sequence[Any]:
        return list(Trade.get_open_trades())

    def closed_profit(self) -> float:
        return float(Trade.get_total_closed_profit())

    def history(self, now: datetime) -> History:
        return History(self._closed_trades(), self._entries_at(now))

    def _closed_trades(self) -> tuple[ClosedTrade, ...]:
        is_closed = Trade.is_open.is_(False)
        count, last = Trade.session.execute(
            sa.select(sa.func.count(Trade.id), sa.func.max(Trade.close_date)).where(is_closed)
        ).one()
        if (count, last) != self._seen:
            columns = (Trade.pair, Trade.open_date, Trade.close_date, Trade.close_profit_abs,
                       Trade.exit_reason, Trade.is_short)  # fmt: skip
            rows = Trade.session.execute(
                sa.select(*columns)
                .where(is_closed, Trade.close_date.is_not(None))
                .order_by(Trade.close_date.desc(), Trade.id.desc())
                .limit(CLOSED_TRADES_KEPT)
            ).all()
            self._closed = tuple(_closed_trade(self._identity, row) for row in reversed(rows))
            self._seen = (count, last)
        return self._closed

    def _entries_at(self, now: datetime) -> tuple[datetime, ...]:
        entry_side = sa.case((Trade.is_short.is_(True), "sell"), else_="buy")
        moments = Order.session.scalars(
            sa.select(Order.order_date)
            .join(Trade, Order.ft_trade_id == Trade.id)
            .where(
                Order.order_date > now - DAY,
                Order.ft_order_side == entry_side,
                sa.or_(Order.ft_is_open.is_(True), Order.filled > 0.0),
            )
            .order_by(Order.order_date)
        )
        return tuple(moment.replace(tzinfo=UTC) for moment in moments if moment is not None)


class BacktestLedger:
    """From the lists that freqtrade keeps during one run of a backtest."""

    def __init__(self, identity: BotIdentity) -> None:
        self._identity = identity
        self._run: list[LocalTrade] | None = None
        self._closed: deque[ClosedTrade] = deque(maxlen=CLOSED_TRADES_KEPT)
        self._seen = 0

    def open_trades(self) -> Sequence[Any]:
        trades: Sequence[Any] = LocalTrade.bt_trades_open
        return trades

    def closed_profit(self) -> float:
        return float(LocalTrade.bt_total_profit)

    def history(self, now: datetime) -> History:
        if LocalTrade.bt_trades is not self._run:
            self._run, self._seen = LocalTrade.bt_trades, 0
            self._closed.clear()
        new = LocalTrade.bt_trades[self._seen :]
        self._closed += [_closed_trade(self._identity, trade) for trade in new]
        self._seen += len(new)
        return History(tuple(self._closed), _entries_since(now - DAY))


def _entries_since(since: datetime) -> tuple[datetime, ...]:
    moments = [
        order.order_date_utc
        for trade in (*_closed_since(since), *LocalTrade.bt_trades_open)
        for order in trade.orders
        if order.ft_order_side == trade.entry_side and order.order_date_utc > since
    ]
    return tuple(sorted(moments))


def _closed_since(since: datetime) -> Iterator[LocalTrade]:
    """Closed trades of a backtest that ended later; they stand in the order of their ends."""
    for trade in reversed(LocalTrade.bt_trades):
        if trade.close_date_utc is not None and trade.close_date_utc <= since:
            return
        yield trade


def _closed_trade(identity: BotIdentity, trade: Any) -> ClosedTrade:
    """From a trade, or from a row with its columns."""
    profit = trade.close_profit_abs
    return ClosedTrade(
        bot=identity.bot,
        pair=trade.pair,
        closed_at=trade.close_date.replace(tzinfo=UTC),
        # None: freqtrade closed a trade without working out what it made.
        profit=float("nan") if profit is None else profit,
        was_stopped=trade.exit_reason in STOP_REASONS,
        opened_at=trade.open_date.replace(tzinfo=UTC),
        family=identity.family,
        side=Side.SHORT if trade.is_short else Side.LONG,
    )
