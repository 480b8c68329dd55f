"""Freqtrade's backtester with harder terms: stops that are jumped, signals a candle late."""

from datetime import datetime
from typing import Any

from freqtrade.enums import ExitType
from freqtrade.optimize.backtesting import DATE_IDX, LONG_IDX, OPEN_IDX, Backtesting

from lab.matrix.costs import CostModel
from lab.quick_backtest import QuickBacktesting

NO_SIGNAL = (0, 0, 0, 0, None, None)  # long, its exit, short, its exit, both tags
STOPS = frozenset({ExitType.STOP_LOSS, ExitType.TRAILING_STOP_LOSS})


def gap_rate(stop: float, opened: float, rate: float, *, is_short: bool) -> float:
    """What a stop fills at that stood at `stop` before a candle that opens at `opened`.

    rate: freqtrade's own price. It is the open where that lies beyond the stop and is worse.
    """
    if is_short:
        return max(rate, opened) if opened > stop else rate
    return min(rate, opened) if opened < stop else rate


class GapBacktesting(QuickBacktesting):
    """A stop that the open has jumped is filled at that open; freqtrade fills it at the stop."""

    _standing_stop: float | None = None  # as it was before the candle; none in that of the entry

    def _check_trade_exit(self, trade: Any, row: tuple[Any, ...], current_time: datetime) -> Any:
        filled = trade.date_entry_fill_utc
        was_held = filled is not None and filled < row[DATE_IDX]
        # Later in this candle the stop may follow the price: the open cannot have jumped that one.
        self._standing_stop = trade.stop_loss if was_held and trade.stop_loss else None
        return super()._check_trade_exit(trade, row, current_time)

    def _get_close_rate_for_stoploss(
        self, row: tuple[Any, ...], trade: Any, exit_: Any, trade_dur: int
    ) -> float:
        rate: float = super()._get_close_rate_for_stoploss(row, trade, exit_, trade_dur)
        if self._standing_stop is None or exit_.exit_type not in STOPS:
            return rate
        return gap_rate(self._standing_stop, row[OPEN_IDX], rate, is_short=bool(trade.is_short))


class DelayBacktesting(QuickBacktesting):
    """Signals act one candle later, and the strategy sees its candles up to one before the last.

    Stops and targets are orders that rest: they do not wait.
    """

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        limit = self.dataprovider._set_dataframe_max_index

        def limit_earlier(pair: str, index: int) -> None:
            limit(pair, max(index - 1, 1))

        self.dataprovider._set_dataframe_max_index = limit_earlier

    def _get_ohlcv_as_lists(self, processed: Any) -> Any:
        data = super()._get_ohlcv_as_lists(processed)
        for rows in data.values():
            last: list[Any] = list(NO_SIGNAL)
            for row in rows:
                row[LONG_IDX:], last = last, row[LONG_IDX:]
        return data


class DelayedGapBacktesting(DelayBacktesting, GapBacktesting):
    """Both."""


def backtester_of(cost: CostModel) -> type[Backtesting]:
    """The backtester of a cost model; fee and slippage are numbers of its config."""
    if cost.gap:
        return DelayedGapBacktesting if cost.delay else GapBacktesting
    return DelayBacktesting if cost.delay else QuickBacktesting
