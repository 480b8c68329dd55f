"""What can be mended in candles without guessing: order, repeats, a last candle cut short.

Nothing is ever made up: a hole stays one, and of two rows that disagree none is chosen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from lab.data.checks import unfinished_findings
from lab.data.time_checks import (
    CANDLE_COLUMNS,
    microseconds,
    plausible_rows,
    repeated,
    utc_times,
    value_columns,
)
from lab.data.timeframes import Timeframe
from lab.data.value_checks import impossible_rows


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is dropped only where it is asked for."""

    drop_impossible: bool = False
    drop_off_grid: bool = False


@dataclass(frozen=True)
class Repaired:
    """The rows that stay, and how many were changed by what; zeros are left out."""

    frame: pd.DataFrame
    done: Mapping[str, int]


def repair(
    frame: pd.DataFrame,
    timeframe: Timeframe,
    kind: str,
    now: datetime,
    wishes: Wishes,
    *,
    is_cut_short: bool = False,
) -> Repaired:
    """Sort, drop exact repeats and a last candle that had not closed; drop more where wished.

    is_cut_short: finer candles tell that the last one is not whole. Rows whose times are not dates,
    have no zone, or lie outside of all recorded time are left as they are: nobody knows what they
    should be, so that such a frame comes back unchanged.
    """
    done: dict[str, int] = {}
    if "date" not in frame.columns or not len(frame) or not frame.columns.is_unique:
        return Repaired(frame, done)
    times, odd = utc_times(frame["date"])
    if times is None or pd.DatetimeIndex(frame["date"]).tz is None:
        return Repaired(frame, done)
    if not plausible_rows(times, now)[0].all():
        return Repaired(frame, done)
    frame = frame.assign(date=pd.Series(times.as_unit("ms"), index=frame.index))
    done["times put into UTC"] = len(frame) if odd else 0
    frame, done["columns made float64"] = _as_floats(frame, kind)
    times_us = microseconds(times)
    order = np.argsort(times_us, kind="stable")
    done["rows put in order"] = int((order != np.arange(len(order))).sum())
    frame, times_us = frame.iloc[order].reset_index(drop=True), times_us[order]
    exact, _ = repeated(times_us, frame.drop(columns="date"))
    done["repeated rows dropped"] = int(exact.sum())
    keep = ~exact
    if is_cut_short or unfinished_findings(int(timeframe.slots(times_us[-1:])[0]), timeframe, now):
        last = timeframe.slots(times_us) == timeframe.slots(times_us[-1:])[0]
        done["incomplete rows dropped"] = int((keep & last).sum())
        keep &= ~last
    if wishes.drop_off_grid:
        off = keep & (times_us != timeframe.starts_us(timeframe.slots(times_us)))
        done["rows off the grid dropped"] = int(off.sum())
        keep &= ~off
    if wishes.drop_impossible and _has_candles(frame):
        wrong = keep & impossible_rows(frame, kind)
        done["impossible rows dropped"] = int(wrong.sum())
        keep &= ~wrong
    return Repaired(frame[keep].reset_index(drop=True), {what: n for what, n in done.items() if n})


def _as_floats(frame: pd.DataFrame, kind: str) -> tuple[pd.DataFrame, int]:
    """Numbers that are not float64 made so; anything else is no number to be sure of."""
    names = [
        name
        for name in value_columns(kind, frame.columns)
        if name in frame.columns
        and frame[name].dtype != np.float64
        and pd.api.types.is_numeric_dtype(frame[name].dtype)
        and not pd.api.types.is_bool_dtype(frame[name].dtype)
    ]
    return frame.astype(dict.fromkeys(names, np.float64)), len(names)


def _has_candles(frame: pd.DataFrame) -> bool:
    return all(name in frame.columns and frame[name].dtype == np.float64 for name in CANDLE_COLUMNS)
