"""All checks on one file's candles, and what they leave to draw and compare."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from lab.data.findings import Finding, Grade, IntArray, Kind, Span, minute, moment
from lab.data.time_checks import (
    CANDLE_COLUMNS,
    MOST_MISSING_PCT,
    column_findings,
    duplicate_findings,
    gap_findings,
    grid_findings,
    microseconds,
    order_findings,
    plausible_rows,
    utc_times,
    value_columns,
)
from lab.data.timeframes import Timeframe
from lab.data.value_checks import impossible_findings, jump_findings, volume_findings


@dataclass(frozen=True)
class Checked:
    """What one file holds. `candles`: its rows with a plausible time, rising, one for each slot."""

    findings: tuple[Finding, ...]
    rows: int
    candles: pd.DataFrame
    slots: IntArray

    @property
    def first(self) -> datetime | None:
        return _open_of(self.candles, 0) if len(self.candles) else None

    @property
    def last(self) -> datetime | None:
        return _open_of(self.candles, -1) if len(self.candles) else None


def _open_of(candles: pd.DataFrame, place: int) -> datetime:
    opened: datetime = pd.Timestamp(candles["date"].iloc[place]).to_pydatetime()
    return opened


def no_candles(*findings: Finding, rows: int = 0) -> Checked:
    """A file of which nothing can be used."""
    return Checked(findings, rows, pd.DataFrame({"date": []}), np.zeros(0, dtype=np.int64))


def check_candles(
    frame: pd.DataFrame,
    timeframe: Timeframe,
    kind: str,
    now: datetime,
    most_missing_pct: float = MOST_MISSING_PCT,
) -> Checked:
    """Every check that one file's rows answer by themselves.

    frame: as read from the file; kind: freqtrade's candle type (spot, futures, mark, ...). Rows
    without a plausible time are told and left out of what follows.
    """
    if not frame.columns.is_unique:
        return no_candles(Finding(Kind.COLUMNS, Grade.BAD, "a name twice"), rows=len(frame))
    found = column_findings(frame, kind)
    if not len(frame):
        return no_candles(*found, Finding(Kind.EMPTY, Grade.BAD, "no rows"))
    if "date" not in frame.columns:
        return no_candles(*found, rows=len(frame))
    times, more = utc_times(frame["date"])
    found += more
    if times is None:
        return no_candles(*found, rows=len(frame))
    usable, more = plausible_rows(times, now)
    found += more
    times_us = microseconds(times)[usable]
    if not len(times_us):
        return no_candles(*found, rows=len(frame))
    found += order_findings(times_us)
    order = np.argsort(times_us, kind="stable")
    times_us = times_us[order]
    values = frame[usable].iloc[order].drop(columns="date").reset_index(drop=True)
    found += duplicate_findings(times_us, values)
    found += grid_findings(times_us, timeframe)
    slots = timeframe.slots(times_us)
    first_of_slot = np.concatenate(([True], np.diff(slots) > 0))
    found += gap_findings(slots[first_of_slot], timeframe, kind, most_missing_pct)
    if _has_numbers(values, kind):
        found += _value_findings(values, times_us, slots, first_of_slot, kind, most_missing_pct)
    found += unfinished_findings(int(slots[-1]), timeframe, now)
    candles = values[first_of_slot].reset_index(drop=True)
    candles.insert(0, "date", times[usable][order][first_of_slot])
    return Checked(tuple(found), len(frame), candles, slots[first_of_slot])


def _has_numbers(values: pd.DataFrame, kind: str) -> bool:
    return all(
        name in values.columns and pd.api.types.is_numeric_dtype(values[name].dtype)
        for name in value_columns(kind, values.columns)
    )


def _value_findings(
    values: pd.DataFrame,
    times_us: IntArray,
    slots: IntArray,
    first_of_slot: np.ndarray,
    kind: str,
    most_missing_pct: float,
) -> list[Finding]:
    if kind in {"funding_rate", "open_interest"}:
        return _rate_findings(values, kind)
    values = values[list(CANDLE_COLUMNS)]
    found = impossible_findings(values, times_us, kind)
    single, times_us, slots = values[first_of_slot], times_us[first_of_slot], slots[first_of_slot]
    found += volume_findings(single, times_us, slots, kind, most_missing_pct)
    if kind != "premiumIndex":
        found += jump_findings(single, times_us, slots)
    return found


def _rate_findings(values: pd.DataFrame, kind: str) -> list[Finding]:
    """Funding rates have to be numbers; of open interest an exchange may tell one column alone."""
    name = "funding_rate" if "funding_rate" in values.columns else "open"
    if kind == "open_interest":
        known = values[list(value_columns(kind, values.columns))].notna().any(axis=1)
    else:
        known = pd.Series(np.isfinite(values[name].to_numpy(dtype=np.float64)))
    missing = int((~known).sum())
    text = f"not a number: {missing}"
    return [Finding(Kind.IMPOSSIBLE, Grade.BAD, text)] if missing else []


def unfinished_findings(last_slot: int, timeframe: Timeframe, now: datetime) -> list[Finding]:
    """A last candle that has not closed yet."""
    begin, end = timeframe.starts_us(np.array([last_slot, last_slot + 1])).tolist()
    if moment(end) <= now:
        return []
    at = moment(begin)
    text = f"the last candle, {minute(at)}, closes only at {minute(moment(end))}"
    return [Finding(Kind.INCOMPLETE, Grade.NOTES, text, (Span(at, at, 1),))]
