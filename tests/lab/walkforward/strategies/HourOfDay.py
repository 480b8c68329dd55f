"""A strategy that can find an edge where there is one: enter at an hour, leave some hours on."""

from typing import Any, ClassVar

from freqtrade.strategy import IntParameter, IStrategy
from pandas import DataFrame


class HourOfDay(IStrategy):  # type: ignore[misc]  # freqtrade is untyped here
    """Enters after the candle of one hour of the day, leaves after that `hold` hours later."""

    INTERFACE_VERSION = 3
    timeframe = "1h"
    stoploss = -0.5
    minimal_roi: ClassVar[dict[str, float]] = {"0": 10.0}
    startup_candle_count = 1

    hour = IntParameter(0, 23, default=20, space="buy")
    hold = IntParameter(1, 23, default=12, space="sell")

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["enter_long"] = (dataframe["date"].dt.hour == self.hour.value).astype(int)
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        leaves = (self.hour.value + self.hold.value) % 24
        dataframe["exit_long"] = (dataframe["date"].dt.hour == leaves).astype(int)
        return dataframe
