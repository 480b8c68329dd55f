"""Scores on candles: what was known when the candle closed, and nothing that came later."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from aquatrade.score_join import AGE_COLUMN, SCORE_COLUMNS, close_times_ms, join_scores
from aquatrade.score_records import ScoreRecord, empty_records, records_frame
from tests.aquatrade.fake_sidecar import HOUR_MS, score_record

START_MS = 1_700_006_400_000
JOINED = [*SCORE_COLUMNS.values(), AGE_COLUMN]


def candles(count: int, unit: str = "ms") -> pd.DataFrame:
    opened = START_MS + np.arange(count) * HOUR_MS
    dates = pd.Series(pd.to_datetime(opened, unit="ms", utc=True)).dt.as_unit(unit)  # type: ignore[arg-type]
    return pd.DataFrame({"date": dates, "close": np.arange(count, dtype=float)})


def naive_join(
    frame: pd.DataFrame, records: list[ScoreRecord], max_age_hours: float
) -> pd.DataFrame:
    """Slow and obvious: for each candle, look at every record."""
    rows = []
    for opened in frame["date"]:
        close_ms = int(opened.timestamp() * 1000) + HOUR_MS
        known = [record for record in records if record.available_at_ms <= close_ms]
        best = max(known, key=lambda r: (r.as_of_ms, r.available_at_ms), default=None)
        row = dict.fromkeys(JOINED, math.nan)
        if best is not None:
            age_hours = (close_ms - best.as_of_ms) / HOUR_MS
            if age_hours <= max_age_hours:
                row |= {
                    column: float(getattr(best, name)) for name, column in SCORE_COLUMNS.items()
                }
                row[AGE_COLUMN] = age_hours
        rows.append(row)
    return pd.DataFrame(rows, index=frame.index, columns=JOINED)


RECORDS = st.lists(
    st.tuples(
        st.integers(-50, 60),  # available at, in half hours from the first open
        st.integers(0, 20),  # how long before that it is as of
        st.integers(0, 100),
    ),
    max_size=12,
    unique_by=lambda entry: (entry[0], entry[0] - entry[1]),
).map(
    lambda entries: [
        score_record(
            available_at_ms=START_MS + available * HOUR_MS // 2,
            as_of_ms=START_MS + (available - before) * HOUR_MS // 2,
            total=float(total),
        )
        for available, before, total in entries
    ]
)


@given(RECORDS, st.integers(1, 30), st.integers(1, 40))
def test_the_join_is_the_naive_one(
    records: list[ScoreRecord], count: int, max_age_hours: int
) -> None:
    frame = candles(count)
    joined = join_scores(frame, records_frame(records), "1h", float(max_age_hours))
    assert_frame_equal(joined[JOINED], naive_join(frame, records, float(max_age_hours)))


@given(RECORDS, st.integers(2, 30), st.data())
def test_cutting_off_the_future_never_changes_the_past(
    records: list[ScoreRecord], count: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, count))
    frame = candles(count)
    whole = join_scores(frame, records_frame(records), "1h", 36.0).head(cut)
    end_ms = START_MS + cut * HOUR_MS
    known = [record for record in records if record.available_at_ms <= end_ms]
    assert_frame_equal(whole, join_scores(frame.head(cut), records_frame(known), "1h", 36.0))


def test_available_at_the_close_is_known_and_a_millisecond_later_is_not() -> None:
    close_ms = START_MS + HOUR_MS
    for late_ms, expected in ((0, 66.0), (1, math.nan)):
        records = records_frame([score_record(available_at_ms=close_ms + late_ms)])
        joined = join_scores(candles(1), records, "1h", 36.0)
        np.testing.assert_equal(joined["score"].iloc[0], expected)


def test_a_late_correction_of_an_older_day_does_not_replace_a_newer_day() -> None:
    newer = score_record(available_at_ms=START_MS, total=70.0)
    correction = score_record(available_at_ms=START_MS + 1, as_of_ms=START_MS - 5, total=10.0)
    revision = score_record(available_at_ms=START_MS + 2, as_of_ms=START_MS, total=71.0)
    joined = join_scores(candles(1), records_frame([newer, correction]), "1h", 36.0)
    assert joined["score"].iloc[0] == pytest.approx(70.0)
    joined = join_scores(candles(1), records_frame([newer, correction, revision]), "1h", 36.0)
    assert joined["score"].iloc[0] == pytest.approx(71.0)


def test_a_stale_score_is_no_score() -> None:
    records = records_frame([score_record(available_at_ms=START_MS)])
    joined = join_scores(candles(40), records, "1h", 36.0)
    assert joined["score"].notna().tolist() == [hour <= 36 for hour in range(1, 41)]


def test_dates_from_disk_and_from_live_give_the_same() -> None:
    records = records_frame([score_record(available_at_ms=START_MS + 3 * HOUR_MS)])
    from_disk, live = (join_scores(candles(6, unit), records, "1h", 36.0) for unit in ("ms", "us"))
    assert_frame_equal(from_disk[JOINED], live[JOINED])
    assert close_times_ms(candles(2, "ns")["date"], "1h").tolist() == [
        START_MS + HOUR_MS, START_MS + 2 * HOUR_MS,
    ]  # fmt: skip


def test_without_records_every_score_is_unknown() -> None:
    joined = join_scores(candles(3), empty_records(), "1h", 36.0)
    assert joined[JOINED].isna().all(axis=None)
    assert joined["close"].tolist() == [0.0, 1.0, 2.0]
