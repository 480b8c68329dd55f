"""Daily returns of freqtrade's trades in a window, open positions at each day's close."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from lab.suite_equity import daily_equity, orders_of
from lab.suite_plan import candle_file
from lab.walkforward.fold_result import Part, days_of

INSTANT = timedelta(milliseconds=1)


def part_of(
    trades: pd.DataFrame,
    closes: Mapping[str, pd.Series],
    capital: float,
    start: datetime,
    end: datetime,
) -> Part:
    """Figures of trades, freqtrade's columns, that began and ended in [start, end), whole days."""
    ratio = trades["profit_ratio"].to_numpy(dtype=np.float64) if len(trades) else np.zeros(0)
    equity = daily_equity(orders_of(trades), closes, capital, start, end - INSTANT)
    returns = returns_of(equity)
    expected = days_of(start, end)
    if not returns.index.equals(expected):
        raise ValueError(f"{len(returns)} days of returns, expected the window's {len(expected)}")
    return Part(
        trades=len(ratio),
        wins=int((ratio > 0.0).sum()),
        mean_pct=float(ratio.mean() * 100.0) if len(ratio) else None,
        returns=tuple(float(each) for each in returns),
    )


def returns_of(equity: pd.Series) -> pd.Series:
    """Simple returns of each day but the first. A capital that is lost stays lost: -1, then 0."""
    floor = equity.clip(lower=0.0)
    alive = floor.cummin() > 0.0
    before = floor.shift(1).where(alive.shift(1, fill_value=True), 1.0)
    growth = (floor / before - 1.0).where(alive.shift(1, fill_value=True), 0.0)
    return growth.iloc[1:]


def closes_by_day(datadir: Path, pairs: Sequence[str], timeframe: str) -> dict[str, pd.Series]:
    """Of each pair that has candles: the last close of each UTC day, indexed by the day."""
    closes: dict[str, pd.Series] = {}
    for pair in pairs:
        file = candle_file(datadir, pair, timeframe)
        if file.is_file():
            frame = pd.read_feather(file, columns=["date", "close"])
            closes[pair] = frame.groupby(frame["date"].dt.floor("D"))["close"].last()
    return closes
