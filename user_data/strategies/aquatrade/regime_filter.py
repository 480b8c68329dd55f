"""The regime filter of one strategy: which candles it judges by, and when it stands down."""

from collections.abc import Callable
from typing import Any, get_args

import pandas as pd
from freqtrade.exchange import timeframe_to_seconds

from aquatrade.regime import (
    REGIME_CODES,
    REGIME_COLUMN,
    STANDS_DOWN,
    UNKNOWN,
    RegimeKind,
    known_at_close,
    regime_candles,
    regime_labels,
)
from aquatrade.settings import SettingsError

CODE_COLUMN = "regime_code"  # for charts, which draw numbers
# Below it the windows are more candles than an exchange gives at once: hourly ones are judged.
OWN_CANDLES_FROM = "1h"


class RegimeFilter:
    """Off: no column, no more candles, every entry passes. SettingsError where it cannot be on."""

    def __init__(self, kind: RegimeKind | None, timeframe: str, *, on: bool, strategy: str) -> None:
        self.on = on
        self._kind = kind
        self._seconds = timeframe_to_seconds(timeframe)
        hourly = self._seconds < timeframe_to_seconds(OWN_CANDLES_FROM)
        # The timeframe that is read beside the strategy's own; None: no other is needed.
        self.slower = OWN_CANDLES_FROM if hourly and on else None
        self._judged_seconds = timeframe_to_seconds(self.slower or timeframe)
        if not on:
            return
        if kind is None:
            raise SettingsError(
                f"config key 'aquatrade.regime_filter': got true, expected false or null: "
                f"{strategy} is neither a {' nor a '.join(get_args(RegimeKind))} strategy"
            )
        try:
            regime_candles(self._judged_seconds)
        except ValueError:
            raise SettingsError(
                f"config key 'aquatrade.regime_filter': got true with timeframe {timeframe}, "
                "expected a timeframe that divides a day"
            ) from None

    @classmethod
    def of(cls, strategy: Any) -> "RegimeFilter":
        """As a strategy's settings, or else its preset, say."""
        wanted = strategy.settings.regime_filter
        return cls(
            strategy.REGIME_KIND,
            strategy.timeframe,
            on=strategy.preset.regime_filter if wanted is None else wanted,
            strategy=type(strategy).__name__,
        )

    @property
    def startup_candles(self) -> int:
        """How many candles a strategy needs before its first for the filter; 0 if it is off."""
        return regime_candles(self._judged_seconds) if self.on else 0

    def add_column(self, frame: pd.DataFrame, read_slower: Callable[[str], pd.DataFrame]) -> None:
        """Put the label of each candle, and its number, into the frame.

        read_slower: the pair's candles of a slower timeframe.
        """
        if not self.on:
            return
        if self.slower is None:
            labels = regime_labels(frame, self._seconds)
        else:
            labels = self._slower_labels(frame, read_slower(self.slower))
        frame[REGIME_COLUMN] = labels
        frame[CODE_COLUMN] = labels.map(REGIME_CODES).astype("float64")

    def _slower_labels(self, frame: pd.DataFrame, slower: pd.DataFrame) -> pd.Series:
        if slower.empty:
            return pd.Series(UNKNOWN, index=frame.index)
        labels = regime_labels(slower, self._judged_seconds)
        return known_at_close(
            frame["date"], self._seconds, slower["date"], self._judged_seconds, labels
        )

    def allows(self, frame: pd.DataFrame) -> pd.Series:
        """For each candle: whether an entry may follow. False throughout without the column."""
        if not self.on or self._kind is None:
            return pd.Series(True, index=frame.index)
        if REGIME_COLUMN not in frame:
            return pd.Series(False, index=frame.index)
        return frame[REGIME_COLUMN].isin(REGIME_CODES.keys() - STANDS_DOWN[self._kind])
