"""Does the confluence score tell anything: what prices did after each zone. Pure.

Forward return of a day: close so many days later / close of the day - 1, in per cent. Returns of
neighbouring days overlap and coins move together, so intervals come from a block bootstrap over
calendar days: a day's rows of all pairs stay together, blocks are as long as the horizon at least.
How much a zone's days really tell is the number of its episodes: futures that do not overlap.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

HORIZONS_DAYS = (7, 30, 90)
# From best to worst, with the rows that the veto forced to 0 apart from low scores.
ZONES = ("STRONG_BUY", "MODERATE_BUY", "WAIT", "AVOID", "VETO")
BUYING_ZONES = ("STRONG_BUY", "MODERATE_BUY")
VETO = "VETO"
ALL_DAYS = "all days"
SHORTEST_BLOCK_DAYS = 20
DRAWS = 2000
SEED = 20241231
# With fewer episodes than this a mean is chance: it is shown without an interval.
FEWEST_EPISODES = 10

FloatArray = npt.NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ZoneFigures:
    """What followed within a horizon. Percentages; interval: 95 %, None for too few episodes.

    days: pair-days that have a price at the end of the horizon; share: of all of them. episodes:
    see `episodes`. difference: mean minus the mean of all days, with its own interval.
    """

    zone: str
    horizon_days: int
    days: int
    share_pct: float
    episodes: int
    mean_pct: float
    interval_pct: Interval | None
    win_pct: float
    difference_pct: float
    difference_interval_pct: Interval | None


@dataclass(frozen=True, slots=True)
class VetoFigures:
    """Mean return (%) with and without the veto; difference: without minus with."""

    horizon_days: int
    vetoed_days: int
    other_days: int
    vetoed_pct: float
    other_pct: float
    difference_pct: float
    difference_interval_pct: Interval | None


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's; the interval is None where there are too few episodes."""

    value: float
    interval: Interval | None


def forward_returns(
    scores: pd.DataFrame,
    closes: Mapping[str, pd.Series],
    horizons: Sequence[int] = HORIZONS_DAYS,
    zone_column: str = "zone",
) -> pd.DataFrame:
    """The rows of `scores` with a column for each horizon ("return_30d", %), NaN past the end.

    scores: columns day (aware, 00:00 of the day after the candle: the close), pair, total,
    vetoed and `zone_column`; a row without a zone is left out unless it is vetoed. closes: of each
    pair the close by the same kind of day.
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
    joined["group"] = joined[zone_column].mask(joined["vetoed"].astype(bool), VETO)
    return joined.dropna(subset=["group"]).reset_index(drop=True)


def episodes(days: Iterable[int], horizon_days: int) -> int:
    """How many of the days, of whatever pair, have a future of their own: counted from the first
    day on, each the next one that is a horizon or more later than the one before it.

    days: numbers of days, in any order and as often as they like.
    """
    count, next_day = 0, None
    for day in sorted(set(days)):
        if next_day is None or day >= next_day:
            count += 1
            next_day = day + horizon_days
    return count


def zone_figures(joined: pd.DataFrame, horizon_days: int) -> list[ZoneFigures]:
    """Figures of all days and of each zone that came, in the order of ZONES."""
    sample = _Sample(joined, horizon_days)
    if not len(sample.values):
        return []
    every_row = np.ones(len(sample.values), dtype=bool)
    all_mean = float(sample.values.mean())
    all_draws = sample.means(every_row)
    figures = []
    for zone in (ALL_DAYS, *ZONES):
        chosen = every_row if zone == ALL_DAYS else sample.groups == zone
        if not chosen.any():
            continue
        draws = sample.means(chosen)
        values = sample.values[chosen]
        mean = float(values.mean())
        count = sample.episodes(chosen)
        enough = count >= FEWEST_EPISODES
        figures.append(
            ZoneFigures(
                zone=zone,
                horizon_days=horizon_days,
                days=len(values),
                share_pct=100.0 * len(values) / len(sample.values),
                episodes=count,
                mean_pct=mean,
                interval_pct=_interval(draws) if enough else None,
                win_pct=float((values > 0).mean() * 100.0),
                difference_pct=mean - all_mean,
                difference_interval_pct=(
                    _interval(draws - all_draws) if enough and zone != ALL_DAYS else None
                ),
            )
        )
    return figures


def veto_figures(joined: pd.DataFrame, horizon_days: int) -> VetoFigures | None:
    """The veto against no veto; None where only one of them came."""
    sample = _Sample(joined, horizon_days)
    vetoed = sample.groups == VETO
    if not vetoed.any() or vetoed.all():
        return None
    vetoed_mean = float(sample.values[vetoed].mean())
    other_mean = float(sample.values[~vetoed].mean())
    fewest = min(sample.episodes(vetoed), sample.episodes(~vetoed))
    draws = sample.means(~vetoed) - sample.means(vetoed)
    return VetoFigures(
        horizon_days=horizon_days,
        vetoed_days=int(vetoed.sum()),
        other_days=int((~vetoed).sum()),
        vetoed_pct=vetoed_mean,
        other_pct=other_mean,
        difference_pct=other_mean - vetoed_mean,
        difference_interval_pct=_interval(draws) if fewest >= FEWEST_EPISODES else None,
    )


def rank_correlation(joined: pd.DataFrame, horizon_days: int, column: str = "total") -> Correlation:
    """Spearman's correlation of the score, or a part of it, with what followed; without vetoed
    days."""
    sample = _Sample(joined[~joined["vetoed"].astype(bool)], horizon_days)
    if len(sample.values) < 2:
        return Correlation(float("nan"), None)
    score = sample.known[column].rank().to_numpy(dtype=float)
    later = sample.known[f"return_{horizon_days}d"].rank().to_numpy(dtype=float)
    # Centred, so that the sums below keep their digits. Ranks stay those of the whole sample.
    score, later = score - score.mean(), later - later.mean()
    columns = (score, later, score * score, later * later, score * later)
    whole = _correlations([np.array([column.sum()]) for column in columns], len(score))
    if sample.episodes(np.ones(len(score), dtype=bool)) < FEWEST_EPISODES:
        return Correlation(float(whole[0]), None)
    numbers = sample.counts @ sample.by_day(np.ones(len(score)))
    draws = _correlations([sample.counts @ sample.by_day(each) for each in columns], numbers)
    return Correlation(float(whole[0]), _interval(draws))


def yearly_rank_correlation(joined: pd.DataFrame, horizon_days: int) -> dict[int, float]:
    """The same of each year's days by themselves."""
    years = pd.DatetimeIndex(joined["day"]).year
    return {
        int(year): rank_correlation(joined[years == year], horizon_days).value
        for year in sorted(set(years))
    }


