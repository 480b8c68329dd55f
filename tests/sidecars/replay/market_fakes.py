"""Small recorded markets for tests: seeded candles, datadirs of feather files, a feed cut short."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import feather

from sidecars.replay.market.columns import take
from sidecars.replay.market.timeframes import TIMEFRAMES_MS, close_times
from sidecars.replay.model import Candles, Feed, FloatArray, Market

START_MS = 1_704_067_200_000  # Monday 2024-01-01 00:00 UTC


def seeded_candles(
    count: int, timeframe_ms: int, *, start_ms: int = START_MS, seed: int = 1, decimals: int = 2
) -> Candles:
    """Gapless candles near 100, prices with `decimals` places, a few of them silent and flat."""
    random = np.random.default_rng(seed)
    walk = 100.0 + np.cumsum(random.normal(0.0, 0.3, count))
    closes: FloatArray = np.maximum(walk, 1.0).round(decimals)
    silent = random.random(count) < 0.05
    for place in np.flatnonzero(silent[1:]) + 1:
        closes[place] = closes[place - 1]
    opens: FloatArray = np.concatenate((closes[:1], closes[:-1]))
    silent[0] = False
    highs = np.round(np.maximum(opens, closes) + np.abs(random.normal(0, 0.2, count)), decimals)
    lows = np.round(np.minimum(opens, closes) - np.abs(random.normal(0, 0.2, count)), decimals)
    volumes = np.round(random.exponential(30.0, count) + 0.001, 5)
    return Candles(
        start_ms + np.arange(count, dtype=np.int64) * timeframe_ms,
        opens,
        np.where(silent, opens, highs),
        np.where(silent, opens, lows),
        closes,
        np.where(silent, 0.0, volumes),
    )


def write_candles(datadir: Path, pair: str, timeframe: str, candles: Candles) -> Path:
    """A file as freqtrade writes it."""
    path = datadir / f"{pair.replace('/', '_')}-{timeframe}.feather"
    dates = pa.array(candles.open_time_ms).cast(pa.timestamp("ms", "UTC"))
    columns = {
        "open": candles.open,
        "high": candles.high,
        "low": candles.low,
        "close": candles.close,
        "volume": candles.volume,
    }
    table = pa.table({"date": dates, **{name: pa.array(c) for name, c in columns.items()}})
    feather.write_feather(table, path)
    return path


def without(candles: Candles, first: int, after: int) -> Candles:
    """The same with rows first to after - 1 missing: a hole."""
    rows = np.concatenate((np.arange(first), np.arange(after, len(candles))))
    return take(candles, rows.astype(np.int64))


def same(left: Candles, right: Candles) -> bool:
    """Equal to the bit."""
    return all(
        np.array_equal(getattr(left, name), getattr(right, name))
        for name in ("open_time_ms", "open", "high", "low", "close", "volume")
    )


@dataclass(frozen=True)
class CutFeed:
    """A feed as it would stand had recording stopped at `end_ms`: later candles do not exist."""

    feed: Feed
    end_ms: int

    @property
    def markets(self) -> tuple[Market, ...]:
        return self.feed.markets

    @property
    def span_ms(self) -> tuple[int, int]:
        return self.feed.span_ms[0], self.end_ms

    def candles(self, symbol: str, timeframe_ms: int, start_ms: int, end_ms: int) -> Candles:
        candles = self.feed.candles(symbol, timeframe_ms, start_ms, end_ms)
        return take(candles, close_times(candles.open_time_ms, timeframe_ms) <= self.end_ms)

    def finest(self, symbol: str, moment_ms: int) -> tuple[int, Candles] | None:
        found = self.feed.finest(symbol, moment_ms)
        if found is None or close_times(found[1].open_time_ms, found[0])[0] > self.end_ms:
            return None
        return found

    def tape(self, symbol: str, start_ms: int, end_ms: int) -> list[tuple[int, Candles]]:
        pieces = []
        for timeframe_ms, candles in self.feed.tape(symbol, start_ms, end_ms):
            closed = close_times(candles.open_time_ms, timeframe_ms) <= self.end_ms
            if closed.any():
                pieces.append((timeframe_ms, take(candles, closed)))
        return pieces


def naive_resample(candles: Candles, timeframe: str) -> list[tuple[float, ...]]:
    """One candle at a time, by the calendar: the slow twin of `resample`."""
    rows: dict[int, list[float]] = {}
    for place in range(len(candles)):
        opened = naive_open(int(candles.open_time_ms[place]), timeframe)
        row = (candles.open[place], candles.high[place], candles.low[place])
        if opened not in rows:
            rows[opened] = [*row, candles.close[place], candles.volume[place]]
        else:
            kept = rows[opened]
            kept[1], kept[2] = max(kept[1], row[1]), min(kept[2], row[2])
            kept[3], kept[4] = candles.close[place], kept[4] + candles.volume[place]
    return [(opened, *row) for opened, row in sorted(rows.items())]


def naive_open(moment_ms: int, timeframe: str) -> int:
    """Count days, weekdays and months with the standard library's calendar."""
    moment = datetime.fromtimestamp(moment_ms / 1000, UTC)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if timeframe == "1M":
        opened = midnight.replace(day=1)
    elif timeframe == "1w":
        opened = midnight - timedelta(days=midnight.weekday())
    else:
        return moment_ms - moment_ms % TIMEFRAMES_MS[timeframe]
    return round(opened.timestamp() * 1000)
