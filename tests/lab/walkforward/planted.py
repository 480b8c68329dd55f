"""Hourly candles of a seeded walk, with or without an edge at one hour of the day."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from lab.matrix.periods import Period
from lab.walkforward.plan import WalkWish
from lab.walkforward.search import SearchWish

STRATEGIES = Path(__file__).parent / "strategies"
PAIR = "BTC/USDT"
FIRST = datetime(2022, 12, 31, tzinfo=UTC)
BEGIN = datetime(2023, 1, 1, tzinfo=UTC)
HOURLY_DEVIATION = 0.004
EDGE_HOURS = range(8, 14)  # the candles that rise; the one before, of hour 7, is the signal
EDGE = 0.002  # of each of them, where there is one
SEED = 5
Where = Callable[[pd.DatetimeIndex], "pd.Series | np.ndarray[tuple[int], np.dtype[np.bool_]]"]


def everywhere(dates: pd.DatetimeIndex) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """The edge is there all the time."""
    return np.ones(len(dates), dtype=bool)


def nowhere(dates: pd.DatetimeIndex) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """There is none."""
    return np.zeros(len(dates), dtype=bool)


def since(moment: datetime) -> Where:
    """It is there from a moment on."""
    return lambda dates: np.asarray(dates >= pd.Timestamp(moment))


def hourly(days: int, where: Where, seed: int = SEED) -> pd.DataFrame:
    """Candles as freqtrade keeps them."""
    random = np.random.default_rng(seed)
    dates = pd.date_range(FIRST, periods=24 * days, freq="h").as_unit("ms")
    moves = random.normal(0.0, HOURLY_DEVIATION, len(dates))
    has_edge = np.isin(dates.hour, list(EDGE_HOURS)) & np.asarray(where(dates))
    moves = moves + np.where(has_edge, EDGE, 0.0)
    # Nothing but the edge: what it adds in a day, the other hours of that day give back.
    share = len(EDGE_HOURS) / (24 - len(EDGE_HOURS))
    rest = ~np.isin(dates.hour, list(EDGE_HOURS)) & np.asarray(where(dates))
    moves = moves - np.where(rest, EDGE * share, 0.0)
    close = np.round(1000.0 * np.exp(np.cumsum(moves)), 2)
    opened = np.concatenate([[1000.01], close[:-1]])
    return pd.DataFrame(
        {
            "date": dates,
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
            "volume": np.full(len(dates), 100.0),
        }
    )


def write_hourly(folder: Path, frame: pd.DataFrame) -> Path:
    """A datadir with these candles of one pair."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_feather(folder / f"{PAIR.replace('/', '_')}-1h.feather")
    return folder


def wish_of(datadir: Path, strategy: str, until: datetime, epochs: int, jobs: int = 2) -> WalkWish:
    """A walk over these candles, at costs that leave chance its chance."""
    return WalkWish(
        datadir=datadir,
        strategy=strategy,
        period=Period("planted", BEGIN, until),
        search=SearchWish(epochs=epochs, loss="SharpeHyperOptLossDaily", jobs=jobs),
        cost="0.02%",
        strategies=STRATEGIES,
    )
