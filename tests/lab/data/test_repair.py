"""Repair brings back what was there before the defect, or leaves it, and says which."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.data.example import coarser
from lab.data.files import DataError, file_name, find_files, read_frame, write_frame
from lab.data.repair import Repaired, Wishes, repair
from lab.data.rework import Outcome, repair_files, resample_files
from lab.data.timeframes import parse_timeframe
from tests.lab.data.planted import (
    CANDLES,
    NOW,
    cell,
    clean,
    contradiction,
    hole,
    inverted,
    repeat,
    shift,
    swap,
)

FIVE = parse_timeframe("5m")
NONE = Wishes()
ALL = Wishes(drop_impossible=True, drop_off_grid=True)
places = st.integers(2, CANDLES - 4)


def repaired(frame: pd.DataFrame, wishes: Wishes = NONE) -> Repaired:
    return repair(frame, FIVE, "spot", NOW, wishes)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 1000),
    st.lists(st.integers(0, CANDLES - 1), max_size=6),
    st.integers(0, 1000),
)
def test_order_and_repeats_come_back_whole(seed: int, doubled: list[int], order: int) -> None:
    frame = clean(seed)
    rows = np.random.default_rng(order).permutation([*range(CANDLES), *doubled])
    found = repaired(frame.iloc[rows].reset_index(drop=True))
    pd.testing.assert_frame_equal(found.frame, frame)
    assert found.done.get("repeated rows dropped", 0) == len(doubled)
    assert set(found.done) <= {"rows put in order", "repeated rows dropped"}


@settings(max_examples=12, deadline=None)
@given(places, st.sampled_from([hole, contradiction, inverted, shift]))
def test_what_would_be_a_guess_is_left(
    place: int, plant: Callable[[pd.DataFrame, int], pd.DataFrame]
) -> None:
    frame = plant(clean(), place)
    found = repaired(frame)
    assert found.done == {}
    pd.testing.assert_frame_equal(found.frame, frame)


@settings(max_examples=12, deadline=None)
@given(places)
def test_more_is_dropped_on_request(place: int) -> None:
    frame = clean()
    for plant, what in (
        (inverted, "impossible rows dropped"),
        (shift, "rows off the grid dropped"),
    ):
        found = repaired(plant(frame, place), ALL)
        assert found.done == {what: 1}
        pd.testing.assert_frame_equal(found.frame, frame.drop(index=place).reset_index(drop=True))


def test_swapped_and_repeated_rows_are_counted() -> None:
    assert repaired(swap(clean(), 100)).done == {"rows put in order": 2}
    assert repaired(repeat(repeat(clean(), 100), 50)).done == {"repeated rows dropped": 2}


def test_types_and_zones_that_are_sure() -> None:
    frame = clean()
    other = frame.assign(date=frame["date"].dt.tz_convert("Asia/Kolkata"))
    found = repaired(other.assign(volume=frame["volume"].round().astype(int)))
    assert found.done == {"times put into UTC": CANDLES, "columns made float64": 1}
    assert found.frame["date"].tolist() == frame["date"].tolist()
    assert str(found.frame["date"].dtype) == "datetime64[ms, UTC]"
    # Nobody knows whose time it is.
    naive = swap(frame.assign(date=frame["date"].dt.tz_localize(None)), 10)
    assert repaired(naive).done == {} and repaired(naive).frame is naive
    lost = swap(cell(frame, 3, "date", pd.NaT), 10)
    assert repaired(lost).done == {}


def test_a_last_candle_that_has_not_closed_is_dropped() -> None:
    frame = clean()
    now = frame["date"].iloc[-1].to_pydatetime()
    found = repair(repeat(frame, CANDLES - 1), FIVE, "spot", now, Wishes())
    assert found.done == {"repeated rows dropped": 1, "incomplete rows dropped": 1}
    assert len(found.frame) == CANDLES - 1
    assert repair(frame, FIVE, "spot", NOW, Wishes(), is_cut_short=True).done == {
        "incomplete rows dropped": 1
    }


def told(outcomes: list[Outcome]) -> list[str]:
    return [f"{outcome.file.name}: {outcome.text}" for outcome in outcomes]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pair with all that can be mended, one that is whole, and one that is no table."""
    place = tmp_path / "data"
    write_frame(swap(repeat(clean(), 50), 200), place / "BTC_USDT-5m.feather", overwrite=True)
    write_frame(clean(2), place / file_name("ETH/USDT:USDT", "5m", "futures"), overwrite=True)
    (place / "SOL_USDT-5m.feather").write_bytes(b"no table")
    return place


