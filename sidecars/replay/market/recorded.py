"""A feed from any freqtrade datadir: candles in files named like BASE_QUOTE-<timeframe>.feather."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import feather

from sidecars.replay.market.columns import FeedError, between, concatenate, take
from sidecars.replay.market.markets import market_from_prices
from sidecars.replay.market.resample import divides, resample
from sidecars.replay.market.tape import Tape
from sidecars.replay.market.timeframes import (
    TIMEFRAME_NAMES,
    TIMEFRAMES_MS,
    check_timeframe,
    close_time,
    close_times,
    open_times,
)
from sidecars.replay.model import Candles, FloatArray, IntArray, Market

logger = logging.getLogger(__name__)

FILE_NAME = re.compile(r"([A-Za-z0-9]+)_([A-Za-z0-9]+)-(\d+[mhdwM])\.feather")
FILE_COLUMNS = ["date", "open", "high", "low", "close", "volume"]


@dataclass(frozen=True, slots=True)
class _Source:
    """The files of one symbol."""

    base: str
    quote: str
    paths: dict[int, Path]  # by timeframe (ms)


class RecordedFeed:
    """Candles read from feather files, each when it is first asked for.

    Opening checks that every file can be read and that its rows are in order, without
    duplicates (FeedError otherwise). Rows that no market can have produced, or off the grid of
    their timeframe, are dropped when the file is loaded, with a warning and a line in `notes`.

    A recorded timeframe is answered from its own file; where that has no candle, from the finest
    shorter record that covers the candle best. The first candle of a pair may cover less than its
    timeframe, as on the day of a listing; an unfinished last one is left out.
    """

    def __init__(
        self,
        datadir: Path,
        *,
        pairs: Sequence[str] | None = None,
        timeframes: Sequence[str] | None = None,
        file_name: re.Pattern[str] = FILE_NAME,
    ) -> None:
        """datadir: the folder that freqtrade's --datadir names. pairs: as "BTC/USDT"; all if None.
        file_name: of the files that count; its groups are base, quote and timeframe.

        Raises FeedError: no such folder, no candle files, an unknown pair, an unreadable file.
        """
        wanted = _wanted_timeframes(timeframes)
        self._sources = _find_sources(datadir, pairs, wanted, file_name)
        self._notes: list[str] = []
        self._records: dict[tuple[str, int], Candles] = {}
        self._columns: dict[tuple[str, int], Candles] = {}
        self._tapes: dict[str, Tape] = {}
        spans = [
            _check_file(path, timeframe_ms)
            for source in self._sources.values()
            for timeframe_ms, path in source.paths.items()
        ]
        self._span_ms = (min(first for first, _ in spans), max(last for _, last in spans))
        self._markets = tuple(self._market(symbol) for symbol in sorted(self._sources))

    @property
    def markets(self) -> tuple[Market, ...]:
        return self._markets

    @property
    def span_ms(self) -> tuple[int, int]:
        return self._span_ms

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each file that lost rows, of the files loaded so far."""
        return tuple(self._notes)

    def candles(self, symbol: str, timeframe_ms: int, start_ms: int, end_ms: int) -> Candles:
        check_timeframe(timeframe_ms)
        return between(self._column(symbol, timeframe_ms), start_ms, end_ms)

    def finest(self, symbol: str, moment_ms: int) -> tuple[int, Candles] | None:
        return self._tape(symbol).at(moment_ms)

    def tape(self, symbol: str, start_ms: int, end_ms: int) -> list[tuple[int, Candles]]:
        return self._tape(symbol).within(start_ms, end_ms)

    def _tape(self, symbol: str) -> Tape:
        if symbol not in self._tapes:
            timeframes = self._sources[symbol].paths
            self._tapes[symbol] = Tape.of({ms: self._record(symbol, ms) for ms in timeframes})
        return self._tapes[symbol]

    def _record(self, symbol: str, timeframe_ms: int) -> Candles:
        key = (symbol, timeframe_ms)
        if key not in self._records:
            path = self._sources[symbol].paths[timeframe_ms]
            candles, dropped = drop_odd_rows(_read(path), timeframe_ms)
            if dropped:
                self._notes.append(f"{path.name}: {dropped}")
                logger.warning("%s: %s", path.name, dropped)
            self._records[key] = candles
        return self._records[key]

    def _column(self, symbol: str, timeframe_ms: int) -> Candles:
        key = (symbol, timeframe_ms)
        if key not in self._columns:
            paths = self._sources[symbol].paths
            finer = {ms: self._record(symbol, ms) for ms in paths if divides(ms, timeframe_ms)}
            own = self._record(symbol, timeframe_ms) if timeframe_ms in paths else None
            self._columns[key] = merge(own, finer, timeframe_ms)
        return self._columns[key]

    def _market(self, symbol: str) -> Market:
        source = self._sources[symbol]
        # The coarsest record is the longest and the quickest to read.
        candles = self._record(symbol, max(source.paths))
        if len(candles) == 0:
            path = source.paths[max(source.paths)]
            raise FeedError(f"{path.name} has no usable candle; expected prices of {symbol}")
        prices: FloatArray = np.concatenate(
            [candles.open, candles.high, candles.low, candles.close]
        )
        return market_from_prices(source.base, source.quote, prices, float(candles.close[-1]))


