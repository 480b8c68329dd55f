"""Base of strategies whose stop is a multiple of the ATR at the entry and may follow price.

A stop moves at the close of a candle, by closed candles alone: a backtest, which does not know in
which order a candle reached its high and its low, then sees what live sees.
"""

import logging
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import pandas as pd
from freqtrade.persistence import Trade
from freqtrade.strategy import DecimalParameter

from aquatrade.atr_stops import as_freqtrade_takes_it, atr_stop_pct, is_passed, stop_from
from aquatrade.base_strategy import AquatradeStrategy
from aquatrade.entry_context import CONTEXT_KEY, signal_candle_open
from aquatrade.measured_gross import eaten_by_costs
from aquatrade.settings import AquatradeSettings
from aquatrade.stop_annotations import entry_annotations
from aquatrade.stops import AT_PRICE, STOP_PASSED
from aquatrade.unused_callbacks import leave_to_freqtrade

logger = logging.getLogger(__name__)

ATR_COLUMN = "atr"
NO_TARGET = {"0": 100.0}  # of a preset without a take-profit: +10,000 %


def pause_after_drawdown(drawdown_pct: float, *, days: int) -> dict[str, Any]:
    """Freqtrade's protection: so many days without entries after that drawdown in 30 days."""
    return {
        "method": "MaxDrawdown",
        "calculation_mode": "equity",
        "lookback_period": 30 * 24 * 60,
        "trade_limit": 5,
        "max_allowed_drawdown": drawdown_pct / 100.0,
        "stop_duration": days * 24 * 60,
    }


