"""Candle folders that end where a window ends: what is not there cannot be looked at."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
from freqtrade.exchange import timeframe_to_seconds

from lab.suite_plan import FUTURES, QUOTE, SPOT, TradingMode, perpetual

LONGEST_MONTH = timedelta(days=31)
ROWS_AT_ONCE = 1_000_000


def candle_length(timeframe: str) -> timedelta:
    """How long a candle lasts; a month counts as its longest."""
    if timeframe.endswith("M"):
        return int(timeframe[:-1]) * LONGEST_MONTH
    return timedelta(seconds=timeframe_to_seconds(timeframe))


def candle_files(
    datadir: Path, pairs: Sequence[str], mode: TradingMode, finest: timedelta
) -> list[Path]:
    """Files of the pairs and of BTC, which strategies look at, in every timeframe from `finest`
    up; of perpetuals also mark prices and funding."""
    folder = datadir if mode == SPOT else datadir / FUTURES
    bitcoin = f"BTC/{QUOTE}" if mode == SPOT else perpetual("BTC")
    names = sorted({pair.replace("/", "_").replace(":", "_") for pair in (*pairs, bitcoin)})
    files = [file for name in names for file in sorted(folder.glob(f"{name}-*.feather"))]
    return [file for file in files if _length_of(file) >= finest]


def _length_of(file: Path) -> timedelta:
    return candle_length(file.stem.split("-")[1])


def closed_rows(file: Path, dates: pd.Series, end: datetime) -> int:
    """How many candles, which are in order, have closed at `end` or before."""
    last_open = pd.Timestamp(end) - _length_of(file)
    return int(pd.DatetimeIndex(dates).searchsorted(last_open, side="right"))


def cut_folder(files: Sequence[Path], datadir: Path, target: Path, end: datetime) -> None:
    """Copies of the files under `target`, without any candle that closes after `end`."""
    for file in files:
        frame = pd.read_feather(file).sort_values("date", kind="stable", ignore_index=True)
        place = target / file.relative_to(datadir)
        place.parent.mkdir(parents=True, exist_ok=True)
        frame.iloc[: closed_rows(file, frame["date"], end)].reset_index(drop=True).to_feather(place)


def cut_digests(files: Sequence[Path], ends: Sequence[datetime]) -> list[str]:
    """SHA-256 of what cut_folder leaves of the files, for each of the ends, which ascend."""
    wholes = [hashlib.sha256() for _ in ends]
    for file in files:
        frame = pd.read_feather(file).sort_values("date", kind="stable", ignore_index=True)
        part, known = hashlib.sha256(), 0
        for whole, end in zip(wholes, ends, strict=True):
            rows = closed_rows(file, frame["date"], end)
            for first in range(known, rows, ROWS_AT_ONCE):
                piece = frame.iloc[first : min(rows, first + ROWS_AT_ONCE)]
                part.update(pd.util.hash_pandas_object(piece, index=False).to_numpy().tobytes())
            known = rows
            whole.update(f"{file.name}\0{part.hexdigest()}\n".encode())
    return [whole.hexdigest() for whole in wholes]


def first_and_last(files: Sequence[Path]) -> tuple[datetime, datetime]:
    """Open of the first candle and close of the last one of all files. ValueError without any."""
    firsts, lasts = [], []
    for file in files:
        dates = pd.read_feather(file, columns=["date"])["date"]
        if len(dates):
            firsts.append(dates.min())
            lasts.append(dates.max() + _length_of(file))
    if not firsts:
        raise ValueError("the candle files are empty")
    return min(firsts).to_pydatetime(), max(lasts).to_pydatetime()
