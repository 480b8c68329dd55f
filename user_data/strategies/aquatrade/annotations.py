"""Areas for freqtrade's charts. Pure."""

from datetime import timedelta
from typing import Any

import pandas as pd


def signal_areas(
    dataframe: pd.DataFrame, column: str, label: str, color: str
) -> list[dict[str, Any]]:
    """One area for each run of candles whose `column` is 1, from its first open to its last close.

    dataframe: candles with a `date` column; empty or without the column gives no areas.
    """
    if column not in dataframe or len(dataframe) < 2:
        return []
    marked = dataframe[column] == 1
    candle: timedelta = (dataframe["date"].iloc[1] - dataframe["date"].iloc[0]).to_pytimedelta()
    runs = (marked != marked.shift()).cumsum()[marked]
    return [
        {
            "type": "area",
            "start": dates.iloc[0].to_pydatetime(),
            "end": dates.iloc[-1].to_pydatetime() + candle,
            "label": label,
            "color": color,
        }
        for _, dates in dataframe.loc[marked, "date"].groupby(runs)
    ]