def merge(own: Candles | None, finer: dict[int, Candles], timeframe_ms: int) -> Candles:
    """One table of a timeframe from its own record and from finer ones.

    A candle on record wins; else the aggregate with the most time behind it, of equals the one
    from the finest record. An aggregate that ends after its record is unfinished and left out.
    """
    parts = [] if own is None else [own]
    coverage = [] if own is None else [np.full(len(own), np.iinfo(np.int64).max)]
    for finer_ms, candles in sorted(finer.items()):
        if len(candles) == 0:
            continue
        aggregate, counts = resample(candles, timeframe_ms)
        record_end_ms = close_time(int(candles.open_time_ms[-1]), finer_ms)
        finished = close_times(aggregate.open_time_ms, timeframe_ms) <= record_end_ms
        parts.append(take(aggregate, finished))
        coverage.append((counts * finer_ms)[finished])
    table = concatenate(parts)
    if len(parts) < 2:
        return table
    # Stable: among equal coverage the part that was added first, the finest, stays in front.
    order = np.lexsort((-np.concatenate(coverage), table.open_time_ms))
    opens = table.open_time_ms[order]
    is_best = np.concatenate(([True], opens[1:] != opens[:-1]))[: len(opens)]
    return take(table, order[is_best])


def drop_odd_rows(candles: Candles, timeframe_ms: int) -> tuple[Candles, str]:
    """Without the rows that cannot be true; what was dropped, or an empty text."""
    columns = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    finite = np.all(np.isfinite(columns), axis=0)
    in_order = (candles.high >= np.maximum(candles.open, candles.close)) & (
        candles.low <= np.minimum(candles.open, candles.close)
    )
    sound = finite & in_order & (candles.low > 0.0) & (candles.volume >= 0.0)
    on_grid = open_times(candles.open_time_ms, timeframe_ms) == candles.open_time_ms
    reasons = []
    if unsound := int(np.sum(~sound)):
        reasons.append(f"{unsound} rows with impossible prices or volume")
    if off_grid := int(np.sum(sound & ~on_grid)):
        name = TIMEFRAME_NAMES[timeframe_ms]
        reasons.append(f"{off_grid} rows that do not open on the {name} grid")
    if not reasons:
        return candles, ""
    return take(candles, sound & on_grid), "dropped " + " and ".join(reasons)


def _wanted_timeframes(timeframes: Sequence[str] | None) -> set[int]:
    if timeframes is None:
        return set(TIMEFRAMES_MS.values())
    unknown = [name for name in timeframes if name not in TIMEFRAMES_MS]
    if unknown or not timeframes:
        expected = ", ".join(TIMEFRAMES_MS)
        raise FeedError(f"timeframes {unknown} are not known; expected some of {expected}")
    return {TIMEFRAMES_MS[name] for name in timeframes}


def _find_sources(
    datadir: Path, pairs: Sequence[str] | None, wanted: set[int], file_name: re.Pattern[str]
) -> dict[str, _Source]:
    if not datadir.is_dir():
        raise FeedError(f"no folder {datadir}; expected a freqtrade datadir with spot candles")
    sources: dict[str, _Source] = {}
    for path in sorted(datadir.iterdir()):
        match = file_name.fullmatch(path.name)
        timeframe_ms = TIMEFRAMES_MS.get(match[3], 0) if match else 0
        if match and timeframe_ms in wanted:
            source = sources.setdefault(match[1] + match[2], _Source(match[1], match[2], {}))
            source.paths[timeframe_ms] = path
    if not sources:
        names = ", ".join(TIMEFRAME_NAMES[ms] for ms in sorted(wanted))
        raise FeedError(
            f"no candles in {datadir}; expected files like BTC_USDT-1h.feather ({names})"
        )
    if pairs is None:
        return sources
    known = {f"{source.base}/{source.quote}": symbol for symbol, source in sources.items()}
    unknown = [pair for pair in pairs if pair not in known]
    if unknown or not pairs:
        expected = ", ".join(sorted(known))
        raise FeedError(f"no candles of {unknown or 'any pair'} in {datadir}; it has {expected}")
    return {known[pair]: sources[known[pair]] for pair in pairs}


def _read_table(path: Path, columns: list[str]) -> pa.Table:
    try:
        return feather.read_table(path, columns=columns, memory_map=True, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise FeedError(
            f"cannot read {path}: {reason}; expected a feather file with {', '.join(FILE_COLUMNS)}"
        ) from error


def _dates_ms(table: pa.Table, path: Path) -> IntArray:
    column = table["date"]
    if not pa.types.is_timestamp(column.type):
        raise FeedError(f"{path}: column date holds {column.type}; expected timestamps in UTC")
    dates: IntArray = (
        column.cast(pa.timestamp("ms", column.type.tz)).cast(pa.int64()).combine_chunks().to_numpy()
    )
    return dates


def _check_file(path: Path, timeframe_ms: int) -> tuple[int, int]:
    """First open and last close (ms) of a file whose dates are in order."""
    table = _read_table(path, FILE_COLUMNS[:1])
    dates = _dates_ms(table, path)
    if len(dates) == 0:
        raise FeedError(f"{path} has no rows; expected candles")
    if (wrong := np.flatnonzero(np.diff(dates) <= 0)).size:
        moment = dates[wrong[0] + 1].astype("datetime64[ms]")
        raise FeedError(
            f"{path}: {wrong.size} rows out of order or double, the first at {moment}; "
            f"expected rising dates"
        )
    return int(dates[0]), close_time(int(dates[-1]), timeframe_ms)


def _read(path: Path) -> Candles:
    table = _read_table(path, FILE_COLUMNS)
    numbers = []
    for name in FILE_COLUMNS[1:]:
        column = table[name]
        if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            raise FeedError(f"{path}: column {name} holds {column.type}; expected numbers")
        numbers.append(np.asarray(column.combine_chunks().cast(pa.float64()).to_numpy(False)))
    return Candles(_dates_ms(table, path), *numbers)
