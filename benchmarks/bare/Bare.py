"""Bare: a plain freqtrade strategy that repeats recorded signals, and does nothing else."""

from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.strategy import IStrategy


class Bare(IStrategy):  # type: ignore[misc]  # freqtrade is untyped here
    """What freqtrade itself needs for a strategy's signals: a second reference for its speed.

    Config "bare": `signals`, a folder with a feather file for each pair; `stop_pct`, `minimal_roi`
    and `startup_candles` as the strategy has them. Evidence: none, it decides nothing.
    """

    INTERFACE_VERSION = 3
    timeframe = "5m"

    def __init__(self, config: dict[str, Any]) -> None:
        bare = config["bare"]
        self.signals = Path(bare["signals"])
        self.stoploss = -bare["stop_pct"] / 100.0
        self.minimal_roi = bare["minimal_roi"]
        self.startup_candle_count = bare["startup_candles"]
        super().__init__(config)

    def populate_indicators(self, dataframe: pd.DataFrame, metadata: dict[str, Any]) -> Any:
        return dataframe

    def populate_entry_trend(self, dataframe: pd.DataFrame, metadata: dict[str, Any]) -> Any:
        file = self.signals / f"{metadata['pair'].replace('/', '_')}.feather"
        recorded = pd.read_feather(file).set_index("date")
        for column in recorded:
            dataframe[column] = recorded[column].reindex(dataframe["date"]).to_numpy()
        return dataframe

    def populate_exit_trend(self, dataframe: pd.DataFrame, metadata: dict[str, Any]) -> Any:
        return dataframe
