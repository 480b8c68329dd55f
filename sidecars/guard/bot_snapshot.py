"""A poll's answers as one snapshot of the bot. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from aquatrade.risk.model import STOP_REASONS, ClosedTrade
from sidecars.guard.bot_answers import (
    ConfigAnswer,
    LockAnswer,
    LocksAnswer,
    OrderAnswer,
    TradeAnswer,
    moment_of,
)
from sidecars.guard.settings import BotSettings
from sidecars.guard.snapshots import (
    ENTRIES_FOR,
    BotSnapshot,
    EntrySeen,
    LockSeen,
    OrderSeen,
    TradeSeen,
)


@dataclass(frozen=True, slots=True)
class ClosedBook:
    """What of a bot's closed trades matters. ids, trades, entries: of those of the last days."""

    count: int
    profit: float
    ids: frozenset[int]
    trades: tuple[ClosedTrade, ...]  # oldest first
    entries: tuple[EntrySeen, ...]


def closed_book(
    bot: BotSettings, count: int, profit: float, recent: Iterable[TradeAnswer]
) -> ClosedBook:
    """count, profit: of all that was ever closed; recent: those of the last days."""
    ordered = sorted(recent, key=lambda trade: (trade.closed_at, trade.trade_id))
    return ClosedBook(
        count=count,
        profit=profit,
        ids=frozenset(trade.trade_id for trade in ordered),
        trades=tuple(_closed(bot, trade) for trade in ordered),
        entries=tuple(entry for trade in ordered for entry in _entries(trade)),
    )


def snapshot_of(
    bot: BotSettings,
    config: ConfigAnswer,
    status: Iterable[TradeAnswer],
    closed: ClosedBook,
    locks: LocksAnswer,
    *,
    began_at: datetime,
    at: datetime,
    clock_skew_seconds: float | None,
) -> BotSnapshot:
    """All answers of a poll together. status must have been asked for before the closed trades:
    what was closed in between is in both, and counts as closed."""
    open_ones = [trade for trade in status if trade.trade_id not in closed.ids]
    entries = [*closed.entries, *(entry for trade in open_ones for entry in _entries(trade))]
    return BotSnapshot(
        bot=bot.name,
        began_at=began_at,
        at=at,
        bot_name=config.bot_name,
        exchange=config.exchange,
        trading_mode=config.trading_mode,
        is_dry_run=config.dry_run,
        run_state=config.state,
        strategy=config.strategy or "",
        stake_currency=config.stake_currency,
        trades=tuple(_trade(trade) for trade in open_ones),
        closed=closed.trades,
        closed_count=closed.count,
        closed_profit=closed.profit,
        entries=tuple(
            sorted(
                (entry for entry in entries if entry.is_open or entry.at > at - ENTRIES_FOR),
                key=lambda entry: (entry.at, entry.order_id),
            )
        ),
        locks=tuple(
            LockSeen(
                lock.id, lock.pair, lock.side, moment_of(lock.lock_end_timestamp), lock.reason or ""
            )
            for lock in locks.locks
            if lock.active
        ),
        clock_skew_seconds=clock_skew_seconds,
    )


def _entries(trade: TradeAnswer) -> list[EntrySeen]:
    return [
        EntrySeen(
            order.order_id,
            trade.pair,
            trade.side,
            _moment(order.order_timestamp, trade),
            order.is_open,
        )
        for order in trade.orders
        if trade.is_entry(order)
    ]


def _trade(trade: TradeAnswer) -> TradeSeen:
    leverage = trade.leverage or 1.0
    orders = tuple(_order(trade, order) for order in trade.orders)
    # Until its first entry is done, a trade's amount and stake are what was asked for.
    is_filled = any(each.is_entry and not each.is_open and each.filled > 0.0 for each in orders)
    amount, stake = (trade.amount, trade.stake_amount) if is_filled else (0.0, 0.0)
    for order in orders:
        if order.is_open and order.is_entry:
            amount += order.filled
            stake += order.filled * order.rate / leverage
    sold = sum(order.filled for order in orders if order.is_open and not order.is_entry)
    left = max(0.0, amount - sold)
    return TradeSeen(
        trade_id=trade.trade_id,
        pair=trade.pair,
        side=trade.side,
        amount=left,
        stake=stake * left / amount if amount > 0.0 else 0.0,
        open_rate=trade.open_rate,
        current_rate=trade.current_rate,
        stop_rate=trade.stop_loss_abs if trade.stop_loss_abs > 0.0 else None,
        leverage=leverage,
        opened_at=moment_of(trade.open_timestamp),
        realized_profit=trade.realized_profit,
        unrealized_profit=trade.profit_abs if left > 0.0 else 0.0,
        fee_rate=max(trade.fee_open, trade.fee_close),
        tag=trade.enter_tag,
        orders=orders,
    )


def _order(trade: TradeAnswer, order: OrderAnswer) -> OrderSeen:
    return OrderSeen(
        order_id=order.order_id,
        side=order.ft_order_side,
        is_entry=trade.is_entry(order),
        order_type=order.order_type or "",
        amount=order.amount,
        filled=min(order.filled, order.amount) if order.amount > 0.0 else order.filled,
        rate=order.safe_price if order.safe_price > 0.0 else trade.open_rate,
        is_open=order.is_open,
        at=None if order.order_timestamp is None else moment_of(order.order_timestamp),
        tag=order.ft_order_tag,
    )


def _closed(bot: BotSettings, trade: TradeAnswer) -> ClosedTrade:
    return ClosedTrade(
        bot=bot.name,
        pair=trade.pair,
        closed_at=trade.closed_at,
        profit=trade.whole_profit,
        was_stopped=(trade.exit_reason or "") in STOP_REASONS,
        opened_at=moment_of(trade.open_timestamp),
        family=bot.family or "",
        side=trade.side,
    )


def _lock(lock: LockAnswer) -> LockSeen:
    until = moment_of(lock.lock_end_timestamp)
    return LockSeen(lock.id, lock.pair, lock.side, until, lock.reason or "")


def _moment(milliseconds: int | None, trade: TradeAnswer) -> datetime:
    return moment_of(trade.open_timestamp if milliseconds is None else milliseconds)
