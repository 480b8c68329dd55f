"""Checks on columns and times of candles: pure functions from arrays to findings."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from lab.data.findings import (
    EPOCH,
    BoolArray,
    Finding,
    Grade,
    IntArray,
    Kind,
    Span,
    counted,
    longest_of,
    minute,
    moment,
    spans_of,
)
from lab.data.timeframes import Timeframe

CANDLE_COLUMNS = ("open", "high", "low", "close", "volume")
# What freqtrade keeps for kinds that are no candles; a rate may also be in `open`, as it once was.
OTHER_COLUMNS = {
    "funding_rate": ("funding_rate",),
    "open_interest": ("open_interest_amount", "open_interest_value"),
}
NAMES_OF_UTC = frozenset({"UTC", "UTC+00:00", "+00:00", "Etc/UTC"})
FIRST_TIME = datetime(2009, 1, 3, tzinfo=UTC)  # before Bitcoin there was nothing to record
SETTLEMENT_HOURS = 8  # the longest that exchanges have between two
SETTLEMENT_GRID_HOURS = 4
LASTING_US = 3_600_000_000
MOST_MISSING_PCT = 5.0


def value_columns(kind: str, columns: pd.Index) -> tuple[str, ...]:
    """The columns with numbers that a file of this kind (spot, futures, mark, ...) has to have."""
    if kind == "funding_rate" and "funding_rate" not in columns:
        return ("open",)
    return OTHER_COLUMNS.get(kind, CANDLE_COLUMNS)


def column_findings(frame: pd.DataFrame, kind: str) -> list[Finding]:
    """Columns that are missing, unknown, or not of the type that freqtrade writes."""
    expected = ("date", *value_columns(kind, frame.columns))
    faults = []
    missing = [name for name in expected if name not in frame.columns]
    if missing:
        faults.append(f"missing: {', '.join(missing)}")
    faults += [
        f"{name} is {frame[name].dtype}, not float64"
        for name in expected[1:]
        if name in frame.columns and frame[name].dtype != np.float64
    ]
    found = [Finding(Kind.COLUMNS, Grade.BAD, "; ".join(faults))] if faults else []
    known = {*expected, *(CANDLE_COLUMNS if "open" in expected else ())}
    extra = [str(name) for name in frame.columns if name not in known]
    if extra:
        found.append(Finding(Kind.COLUMNS, Grade.NOTES, f"not freqtrade's: {', '.join(extra)}"))
    return found


def utc_times(dates: pd.Series) -> tuple[pd.DatetimeIndex | None, list[Finding]]:
    """The dates in UTC, or None where they are no dates; naive ones are read as UTC."""
    if not pd.api.types.is_datetime64_any_dtype(dates.dtype):
        text = f"date is {dates.dtype}, not a time in UTC"
        return None, [Finding(Kind.COLUMNS, Grade.BAD, text)]
    times = pd.DatetimeIndex(dates)
    if times.tz is None:
        finding = Finding(Kind.TIME_ZONE, Grade.BAD, "times without a zone, read here as UTC")
        return times.tz_localize("UTC"), [finding]
    if str(times.tz) not in NAMES_OF_UTC:
        text = f"times are kept in {times.tz}, not in UTC"
        return times.tz_convert("UTC"), [Finding(Kind.TIME_ZONE, Grade.BAD, text)]
    return times, []


def plausible_rows(times: pd.DatetimeIndex, now: datetime) -> tuple[BoolArray, list[Finding]]:
    """Which rows have a time between FIRST_TIME and tomorrow, and a finding about the others."""
    begin, end = _microseconds(FIRST_TIME), _microseconds(now + timedelta(days=1))
    known = np.asarray(times.notna(), dtype=np.bool_)
    times_us = microseconds(times)
    usable = known & (times_us >= begin) & (times_us <= end)
    if usable.all():
        return usable, []
    without, outside = counted(int((~known).sum()), "row"), int((known & ~usable).sum())
    text = f"{without} without a time, {outside} before {FIRST_TIME:%Y} or in the future"
    return usable, [Finding(Kind.TIMES, Grade.BAD, text, spans_of(known & ~usable, times_us))]


def microseconds(times: pd.DatetimeIndex) -> IntArray:
    return np.asarray(times.as_unit("us").asi8, dtype=np.int64)


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def order_findings(times_us: IntArray) -> list[Finding]:
    """Rows that are earlier than the row before them."""
    back = np.concatenate(([False], np.diff(times_us) < 0))
    if not back.any():
        return []
    text = f"{counted(int(back.sum()), 'row')} earlier than the row before"
    return [Finding(Kind.UNSORTED, Grade.BAD, text, spans_of(back, times_us))]


def repeated(times_us: IntArray, values: pd.DataFrame) -> tuple[BoolArray, BoolArray]:
    """(repeats a row before it exactly, has the time of one but other values); times: rising."""
    again = np.concatenate(([False], np.diff(times_us) == 0))
    if not again.any():
        return again, again
    whole = values.reset_index(drop=True)
    for name in whole.select_dtypes("object").columns:
        whole[name] = whole[name].astype(str)  # lists and the like cannot be looked up
    whole = whole.assign(time_us=times_us)
    exact = np.asarray(whole.duplicated(), dtype=np.bool_)
    return exact, again & ~exact


def duplicate_findings(times_us: IntArray, values: pd.DataFrame) -> list[Finding]:
    """Times that more than one row has. times_us: rising, of the rows of `values`."""
    exact, other = repeated(times_us, values)
    if not (exact | other).any():
        return []
    rows = counted(int(exact.sum()), "row")
    text = f"{rows} repeated, {int(other.sum())} with other values at the same time"
    return [Finding(Kind.DUPLICATES, Grade.BAD, text, spans_of(exact | other, times_us))]


def grid_findings(times_us: IntArray, timeframe: Timeframe) -> list[Finding]:
    """Times at which no candle of the timeframe opens."""
    off = times_us != timeframe.starts_us(timeframe.slots(times_us))
    if not off.any():
        return []
    times, first = counted(int(off.sum()), "time"), moment(int(times_us[np.argmax(off)]))
    text = f"{times} at which no {timeframe.name} candle opens, first {first:%Y-%m-%d %H:%M:%S}"
    return [Finding(Kind.OFF_GRID, Grade.BAD, text, spans_of(off, times_us))]


def gap_spans(slots: IntArray, timeframe: Timeframe) -> tuple[Span, ...]:
    """What is missing between the first candle and the last. slots: rising, without repeats."""
    before = np.flatnonzero(np.diff(slots) > 1)
    firsts, lasts = slots[before] + 1, slots[before + 1] - 1
    return tuple(
        Span(moment(first), moment(last), candles)
        for first, last, candles in zip(
            timeframe.starts_us(firsts).tolist(),
            timeframe.starts_us(lasts).tolist(),
            (lasts - firsts + 1).tolist(),
            strict=True,
        )
    )


def gap_findings(
    slots: IntArray, timeframe: Timeframe, kind: str, most_missing_pct: float = MOST_MISSING_PCT
) -> list[Finding]:
    """Candles that are missing; many of them are bad: freqtrade fills each with a flat one.

    Funding rates exist at settlements alone, and so may marks, which are asked for nothing else.
    """
    spans = gap_spans(slots, timeframe)
    sparse: tuple[Span, ...] = ()
    if kind == "funding_rate":
        spans = tuple(
            replace(span, candles=math.ceil(_hours(span, timeframe) / SETTLEMENT_HOURS) - 1)
            for span in spans
            if _hours(span, timeframe) > SETTLEMENT_HOURS
        )
    elif kind == "mark":
        sparse = tuple(span for span in spans if _between_settlements(span, timeframe))
        known = set(sparse)
        spans = tuple(span for span in spans if span not in known)
    found = []
    if spans:
        missing, longest = sum(span.candles for span in spans), longest_of(spans)
        share_pct = 100.0 * missing / (len(slots) + missing)
        one = "settlement" if kind == "funding_rate" else "candle"
        text = (
            f"{counted(missing, one)} missing in {counted(len(spans), 'hole')} "
            f"({share_pct:.2f} %), "
            f"longest {longest.candles} from {minute(longest.first)}"
        )
        grade = Grade.BAD if share_pct > most_missing_pct else Grade.NOTES
        found.append(Finding(Kind.GAPS, grade, text, spans))
    if sparse:
        text = (
            f"only rows at settlements in places from {minute(sparse[0].first)} "
            f"to {minute(sparse[-1].last)}: {sum(span.candles for span in sparse)} marks between"
        )
        found.append(Finding(Kind.SPARSE, Grade.NOTES, text, sparse))
    return found


def _hours(span: Span, timeframe: Timeframe) -> float:
    """From the candle before the hole to the one after it."""
    return (span.candles + 1) * timeframe.length_us / LASTING_US


def _between_settlements(span: Span, timeframe: Timeframe) -> bool:
    hours = _hours(span, timeframe)
    before = span.first - timedelta(microseconds=timeframe.length_us)
    return hours in (SETTLEMENT_GRID_HOURS, SETTLEMENT_HOURS) and (
        before.hour % SETTLEMENT_GRID_HOURS == 0
    )
