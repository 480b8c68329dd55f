"""Coarser candles against a loop, other libraries and recorded ones; timeframes that disagree."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from technical.util import resample_to_interval

from lab.data.across import compare, cut_short
from lab.data.checks import Checked
from lab.data.example import coarser
from lab.data.files import read_frame
from lab.data.findings import Grade, Kind
from lab.data.resample import RULE, resample
from lab.data.timeframes import parse_timeframe
from tests.lab.data.planted import NOW, cell, checked, clean, flat, only

FIVE = parse_timeframe("5m")
MINUTES = {"15m": 15, "30m": 30, "1h": 60, "4h": 240}


def naive(frame: pd.DataFrame, minutes: int) -> list[tuple[object, ...]]:
    """One candle after the other, into boxes by hand; boxes that are not full are thrown away."""
    boxes: dict[int, list[tuple[float, ...]]] = {}
    for date, *values in frame.itertuples(index=False):
        boxes.setdefault(int(date.timestamp()) // 60 // minutes, []).append(tuple(values))
    return [
        (
            box * minutes * 60,
            rows[0][0],
            max(row[1] for row in rows),
            min(row[2] for row in rows),
            rows[-1][3],
            pytest.approx(sum(row[4] for row in rows)),
        )
        for box, rows in boxes.items()
        if len(rows) == minutes // 5
    ]


def resampled(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    own = checked(frame)
    return resample(own.candles, own.slots, FIVE, parse_timeframe(name)).candles


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 1000),
    st.sets(st.integers(0, 199), max_size=60),
    st.sampled_from(sorted(MINUTES)),
)
def test_as_a_loop_with_any_holes(seed: int, lost: set[int], name: str) -> None:
    frame = clean(seed, 200).drop(index=list(lost))
    found = resampled(frame, name)
    rows = [(int(date.timestamp()), *values) for date, *values in found.itertuples(index=False)]
    assert rows == naive(frame, MINUTES[name])
    assert str(found["date"].dtype) == "datetime64[ms, UTC]"


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # technical's own
@pytest.mark.parametrize("name", sorted(MINUTES))
def test_as_technical_does_where_nothing_is_missing(name: str) -> None:
    frame = clean(3, 48 * 20)
    expected = resample_to_interval(frame, name)
    pd.testing.assert_frame_equal(resampled(frame, name), expected, check_dtype=False)


def test_weeks_and_months_are_whole() -> None:
    days = clean(2, 366, "1d")
    own = checked(days, "1d")
    weeks = resample(own.candles, own.slots, parse_timeframe("1d"), parse_timeframe("1w"))
    assert set(weeks.candles["date"].dt.day_of_week) == {0} and len(weeks.slots) == 52
    months = resample(own.candles, own.slots, parse_timeframe("1d"), parse_timeframe("1M"))
    assert len(months.slots) == 12 and months.partial == 0
    assert months.candles["open"].tolist() == days["open"][days["date"].dt.day == 1].tolist()
    with pytest.raises(ValueError, match="1h candles do not consist of whole 1d candles"):
        resample(own.candles, own.slots, parse_timeframe("1d"), parse_timeframe("1h"))


def hourly(frame: pd.DataFrame) -> Checked:
    return checked(frame, "1h")


def test_timeframes_that_agree_have_nothing_to_tell() -> None:
    fine = clean(5, 1200)
    found = compare(hourly(coarser(fine, "1h")), parse_timeframe("1h"), checked(fine), FIVE, "spot")
    assert found == []


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 99), st.sampled_from(sorted(RULE)))
def test_a_candle_that_differs_is_found(place: int, name: str) -> None:
    fine = clean(5, 1200)
    coarse = coarser(fine, "1h")
    wrong = cell(coarse, place, name, coarse[name].iloc[place] * 1.001)
    own = hourly(wrong)
    (finding,) = compare(own, parse_timeframe("1h"), checked(fine), FIVE, "spot")
    assert finding.kind is Kind.DISAGREES and finding.grade is Grade.NOTES
    assert [span.first for span in finding.spans] == [coarse["date"].iloc[place]]
    assert f"1 of 100 candles (1.00 %) differ from the 5m ones: {name} 1" in finding.text
    # Where a part is missing nothing can be said.
    lost = fine.drop(index=place * 12 + 3)
    assert compare(own, parse_timeframe("1h"), checked(lost), FIVE, "spot") == []


def test_many_wrong_prices_are_bad_and_wrong_volumes_are_not() -> None:
    fine = clean(5, 1200)
    coarse = hourly(coarser(fine, "1h"))
    for place in range(30, 42):
        fine = flat(fine, place)
    (finding,) = compare(coarse, parse_timeframe("1h"), checked(fine), FIVE, "spot")
    assert finding.grade is Grade.BAD
    doubled = checked(clean(5, 1200).assign(volume=lambda frame: frame["volume"] * 2))
    (finding,) = compare(coarse, parse_timeframe("1h"), doubled, FIVE, "spot")
    assert finding.grade is Grade.NOTES and finding.candles == 100
    # A mark has no volume to compare.
    assert compare(coarse, parse_timeframe("1h"), doubled, FIVE, "mark") == []


@settings(max_examples=11, deadline=None)
@given(st.integers(1, 11))
def test_a_last_candle_that_the_finer_ones_cut_short(parts: int) -> None:
    fine = clean(7, 1188 + parts)
    last = fine[1188:]
    row = {"date": last["date"].iloc[0]} | {
        name: last[name].agg(rule) if rule in {"max", "min", "sum"} else last[name].iloc[at]
        for (name, rule), at in zip(RULE.items(), (0, 0, 0, -1, 0), strict=True)
    }
    coarse = pd.concat([coarser(fine, "1h"), pd.DataFrame([row])], ignore_index=True)
    args = (parse_timeframe("1h"), checked(fine), FIVE)
    (finding,) = cut_short(hourly(coarse), *args)
    assert finding.kind is Kind.INCOMPLETE and finding.spans[0].first == row["date"]
    # Whole, whatever the finer ones lack: its volume is more than theirs.
    more = cell(coarse, len(coarse) - 1, "volume", 1e6)
    assert cut_short(hourly(more), *args) == []


# Binance's own 1h volumes are sums of its 5m volumes, up to what a float64 loses.
@pytest.mark.parametrize("pair", ["ETH_USDT", "SOL_USDT"])
def test_recorded_5m_candles_make_the_recorded_1h_candles(market_data: Path, pair: str) -> None:
    folder = market_data / "binance"
    fine = checked(read_frame(folder / f"{pair}-5m.feather"), now=NOW)
    hours = read_frame(folder / f"{pair}-1h.feather").set_index("date")
    made = resample(fine.candles, fine.slots, FIVE, parse_timeframe("1h"))
    own = made.candles.set_index("date")
    both = own.index.intersection(hours.index)
    assert len(both) > 20_000 and made.partial < 5
    prices = ["open", "high", "low", "close"]
    assert np.array_equal(own.loc[both, prices], hours.loc[both, prices])
    assert np.allclose(own.loc[both, "volume"], hours.loc[both, "volume"], rtol=1e-9)


def test_nothing_but_the_planted_is_found_across() -> None:
    fine = clean(5, 1200)
    finding = only(hourly(cell(coarser(fine, "1h"), 50, "volume", 0.0)))
    assert finding.kind is Kind.ZERO_VOLUME
