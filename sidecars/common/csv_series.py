"""Daily csv files as readings: one row a day, one column a series."""

import csv
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from sidecars.common.observations import MS_PER_DAY, Reading
from sidecars.common.sources import Batch, describes_future

Known = Literal["end_of_day", "start_of_day"]

DATE_COLUMN = "date"
# int() and float() take more than a file of numbers should hold: "1_000", " 1", "nan", "infinity".
NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST_YEAR = 1990
SHOWN_CHARACTERS = 40


class CsvError(ValueError):
    """A file that cannot be used: one line with file, line, what came and what is expected."""


def read_daily_csv(
    file: Path,
    columns: Mapping[str, str],
    source: str,
    *,
    known: Known,
    scale: Mapping[str, float] | None = None,
    now_ms: int | None = None,
) -> Batch:
    """All readings of the file, in order of day and column.

    columns: csv column -> series name, for those that are read; others may be there. An empty
    cell is no reading. known: "end_of_day": the value of day D is as of, and published at, D+1
    00:00 UTC; "start_of_day": D 00:00 UTC. scale: csv column -> factor (100 makes per cent of a
    fraction). now_ms: where given, a day that was not known by then is refused. Days rise strictly
    and may leave gaps. source: whom the file is read for; errors name it. Raises CsvError.
    """
    name = f"{source}: {file}"
    factors = scale or {}
    unknown = sorted(factors.keys() - columns.keys())
    if unknown:
        raise CsvError(f"{name}: a scale is given for {', '.join(unknown)}, which is not read")
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            readings = tuple(_readings(name, opened, columns, known, factors))
    except OSError as error:
        raise CsvError(f"{name}: cannot be read ({error.strerror}), expected a csv file") from None
    except UnicodeDecodeError:
        raise CsvError(f"{name}: is not UTF-8 text, expected a csv file") from None
    except csv.Error as error:
        raise CsvError(f"{name}: is not csv ({error})") from None
    if now_ms is not None and readings and describes_future(readings[-1].published_ms, now_ms):
        day = datetime.fromtimestamp(readings[-1].as_of_ms / 1000, UTC)
        raise CsvError(f"{name}: its last value is as of {day:%Y-%m-%d}, which has not come yet")
    return Batch(readings)


def _readings(
    name: str,
    lines: Iterator[str],
    columns: Mapping[str, str],
    known: Known,
    factors: Mapping[str, float],
) -> Iterator[Reading]:
    rows = csv.reader(lines, strict=True)
    header = [cell.strip() for cell in next(rows, [])]
    date_place, chosen = _places(name, header, columns)
    delay_ms = MS_PER_DAY if known == "end_of_day" else 0
    day_before: date | None = None
    for row in rows:
        if not row:
            continue
        where = f"{name}, line {rows.line_num}"
        if len(row) != len(header):
            raise CsvError(f"{where}: got {len(row)} cells, expected {len(header)}")
        day = _day(where, row[date_place])
        if day_before is not None and day <= day_before:
            problem = "stands there twice" if day == day_before else f"comes after {day_before}"
            raise CsvError(f"{where}: {day} {problem}, expected one row a day, the oldest first")
        day_before = day
        moment_ms = _start_ms(day) + delay_ms
        for place, column, series in chosen:
            cell = row[place].strip()
            if cell:
                value = _value(where, column, cell, factors.get(column, 1.0))
                yield Reading(series, moment_ms, moment_ms, value)


def _places(
    name: str, header: list[str], columns: Mapping[str, str]
) -> tuple[int, list[tuple[int, str, str]]]:
    """Where the date stands, and (place, column, series) of each column that is read."""
    wanted = (DATE_COLUMN, *columns)
    missing = [column for column in wanted if column not in header]
    if missing:
        raise CsvError(
            f"{name}, line 1: no column {', '.join(missing)}, got {_shown(','.join(header))}"
        )
    doubled = [column for column in wanted if header.count(column) > 1]
    if doubled:
        raise CsvError(f"{name}, line 1: column {', '.join(doubled)} stands there twice")
    chosen = [(header.index(column), column, series) for column, series in columns.items()]
    return header.index(DATE_COLUMN), chosen


def _day(where: str, text: str) -> date:
    cell = text.strip()
    try:
        if DAY.fullmatch(cell) is None:
            raise ValueError
        day = date.fromisoformat(cell)
    except ValueError:
        raise CsvError(f"{where}: got {_shown(cell)}, expected a day as YYYY-MM-DD") from None
    if day.year < FIRST_YEAR:
        raise CsvError(f"{where}: got {day}, expected a day of {FIRST_YEAR} or later")
    return day


def _start_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def _value(where: str, column: str, cell: str, factor: float) -> float:
    value = float(cell) * factor if NUMBER.fullmatch(cell) is not None else math.nan
    if not math.isfinite(value):
        raise CsvError(f"{where}, column {column}: got {_shown(cell)}, expected a number")
    return value


def _shown(text: str) -> str:
    cut = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
    return ascii(cut)
