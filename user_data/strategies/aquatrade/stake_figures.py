"""What the methods of sizing ask, from freqtrade: the same live and in backtests."""

import math
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.persistence import LocalTrade, Trade

from aquatrade.stake_choice import realised_volatility_pct

SECONDS_PER_YEAR = 365.25 * 86_400.0
NEWEST_TRADES = 200


class FreqtradeFigures:
    """Of one strategy and the pair that is to be entered."""

    def __init__(self, strategy: Any, pair: str) -> None:
        self._strategy = strategy
        self._pair = pair

    def capital(self) -> float:
        return float(self._strategy.wallets.get_total_stake_amount())

    def volatility_pct(self, candles: int) -> float:
        timeframe = self._strategy.timeframe
        # Freqtrade has closed candles here alone, in a backtest none of later moments.
        frame, _ = self._strategy.dp.get_analyzed_dataframe(self._pair, timeframe)
        if len(frame) < candles + 1:
            return math.nan
        closes = [float(close) for close in frame["close"].iloc[-candles - 1 :]]
        return realised_volatility_pct(closes, SECONDS_PER_YEAR / timeframe_to_seconds(timeframe))

    def results(self) -> Sequence[float]:
        if Trade.use_db:
            found: Sequence[float | None] = Trade.session.scalars(
                sa.select(Trade.close_profit)
                .where(Trade.is_open.is_(False))
                .order_by(Trade.close_date.desc(), Trade.id.desc())
                .limit(NEWEST_TRADES)
            ).all()
        else:
            found = [trade.close_profit for trade in LocalTrade.bt_trades[-NEWEST_TRADES:]]
        return [float(one) for one in found if one is not None and math.isfinite(one)]

    def realised_profit(self) -> float:
        return float(Trade.get_total_closed_profit())

    def staked(self) -> float:
        return float(Trade.total_open_trades_stakes())
