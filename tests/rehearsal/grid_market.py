"""A market for a grid: weeks that go to and fro, a slide to a lower range, then a crash."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
PAIR = "BTC/USDT"
WARM_DAYS = 33  # for the 30 days of hourly candles
DAY_CANDLES = 288
MARKET_START = datetime(2024, 1, 1, tzinfo=UTC)
PRICE = 40_000.0
PULL, NOISE = 0.95, 0.003  # spread of about 1 % around its level
SLIDE_PCT, CRASH_PCT = -9.5, -22.0


@dataclass(frozen=True, slots=True)
class GridMarket:
    """Where the candles are, and the moments at which its parts begin."""

    datadir: Path
    start: datetime
    slide: datetime
    lower_range: datetime
    crash: datetime
    end: datetime


def log_prices(range_days: float) -> tuple[FloatArray, list[int]]:
    """Log prices at each 5 minutes, and the candles at which the later parts begin."""
    slide = round((WARM_DAYS + range_days) * DAY_CANDLES)
    lower = slide + DAY_CANDLES // 3
    crash = lower + DAY_CANDLES // 4
    end = crash + DAY_CANDLES // 4
    random = np.random.default_rng(20240101)
    noise = random.normal(0.0, NOISE, end + 1)
    wobble = np.zeros(end + 1)
    for candle in range(1, end + 1):
        wobble[candle] = PULL * wobble[candle - 1] + noise[candle]
    candles = np.arange(end + 1)
    slid = np.clip((candles - slide) / (lower - slide), 0.0, 1.0) * np.log1p(SLIDE_PCT / 100)
    crashed = np.clip((candles - crash) / 36, 0.0, 1.0) * np.log1p(CRASH_PCT / 100)
    return np.asarray(np.log(PRICE) + wobble + slid + crashed), [slide, lower, crash, end]


def write_grid_market(folder: Path, range_days: float) -> GridMarket:
    """One feather file of 5m candles."""
    path, parts = log_prices(range_days)
    price = np.round(np.exp(path), 2)
    opens, closes = price[:-1], price[1:]
    random = np.random.default_rng(7)
    width = np.abs(random.normal(0.0, 0.0002, len(opens)))
    frame = pd.DataFrame(
        {
            "date": pd.date_range(MARKET_START, periods=len(opens), freq="5min").as_unit("ms"),
            "open": opens,
            "high": np.round(np.maximum(opens, closes) * (1 + width), 2),
            "low": np.round(np.minimum(opens, closes) * (1 - width), 2),
            "close": closes,
            "volume": np.round(random.uniform(50, 150, len(opens)), 2),
        }
    )
    frame.to_feather(folder / f"{PAIR.replace('/', '_')}-5m.feather")
    moments = [MARKET_START + candle * timedelta(minutes=5) for candle in parts]
    return GridMarket(folder, MARKET_START + timedelta(days=WARM_DAYS), *moments)
