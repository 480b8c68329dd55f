"""Daily csv files: what is read, what is refused and how, and the recorded files."""

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.csv_series import CsvError, read_daily_csv
from sidecars.common.observations import MS_PER_DAY, Reading

Write = Callable[[str | bytes], Path]
COLUMNS = {"in": "exchange_inflow_coins:BTC", "out": "exchange_outflow_coins:BTC"}


def ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1000


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(content: str | bytes) -> Path:
        file = tmp_path / "flows.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return make


def test_two_columns_in_one_pass_and_an_empty_cell_is_no_reading(write: Write) -> None:
    file = write("date,in,price,out\n2024-01-01,1.5,9,2\n2024-01-02,,9,-3e2\n2024-01-05,.5,,\n")
    batch = read_daily_csv(file, COLUMNS, "coin_metrics", known="end_of_day")
    second, third, sixth = ms("2024-01-02"), ms("2024-01-03"), ms("2024-01-06")
    assert batch.readings == (
        Reading("exchange_inflow_coins:BTC", second, second, 1.5),
        Reading("exchange_outflow_coins:BTC", second, second, 2.0),
        Reading("exchange_outflow_coins:BTC", third, third, -300.0),
        Reading("exchange_inflow_coins:BTC", sixth, sixth, 0.5),
    )


def test_a_value_known_at_the_start_of_its_day_and_a_scale(write: Write) -> None:
    file = write(b"\xef\xbb\xbfdate, rate\r\n2024-02-29, 0.0001\r\n\r\n")
    batch = read_daily_csv(
        file, {"rate": "funding_rate_pct:BTC"}, "x", known="start_of_day", scale={"rate": 100.0}
    )
    day = ms("2024-02-29")
    (reading,) = batch.readings
    assert reading == Reading("funding_rate_pct:BTC", day, day, 0.0001 * 100.0)


def test_a_file_without_rows_gives_nothing(write: Write) -> None:
    assert read_daily_csv(write("date,in,out\n"), COLUMNS, "x", known="end_of_day").readings == ()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", r"line 1: no column date, in, out, got ''"),
        ("date,in\n", r"line 1: no column out, got 'date,in'"),
        ("date,in,in,out\n", "line 1: column in stands there twice"),
        ("date,in,out\n2024-01-02,1,1\n2024-01-01,1,1\n", "line 3: 2024-01-01 comes after"),
        ("date,in,out\n2024-01-01,1,1\n2024-01-01,1,1\n", "line 3: 2024-01-01 stands there twice"),
        ("date,in,out\n2024-01-01,1\n", "line 2: got 2 cells, expected 3"),
        ("date,in,out\n2024-01-01,1,1,1\n", "line 2: got 4 cells, expected 3"),
        ("date,in,out\n2024-01-01,one,1\n", "line 2, column in: got 'one', expected a number"),
        ("date,in,out\n2024-01-01,1,NaN\n", "line 2, column out: got 'NaN', expected a number"),
        ("date,in,out\n2024-01-01,1,inf\n", "line 2, column out: got 'inf'"),
        ("date,in,out\n2024-01-01,1,1e999\n", "line 2, column out: got '1e999'"),
        ("date,in,out\n2024-01-01,1,1_000\n", "line 2, column out: got '1_000'"),
        ("date,in,out\n2024-01-01,1,\u0661\n", r"column out: got '\\u0661'"),
        ("date,in,out\n2024-02-30,1,1\n", "line 2: got '2024-02-30', expected a day as YYYY-MM-DD"),
        ("date,in,out\n20240201,1,1\n", "line 2: got '20240201'"),
        ("date,in,out\n2024-01-01T00:00:00Z,1,1\n", "line 2: got '2024-01-01T00:00:00Z'"),
        (
            "date,in,out\n0024-01-01,1,1\n",
            "line 2: got 0024-01-01, expected a day of 1990 or later",
        ),
        ("date,in,out\n,1,1\n", "line 2: got ''"),
        ('date,in,out\n2024-01-01,"1,1\n', "is not csv"),
        (b"date,in,out\n\xff\xfe,1,1\n", "is not UTF-8 text"),
        ("date,in,out\n" + "a" * 500 + ",1,1\n", r"got 'a{37}\.\.\.'"),
    ],
)
def test_what_is_wrong_is_one_clear_line(
    write: Write, content: str | bytes, complaint: str
) -> None:
    with pytest.raises(CsvError, match=complaint) as caught:
        read_daily_csv(write(content), COLUMNS, "coin_metrics", known="end_of_day")
    text = str(caught.value)
    assert text.startswith("coin_metrics: ") and "flows.csv" in text and "\n" not in text


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for file in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(CsvError, match="cannot be read"):
            read_daily_csv(file, COLUMNS, "x", known="end_of_day")


