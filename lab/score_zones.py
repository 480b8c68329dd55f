"""Does the confluence score tell anything: what prices did after each zone. Pure.

Forward return of a day: close so many days later / close of the day - 1, in per cent. Returns of
neighbouring days overlap and coins move together, so intervals come from a block bootstrap over
calendar days: a day's rows of all pairs stay together, blocks are as long as the horizon at least.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

HORIZONS_DAYS = (7, 30, 90)
# From best to worst, with the rows that the veto forced to 0 apart from low scores.
ZONES = ("STRONG_BUY", "MODERATE_BUY", "WAIT", "AVOID", "VETO")
ALL_DAYS = "all days"
SHORTEST_BLOCK_DAYS = 20
DRAWS = 2000
SEED = 20241231
# With fewer days than this a mean is chance: it is shown without an interval.
FEWEST_DAYS = 20

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ZoneFigures:
    """What followed within a horizon. Percentages; interval: 95 %, None for too few days.

    days: pair-days that have a price at the end of the horizon. difference: mean minus the mean
    of all days, with its own interval.
    """

    zone: str
    horizon_days: int
    days: int
    mean_pct: float
    interval_pct: tuple[float, float] | None
    win_pct: float
    difference_pct: float
    difference_interval_pct: tuple[float, float] | None


def forward_returns(
    scores: pd.DataFrame, closes: Mapping[str, pd.Series], horizons: Sequence[int] = HORIZONS_DAYS
) -> pd.DataFrame:
    """The rows of `scores` with a column for each horizon ("return_30d", %), NaN past the end.

    scores: columns day (aware, 00:00 of the day after the candle: the close), pair, total, zone,
    vetoed. closes: of each pair the close by the same kind of day.
    """
    rows = []
    for pair, group in scores.groupby("pair", sort=True):
        close = closes[str(pair)]
        block = group.sort_values("day").copy()
        now = close.reindex(block["day"]).to_numpy()
        for horizon in horizons:
            later = close.reindex(block["day"] + pd.Timedelta(days=horizon)).to_numpy()
            block[f"return_{horizon}d"] = (later / now - 1.0) * 100.0
        rows.append(block)
    joined = pd.concat(rows, ignore_index=True)
    joined["group"] = np.where(joined["vetoed"], "VETO", joined["zone"])
    return joined


def zone_figures(joined: pd.DataFrame, horizon_days: int) -> list[ZoneFigures]:
    """Figures of all days and of each zone that came, in the order of ZONES."""
    known = joined.dropna(subset=[f"return_{horizon_days}d"])
    days, day_codes = np.unique(known["day"].to_numpy(), return_inverse=True)
    values = known[f"return_{horizon_days}d"].to_numpy(dtype=float)
    groups = known["group"].to_numpy()
    counts = _resampled_day_counts(len(days), max(SHORTEST_BLOCK_DAYS, horizon_days))
    all_sums, all_numbers = _by_day(values, day_codes, len(days))
    all_mean = float(values.mean()) if len(values) else float("nan")
    all_draws = _means(counts, all_sums, all_numbers)
    figures = []
    for zone in (ALL_DAYS, *ZONES):
        chosen = np.ones(len(values), dtype=bool) if zone == ALL_DAYS else groups == zone
        if not chosen.any():
            continue
        sums, numbers = _by_day(values[chosen], day_codes[chosen], len(days))
        draws = _means(counts, sums, numbers)
        mean = float(values[chosen].mean())
        enough = int(chosen.sum()) >= FEWEST_DAYS
        figures.append(
            ZoneFigures(
                zone=zone,
                horizon_days=horizon_days,
                days=int(chosen.sum()),
                mean_pct=mean,
                interval_pct=_interval(draws) if enough else None,
                win_pct=float((values[chosen] > 0).mean() * 100.0),
                difference_pct=mean - all_mean,
                difference_interval_pct=(
                    _interval(draws - all_draws) if enough and zone != ALL_DAYS else None
                ),
            )
        )
    return figures


def rank_correlation(joined: pd.DataFrame, horizon_days: int) -> float:
    """Spearman's correlation of the score (vetoed days left out) with what followed."""
    known = joined.dropna(subset=[f"return_{horizon_days}d"])
    known = known[~known["vetoed"].astype(bool)]
    return float(known["total"].corr(known[f"return_{horizon_days}d"], method="spearman"))


def verdict(figures: Sequence[ZoneFigures]) -> str:
    """One plain sentence for a horizon: were buying zones followed by more than all days?"""
    buying = [each for each in figures if each.zone in ("STRONG_BUY", "MODERATE_BUY")]
    horizon = f"{figures[0].horizon_days} days" if figures else "no horizon"
    tellable = [each for each in buying if each.difference_interval_pct is not None]
    if not tellable:
        days = sum(each.days for each in buying)
        return f"{horizon}: {days} days of a buying zone are too few to say anything"
    better = [each.zone for each in tellable if _lower(each) > 0]
    worse = [each.zone for each in tellable if _upper(each) < 0]
    if better:
        return f"{horizon}: after {', '.join(better)} prices rose more than on all days"
    if worse:
        return f"{horizon}: after {', '.join(worse)} prices rose less than on all days"
    return f"{horizon}: no buying zone was followed by more or less than all days"


def _lower(figures: ZoneFigures) -> float:
    interval = figures.difference_interval_pct
    return float("nan") if interval is None else interval[0]


def _upper(figures: ZoneFigures) -> float:
    interval = figures.difference_interval_pct
    return float("nan") if interval is None else interval[1]


def _by_day(
    values: FloatArray, day_codes: npt.NDArray[np.intp], days: int
) -> tuple[FloatArray, FloatArray]:
    """Sum and number of the values of each day."""
    sums = np.bincount(day_codes, weights=values, minlength=days)
    numbers = np.bincount(day_codes, minlength=days)
    return sums.astype(np.float64), numbers.astype(np.float64)


@lru_cache(maxsize=4)
def _resampled_day_counts(days: int, block_days: int) -> FloatArray:
    """For each draw how often each day is in it; blocks of days, joined end to end in a circle."""
    if days == 0:
        return np.zeros((DRAWS, 0))
    generator = np.random.default_rng(SEED)
    blocks = -(-days // block_days)
    starts = generator.integers(0, days, size=(DRAWS, blocks))
    places = (starts[:, :, None] + np.arange(block_days)) % days
    counts = np.zeros((DRAWS, days))
    for draw in range(DRAWS):
        counts[draw] = np.bincount(places[draw].ravel()[:days], minlength=days)
    return counts


def _means(counts: FloatArray, sums: FloatArray, numbers: FloatArray) -> FloatArray:
    total = counts @ numbers
    with np.errstate(invalid="ignore", divide="ignore"):
        result: FloatArray = (counts @ sums) / total
    return result


def _interval(draws: FloatArray) -> tuple[float, float]:
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return float(low), float(high)
