"""Each thing wrong that is planted into clean candles is found where it is, and nothing else."""

import itertools
import math
from datetime import UTC, datetime
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.data.findings import Grade, Kind, grade_of
from lab.data.value_checks import JUMP_SCORE, MOST_LEFT, NEIGHBOURS, NORMAL, jump_rows
from tests.lab.data.planted import (
    CANDLES,
    PLANTS,
    cell,
    checked,
    clean,
    flat,
    hole,
    only,
    quiet,
    repeat,
    spike,
)

places = st.integers(2, CANDLES - 4)
seeds = st.integers(0, 10_000)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, CANDLES), st.sampled_from(["1m", "5m", "1h", "1d", "1w", "1M"]))
def test_clean_candles_have_nothing(seed: int, count: int, timeframe: str) -> None:
    found = checked(clean(seed, count, timeframe), timeframe, now=datetime(2080, 1, 1, tzinfo=UTC))
    assert found.findings == ()
    assert found.rows == len(found.candles) == count


@settings(max_examples=60, deadline=None)
@given(seeds, places, st.sampled_from(sorted(PLANTS)))
def test_what_is_planted_is_found_at_its_place_and_nothing_else(
    seed: int, place: int, name: str
) -> None:
    frame, plant = clean(seed), PLANTS[name]
    found = [
        finding
        for finding in checked(plant.plant(frame, place)).findings
        # A row without a time leaves a hole; a price that is wrong may also be a jump.
        if finding.kind is plant.kind or finding.kind not in {Kind.GAPS, Kind.JUMPS}
    ]
    (finding,) = found
    assert finding.kind is plant.kind and plant.words in finding.text
    if plant.kind is Kind.TIMES:
        return
    at = frame["date"].iloc[place - 1 if name == "swap" else place]
    (span,) = finding.spans
    assert span.candles == plant.candles
    assert abs(span.first - at) < pd.Timedelta("1min")
    assert span.last == span.first + (plant.candles - 1) * pd.Timedelta("5min")


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_each_of_them_alone_and_its_grade(name: str) -> None:
    found = checked(PLANTS[name].plant(clean(), 200)).findings
    noted = {Kind.GAPS, Kind.ZERO_VOLUME, Kind.FILLED, Kind.JUMPS}
    expected = Grade.NOTES if PLANTS[name].kind in noted else Grade.BAD
    assert {finding.kind for finding in found} - {Kind.GAPS} == {PLANTS[name].kind} - {Kind.GAPS}
    assert grade_of(found) is expected


def test_many_missing_or_made_up_candles_are_bad() -> None:
    frame = clean()
    few, many = frame.drop(index=range(50, 60)), frame.drop(index=range(50, 80))
    assert only(checked(few)).grade is Grade.NOTES
    assert only(checked(many)).grade is Grade.BAD
    for place in range(100, 130):
        frame = flat(frame, place)
    finding = only(checked(frame))
    assert (finding.kind, finding.grade, finding.candles) == (Kind.FILLED, Grade.BAD, 30)


def test_runs_are_told_apart() -> None:
    frame = hole(quiet(quiet(quiet(clean(), 20), 21), 40), 100)
    gaps, silent = checked(frame).findings
    assert [span.candles for span in silent.spans] == [2, 1]
    assert gaps.spans[0].candles == 2 and silent.candles == 3
    # The candle after a hole follows nothing: flat or not, no one filled it.
    frame = hole(clean(), 100)
    frame.loc[100, ["open", "high", "low", "close"]] = frame["close"].iloc[99]
    assert checked(quiet(frame, 100)).findings[-1].kind is Kind.ZERO_VOLUME


def test_columns_and_times_of_the_wrong_type() -> None:
    frame = clean()
    whole = frame.assign(volume=frame["volume"].astype(int))
    assert only(checked(whole)).text == "volume is int64, not float64"
    assert only(checked(frame.drop(columns="low"))).text == "missing: low"
    extra = only(checked(frame.assign(rsi=1.0)))
    assert (extra.grade, extra.text) == (Grade.NOTES, "not freqtrade's: rsi")
    for frame_of_words, text in (
        (frame.assign(open="a"), "open is"),
        (frame.assign(date=frame["date"].astype(str)), "date is str"),
        (frame.drop(columns="date"), "missing: date"),
    ):
        finding = checked(frame_of_words).findings[-1]
        assert finding.kind is Kind.COLUMNS and text in finding.text
    assert only(checked(frame[:0])).kind is Kind.EMPTY


def test_columns_that_no_one_expects() -> None:
    lists: Any = [[1.0]] * (CANDLES + 1)
    frame = repeat(clean(), 7).assign(volume=lists)
    kinds = [finding.kind for finding in checked(frame).findings]
    assert kinds == [Kind.COLUMNS, Kind.DUPLICATES]
    twice = pd.concat([clean(), clean()[["open"]]], axis=1)
    assert only(checked(twice)).text == "a name twice"