def verdict(figures: Sequence[ZoneFigures]) -> str:
    """One plain sentence for a horizon: were buying zones followed by more than all days?"""
    buying = [each for each in figures if each.zone in BUYING_ZONES]
    horizon = f"{figures[0].horizon_days} days" if figures else "no horizon"
    tellable = [each for each in buying if each.difference_interval_pct is not None]
    if not tellable:
        count = sum(each.episodes for each in buying)
        days = sum(each.days for each in buying)
        return (
            f"{horizon}: {_counted(count, 'episode')} of a buying zone "
            f"({_counted(days, 'pair-day')}): too few to say anything"
        )
    better = [each.zone for each in tellable if _lower(each) > 0]
    worse = [each.zone for each in tellable if _upper(each) < 0]
    sentences = [
        f"after {', '.join(zones)} prices rose {more} than on all days"
        for zones, more in ((better, "more"), (worse, "less"))
        if zones
    ]
    if not sentences:
        sentences = ["no buying zone was followed by more or less than all days"]
    return f"{horizon}: {'; '.join(sentences)}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _lower(figures: ZoneFigures) -> float:
    interval = figures.difference_interval_pct
    return float("nan") if interval is None else interval[0]


def _upper(figures: ZoneFigures) -> float:
    interval = figures.difference_interval_pct
    return float("nan") if interval is None else interval[1]


class _Sample:
    """The rows whose horizon has ended, and their resampled days."""

    def __init__(self, joined: pd.DataFrame, horizon_days: int) -> None:
        column = f"return_{horizon_days}d"
        self.known = joined.dropna(subset=[column])
        self.values: FloatArray = self.known[column].to_numpy(dtype=float)
        self.groups: npt.NDArray[np.object_] = self.known["group"].to_numpy(dtype=object)
        whole_days = pd.DatetimeIndex(self.known["day"]).tz_convert("UTC").tz_localize(None)
        self._days = whole_days.to_numpy().astype("datetime64[D]").astype(np.int64)
        days, self._codes = np.unique(self._days, return_inverse=True)
        self._day_count = len(days)
        self._horizon_days = horizon_days
        self.counts = _resampled_day_counts(len(days), max(SHORTEST_BLOCK_DAYS, horizon_days))

    def episodes(self, chosen: npt.NDArray[np.bool_]) -> int:
        return episodes(self._days[chosen].tolist(), self._horizon_days)

    def by_day(
        self, values: FloatArray, chosen: npt.NDArray[np.bool_] | slice = slice(None)
    ) -> FloatArray:
        """Sum of the values of each day."""
        sums = np.bincount(self._codes[chosen], weights=values, minlength=self._day_count)
        return sums.astype(np.float64)

    def means(self, chosen: npt.NDArray[np.bool_]) -> FloatArray:
        """The mean of the chosen rows in each draw; NaN where a draw has none of them."""
        values = self.values[chosen]
        numbers = self.counts @ self.by_day(np.ones(len(values)), chosen)
        with np.errstate(invalid="ignore", divide="ignore"):
            result: FloatArray = (self.counts @ self.by_day(values, chosen)) / numbers
        return result


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


def _correlations(sums: Sequence[FloatArray], number: FloatArray | int) -> FloatArray:
    """Pearson's of samples given by their sums of x, y, xx, yy and xy; NaN where one never
    varies."""
    x, y, xx, yy, xy = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = xy - x * y / number
        variances = (xx - x**2 / number) * (yy - y**2 / number)
        result: FloatArray = covariance / np.sqrt(variances)
    return result


def _interval(draws: FloatArray) -> Interval:
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return float(low), float(high)
