"""A datadir with perpetuals, as freqtrade's download-data leaves one behind."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import feather

from sidecars.replay.market.timeframes import HOUR_MS
from sidecars.replay.model import Candles
from tests.sidecars.replay.market_fakes import START_MS, seeded_candles, write_candles

EIGHT_HOURS_MS = 8 * HOUR_MS
HOURS = 240


def marks_of(candles: Candles) -> Candles:
    """Mark prices a little beside the traded ones, without volume."""
    shifted = {
        name: np.round(getattr(candles, name) * 1.0001, 8)
        for name in ("open", "high", "low", "close")
    }
    return replace(candles, **shifted, volume=np.zeros(len(candles)))


def write_funding(
    folder: Path, pair: str, times_ms: Sequence[int], rates: Sequence[float], *, is_old: bool
) -> Path:
    """is_old: as the candles of five columns that freqtrade used to make of rates."""
    path = folder / f"{pair.replace('/', '_')}_{pair.split('/')[1]}-1h-funding_rate.feather"
    dates = pa.array(times_ms, pa.int64()).cast(pa.timestamp("ms", "UTC"))
    columns: dict[str, pa.Array] = {"date": dates}
    if is_old:
        nothing = pa.array([0.0] * len(times_ms))
        columns |= {"open": pa.array(rates), "high": nothing, "low": nothing, "close": nothing}
    else:
        columns["funding_rate"] = pa.array(rates)
    feather.write_feather(pa.table(columns), path)
    return path


def settlements(count: int) -> tuple[list[int], list[float]]:
    """Every eight hours, each with a rate of its own."""
    times = [START_MS + place * EIGHT_HOURS_MS for place in range(count)]
    return times, [round(1e-4 * (place - 3), 8) for place in range(count)]


def write_perpetual(
    datadir: Path, pair: str, *, seed: int = 1, hours: int = HOURS, is_old: bool = False
) -> tuple[Candles, Candles]:
    """Candles, mark prices and funding of one pair; returns the first two."""
    folder = datadir / "futures"
    folder.mkdir(exist_ok=True)
    candles = seeded_candles(hours, HOUR_MS, seed=seed)
    name = f"{pair}_{pair.split('/')[1]}"
    write_candles(folder, name, "1h-futures", candles)
    write_candles(folder, name, "1h-mark", marks_of(candles))
    times, rates = settlements(hours // 8)
    write_funding(folder, pair, times, rates, is_old=is_old)
    return candles, marks_of(candles)
