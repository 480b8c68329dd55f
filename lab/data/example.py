"""A folder of seeded candles with one of each thing wrong: python -m lab.data.example FOLDER"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from lab.data.files import SPOT, file_name, write_frame
from lab.data.findings import IntArray
from lab.data.resample import resample
from lab.data.timeframes import Timeframe, parse_timeframe

START = pd.Timestamp("2024-01-01", tz="UTC")
FIVE_MINUTES = parse_timeframe("5m")
DAYS = 182
CANDLES_A_DAY = 288
WOBBLE = 0.0012
COARSER = ("1h", "4h", "1d")


def seeded_candles(
    seed: int, count: int, timeframe: Timeframe = FIVE_MINUTES, start: pd.Timestamp = START
) -> pd.DataFrame:
    """Whole candles of a random walk, each opening where the one before closed."""
    random = np.random.default_rng(seed)
    path = 100.0 * np.exp(np.concatenate(([0.0], np.cumsum(random.normal(0.0, WOBBLE, count)))))
    prices = np.round(path, 4)
    opens, closes = prices[:-1], prices[1:]
    slots = int(timeframe.slots(np.array([start.value // 1000]))[0]) + np.arange(count)
    return pd.DataFrame(
        {
            "date": dates_of(slots, timeframe),
            "open": opens,
            "high": np.round(np.maximum(opens, closes) * (1 + random.uniform(0, 0.001, count)), 4),
            "low": np.round(np.minimum(opens, closes) * (1 - random.uniform(0, 0.001, count)), 4),
            "close": closes,
            "volume": np.round(random.uniform(10.0, 90.0, count), 5),
        }
    )


def dates_of(slots: IntArray, timeframe: Timeframe) -> pd.DatetimeIndex:
    """The opens of candles as freqtrade keeps them."""
    return pd.to_datetime(timeframe.starts_us(slots), unit="us", utc=True).as_unit("ms")


def coarser(candles: pd.DataFrame, name: str) -> pd.DataFrame:
    """5m candles as those of another timeframe."""
    slots = FIVE_MINUTES.slots(candles["date"].dt.as_unit("us").astype(np.int64).to_numpy())
    return resample(candles, slots, FIVE_MINUTES, parse_timeframe(name)).candles


def without(candles: pd.DataFrame, first_day: float, last_day: float) -> pd.DataFrame:
    """Candles less those between two days after START."""
    days = (candles["date"] - START) / pd.Timedelta("1D")
    return candles[(days < first_day) | (days >= last_day)].reset_index(drop=True)


def filled(candles: pd.DataFrame, first: int, count: int) -> pd.DataFrame:
    """Candles of which some are flat ones that someone filled a hole with."""
    changed = candles.copy()
    rows = slice(first, first + count - 1)
    changed.loc[rows, ["open", "high", "low", "close"]] = candles["close"].iloc[first - 1]
    changed.loc[rows, "volume"] = 0.0
    return changed


def changed_cell(candles: pd.DataFrame, row: int, name: str, factor: float) -> pd.DataFrame:
    changed = candles.copy()
    changed.loc[row, name] = candles[name].iloc[row] * factor
    return changed


def write_example(folder: Path) -> Path:
    """Spot and futures files, some whole, some with something wrong; returns the folder."""
    fine = {
        pair: seeded_candles(seed, DAYS * CANDLES_A_DAY)
        for seed, pair in enumerate(("BTC/USDT", "ETH/USDT", "LINK/USDT", "SOL/USDT"))
    }
    fine["LINK/USDT"] = without(fine["LINK/USDT"], 0, 61)
    fine["SOL/USDT"] = without(without(fine["SOL/USDT"], 40, 46.5), 120.2, 120.6)
    for pair, candles in fine.items():
        _write(folder, pair, SPOT, {"5m": candles} | _coarse(candles, COARSER))
    _write(folder, "ETH/USDT", SPOT, {"5m": filled(fine["ETH/USDT"], 30_000, 700)})
    hourly = coarser(fine["BTC/USDT"], "1h")
    late = hourly["date"].where(hourly.index < 4000, hourly["date"] + pd.Timedelta("7min"))
    _write(folder, "BTC/USDT", SPOT, {"1h": hourly.assign(date=late.where(hourly.index < 4030,
           hourly["date"])).pipe(changed_cell, 1500, "high", 0.9)})  # fmt: skip
    day = coarser(fine["LINK/USDT"], "1d")
    _write(folder, "LINK/USDT", SPOT, {"1d": changed_cell(day, 60, "close", 1.0004)})
    wrong_tick = changed_cell(
        changed_cell(fine["LINK/USDT"], 9000, "high", 1.3), 9000, "close", 1.3
    )
    _write(folder, "LINK/USDT", SPOT, {"5m": wrong_tick})
    perpetual = without(fine["BTC/USDT"], 90, 92)
    _write(folder, "BTC/USDT:USDT", "futures", _coarse(perpetual, COARSER))
    marks = coarser(fine["BTC/USDT"], "1h").assign(volume=0.0)
    at_settlement = (marks["date"].dt.hour % 8 == 0) | (marks.index >= 80 * 24)
    _write(folder, "BTC/USDT:USDT", "mark", {"1h": marks[at_settlement]})
    rates = marks[marks["date"].dt.hour % 8 == 0][["date"]].assign(funding_rate=0.0001)
    _write(folder, "BTC/USDT:USDT", "funding_rate", {"1h": without(rates, 150, 152)})
    return folder


def _coarse(candles: pd.DataFrame, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    return {name: coarser(candles, name) for name in names}


def _write(folder: Path, pair: str, kind: str, frames: dict[str, pd.DataFrame]) -> None:
    for name, frame in frames.items():
        write_frame(frame, folder / file_name(pair, name, kind), overwrite=True)


def main(folder: Annotated[Path, typer.Argument(help="where the files go")]) -> None:
    """Write seeded candles to try `aquatrade data` on."""
    write_example(folder)


if __name__ == "__main__":
    typer.run(main)
