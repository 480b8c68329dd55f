"""Whether the market as a whole points up: the closes of one pair against their mean."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from aquatrade.oscillators import window_mean


def market_pair(config: Mapping[str, Any]) -> str:
    """The pair that stands for the whole market, in a freqtrade config's currency and mode."""
    stake = config["stake_currency"]
    return f"BTC/{stake}:{stake}" if config.get("trading_mode") == "futures" else f"BTC/{stake}"


class MarketFilter:
    """The market's candles of a strategy's own timeframe, against the mean of `candles` closes.

    candles None: the preset does not ask. Then it is up, and never down.
    """

    def __init__(self, strategy: Any, candles: int | None) -> None:
        self._strategy = strategy
        self._candles = candles
        self.pair = market_pair(strategy.config)

    def is_up(self, dataframe: pd.DataFrame) -> pd.Series:
        """For each candle: whether the market closed above its mean; False if that is not known."""
        if not self._candles:
            return pd.Series(True, index=dataframe.index)
        return is_above_mean(dataframe["date"], self._market(), self._candles)

    def is_down(self, dataframe: pd.DataFrame) -> pd.Series:
        """For each candle: whether the market is known to have closed at its mean or under it."""
        if not self._candles:
            return pd.Series(False, index=dataframe.index)
        return is_below_mean(dataframe["date"], self._market(), self._candles)

    def _market(self) -> pd.DataFrame:
        market: pd.DataFrame = self._strategy.dp.get_pair_dataframe(
            self.pair, self._strategy.timeframe
        )
        return market


def is_above_mean(dates: pd.Series, market: pd.DataFrame, candles: int) -> pd.Series:
    """For each candle (its open in `dates`): whether the market's candle of the same moment closed
    above the mean of its last `candles` closes, its own among them.

    market: columns date and close, of the same timeframe. False where the market has no such
    candle, or not so many before it.
    """
    return _over_mean(dates, market, candles) > 0.0


def is_below_mean(dates: pd.Series, market: pd.DataFrame, candles: int) -> pd.Series:
    """The opposite of is_above_mean where that is known, and False where it is not: a candle of
    the market that is missing or late sells nothing."""
    return _over_mean(dates, market, candles) <= 0.0


def _over_mean(dates: pd.Series, market: pd.DataFrame, candles: int) -> pd.Series:
    """Close less mean at each candle; NaN where it is not known."""
    if market.empty:
        return pd.Series(np.nan, index=dates.index)
    close = market["close"].to_numpy(dtype=np.float64)
    over = pd.Series(close - window_mean(close, candles), index=pd.DatetimeIndex(market["date"]))
    over = over[~over.index.duplicated(keep="last")]
    return pd.Series(over.reindex(pd.DatetimeIndex(dates)).to_numpy(), index=dates.index)
