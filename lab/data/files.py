"""Candle files of a freqtrade folder: found by name, read, and written whole or not at all."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow

from lab.data.timeframes import Timeframe, parse_timeframe

SPOT = "spot"
KINDS = (SPOT, "futures", "mark", "index", "premiumIndex", "funding_rate", "open_interest")
NAME = re.compile(r"([\w-]+)-(\d+[a-zA-Z]{1,2})(?:-([a-zA-Z_]+))?\.feather")
FUTURES_FOLDER = "futures"


class DataError(ValueError):
    """What was asked for cannot be done; says what was expected."""


class UnreadableError(DataError):
    """A file that is no table."""


@dataclass(frozen=True, slots=True)
class CandleFile:
    """A file of freqtrade's layout. kind: freqtrade's candle type; pair: BTC/USDT[:USDT]."""

    path: Path
    pair: str
    timeframe: Timeframe
    kind: str

    @property
    def name(self) -> str:
        """Pair, timeframe and kind, as a person would say it."""
        return f"{self.pair} {self.timeframe.name}" + (f" {self.kind}" if self.kind != SPOT else "")


def file_name(pair: str, timeframe: str, kind: str) -> Path:
    """Where freqtrade keeps these candles inside its data folder."""
    stem = f"{re.sub('[/ .@:]', '_', pair)}-{timeframe.replace('M', 'Mo')}"
    if kind == SPOT:
        return Path(f"{stem}.feather")
    return Path(FUTURES_FOLDER) / f"{stem}-{kind}.feather"


def parse_name(path: Path, is_futures: bool) -> CandleFile | None:
    """What a file holds by its name, or None for one that freqtrade would not read."""
    match = NAME.fullmatch(path.name)
    if match is None:
        return None
    kind = match[3] or SPOT
    if kind not in KINDS or is_futures == (kind == SPOT):
        return None
    try:
        timeframe = parse_timeframe(re.sub("1mo", "1M", match[2], flags=re.IGNORECASE))
    except ValueError:
        return None
    pair = match[1].replace("_", "/", 1).replace("_", ":", 1)
    return CandleFile(path, pair, timeframe, kind)


def find_files(
    folder: Path, pairs: Sequence[str] = (), timeframes: Sequence[str] = ()
) -> tuple[list[CandleFile], list[Path]]:
    """The candle files of a data folder, and feather files that are none; sorted.

    pairs: BTC/USDT also stands for BTC/USDT:USDT. Empty: all. Raises DataError where there is no
    folder, a wish is no timeframe, or nothing is found.
    """
    if not folder.is_dir():
        raise DataError(f"--data {folder}: no such folder, expected a freqtrade datadir")
    for name in timeframes:
        wished_timeframe(name)
    found, others = [], []
    for path in sorted([*folder.glob("*.feather"), *folder.glob(f"{FUTURES_FOLDER}/*.feather")]):
        file = parse_name(path, is_futures=path.parent != folder)
        if file is not None:
            found.append(file)
        elif not path.name.endswith("-trades.feather"):
            others.append(path)
    if not found:
        raise DataError(
            f"--data {folder}: no candles, expected files like BTC_USDT-1h.feather or "
            "futures/BTC_USDT_USDT-1h-futures.feather"
        )
    for pair in pairs:
        if not any(_is_of(file, (pair,)) for file in found):
            raise DataError(f"--pair {pair}: no candles of it in {folder}")
    chosen = [
        file
        for file in found
        if (not pairs or _is_of(file, pairs))
        and (not timeframes or file.timeframe.name in timeframes)
    ]
    if not chosen:
        raise DataError(f"--timeframe {', '.join(timeframes)}: no candles of it in {folder}")
    chosen.sort(key=lambda file: (KINDS.index(file.kind), file.pair, file.timeframe.length_us))
    return chosen, others


def wished_timeframe(name: str) -> Timeframe:
    """A timeframe of a command line. Raises DataError."""
    try:
        return parse_timeframe(name)
    except ValueError as error:
        raise DataError(str(error)) from None


def _is_of(file: CandleFile, pairs: Sequence[str]) -> bool:
    return file.pair in pairs or file.pair.split(":")[0] in pairs


def read_frame(path: Path) -> pd.DataFrame:
    """A feather file as it is. Raises UnreadableError with the first line of why it cannot be."""
    try:
        frame = pd.read_feather(path)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableError(f"cannot be read: {reason}") from None
    return frame.reset_index(drop=True)


def write_frame(frame: pd.DataFrame, path: Path, *, overwrite: bool) -> None:
    """Write candles as freqtrade does; another reader sees the old file or the whole new one.

    Raises FileExistsError where there is a file and `overwrite` is not set.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        frame.reset_index(drop=True).to_feather(temporary, compression="lz4", compression_level=9)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        if overwrite:
            temporary.replace(path)
        else:
            path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)