def test_a_folder_is_repaired_into_another(folder: Path, tmp_path: Path) -> None:
    files, out = find_files(folder)[0], tmp_path / "out"
    done = list(repair_files(files, folder, out, NOW, Wishes(), overwrite=False))
    assert told(done)[0] == (
        "BTC/USDT 5m: 401 rows in, 400 out: 2 rows put in order, 1 repeated rows dropped"
    )
    assert told(done)[1].startswith("SOL/USDT 5m: left out: cannot be read: ")
    assert told(done)[2] == "ETH/USDT:USDT 5m futures: 400 rows in, 400 out: as it was"
    pd.testing.assert_frame_equal(read_frame(out / "BTC_USDT-5m.feather"), clean())
    assert (out / "futures" / "ETH_USDT_USDT-5m-futures.feather").is_file()
    assert not (out / "SOL_USDT-5m.feather").exists()
    again = list(repair_files(files, folder, out, NOW, Wishes(), overwrite=False))
    assert [outcome.written for outcome in again] == [None] * 3
    assert "is there, see --overwrite" in again[0].text
    for same in (folder, folder / "futures", folder / ".." / "data"):
        with pytest.raises(DataError, match="expected another folder"):
            list(repair_files(files, folder, same, NOW, Wishes(), overwrite=True))


def test_what_is_still_bad_is_told(folder: Path, tmp_path: Path) -> None:
    write_frame(inverted(clean(), 7), folder / "BTC_USDT-5m.feather", overwrite=True)
    files, _ = find_files(folder, ["BTC/USDT"])
    (done,) = repair_files(files, folder, tmp_path / "out", NOW, Wishes(), overwrite=False)
    assert "still bad: impossible: high below low: 1" in done.text


def test_a_folder_is_resampled_beside_its_files(folder: Path) -> None:
    files, _ = find_files(folder)
    done = list(resample_files(files, parse_timeframe("1h"), folder, NOW, overwrite=False))
    assert "duplicates" not in told(done)[2] and "33 1h candles of 400" in done[2].text
    assert "left out: unsorted: 1 row earlier" in done[0].text
    assert "repair it first" in done[0].text and done[1].written is None
    made = read_frame(folder / "futures" / "ETH_USDT_USDT-1h-futures.feather")
    pd.testing.assert_frame_equal(made, coarser(clean(2), "1h"))
    before = (folder / "futures" / "ETH_USDT_USDT-1h-futures.feather").stat().st_mtime_ns
    (again,) = resample_files(files[2:], parse_timeframe("1h"), folder, NOW, overwrite=False)
    assert again.written is None and "is there, see --overwrite" in again.text
    assert (folder / "futures" / "ETH_USDT_USDT-1h-futures.feather").stat().st_mtime_ns == before
    (over,) = resample_files(files[2:], parse_timeframe("1h"), folder, NOW, overwrite=True)
    assert over.written is not None


def test_a_candle_that_forms_makes_no_coarser_one(folder: Path) -> None:
    files, _ = find_files(folder, ["ETH/USDT"])
    frame = clean(2)[:24]
    write_frame(frame, files[0].path, overwrite=True)
    now = frame["date"].iloc[-1].to_pydatetime() + pd.Timedelta("1min")
    (done,) = resample_files(files, parse_timeframe("1h"), folder, now, overwrite=True)
    assert done.text == "1 1h candle of 23, 1 left out: parts are missing"
    (done,) = resample_files(files, parse_timeframe("4h"), folder, now, overwrite=True)
    assert done.text == "left out: not one whole 4h candle in it"
