"""Whether the market as a whole points up: the closes of one pair against their mean. Pure."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from aquatrade.oscillators import window_mean


def market_pair(config: Mapping[str, Any]) -> str:
    """The pair that stands for the whole market, in a freqtrade config's currency and mode."""
    stake = config["stake_currency"]
    return f"BTC/{stake}:{stake}" if config.get("trading_mode") == "futures" else f"BTC/{stake}"


def is_above_mean(dates: pd.Series, market: pd.DataFrame, candles: int) -> pd.Series:
    """For each candle (its open in `dates`): whether the market's candle of the same moment closed
    above the mean of its last `candles` closes, its own among them.

    market: columns date and close, of the same timeframe. False where the market has no such
    candle, or not so many before it.
    """
    if market.empty:
        return pd.Series(False, index=dates.index)
    close = market["close"].to_numpy()
    above = pd.Series(close > window_mean(close, candles), index=pd.DatetimeIndex(market["date"]))
    above = above[~above.index.duplicated(keep="last")]
    found = above.reindex(pd.DatetimeIndex(dates), fill_value=False)
    return pd.Series(found.to_numpy(), index=dates.index)
