"""A strategy made to be overfitted: it enters and leaves as a random number says."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from freqtrade.strategy import IntParameter, IStrategy
from pandas import DataFrame

ENTERS, LEAVES = 1.0 / 36.0, 1.0 / 24.0  # of all hours
LEAVING = 7919  # another stream of the same seed


class RandomBySeed(IStrategy):  # type: ignore[misc]  # freqtrade is untyped here
    """Nothing but the seed decides, so there is nothing to find and everything to fit."""

    INTERFACE_VERSION = 3
    timeframe = "1h"
    stoploss = -0.5
    minimal_roi: ClassVar[dict[str, float]] = {"0": 10.0}
    startup_candle_count = 1

    seed = IntParameter(0, 1_000_000, default=0, space="buy")

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["enter_long"] = (self.chances(dataframe, 0) < ENTERS).astype(int)
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["exit_long"] = (self.chances(dataframe, LEAVING) < LEAVES).astype(int)
        return dataframe

    def chances(self, dataframe: DataFrame, stream: int) -> npt.NDArray[np.float64]:
        """A number from 0 to 1 for each candle, by its time and the seed alone (splitmix64)."""
        hours = (dataframe["date"].dt.as_unit("s").astype("int64") // 3600).to_numpy()
        mixed = hours.astype(np.uint64) + np.uint64((self.seed.value + stream) * 1_000_003)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        whole: npt.NDArray[np.float64] = (mixed ^ (mixed >> np.uint64(31))) / 2.0**64
        return whole
