"""Backtest against what the live code did on the same candles: which trades both made, at which
price difference, and why the rest differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, median

from lab.trades import TradeRecord

BASIS_POINTS = 10_000
STOP = "stop_loss"


@dataclass(frozen=True, slots=True)
class Pairing:
    """The same trade in both worlds. Differences in basis points; positive is live paying more."""

    backtest: TradeRecord
    live: TradeRecord
    entry_difference_bp: float
    exit_difference_bp: float | None
    same_exit_candle: bool


@dataclass(frozen=True, slots=True)
class Unmatched:
    trade: TradeRecord
    reason: str


@dataclass(frozen=True, slots=True)
class Parity:
    pairings: tuple[Pairing, ...]
    only_backtest: tuple[Unmatched, ...]
    only_live: tuple[Unmatched, ...]

    @property
    def backtest_count(self) -> int:
        return len(self.pairings) + len(self.only_backtest)

    @property
    def share_made_live(self) -> float | None:
        """Of the backtest's trades, the share that the live code made; None without any."""
        return len(self.pairings) / self.backtest_count if self.backtest_count else None

    def profits_of_both(self) -> tuple[float, float] | None:
        """Mean profit ratios (backtest, live) over the trades that both made and closed."""
        closed = [
            (p.backtest.profit_ratio, p.live.profit_ratio)
            for p in self.pairings
            if p.backtest.profit_ratio is not None and p.live.profit_ratio is not None
        ]
        if not closed:
            return None
        return fmean(backtest for backtest, _ in closed), fmean(live for _, live in closed)

    def entry_difference_bp(self) -> tuple[float, float] | None:
        """(mean, median of the absolute) over the trades both made."""
        return _mean_and_median([p.entry_difference_bp for p in self.pairings])

    def exit_difference_bp(self, *, stops: bool) -> tuple[float, float] | None:
        """The same at exit, over trades that left on the same candle in both worlds.

        stops: those that a stop ended, or all others. A backtest fills a stop at its price; live
        the bot sees a price under it at its next look, and sells into the book.
        """
        return _mean_and_median(
            [
                p.exit_difference_bp
                for p in self.pairings
                if p.exit_difference_bp is not None
                and p.same_exit_candle
                and (p.backtest.exit_reason == STOP) is stops
            ]
        )


def why_exit_differs(pairing: Pairing) -> str:
    """What made the same trade leave on another candle, as far as its two exits tell."""
    backtest, live = pairing.backtest, pairing.live
    if live.closed is None:
        return "live it was still open at the end"
    if backtest.exit_reason == STOP and live.exit_reason != STOP:
        # Had the bot seen a price at or under the stop, it would have sold.
        return "the low touched the stop between two looks of the live bot"
    if live.exit_reason == STOP and backtest.exit_reason != STOP:
        return "live the stop was reached first"
    return "the exits' conditions were met on different candles"


def _mean_and_median(values: Sequence[float]) -> tuple[float, float] | None:
    return (fmean(values), median(abs(value) for value in values)) if values else None


def candle_of(moment: datetime, timeframe: timedelta) -> datetime:
    """Open time of the candle that `moment` lies in."""
    return datetime.fromtimestamp(
        moment.timestamp() // timeframe.total_seconds() * timeframe.total_seconds(), moment.tzinfo
    )


def compare_trades(
    backtest: Sequence[TradeRecord],
    live: Sequence[TradeRecord],
    timeframe: timedelta,
    slots: int,
) -> Parity:
    """Pair trades by (pair, candle of entry). slots: the bot's max_open_trades."""
    waiting: dict[tuple[str, datetime], list[TradeRecord]] = {}
    for trade in live:
        waiting.setdefault((trade.pair, candle_of(trade.opened, timeframe)), []).append(trade)
    pairings, missing = [], []
    for trade in backtest:
        twins = waiting.get((trade.pair, candle_of(trade.opened, timeframe)))
        if twins:
            pairings.append(_pair(trade, twins.pop(0), timeframe))
        else:
            missing.append(trade)
    return Parity(
        pairings=tuple(pairings),
        only_backtest=tuple(
            Unmatched(trade, _why_not(trade, live, timeframe, slots)) for trade in missing
        ),
        only_live=tuple(
            Unmatched(trade, _why_not(trade, backtest, timeframe, slots))
            for left in waiting.values()
            for trade in left
        ),
    )


def _pair(backtest: TradeRecord, live: TradeRecord, timeframe: timedelta) -> Pairing:
    exit_bp = None
    same_candle = False
    if backtest.close_rate is not None and live.close_rate is not None:
        exit_bp = (backtest.close_rate - live.close_rate) / backtest.close_rate * BASIS_POINTS
    if backtest.closed is not None and live.closed is not None:
        same_candle = candle_of(backtest.closed, timeframe) == candle_of(live.closed, timeframe)
    return Pairing(
        backtest=backtest,
        live=live,
        entry_difference_bp=(live.open_rate - backtest.open_rate)
        / backtest.open_rate
        * BASIS_POINTS,
        exit_difference_bp=exit_bp,
        same_exit_candle=same_candle,
    )


def _why_not(
    trade: TradeRecord, others: Sequence[TradeRecord], timeframe: timedelta, slots: int
) -> str:
    """The first explanation that the other world's own trades give for not making this one."""

    def held(other: TradeRecord) -> bool:
        return other.opened <= trade.opened and (
            other.closed is None or trade.opened < other.closed
        )

    same_pair = [other for other in others if other.pair == trade.pair]
    if any(held(other) for other in same_pair):
        return "the pair was still held from an earlier entry"
    near = [other for other in same_pair if abs(other.opened - trade.opened) <= 2 * timeframe]
    if near:
        late = round((near[0].opened - trade.opened) / timeframe)
        return f"entered {abs(late)} candle(s) {'later' if late > 0 else 'earlier'}"
    if sum(1 for other in others if held(other)) >= slots:
        return f"all {slots} slots were taken"
    return "no explanation from the other side's trades"
