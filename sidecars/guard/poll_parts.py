"""What of a poll is new, what is as it was, and what of it is kept. Pure."""

from dataclasses import replace
from datetime import timedelta

from aquatrade.risk.model import Side
from sidecars.guard.snapshots import BotSnapshot, TradeSeen

# What moves with prices alone is kept so often.
KEEP_EVERY = timedelta(seconds=60)
KEPT_CLOSED = 20


def sharing(snapshot: BotSnapshot, before: BotSnapshot | None) -> BotSnapshot:
    """What is as it was before is the very same: what follows from it is not worked out again."""
    if before is None or before.closed is snapshot.closed or before.closed != snapshot.closed:
        return snapshot
    return replace(snapshot, closed=before.closed)


def priced(snapshot: BotSnapshot, before: BotSnapshot | None) -> BotSnapshot:
    """Trades whose present price the bot does not know, at the price that was known last."""
    if not snapshot.unpriced or before is None:
        return snapshot
    known = {trade.trade_id: trade for trade in before.trades}
    trades = tuple(_at_known_price(trade, known.get(trade.trade_id)) for trade in snapshot.trades)
    return replace(snapshot, trades=trades)


def _at_known_price(trade: TradeSeen, before: TradeSeen | None) -> TradeSeen:
    if trade.unrealized_profit is not None or before is None or before.current_rate is None:
        return trade
    rate = before.current_rate
    bought, sold = trade.amount * trade.open_rate, trade.amount * rate
    gross = sold - bought if trade.side is Side.LONG else bought - sold
    profit = gross - trade.fee_rate * (bought + sold)
    return replace(trade, current_rate=rate, unrealized_profit=profit)


def is_kept_already(kept: BotSnapshot | None, snapshot: BotSnapshot) -> bool:
    """Whether the database has what matters of it; prices alone are kept once a minute."""
    if kept is None or not timedelta(0) <= snapshot.at - kept.at < KEEP_EVERY:
        return False
    return _substance(kept) == _substance(snapshot)


def to_keep(snapshot: BotSnapshot) -> BotSnapshot:
    """Without the past, which may be long and is asked for again after a start."""
    return replace(snapshot, closed=snapshot.closed[-KEPT_CLOSED:], entries=())


def _substance(snapshot: BotSnapshot) -> object:
    trades = tuple(
        (trade.trade_id, trade.amount, trade.stake, trade.stop_rate, trade.orders)
        for trade in snapshot.trades
    )
    return (
        trades, snapshot.closed_count, snapshot.closed_profit, snapshot.locks, snapshot.run_state,
        snapshot.is_dry_run, snapshot.bot_name,
    )  # fmt: skip
