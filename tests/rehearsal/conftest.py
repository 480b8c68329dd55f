"""Markets and roads for rehearsals with real processes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from operations.road import MarketSource, Road

FloatArray = npt.NDArray[np.float64]
STORM_PAIRS = (
    "BTC/USDT",
    "ETH/USDT",
    "SOL/USDT",
    "BNB/USDT",
    "XRP/USDT",
    "ADA/USDT",
    "LINK/USDT",
    "AVAX/USDT",
)
STORM_START = datetime(2024, 1, 1, tzinfo=UTC)
STORM_HOURS = 24 * 20
QUIET_HOURS = 300  # SMA(200) is warm and price well above it before the first dip
HOURS_BETWEEN_DIPS = 30
TREND_PER_HOUR = 0.002
FIVE_MINUTES_PER_HOUR = 12


@dataclass(frozen=True, slots=True)
class Storm:
    """Candles in which every pair, in turn, falls 13 % in five hours and comes back."""

    datadir: Path
    pairs: tuple[str, ...]
    first_dip: datetime
    end: datetime


def storm_log_prices(number: int) -> FloatArray:
    """Hourly log prices of one pair: a steady climb, with dips that start at its own hour."""
    hours = np.arange(STORM_HOURS + 1)
    log_price: FloatArray = hours * TREND_PER_HOUR + np.log(10.0 * (number + 1))
    for dip in range(QUIET_HOURS + 3 * number, STORM_HOURS, HOURS_BETWEEN_DIPS):
        fallen = np.clip((hours - dip) / 5, 0, 1) - np.clip((hours - dip - 7) / 6, 0, 1)
        log_price = log_price - 0.14 * fallen
    return log_price


def storm_candles(number: int) -> pd.DataFrame:
    """5m candles along the hourly path, with a seeded wobble and steady volume."""
    random = np.random.default_rng([20240101, number])
    hourly = storm_log_prices(number)
    steps = np.arange(STORM_HOURS * FIVE_MINUTES_PER_HOUR + 1) / FIVE_MINUTES_PER_HOUR
    path = np.interp(steps, np.arange(len(hourly)), hourly)
    path = path + random.normal(0.0, 0.0006, len(path))
    price = np.round(np.exp(path), 4)
    opens, closes = price[:-1], price[1:]
    spread = 1 + np.abs(random.normal(0.0, 0.0005, len(opens)))
    return pd.DataFrame(
        {
            "date": pd.date_range(STORM_START, periods=len(opens), freq="5min").as_unit("ms"),
            "open": opens,
            "high": np.round(np.maximum(opens, closes) * spread, 4),
            "low": np.round(np.minimum(opens, closes) / spread, 4),
            "close": closes,
            "volume": np.round(random.uniform(50, 150, len(opens)) * 300 / closes, 2),
        }
    )


@dataclass(frozen=True, slots=True)
class Counts:
    """How often the rehearsals do what they repeat."""

    contention_rounds: int  # bots that want one asset in the same second
    fleet_kills: int  # of guard and bots
    bot_kills: int  # with orders open
    writer_kills: int  # of a score layer that writes
    service_kills: int  # of a score service
    grid_kills: int  # of a grid on its way
    grid_days: float  # of its range, in history
    guard_faults: tuple[str, ...]  # what a guard does instead of answering well


SMALL = Counts(
    contention_rounds=20,
    fleet_kills=4,
    bot_kills=2,
    writer_kills=14,
    service_kills=2,
    grid_kills=3,
    grid_days=0.5,
    guard_faults=("dead", "silent", "slow", "error", "broken", "nan", "more"),
)
FULL = Counts(
    contention_rounds=200,
    fleet_kills=50,
    bot_kills=10,
    writer_kills=44,
    service_kills=6,
    grid_kills=10,
    grid_days=7.0,
    guard_faults=(
        *SMALL.guard_faults, "redirect", "empty", "page", "list", "maybe", "no_stake",
        "text_stake", "other_pair", "past", "paper",
    ),
)  # fmt: skip


@pytest.fixture(scope="session")
def counts() -> Counts:
    """The small numbers, or with AQUATRADE_REHEARSAL=full those that a release has to stand."""
    return FULL if os.environ.get("AQUATRADE_REHEARSAL") == "full" else SMALL


@pytest.fixture(scope="session")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Storm:
    datadir = tmp_path_factory.mktemp("storm")
    for number, pair in enumerate(STORM_PAIRS):
        storm_candles(number).to_feather(datadir / f"{pair.replace('/', '_')}-5m.feather")
    return Storm(
        datadir,
        STORM_PAIRS,
        STORM_START + QUIET_HOURS * timedelta(hours=1),
        STORM_START + STORM_HOURS * timedelta(hours=1),
    )


@pytest.fixture
def storm_road(storm: Storm, tmp_path: Path) -> Iterator[Road]:
    road = Road(tmp_path / "road", MarketSource(storm.datadir, seed=1), storm.pairs)
    with road.stage:
        yield road
