"""Which of many pairs moved most: cross-sectional ranks from daily candles. Pure.

Everything at a date comes from candles of that date and before it, and from a window of them: the
same candles give the same ranks wherever the frames begin or end.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aquatrade.oscillators import FloatArray, window_mean

ONE_DAY = pd.Timedelta("1D")


@dataclass(frozen=True, slots=True)
class Universe:
    """Candles of all pairs side by side: a row for each day, a column for each pair, by name.

    NaN where a pair has no candle of that day.
    """

    closes: pd.DataFrame
    turnover: pd.DataFrame  # close x volume, about what was traded in quote currency


@dataclass(frozen=True, slots=True)
class Standings:
    """Of each day and pair, over one number of days: the return and the place by it.

    0.1 is a rise by 10 %, NaN where a close is missing. Place 1 is the largest return of those that
    compete, NaN for those that do not.
    """

    returns: pd.DataFrame
    places: pd.DataFrame

    def of(self, pair: str, dates: pd.Series) -> tuple[FloatArray, FloatArray]:
        """Returns and places of a pair on those dates; NaN throughout for one that is unknown."""
        if pair not in self.returns:
            return np.full(len(dates), np.nan), np.full(len(dates), np.nan)
        days = pd.DatetimeIndex(dates)
        return (
            self.returns[pair].reindex(days).to_numpy(),
            self.places[pair].reindex(days).to_numpy(),
        )


def universe_of(candles: Mapping[str, pd.DataFrame]) -> Universe:
    """Daily candles of each pair (columns date, close, volume) on one calendar without holes."""
    columns = {
        pair: frame.drop_duplicates("date", keep="last").set_index("date")
        for pair, frame in sorted(candles.items())
        if len(frame)
    }
    if not columns:
        return Universe(pd.DataFrame(), pd.DataFrame())
    closes = pd.DataFrame({pair: frame["close"] for pair, frame in columns.items()})
    volumes = pd.DataFrame({pair: frame["volume"] for pair, frame in columns.items()})
    days = pd.date_range(closes.index.min(), closes.index.max(), freq=ONE_DAY)
    closes = closes.reindex(days).astype(np.float64)
    return Universe(closes, closes * volumes.reindex(days).astype(np.float64))


def liquid(universe: Universe, *, pairs: int, days: int, history_days: int) -> pd.DataFrame:
    """True where a pair is among the `pairs` with most turnover over the last `days`.

    Only pairs compete that have a candle of the day and one of history_days before it. A day
    without a candle counts as one without trades. Of equals the first by name is taken.
    """
    known = universe.closes.notna() & universe.closes.shift(history_days).notna()
    traded = universe.turnover.fillna(0.0)
    means = pd.DataFrame(
        {pair: window_mean(traded[pair].to_numpy(), days) for pair in traded},
        index=traded.index,
    )
    places = means.where(known).rank(axis=1, ascending=False, method="first")
    return places <= pairs


def standings(universe: Universe, competing: pd.DataFrame, days: int) -> Standings:
    """Who rose most over so many days, of those that compete on a day."""
    returns = universe.closes / universe.closes.shift(days) - 1.0
    places = returns.where(competing).rank(axis=1, ascending=False, method="first")
    return Standings(returns, places)