def test_a_scale_for_a_column_that_is_not_read(write: Write) -> None:
    file = write("date,in,out\n")
    with pytest.raises(CsvError, match="a scale is given for price, which is not read"):
        read_daily_csv(file, COLUMNS, "x", known="end_of_day", scale={"price": 2.0})


def test_a_day_that_is_not_over_is_refused_where_now_is_given(write: Write) -> None:
    file = write("date,in,out\n2024-01-01,1,1\n2024-01-02,1,1\n")
    read_daily_csv(file, COLUMNS, "x", known="end_of_day", now_ms=ms("2024-01-03"))
    with pytest.raises(CsvError, match="as of 2024-01-03, which has not come yet"):
        read_daily_csv(file, COLUMNS, "x", known="end_of_day", now_ms=ms("2024-01-02T12:00:00"))
    read_daily_csv(file, COLUMNS, "x", known="start_of_day", now_ms=ms("2024-01-02T12:00:00"))


cells = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(rows=st.dictionaries(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.tuples(cells, cells)))
def test_equals_a_slow_reading_of_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[date, tuple[float | None, float | None]]
) -> None:
    file = tmp_path_factory.mktemp("twin") / "rows.csv"
    expected = []
    lines = ["date,in,out"]
    for day, values in sorted(rows.items()):
        lines.append(",".join([f"{day:%Y-%m-%d}", *("" if v is None else repr(v) for v in values)]))
        moment = ms((day + timedelta(days=1)).isoformat())
        for series, value in zip(COLUMNS.values(), values, strict=True):
            if value is not None:
                expected.append(Reading(series, moment, moment, value))
    file.write_text("\n".join(lines) + "\n")
    assert [*read_daily_csv(file, COLUMNS, "twin", known="end_of_day").readings] == expected


def test_recorded_files_equal_what_pandas_reads(market_data: Path) -> None:
    files = [file for file in sorted((market_data / "aux").glob("*.csv")) if _is_daily(file)]
    assert len(files) >= 10
    for file in files:
        frame = pd.read_csv(file, index_col="date", parse_dates=["date"])
        columns = {column: column for column in frame.columns}
        readings = read_daily_csv(file, columns, file.stem, known="end_of_day").readings
        rows, places = np.nonzero(~np.isnan(frame.to_numpy()))
        days_ms = pd.DatetimeIndex(frame.index).as_unit("ms").asi8 + MS_PER_DAY
        assert [each.series for each in readings] == frame.columns[places].tolist()
        assert [each.as_of_ms for each in readings] == days_ms[rows].tolist()
        values = [each.value for each in readings]
        np.testing.assert_allclose(values, frame.to_numpy()[rows, places], rtol=1e-15)


def test_a_file_of_headlines_is_refused(market_data: Path) -> None:
    file = market_data / "aux" / "crypto_news.csv"
    with pytest.raises(CsvError, match="line 2: got '2021-10-12T20:00:00Z', expected a day"):
        read_daily_csv(file, {"source": "x"}, "news", known="end_of_day")


def _is_daily(file: Path) -> bool:
    with file.open(encoding="utf-8", newline="") as opened:
        return not {"text", "title"} & set(next(csv.reader(opened)))
