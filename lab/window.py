"""Which stretch of history to rehearse: the one with the most going on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lab.parity import candle_of
from lab.trades import TradeRecord

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` the bot trades; at `end` the rehearsal is over. Whole hours."""

    start: datetime
    end: datetime
    entries: int  # of the backtest, within the window


def busiest_window(
    trades: Sequence[TradeRecord],
    *,
    earliest: datetime,
    latest: datetime,
    span: timedelta,
    lead: timedelta = 3 * HOUR,
    tail: timedelta = 2 * HOUR,
) -> Window | None:
    """The window of at most `span` in [earliest, latest] that holds the most whole trades.

    It opens `lead` before its first entry and ends `tail` after its last exit. Of equally busy
    ones the later; None when no trade lies within the bounds.
    """
    best: Window | None = None
    whole = [trade for trade in trades if trade.closed is not None]
    for first in whole:
        start = candle_of(first.opened, HOUR) - lead
        if start < earliest:
            continue
        limit = min(start + span, latest) - tail
        inside = [
            trade
            for trade in whole
            if trade.opened >= first.opened and trade.closed is not None and trade.closed <= limit
        ]
        if inside and (best is None or len(inside) >= best.entries):
            last = max(trade.closed for trade in inside if trade.closed is not None)
            best = Window(start, candle_of(last, HOUR) + tail, len(inside))
    return best
