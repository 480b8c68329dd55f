"""Joining score records to candles: what was known when a candle closed. Pure."""

import numpy as np
import pandas as pd
from freqtrade.exchange import timeframe_to_seconds

from aquatrade.score_records import VALUE_COLUMNS

MS_PER_HOUR = 3_600_000
# Column of a dataframe of candles for each column of a record.
SCORE_COLUMNS = {
    "total": "score",
    **{name: f"score_{name}" for name in VALUE_COLUMNS if name != "total"},
}
AGE_COLUMN = "score_age_hours"
JOINED_COLUMNS = pd.Index([*SCORE_COLUMNS.values(), AGE_COLUMN])


def close_times_ms(dates: pd.Series, timeframe: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Close moments of candles from their open moments (aware, of any resolution)."""
    # From disk dates are in ms, live in us; a division of raw integers would be wrong for one.
    opened = dates.dt.as_unit("ms").to_numpy(dtype="datetime64[ms]").astype(np.int64)
    closes: np.ndarray[tuple[int], np.dtype[np.int64]] = opened + (
        timeframe_to_seconds(timeframe) * 1000
    )
    return closes


def join_scores(
    dataframe: pd.DataFrame, records: pd.DataFrame, timeframe: str, max_age_hours: float
) -> pd.DataFrame:
    """Add to each candle the score that was known when the candle closed.

    That is, of the records available by then, the one that speaks of the latest moment, in its
    last revision: a late correction of an older day does not stand in for a newer day.

    dataframe: candles with an aware `date` (open time). records: columns of score_records.COLUMNS
    ordered by available_at_ms. Returns a dataframe with the SCORE_COLUMNS and the age of
    the record at the close; all NaN where there is no record or it speaks of a moment more
    than max_age_hours before the close. The same function serves live, dry-run and backtest.
    """
    closes = close_times_ms(dataframe["date"], timeframe)
    as_of = records["as_of_ms"].to_numpy()
    records = records[as_of >= np.maximum.accumulate(as_of)] if len(as_of) else records
    available = records["available_at_ms"].to_numpy()
    found = np.searchsorted(available, closes, side="right") - 1
    age_hours = np.full(len(closes), np.nan)
    has_one = found >= 0
    # Old is what speaks of long ago, however late it came.
    spoken_of = records["as_of_ms"].to_numpy()
    age_hours[has_one] = (closes[has_one] - spoken_of[found[has_one]]) / MS_PER_HOUR
    usable = has_one & (age_hours <= max_age_hours)
    joined = np.full((len(closes), len(JOINED_COLUMNS)), np.nan)
    values = records[list(SCORE_COLUMNS)].to_numpy(dtype=np.float64)
    joined[usable, :-1] = values[found[usable]]
    joined[usable, -1] = age_hours[usable]
    # All columns in one block: adding them one by one costs more than everything above.
    scores = pd.DataFrame(joined, index=dataframe.index, columns=JOINED_COLUMNS)
    return pd.concat([dataframe, scores], axis=1)
