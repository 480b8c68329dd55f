"""Perpetuals from a freqtrade datadir: its folder "futures" with candles, mark prices and funding.

Files as freqtrade writes them: BTC_USDT_USDT-1h-futures.feather, -1h-mark, -1h-funding_rate.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import feather

from sidecars.replay.market.columns import FeedError
from sidecars.replay.market.market_view import ReplayMarketView
from sidecars.replay.market.recorded import RecordedFeed
from sidecars.replay.model import Candles, FloatArray, IntArray

FOLDER = "futures"
_PAIR = r"([A-Za-z0-9]+)_([A-Za-z0-9]+)_\2-(\d+[mhdwM])"  # settled in the quote coin
TRADED = re.compile(rf"{_PAIR}-futures\.feather")
MARKED = re.compile(rf"{_PAIR}-mark\.feather")
FUNDED = re.compile(rf"{_PAIR}-funding_rate\.feather")
RATE_COLUMNS = ("funding_rate", "open")  # freqtrade's of today and of earlier files


@dataclass(frozen=True, slots=True)
class Funding:
    """Settlements of one perpetual, oldest first: moments (ms) and rates (0.0001 is 0.01 %)."""

    time_ms: IntArray
    rate: FloatArray

    def between(
        self, start_ms: int | None, end_ms: int | None, now_ms: int, limit: int
    ) -> list[tuple[int, float]]:
        """As Binance answers: start and end inclusive, the first `limit` from a start, else the
        last; nothing after now."""
        last_ms = now_ms if end_ms is None else min(end_ms, now_ms)
        first = 0 if start_ms is None else int(self.time_ms.searchsorted(start_ms))
        after = int(self.time_ms.searchsorted(last_ms, side="right"))
        if start_ms is None:
            first = max(first, after - limit)
        after = max(first, min(after, first + limit))
        times: list[int] = self.time_ms[first:after].tolist()
        rates: list[float] = self.rate[first:after].tolist()
        return list(zip(times, rates, strict=True))


@dataclass(frozen=True, slots=True)
class Futures:
    """Trades' candles, mark price candles (None: not on record) and funding by symbol."""

    traded: ReplayMarketView
    marked: ReplayMarketView | None
    funding: Mapping[str, Funding]
    listed_ms: int  # the first open time on record


class _MarkFeed(RecordedFeed):
    """Mark prices have no volume; here each candle has some, for a path is drawn from trades."""

    def _record(self, symbol: str, timeframe_ms: int) -> Candles:
        candles = super()._record(symbol, timeframe_ms)
        return replace(candles, volume=np.ones(len(candles)))


def open_futures(datadir: Path, pairs: Sequence[str] | None, seed: int) -> Futures | None:
    """The perpetuals of a datadir, those of `pairs` ("BTC/USDT") alone; None if it has none.

    Raises FeedError for files that cannot be read.
    """
    folder = datadir / FOLDER
    wanted = _recorded(folder, TRADED, pairs)
    if not wanted:
        return None
    feed = RecordedFeed(folder, pairs=wanted, file_name=TRADED)
    marked = _recorded(folder, MARKED, wanted)
    return Futures(
        traded=ReplayMarketView(feed, seed),
        marked=ReplayMarketView(_MarkFeed(folder, pairs=marked, file_name=MARKED), seed)
        if marked
        else None,
        funding=_funding(folder, wanted),
        listed_ms=feed.span_ms[0],
    )


def _recorded(
    folder: Path, file_name: re.Pattern[str], pairs: Sequence[str] | None
) -> tuple[str, ...]:
    """The pairs that have a file of this kind, of those that are wanted."""
    if not folder.is_dir():
        return ()
    matches = [file_name.fullmatch(path.name) for path in sorted(folder.iterdir())]
    found = dict.fromkeys(f"{match[1]}/{match[2]}" for match in matches if match)
    return tuple(pair for pair in found if pairs is None or pair in pairs)


def _funding(folder: Path, pairs: Sequence[str]) -> dict[str, Funding]:
    funding: dict[str, Funding] = {}
    for path in sorted(folder.iterdir()):
        match = FUNDED.fullmatch(path.name)
        if match and f"{match[1]}/{match[2]}" in pairs:
            symbol, read = match[1] + match[2], _read_funding(path)
            if symbol not in funding or len(read.time_ms) > len(funding[symbol].time_ms):
                funding[symbol] = read
    return funding


def _read_funding(path: Path) -> Funding:
    try:
        table = feather.read_table(path)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise FeedError(f"cannot read {path}: {reason}; expected a feather file") from error
    column = next((name for name in RATE_COLUMNS if name in table.column_names), None)
    if column is None or "date" not in table.column_names:
        raise FeedError(f"{path}: expected columns date and {' or '.join(RATE_COLUMNS)}")
    dates = table["date"]
    if not pa.types.is_timestamp(dates.type) or not pa.types.is_floating(table[column].type):
        raise FeedError(f"{path}: expected timestamps in UTC and rates as numbers")
    times: IntArray = (
        dates.cast(pa.timestamp("ms", dates.type.tz)).cast(pa.int64()).combine_chunks().to_numpy()
    )
    rates: FloatArray = np.asarray(table[column].combine_chunks().to_numpy(False))
    known = np.isfinite(rates)
    times, rates = times[known], rates[known]
    if np.any(np.diff(times) <= 0):
        raise FeedError(f"{path}: rows out of order or double; expected rising dates")
    return Funding(times, rates)
