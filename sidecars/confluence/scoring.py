"""The Luno confluence score: inputs, parts, the veto, zones, confidence, percentile. Pure.

Columns in, columns out: a backfill of years and the latest day go through the same functions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from sidecars.confluence import points
from sidecars.confluence.candles import MS_PER_DAY, FloatArray, IntArray

PARTS: Mapping[str, int] = {"technical": 35, "momentum": 25, "regime": 30, "sentiment": 10}
# A regime under this forces the total to 0.
VETO_BELOW = 15
PERCENTILE_DAYS = 730
PERCENTILE_MINIMUM_DAYS = 180


class Zone(StrEnum):
    """What a total recommends; the share is of a tranche."""

    STRONG_BUY = "STRONG_BUY"  # 40 %
    MODERATE_BUY = "MODERATE_BUY"  # 25 %
    WAIT = "WAIT"
    AVOID = "AVOID"


def zone_of(total: float) -> Zone:
    """The zone of a total (0 to 100)."""
    if total >= 85:
        return Zone.STRONG_BUY
    if total >= 75:
        return Zone.MODERATE_BUY
    return Zone.WAIT if total >= 60 else Zone.AVOID


def zone_by_percentile(percentile: float | None, *, vetoed: bool) -> Zone | None:
    """The zone of a total among the pair's own last two years; None where that is not known.

    97 and more is what 85 points are meant to be, 90 what 75 are. The veto holds here as well.
    """
    if vetoed:
        return Zone.AVOID
    if percentile is None:
        return None
    if percentile >= 97:
        return Zone.STRONG_BUY
    if percentile >= 90:
        return Zone.MODERATE_BUY
    return Zone.WAIT if percentile >= 60 else Zone.AVOID


@dataclass(frozen=True, slots=True)
class Input:
    """One thing that is judged: from which readings, for how many points, in which part.

    beside: readings that are shown with it and not judged.
    """

    name: str
    part: str
    max_points: int
    readings: tuple[str, ...]
    points: Callable[..., FloatArray]
    beside: tuple[str, ...] = ()


INPUTS: tuple[Input, ...] = (
    Input("sma200", "technical", 10, ("sma200_distance",), points.sma200_points),
    Input("rsi", "technical", 10, ("rsi",), points.rsi_points),
    Input("bollinger", "technical", 10, ("bollinger_position",), points.bollinger_points),
    Input("drawdown", "technical", 5, ("drawdown",), points.drawdown_points),
    Input("volume", "momentum", 10, ("volume_ratio",), points.volume_points),
    Input(
        "macd",
        "momentum",
        8,
        ("macd_histogram", "macd_crossed_up", "macd_rising"),
        points.macd_points,
    ),
    Input(
        "candles",
        "momentum",
        7,
        ("higher_lows", "reversal", "doji_near_support"),
        points.candle_points,
    ),
    Input("btc", "regime", 10, ("btc_price", "btc_sma50", "btc_sma200"), points.btc_points),
    Input(
        "market",
        "regime",
        12,
        ("market_ratio", "market_weekly_rsi"),
        points.market_points,
        beside=("market_source",),
    ),
    Input("funding", "regime", 8, ("funding_pct",), points.funding_points),
    Input("fear_greed", "sentiment", 5, ("fear_greed",), points.fear_greed_points),
    Input("social", "sentiment", 3, ("social_ratio",), points.social_points),
    Input("whales", "sentiment", 2, ("whales_accumulating",), points.whale_points),
)
MAX_POINTS = sum(PARTS.values())


@dataclass(frozen=True, slots=True)
class Scores:
    """Columns of equal length, one row for each day.

    points: for each input, NaN where it is unavailable. parts and total count such an input as 0;
    confidence is the share of all points that could be judged, 0 to 1.
    """

    points: Mapping[str, FloatArray]
    parts: Mapping[str, FloatArray]
    total: FloatArray
    vetoed: npt.NDArray[np.bool_]
    confidence: FloatArray


def score(readings: Mapping[str, FloatArray], rows: int) -> Scores:
    """Judge `rows` days. A reading that is not there at all is unavailable on every day."""
    nothing = np.full(rows, np.nan)
    by_input: dict[str, FloatArray] = {}
    parts = {part: np.zeros(rows) for part in PARTS}
    judged = np.zeros(rows)
    for each in INPUTS:
        values = each.points(*(readings.get(name, nothing) for name in each.readings))
        known = ~np.isnan(values)
        by_input[each.name] = values
        parts[each.part] += np.where(known, values, 0.0)
        judged += np.where(known, each.max_points, 0.0)
    vetoed = parts["regime"] < VETO_BELOW
    total = np.where(vetoed, 0.0, sum(parts.values(), np.zeros(rows)))
    return Scores(by_input, parts, total, vetoed, judged / MAX_POINTS)


def percentiles(as_of_ms: IntArray, total: FloatArray, confidence: FloatArray) -> FloatArray:
    """Percentage of a record's own last two years (730 days) with a lower total than its own.

    as_of_ms: strictly rising. Days are compared that were judged on as many points; NaN where
    there are fewer than 180 of them, the record's own day included. The lowest of all is 0, a
    day above all others is 100.
    """
    result = np.full(len(total), np.nan)
    for level in np.unique(confidence):
        rows = np.flatnonzero(confidence == level)
        result[rows] = _percentiles_of(as_of_ms[rows], total[rows])
    return result


def _percentiles_of(as_of_ms: IntArray, total: FloatArray) -> FloatArray:
    # Totals are whole points, so running counts of each of them make any window a subtraction.
    values = np.round(total).astype(np.int64)
    is_total = np.zeros((len(values) + 1, MAX_POINTS + 1), dtype=np.int32)
    is_total[np.arange(1, len(values) + 1), values] = 1
    running = np.cumsum(np.cumsum(is_total, axis=0), axis=1)
    first = np.searchsorted(as_of_ms, as_of_ms - PERCENTILE_DAYS * MS_PER_DAY, side="right")
    days = np.arange(1, len(values) + 1)
    count = days - first
    below = np.where(values > 0, running[days, values - 1] - running[first, values - 1], 0)
    enough = count >= PERCENTILE_MINIMUM_DAYS
    result = np.full(len(values), np.nan)
    result[enough] = 100.0 * below[enough] / (count[enough] - 1)
    return result