class AtrStopStrategy(AquatradeStrategy):
    """A subclass has a column "atr", sets stop_atr and may override trailed_stop."""

    stop_atr: DecimalParameter  # distance of the initial stop in ATR
    GROSS_PCT: ClassVar[Mapping[str, float]]  # by preset: mean of a trade before costs, measured
    # Of futures. A stop in percent of the stake is then so many times its distance in price.
    leverage_wanted = 1.0
    use_custom_stoploss = True
    use_exit_signal = True
    exit_profit_only = False
    process_only_new_candles = True

    @classmethod
    def unprofitable_by_arithmetic(cls, settings: AquatradeSettings) -> str | None:
        """Why costs alone eat what the preset earned before them, in one line; None if not."""
        gross_pct = cls.GROSS_PCT[settings.preset or cls.DEFAULT_PRESET]
        return eaten_by_costs(gross_pct, 2.0 * settings.sizing.cost_pct_per_side)

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        if not self.stop_moves:
            leave_to_freqtrade(self, "custom_exit")

    @property
    def stop_moves(self) -> bool:
        """Whether the stop follows price under this preset; subclasses with such a stop say so."""
        return False

    def entry_stop_pct(self, pair: str, rate: float, side: str) -> float:
        """The multiple of the signal candle's ATR, at most the hard stop."""
        row = self.signal_row(pair)
        return math.nan if row is None else self._distance_pct(row, rate, self.leverage_wanted)

    def initial_stop_pct(self, trade: Trade) -> float:
        """The same from the candle that gave the signal; the hard stop where that is gone."""
        hard_pct = abs(self.stoploss) * 100.0
        entry = next(order for order in trade.orders if order.ft_order_side == trade.entry_side)
        opened = signal_candle_open(entry.order_date_utc, self.timeframe)
        frame, _ = self.dp.get_analyzed_dataframe(trade.pair, self.timeframe)
        place = int(frame["date"].searchsorted(pd.Timestamp(opened))) if len(frame) else 0
        if place >= len(frame) or frame["date"].iloc[place] != pd.Timestamp(opened):
            return hard_pct
        found = self._distance_pct(frame.iloc[place], trade.open_rate, trade.leverage or 1.0)
        return hard_pct if math.isnan(found) else found

    def _distance_pct(self, row: pd.Series, rate: float, leverage: float) -> float:
        return leverage * atr_stop_pct(
            atr=float(row[ATR_COLUMN]),
            multiple=self.stop_atr.value,
            rate=rate,
            bound_pct=abs(self.stoploss) * 100.0 / leverage,
        )

    def risk_of(self, trade: Trade) -> float:
        """Distance of the initial stop from the entry price, as the stake was sized for it."""
        stop_pct = None
        if self._trades_now:
            # A restart forgets the frame of the signal, and freqtrade then resets the stop.
            context = trade.get_custom_data(CONTEXT_KEY)
            stop_pct = context["stop_pct"] if isinstance(context, dict) else None
        if stop_pct is None:
            stop_pct = self.initial_stop_pct(trade)
        return float(trade.open_rate * stop_pct / 100.0 / (trade.leverage or 1.0))

    def closed_since_entry(self, trade: Trade) -> pd.DataFrame:
        """The analysed candles that closed since the entry, the one of the entry among them."""
        frame: pd.DataFrame = self.dp.get_analyzed_dataframe(trade.pair, self.timeframe)[0]
        if frame.empty:
            return frame
        opened = pd.Timestamp(signal_candle_open(trade.open_date_utc, self.timeframe))
        return frame.iloc[int(frame["date"].searchsorted(opened, side="right")) :]

    def best_price(self, trade: Trade, closed: pd.DataFrame) -> float:
        """The most favourable price of the closed candles since the entry."""
        best = float(trade.open_rate)
        if closed.empty:
            return best
        if trade.is_short:
            return min(best, float(closed["low"].min()))
        return max(best, float(closed["high"].max()))

    def trailed_stop(
        self, trade: Trade, closed: pd.DataFrame, risk: float, present: float
    ) -> float:
        """Where the stop has moved to; `present` where it has not. For subclasses."""
        return present

    def stop_of(self, trade: Trade) -> float:
        """The price of the stop by the closed candles."""
        risk = self.risk_of(trade)
        initial = stop_from(trade.open_rate, risk, is_short=trade.is_short)
        if not self.stop_moves:
            return initial
        closed = self.closed_since_entry(trade)
        return initial if closed.empty else self.trailed_stop(trade, closed, risk, initial)

    def ft_stoploss_adjust(self, *arguments: Any, **kwargs: Any) -> None:
        """Freqtrade's own, in a backtest as live would have it.

        A stop that never moves is set at the fill alone: to ask on each candle, each time with a
        copy of the trade, is most of a long run. One that moves is moved at the candle's open;
        freqtrade would not move it on a candle that reaches the place where it was before.
        """
        if self._trades_now or kwargs.get("after_fill"):
            super().ft_stoploss_adjust(*arguments, **kwargs)
        elif self.stop_moves:
            # Without low, high and the best profit, which come after the first five.
            super().ft_stoploss_adjust(*arguments[:5])

    def custom_stoploss(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        after_fill: bool,
        **kwargs: Any,
    ) -> float | None:
        """The stop of the closed candles; freqtrade itself never moves a stop back."""
        return as_freqtrade_takes_it(
            self.stop_of(trade),
            current_rate,
            is_short=trade.is_short,
            leverage=trade.leverage or 1.0,
            nothing=AT_PRICE,
        )

    def custom_exit(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        **kwargs: Any,
    ) -> str | None:
        """Out at once where a candle closed beyond the stop that it moved.

        In a backtest also where it opened beyond: freqtrade would sell at the stop, inside it.
        """
        closed = self.closed_since_entry(trade)
        if closed.empty:
            return None
        rate = float(closed["close"].iloc[-1]) if self._trades_now else current_rate
        passed = is_passed(self.stop_of(trade), rate, is_short=trade.is_short)
        return STOP_PASSED if passed else None

    def plot_annotations(
        self,
        pair: str,
        start_date: datetime,
        end_date: datetime,
        dataframe: pd.DataFrame,
        **kwargs: Any,
    ) -> list[dict[str, Any]]:
        """The candles whose close was a signal, and the stop that an entry there begins with."""
        return entry_annotations(
            dataframe,
            self.preset_name,
            multiple=self.stop_atr.value,
            bound_pct=abs(self.stoploss) * 100.0,
        )
