"""Walk-forward windows: no look-ahead, no gap, no day twice; wrong ones are one line."""

import itertools
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from freqtrade.configuration import TimeRange
from freqtrade.data.converter import trim_dataframe
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.statistics.folds import Fold, Mode, join_out_of_sample, walk_forward_folds


def day(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


def returns_of(fold: Fold, value: float = 0.01) -> pd.Series:
    days = pd.date_range(fold.test_start, fold.test_end, freq="D", inclusive="left")
    return pd.Series(value, index=days)


def test_half_a_year_has_four_folds_of_two_months_and_one() -> None:
    folds = walk_forward_folds(day("2022-01-01"), day("2022-07-15"))
    months = [
        tuple(f"{bound:%m-%d}" for bound in (f.train_start, f.train_end, f.test_start, f.test_end))
        for f in folds
    ]
    assert months == [
        ("01-01", "03-01", "03-01", "04-01"),
        ("02-01", "04-01", "04-01", "05-01"),
        ("03-01", "05-01", "05-01", "06-01"),
        ("04-01", "06-01", "06-01", "07-01"),
    ]
    assert [fold.number for fold in folds] == [1, 2, 3, 4]
    anchored = walk_forward_folds(day("2022-01-01"), day("2022-07-15"), mode="anchored")
    assert {fold.train_start for fold in anchored} == {day("2022-01-01")}
    assert [f.test_start for f in anchored] == [f.test_start for f in folds]


def test_a_month_that_begins_on_the_31st_is_not_lost_for_good() -> None:
    folds = walk_forward_folds(day("2021-12-31"), day("2022-06-30"))
    assert [f"{fold.test_start:%m-%d}" for fold in folds] == ["02-28", "03-28", "04-28", "05-28"]
    assert [f"{fold.train_start:%m-%d}" for fold in folds] == ["12-31", "01-31", "02-28", "03-31"]


@given(
    train=st.integers(1, 90),
    test=st.integers(1, 40),
    embargo_hours=st.integers(0, 72),
    length=st.integers(1, 400),
    mode=st.sampled_from(["rolling", "anchored"]),
)
@settings(max_examples=60, deadline=None)
def test_windows_equal_those_laid_out_one_by_one(
    train: int, test: int, embargo_hours: int, length: int, mode: Mode
) -> None:
    start, end = day("2023-03-01"), day("2023-03-01") + timedelta(days=length)
    embargo = timedelta(hours=embargo_hours)
    expected = []
    first = start
    while first + timedelta(days=train + test) + embargo <= end:
        trained = first + timedelta(days=train)
        tested = trained + embargo
        began = start if mode == "anchored" else first
        expected.append((began, trained, tested, tested + timedelta(days=test)))
        first += timedelta(days=test)

    def found() -> tuple[Fold, ...]:
        return walk_forward_folds(
            start, end, mode=mode, embargo=embargo,
            train=pd.DateOffset(days=train), test=pd.DateOffset(days=test),
        )  # fmt: skip

    if not expected:
        with pytest.raises(ValueError, match="too short for one fold"):
            found()
        return
    folds = found()
    assert [(f.train_start, f.train_end, f.test_start, f.test_end) for f in folds] == expected
    for before, after in itertools.pairwise(folds):
        assert before.test_end == after.test_start
    assert all(fold.test_start - fold.train_end == embargo for fold in folds)


def test_freqtrade_gives_each_candle_to_one_window_only() -> None:
    fold = walk_forward_folds(day("2024-01-01"), day("2024-04-01"))[0]
    dates = pd.date_range(day("2024-01-01"), day("2024-04-05"), freq="1h")
    candles = pd.DataFrame({"date": dates})
    train, test = (
        set(trim_dataframe(candles, TimeRange.parse_timerange(text))["date"])
        for text in (fold.train_timerange, fold.test_timerange)
    )
    assert not train & test
    assert train | test == {date for date in dates if date < fold.test_end}
    assert max(train) == pd.Timestamp("2024-02-29 23:00", tz="UTC")


@pytest.mark.parametrize(
    ("start", "end", "arguments", "text"),
    [
        (day("2024-01-01"), day("2024-02-15"), {}, "is too short .* end on 2024-04-01"),
        (day("2024-02-01"), day("2024-01-01"), {}, "is not after start"),
        (day("2024-01-01"), day("2024-01-01"), {}, "is not after start"),
        (datetime(2024, 1, 1), day("2024-09-01"), {}, "expected a time in UTC"),  # noqa: DTZ001
        (day("2024-01-01"), day("2024-09-01"), {"embargo": timedelta(-1)}, "embargo of -1 day"),
        (day("2024-01-01"), day("2024-09-01"), {"test": pd.DateOffset(months=0)}, "test window"),
        (day("2024-01-01"), day("2024-09-01"), {"train": pd.DateOffset(days=-3)}, "train window"),
        (day("2014-01-01"), day("2024-01-01"), {"test": pd.DateOffset(minutes=5)}, "over 1,000"),
    ],
)
def test_impossible_windows_are_one_line(
    start: datetime, end: datetime, arguments: dict[str, object], text: str
) -> None:
    with pytest.raises(ValueError, match=text) as caught:
        walk_forward_folds(start, end, **arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@given(seed=st.integers(0, 1000), embargo_hours=st.sampled_from([0, 24, 30]))
@settings(max_examples=20, deadline=None)
def test_the_joined_curve_is_every_out_of_sample_day_once(seed: int, embargo_hours: int) -> None:
    folds = walk_forward_folds(
        day("2022-01-01"), day("2022-12-01"), embargo=timedelta(hours=embargo_hours)
    )
    random = np.random.default_rng(seed)
    parts = []
    for fold in folds:
        first = pd.Timestamp(fold.test_start).ceil("D")
        days = pd.date_range(first, fold.test_end, freq="D", inclusive="left")
        values = pd.Series(random.normal(0, 0.02, len(days)), index=days)
        parts.append(values.sample(frac=1.0, random_state=seed))
    joined = join_out_of_sample(folds, parts, capital=5000.0)
    equity = 5000.0
    days = pd.DatetimeIndex(joined.index)
    for moment, (number, value, worth) in zip(days, joined.to_numpy(), strict=True):
        assert value == parts[int(number) - 1][moment]
        equity *= 1.0 + value
        assert worth == pytest.approx(equity)
    steps = days.to_series().diff().dropna().unique()
    assert list(steps) == [pd.Timedelta(days=1)]
    assert len(joined) == sum(map(len, parts))


def test_parts_that_do_not_fit_are_one_line() -> None:
    folds = walk_forward_folds(day("2022-01-01"), day("2022-06-01"))
    good = [returns_of(fold) for fold in folds]
    late = good[0].copy()
    late.index = late.index + pd.Timedelta(days=1)
    wrong = [
        (folds, good[:1], r"returns of 1 fold\(s\) for 3"),
        ((), [], r"0 fold\(s\)"),
        ((folds[0], folds[2]), [good[0], good[2]], "fold 3 tests from 2022-05-01, expected from"),
        (folds[:1], [late], "fold 1: 2022-04-01 00:00 is no day of its test window"),
        (folds[:1], [good[0].iloc[1:]], r"1 day\(s\) without a return, the first is 2022-03-01"),
        (folds[:1], [pd.concat([good[0], good[0][:1]])], "2022-03-01 is there twice"),
        (folds[:1], [good[0].where(good[0].index != good[0].index[3])], "number 3"),
        (folds[:1], [good[0].tz_localize(None)], "without a zone"),
    ]
    for some, parts, text in wrong:
        with pytest.raises(ValueError, match=text) as caught:
            join_out_of_sample(some, parts)
        assert "\n" not in str(caught.value)
    assert math.isclose(join_out_of_sample(folds, good)["equity"].iloc[-1], 1.01**92)