def test_times_that_are_not_utc() -> None:
    frame = clean()
    naive = checked(frame.assign(date=frame["date"].dt.tz_localize(None)))
    assert only(naive).text == "times without a zone, read here as UTC"
    india = checked(frame.assign(date=frame["date"].dt.tz_convert("Asia/Kolkata")))
    assert only(india).text == "times are kept in Asia/Kolkata, not in UTC"
    for found in (naive, india):
        assert found.candles["date"].tolist() == frame["date"].tolist()
    # Nanoseconds or microseconds instead of freqtrade's milliseconds are times all the same.
    assert checked(frame.assign(date=frame["date"].dt.as_unit("ns"))).findings == ()


def test_times_of_another_unit_are_seen_and_left_out() -> None:
    frame = clean()
    wrong = pd.to_datetime(frame["date"].astype(np.int64) // 1000, unit="ms", utc=True)
    finding = only(checked(frame.assign(date=wrong.dt.as_unit("ms"))))
    assert finding.kind is Kind.TIMES and "400 before 2009 or in the future" in finding.text
    future = checked(cell(frame, 399, "date", pd.Timestamp("2262-01-01", tz="UTC")))
    assert only(future).kind is Kind.TIMES and len(future.candles) == 399


def test_a_last_candle_that_has_not_closed() -> None:
    frame = clean(count=12, timeframe="1h")
    last = frame["date"].iloc[-1].to_pydatetime()
    assert checked(frame, "1h", now=last + pd.Timedelta("60min")).findings == ()
    finding = only(checked(frame, "1h", now=last + pd.Timedelta("59min")))
    assert (finding.kind, finding.grade) == (Kind.INCOMPLETE, Grade.NOTES)
    assert finding.spans[0].first == last


def test_marks_and_rates_at_settlements() -> None:
    frame = clean(count=240, timeframe="1h").assign(volume=0.0)
    settled = frame["date"].dt.hour % 8 == 0
    assert checked(frame, "1h", "mark").findings == ()
    sparse = only(checked(frame[settled | (frame.index > 120)], "1h", "mark"))
    assert (sparse.kind, sparse.candles) == (Kind.SPARSE, 15 * 7)
    # The same rows are full of holes where they are candles.
    assert checked(frame[settled], "1h", "futures").findings[0].kind is Kind.GAPS
    rates = frame[settled][["date"]].assign(funding_rate=-0.0001)
    assert checked(rates, "1h", "funding_rate").findings == ()
    old = frame[settled][["date"]].assign(open=0.0001, high=0.0, low=0.0, close=0.0, volume=0.0)
    assert checked(old, "1h", "funding_rate").findings == ()
    lost = only(checked(rates.drop(index=[40, 48, 80]), "1h", "funding_rate"))
    assert lost.text.startswith("3 settlements missing in 2 holes (10.00 %), longest 2")
    broken = cell(rates.reset_index(drop=True), 3, "funding_rate", np.nan)
    assert only(checked(broken, "1h", "funding_rate")).text == "not a number: 1"


def naive_jumps(close: list[float]) -> list[bool]:
    """The same rule, candle by candle; no holes."""
    returns = [math.log(after / before) for before, after in itertools.pairwise(close)]
    every = NORMAL * median(abs(value) for value in returns)
    found = [False]
    for place, (one, next_one) in enumerate(itertools.pairwise(returns)):
        begin = max(0, place - NEIGHBOURS)
        around = returns[begin:place] + returns[place + 2 : place + 2 + NEIGHBOURS]
        far = abs(one) > JUMP_SCORE * every and abs(one + next_one) <= MOST_LEFT * abs(one)
        local = NORMAL * median(abs(value) for value in around) if far and around else 0.0
        found.append(far and abs(one) > JUMP_SCORE * local)
    return [*found, False]


@settings(max_examples=30, deadline=None)
@given(seeds, st.lists(st.tuples(places, st.sampled_from([0.7, 0.97, 1.03, 1.3])), max_size=4))
def test_jumps_as_candle_by_candle(seed: int, ticks: list[tuple[int, float]]) -> None:
    close = clean(seed)["close"].to_numpy().copy()
    # Wild at the end: what is far there is farther than elsewhere.
    close[300:] *= np.exp(np.random.default_rng(seed).normal(0.0, 0.01, len(close) - 300))
    for place, factor in ticks:
        close[place] *= factor
    found = jump_rows(close, np.arange(len(close)))
    assert found.tolist() == naive_jumps(close.tolist())


def test_a_move_that_stays_and_wild_times_are_no_jumps() -> None:
    close = clean()["close"].to_numpy().copy()
    close[200:] *= 1.3
    assert not jump_rows(close, np.arange(len(close))).any()
    wild = np.where(np.arange(400) % 2 == 0, 1.0, 1.1) * clean()["close"].to_numpy()
    assert not jump_rows(wild, np.arange(len(wild))).any()
    # Over a hole nobody knows what the next candle was.
    assert checked(hole(spike(clean(), 200), 201)).findings[-1].kind is Kind.GAPS
