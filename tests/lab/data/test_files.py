"""Names as freqtrade makes them, reading, and writing that is whole or nothing."""

import multiprocessing
from pathlib import Path

import pandas as pd
import pytest
from freqtrade.data.history.datahandlers.featherdatahandler import FeatherDataHandler
from freqtrade.enums import CandleType

from lab.data.files import (
    DataError,
    UnreadableError,
    file_name,
    find_files,
    parse_name,
    read_frame,
    write_frame,
)
from tests.lab.data.planted import clean

CASES = [
    ("BTC/USDT", "5m", "spot"),
    ("1000SHIB/USDT:USDT", "1h", "futures"),
    ("BTC/USDT:USDT", "1h", "mark"),
    ("BTC/USDT:USDT", "8h", "funding_rate"),
    ("ETH/BTC", "1M", "spot"),
    ("ETH/USDT:USDT", "1h", "premiumIndex"),
]


@pytest.mark.parametrize(("pair", "timeframe", "kind"), CASES)
def test_names_are_freqtrades(tmp_path: Path, pair: str, timeframe: str, kind: str) -> None:
    own = tmp_path / file_name(pair, timeframe, kind)
    theirs = FeatherDataHandler._pair_data_filename(tmp_path, pair, timeframe, CandleType(kind))
    assert own == theirs
    found = parse_name(own, is_futures=own.parent != tmp_path)
    assert found is not None
    assert (found.pair, found.timeframe.name, found.kind) == (pair, timeframe, kind)


def test_freqtrade_reads_what_is_written(tmp_path: Path) -> None:
    write_frame(clean(), tmp_path / file_name("BTC/USDT", "5m", "spot"), overwrite=False)
    read = FeatherDataHandler(tmp_path).ohlcv_load(
        "BTC/USDT", "5m", CandleType.SPOT, fill_missing=False, drop_incomplete=False
    )
    pd.testing.assert_frame_equal(read, clean())


def test_what_is_found_and_what_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "futures").mkdir()
    for name in (
        "ETH_USDT-1h.feather", "BTC_USDT-1h.feather", "BTC_USDT-5m.feather", "notes.txt",
        "BTC_USDT-trades.feather", "BTC_USDT_USDT-1h-futures.feather", "scores.feather",
        "futures/BTC_USDT_USDT-1h-mark.feather", "futures/BTC_USDT_USDT-1h-futures.feather",
        "futures/BTC_USDT-1h.feather",
    ):  # fmt: skip
        (tmp_path / name).touch()
    found, others = find_files(tmp_path)
    assert [file.name for file in found] == [
        "BTC/USDT 5m", "BTC/USDT 1h", "ETH/USDT 1h", "BTC/USDT:USDT 1h futures",
        "BTC/USDT:USDT 1h mark",
    ]  # fmt: skip
    assert {path.name for path in others} == {
        "BTC_USDT_USDT-1h-futures.feather", "scores.feather", "BTC_USDT-1h.feather"
    }  # fmt: skip
    assert [f.name for f in find_files(tmp_path, ["BTC/USDT:USDT"], ["1h"])[0]] == [
        "BTC/USDT:USDT 1h futures", "BTC/USDT:USDT 1h mark"
    ]  # fmt: skip
    assert len(find_files(tmp_path, ["BTC/USDT"])[0]) == 4
    for pairs, timeframes, words in (
        (["SOL/USDT"], [], "--pair SOL/USDT: no candles of it"),
        ([], ["3m"], "--timeframe 3m: no candles of it"),
        ([], ["5x"], "timeframe '5x': expected a number"),
    ):
        with pytest.raises(DataError, match=words):
            find_files(tmp_path, pairs, timeframes)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="no candles, expected files like"):
        find_files(empty)
    with pytest.raises(DataError, match="no such folder"):
        find_files(empty / "nowhere")


@pytest.mark.parametrize("content", [b"", b"no table", b"ARROW1\0\0half", b"FEA1 old and broken"])
def test_a_file_that_is_no_table(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "BTC_USDT-5m.feather"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=r"^cannot be read: .") as caught:
        read_frame(path)
    assert "\n" not in str(caught.value)


def test_half_a_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-5m.feather"
    write_frame(clean(), path, overwrite=False)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UnreadableError):
        read_frame(path)


def test_nothing_is_overwritten_unasked_and_nothing_half_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new" / "BTC_USDT-5m.feather"
    write_frame(clean(1), path, overwrite=False)
    with pytest.raises(FileExistsError):
        write_frame(clean(2), path, overwrite=False)
    pd.testing.assert_frame_equal(read_frame(path), clean(1))

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_frame(clean(2), path, overwrite=True)
    pd.testing.assert_frame_equal(read_frame(path), clean(1))
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def _write(path: Path, seed: int) -> None:
    for _ in range(20):
        write_frame(clean(seed, 3000), path, overwrite=True)


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-5m.feather"
    write_frame(clean(0, 3000), path, overwrite=True)
    writer = multiprocessing.get_context("fork").Process(target=_write, args=(path, 1))
    writer.start()
    opens = {clean(seed, 3000)["close"].iloc[-1] for seed in (0, 1)}
    while writer.is_alive():
        assert read_frame(path)["close"].iloc[-1] in opens
    writer.join()
    assert writer.exitcode == 0
