"""Candles that a rehearsal writes itself: minute by minute, each pair with a story of its own."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
MINUTE = timedelta(minutes=1)
DAY_MINUTES = 1440
# A Monday: days, weeks and months do not begin in the middle of what is rehearsed.
MARKET_START = datetime(2024, 3, 4, tzinfo=UTC)
WOBBLE = 0.0003


def quiet_path(number: int, minutes: int, wobble: float = WOBBLE) -> FloatArray:
    """Log prices of one pair at each minute: a seeded wobble around a level of its own."""
    random = np.random.default_rng([20240304, number])
    steps = random.normal(0.0, wobble, minutes + 1)
    path: FloatArray = np.log(40.0 * (number + 1)) + np.cumsum(steps - steps.mean())
    return path


def moved(path: FloatArray, minute: int, over_minutes: int, change_pct: float) -> FloatArray:
    """The path with a lasting change of level that begins at a minute."""
    ramp = np.clip((np.arange(len(path)) - minute) / over_minutes, 0.0, 1.0)
    changed: FloatArray = path + ramp * np.log1p(change_pct / 100.0)
    return changed


def candles(
    path: FloatArray,
    number: int,
    spread: Mapping[int, float] | None = None,
    start: datetime = MARKET_START,
) -> pd.DataFrame:
    """1m candles along a path of log prices; `spread`: minutes whose range is so much wider."""
    random = np.random.default_rng([4, number])
    price = np.round(np.exp(path), 3)
    opens, closes = price[:-1], price[1:]
    width = np.abs(random.normal(0.0, 0.0002, len(opens)))
    for minute, share in (spread or {}).items():
        width[minute] += share
    return pd.DataFrame(
        {
            "date": pd.date_range(start, periods=len(opens), freq="1min").as_unit("ms"),
            "open": opens,
            "high": np.round(np.maximum(opens, closes) * (1 + width), 3),
            "low": np.round(np.minimum(opens, closes) * (1 - width), 3),
            "close": closes,
            "volume": np.round(random.uniform(50, 150, len(opens)) * 3_000 / closes, 2),
        }
    )


def write_market(folder: Path, frames: Mapping[str, pd.DataFrame]) -> Path:
    """One feather file a pair; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for pair, frame in frames.items():
        frame.to_feather(folder / f"{pair.replace('/', '_')}-1m.feather")
    return folder


def quiet_market(folder: Path, pairs: tuple[str, ...], days: int) -> Path:
    """Pairs that do nothing but wobble, each for itself."""
    minutes = days * DAY_MINUTES
    return write_market(
        folder,
        {pair: candles(quiet_path(n, minutes), n) for n, pair in enumerate(pairs)},
    )
