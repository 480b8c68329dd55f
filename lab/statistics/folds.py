"""Walk-forward: the windows to train and to test on, and their out-of-sample parts as one. Pure.

Every test window lies after the train window that chose its parameters, test windows follow each
other without a gap, and only what they returned is joined.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from lab.statistics.sharpe import checked_returns

Mode = Literal["rolling", "anchored"]
TRAIN = pd.DateOffset(months=2)
TEST = pd.DateOffset(months=1)
NO_EMBARGO = timedelta(0)
ONE_DAY = timedelta(days=1)
MOST_FOLDS = 1_000


@dataclass(frozen=True, slots=True)
class Fold:
    """One step, numbered from 1. Starts belong to their window, ends do not; aware UTC."""

    number: int
    train_start: datetime
    train_end: datetime
    test_start: datetime
    test_end: datetime

    @property
    def train_timerange(self) -> str:
        """The train window as freqtrade's --timerange."""
        return freqtrade_timerange(self.train_start, self.train_end)

    @property
    def test_timerange(self) -> str:
        """The test window as freqtrade's --timerange."""
        return freqtrade_timerange(self.test_start, self.test_end)


def freqtrade_timerange(start: datetime, end: datetime) -> str:
    """[start, end) as freqtrade writes it, in seconds; freqtrade's own end is included."""
    return f"{int(start.timestamp())}-{int(end.timestamp()) - 1}"


def walk_forward_folds(
    start: datetime,
    end: datetime,
    *,
    train: pd.DateOffset = TRAIN,
    test: pd.DateOffset = TEST,
    mode: Mode = "rolling",
    embargo: timedelta = NO_EMBARGO,
) -> tuple[Fold, ...]:
    """The folds that fit into [start, end), each a test window after the one before it.

    train, test: lengths, as months by the calendar or days. "rolling" trains on the last `train`
    before a test window, "anchored" on everything since `start`. embargo: left out between train
    and test, so that no trade of the one reaches into the other. What is left at the end and makes
    no whole test window is not used. Raises ValueError in one line for what cannot be.
    """
    _check_range(start, end, embargo)
    _check_length("train", train, start)
    _check_length("test", test, start)
    begin, last = pd.Timestamp(start), pd.Timestamp(end)
    trained = begin + train
    needed = trained + embargo + test
    if needed > last:
        raise ValueError(
            f"{begin:%Y-%m-%d} to {last:%Y-%m-%d} is too short for one fold: train, embargo and "
            f"test end on {needed:%Y-%m-%d}, expected a longer range or shorter windows"
        )
    folds: list[Fold] = []
    for number in range(1, MOST_FOLDS + 1):
        train_end = _after(trained, test, number - 1)
        test_end = _after(trained, test, number) + embargo
        if test_end > last:
            return tuple(folds)
        train_start = begin if mode == "anchored" else _after(begin, test, number - 1)
        bounds = (train_start, train_end, train_end + embargo, test_end)
        folds.append(Fold(number, *(bound.to_pydatetime() for bound in bounds)))
    raise ValueError(f"over {MOST_FOLDS:,} folds, expected a longer test window")


def _after(moment: pd.Timestamp, length: pd.DateOffset, times: int) -> pd.Timestamp:
    """`times` lengths later, counted from one moment: a 31st does not become a 28th for good."""
    later: pd.Timestamp = moment + length * times if times else moment
    return later


def _check_range(start: datetime, end: datetime, embargo: timedelta) -> None:
    for name, moment in (("start", start), ("end", end)):
        if moment.utcoffset() != timedelta(0):
            raise ValueError(f"{name} {moment.isoformat()}, expected a time in UTC with its zone")
    if end <= start:
        raise ValueError(f"end {end:%Y-%m-%d} is not after start {start:%Y-%m-%d}")
    if embargo < NO_EMBARGO:
        raise ValueError(f"embargo of {embargo}, expected 0 or more")


def _check_length(name: str, length: pd.DateOffset, start: datetime) -> None:
    begin = pd.Timestamp(start)
    if begin + length <= begin:
        raise ValueError(f"{name} window of {length}, expected a length over 0")


def join_out_of_sample(
    folds: Sequence[Fold], returns: Sequence[pd.Series], *, capital: float = 1.0
) -> pd.DataFrame:
    """Out-of-sample daily returns of consecutive folds as one curve: columns fold, return, equity.

    returns: of each fold, indexed by UTC day (00:00), 0 on days without a position; 0.01 is 1 %.
    equity: `capital` compounded. Raises ValueError for a fold that is missing or overlaps, and for
    a day that is missing, twice there, outside its fold's test window or without a number.
    """
    if not folds or len(folds) != len(returns):
        raise ValueError(f"returns of {len(returns)} fold(s) for {len(folds)} fold(s)")
    for before, after in itertools.pairwise(folds):
        if after.test_start != before.test_end:
            raise ValueError(
                f"fold {after.number} tests from {after.test_start:%Y-%m-%d}, expected from "
                f"{before.test_end:%Y-%m-%d}, where fold {before.number} ends"
            )
    parts = [
        pd.DataFrame({"fold": fold.number, "return": _whole_days(fold, part)})
        for fold, part in zip(folds, returns, strict=True)
    ]
    joined = pd.concat(parts)
    joined["equity"] = capital * (1.0 + joined["return"]).cumprod()
    return joined


def _whole_days(fold: Fold, returns: pd.Series) -> pd.Series:
    """The returns in order of their days. ValueError unless it is each test day once."""
    days = pd.DatetimeIndex(returns.index)
    if len(days) and days.tz is None:
        raise ValueError(f"fold {fold.number}: days without a zone, expected UTC")
    expected = list(_days(fold))
    known, found = set(expected), set(days)
    outside = [day for day in days if day not in known]
    if outside:
        raise ValueError(
            f"fold {fold.number}: {outside[0]:%Y-%m-%d %H:%M} is no day of its test window, "
            f"{expected[0]:%Y-%m-%d} to {expected[-1]:%Y-%m-%d}"
        )
    if days.has_duplicates:
        raise ValueError(
            f"fold {fold.number}: {days[days.duplicated()][0]:%Y-%m-%d} is there twice"
        )
    missing = [day for day in expected if day not in found]
    if missing:
        raise ValueError(
            f"fold {fold.number}: {len(missing)} day(s) without a return, the first is "
            f"{missing[0]:%Y-%m-%d}; expected 0 for a day without a position"
        )
    ordered = returns.sort_index()
    values = checked_returns(ordered.to_numpy(dtype=np.float64), fewest=1)
    return pd.Series(values, index=pd.DatetimeIndex(ordered.index))


def _days(fold: Fold) -> Iterator[pd.Timestamp]:
    """UTC days that begin within the test window; a day that a fold cuts belongs to the later."""
    day = pd.Timestamp(fold.test_start).ceil("D")
    while day < fold.test_end:
        yield day
        day += ONE_DAY
