"""Clean candles, and one of each thing that can be wrong with them planted at a place."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from lab.data.checks import Checked, check_candles
from lab.data.example import seeded_candles
from lab.data.findings import Finding, Kind
from lab.data.timeframes import parse_timeframe

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CANDLES = 400
PRICES = ["open", "high", "low", "close"]


def clean(seed: int = 1, count: int = CANDLES, timeframe: str = "5m") -> pd.DataFrame:
    return seeded_candles(seed, count, parse_timeframe(timeframe))


def checked(
    frame: pd.DataFrame, timeframe: str = "5m", kind: str = "spot", now: datetime = NOW
) -> Checked:
    return check_candles(frame, parse_timeframe(timeframe), kind, now)


def only(found: Checked) -> Finding:
    """The one thing that was found."""
    (finding,) = found.findings
    return finding


def hole(frame: pd.DataFrame, place: int) -> pd.DataFrame:
    return frame.drop(index=[place, place + 1]).reset_index(drop=True)


def repeat(frame: pd.DataFrame, place: int) -> pd.DataFrame:
    return pd.concat([frame[: place + 1], frame[place:]], ignore_index=True)


def contradiction(frame: pd.DataFrame, place: int) -> pd.DataFrame:
    doubled = repeat(frame, place)
    doubled.loc[place + 1, "volume"] = 1.25
    return doubled


def swap(frame: pd.DataFrame, place: int) -> pd.DataFrame:
    order = np.arange(len(frame))
    order[[place - 1, place]] = order[[place, place - 1]]
    return frame.iloc[order].reset_index(drop=True)


def shift(frame: pd.DataFrame, place: int) -> pd.DataFrame:
    return cell(frame, place, "date", frame["date"].iloc[place] + pd.Timedelta("7s"))


def cell(frame: pd.DataFrame, place: int, name: str, value: Any) -> pd.DataFrame:
    changed = frame.copy()
    changed.loc[place, name] = value
    return changed


def quiet(frame: pd.DataFrame, place: int) -> pd.DataFrame:
    return cell(frame, place, "volume", 0.0)


def flat(frame: pd.DataFrame, place: int) -> pd.DataFrame:
    changed = quiet(frame, place)
    changed.loc[place, PRICES] = frame["close"].iloc[place - 1]
    return changed


def spike(frame: pd.DataFrame, place: int) -> pd.DataFrame:
    price = frame["close"].iloc[place] * 1.2
    return cell(cell(frame, place, "close", price), place, "high", price)


def inverted(frame: pd.DataFrame, place: int) -> pd.DataFrame:
    high, low = frame["high"].iloc[place], frame["low"].iloc[place]
    return cell(cell(frame, place, "high", low), place, "low", high)


def changed(name: str, value: Any) -> Callable[[pd.DataFrame, int], pd.DataFrame]:
    return lambda frame, place: cell(frame, place, name, value)


@dataclass(frozen=True)
class Plant:
    """How to plant it, what it is found as, how many candles it concerns, words in its text."""

    plant: Callable[[pd.DataFrame, int], pd.DataFrame]
    kind: Kind
    candles: int = 1
    words: str = ""


PLANTS = {
    "hole": Plant(hole, Kind.GAPS, 2, "2 candles missing in 1 hole"),
    "repeat": Plant(repeat, Kind.DUPLICATES, 1, "1 row repeated, 0 with other values"),
    "contradiction": Plant(contradiction, Kind.DUPLICATES, 1, "0 rows repeated, 1 with other"),
    "swap": Plant(swap, Kind.UNSORTED, 1, "1 row earlier"),
    "shift": Plant(shift, Kind.OFF_GRID, 1, "1 time at which no 5m candle opens"),
    "quiet": Plant(quiet, Kind.ZERO_VOLUME, 1, "1 candle without volume in 1 run"),
    "flat": Plant(flat, Kind.FILLED, 1, "1 flat candle without volume in 1 run"),
    "spike": Plant(spike, Kind.JUMPS, 1, "1 close that the next candle takes back"),
    "inverted": Plant(inverted, Kind.IMPOSSIBLE, 1, "high below low: 1"),
    "nan": Plant(changed("open", float("nan")), Kind.IMPOSSIBLE, 1, "not a number: 1"),
    "infinite": Plant(changed("volume", float("inf")), Kind.IMPOSSIBLE, 1, "not a number: 1"),
    "zero low": Plant(changed("low", 0.0), Kind.IMPOSSIBLE, 1, "price not positive: 1"),
    "negative": Plant(changed("low", -1.0), Kind.IMPOSSIBLE, 1, "price not positive: 1"),
    "outside": Plant(changed("open", 1e6), Kind.IMPOSSIBLE, 1, "open or close outside"),
    "volume": Plant(changed("volume", -1.0), Kind.IMPOSSIBLE, 1, "volume negative: 1"),
    "no time": Plant(changed("date", pd.NaT), Kind.TIMES, 1, "1 row without a time"),
}
