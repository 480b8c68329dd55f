"""A strategy that does what the volume of a candle says: 2 buy, 3 sell short, 4 leave."""

from datetime import datetime
from typing import Any, ClassVar

from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy
from pandas import DataFrame

BUY, SHORT, LEAVE, LEAVE_BY_SIGHT, FAIL = 2, 3, 4, 5, 6


class StopProbe(IStrategy):  # type: ignore[misc]  # freqtrade is untyped here
    """Stops 5 % away, at a distance that follows the price where config "trails" says so."""

    INTERFACE_VERSION = 3
    timeframe = "1h"
    stoploss = -0.05
    minimal_roi: ClassVar[dict[str, float]] = {"0": 10.0}
    startup_candle_count = 1

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.can_short = config["trading_mode"] == "futures"
        self.trailing_stop = bool(config.get("trails"))

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        if (dataframe["volume"] == FAIL).any():
            raise RuntimeError("asked to fail")
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["enter_long"] = (dataframe["volume"] == BUY).astype(int)
        dataframe["enter_short"] = (dataframe["volume"] == SHORT).astype(int)
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        leaves = (dataframe["volume"] == LEAVE).astype(int)
        dataframe["exit_long"] = dataframe["exit_short"] = leaves
        return dataframe

    def custom_exit(
        self, pair: str, trade: Trade, current_time: datetime, *_: Any, **__: Any
    ) -> str | None:
        seen, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
        return "seen" if seen["volume"].iloc[-1] == LEAVE_BY_SIGHT else None
