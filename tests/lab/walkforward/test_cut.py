"""A window's folder ends where the window ends: what comes after cannot be read from it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.suite_plan import SPOT
from lab.walkforward.cut import candle_files, candle_length, cut_digests, cut_folder, first_and_last
from tests.lab.walkforward.planted import FIRST, everywhere, hourly, nowhere, since, write_hourly

HOUR = timedelta(hours=1)
END = FIRST + timedelta(days=4)


def files_of(folder: Path) -> list[Path]:
    return candle_files(folder, ["BTC/USDT"], SPOT, HOUR)


def with_slower(folder: Path, frame: pd.DataFrame) -> Path:
    write_hourly(folder, frame)
    four = frame.iloc[::4].reset_index(drop=True)
    four.to_feather(folder / "BTC_USDT-4h.feather")
    frame.to_feather(folder / "BTC_USDT-5m.feather")
    frame.to_feather(folder / "ETH_USDT-1h.feather")
    return folder


def test_only_candles_that_have_closed_are_left(tmp_path: Path) -> None:
    datadir = with_slower(tmp_path / "data", hourly(8, nowhere))
    end = END + 2 * HOUR
    cut_folder(files_of(datadir), datadir, tmp_path / "cut", end)
    assert sorted(file.name for file in (tmp_path / "cut").iterdir()) == [
        "BTC_USDT-1h.feather", "BTC_USDT-4h.feather",
    ]  # fmt: skip
    last = {
        timeframe: pd.read_feather(tmp_path / "cut" / f"BTC_USDT-{timeframe}.feather")["date"].max()
        for timeframe in ("1h", "4h")
    }
    # A candle of four hours that is still open at the end would tell what comes.
    assert last == {"1h": end - HOUR, "4h": END - 4 * HOUR}


def test_a_signal_that_comes_later_leaves_the_train_folder_as_it_was(tmp_path: Path) -> None:
    """Whatever a search may read is the same, byte by byte, with the edge and without it."""
    contents = []
    for name, where in (("later", since(END)), ("never", nowhere)):
        datadir = with_slower(tmp_path / name, hourly(8, where))
        target = tmp_path / f"{name}_cut"
        cut_folder(files_of(datadir), datadir, target, END)
        contents.append({file.name: file.read_bytes() for file in sorted(target.iterdir())})
    assert contents[0] == contents[1]
    whole = [write_hourly(tmp_path / name, hourly(8, where)) / "BTC_USDT-1h.feather"
             for name, where in (("a", since(END)), ("b", nowhere))]  # fmt: skip
    assert not pd.read_feather(whole[0]).equals(pd.read_feather(whole[1]))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ends=st.lists(st.integers(0, 200), min_size=1, max_size=4, unique=True).map(sorted))
def test_digests_are_those_of_the_folders_one_by_one(tmp_path: Path, ends: list[int]) -> None:
    datadir = tmp_path / "data"
    if not datadir.exists():
        with_slower(datadir, hourly(7, everywhere))
    files = files_of(datadir)
    moments = [FIRST + hours * HOUR for hours in ends]
    found = cut_digests(files, moments)
    assert found == [cut_digests(files, [moment])[0] for moment in moments]


def test_digests_change_with_what_is_before_the_end_alone(tmp_path: Path) -> None:
    frame = hourly(8, nowhere)
    digests = []
    for name, hour in (("as_is", None), ("before", 95), ("after", 96)):
        other = frame.copy()
        if hour is not None:
            other["close"] = other["close"].where(other.index != hour, 1.0)
        digests += cut_digests(files_of(write_hourly(tmp_path / name, other)), [END])
    assert digests[0] == digests[2] != digests[1]


def test_lengths_and_bounds(tmp_path: Path) -> None:
    assert candle_length("4h") == 4 * HOUR
    assert candle_length("1M") == timedelta(days=31)
    datadir = write_hourly(tmp_path, hourly(3, nowhere))
    assert first_and_last(files_of(datadir)) == (FIRST, FIRST + timedelta(days=3))
    with pytest.raises(ValueError, match="empty"):
        first_and_last([])
    assert FIRST.tzinfo == UTC and isinstance(FIRST, datetime)
    assert np.isfinite(hourly(3, nowhere)["close"]).all()
