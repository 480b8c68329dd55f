"""Was the best of many trials found, or fitted? Deflated Sharpe ratio and CSCV over all of them.

A trial is a column of returns, one for each set of parameters that was tried, also the bad ones:
leave some out and the answer is worth nothing. Pure.
Source of CSCV: Bailey, Borwein, Lopez de Prado and Zhu, "The Probability of Backtest Overfitting"
(Journal of Computational Finance, 2017; SSRN 2326253, 2015).
"""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lab.statistics.sharpe import (
    FloatArray,
    ReturnMoments,
    column_sharpes,
    deflated_sharpe,
    expected_maximum_sharpe,
    independent_trials,
    mean_correlation,
    return_moments,
    sharpes_of_sums,
)

BLOCKS = 16
FEWEST_BLOCKS, MOST_BLOCKS = 4, 20  # 20 are 184,756 ways to halve them
SHORTEST_BLOCK = 5  # periods
FEWEST_TRIALS = 2
HALVES_AT_ONCE = 1024  # bounds memory: halves x trials numbers, a few times
# What a search has to show to be believed: one in twenty by chance, one choice in five misled.
LOWEST_DEFLATED = 0.95
HIGHEST_PBO = 0.2
# Trials whose Sharpe ratios agree to so many decimals are equally good.
TIE_DECIMALS = 10


@dataclass(frozen=True, slots=True)
class BestOfTrials:
    """The trial with the highest Sharpe ratio and what is left of it. Sharpe ratios per period.

    trials: columns; counted_trials: those that the deflation counts; expected_maximum: what the
    best of that many trials without an edge would show; probability: the deflated Sharpe ratio.
    """

    best: int
    trials: int
    counted_trials: float
    moments: ReturnMoments
    variance: float
    expected_maximum: float
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Overfitting:
    """What halving the periods in every way tells of picking the best trial.

    pbo: probability that the trial that is best in one half is below the median in the other.
    logits, in_sample, out_of_sample: (combinations,); Sharpe ratios per period of the trial that
    was best in sample, and the logit of its relative rank out of sample. slope, intercept and
    r_squared: of the line out_of_sample = intercept + slope x in_sample, None where in_sample
    never differs. probability_of_loss: that the Sharpe ratio out of sample is below 0.
    """

    periods: int
    trials: int
    blocks: int
    pbo: float
    probability_of_loss: float
    slope: float | None
    intercept: float | None
    r_squared: float | None
    logits: FloatArray
    in_sample: FloatArray
    out_of_sample: FloatArray

    @property
    def combinations(self) -> int:
        """In how many ways the blocks were halved."""
        return len(self.logits)


def checked_trials(returns: FloatArray | pd.DataFrame, fewest: int = FEWEST_TRIALS) -> FloatArray:
    """Returns as (periods, trials). Raises ValueError in one line for what is none."""
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"returns of shape {values.shape}, expected (periods, trials)")
    if values.shape[1] < fewest:
        raise ValueError(f"{values.shape[1]} trial(s), expected {fewest} or more")
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        period, trial = wrong[0]
        raise ValueError(
            f"{len(wrong)} return(s) are not numbers, the first is trial {trial}, period {period}; "
            "expected 0 for a period without a position"
        )
    return values


def best_of_trials(
    returns: FloatArray | pd.DataFrame, counted_trials: float | None = None
) -> BestOfTrials:
    """Deflated Sharpe ratio of the best column of returns (periods, trials).

    counted_trials: how many independent trials the search amounted to, None for all columns,
    which is the strict answer; see independent_columns. A trial that never trades counts but is
    not the best. Raises ValueError for NaN, or if none trades.
    """
    values = checked_trials(returns, fewest=1)
    sharpes = column_sharpes(values)
    trades = values.any(axis=0)
    if not trades.any():
        raise ValueError(f"none of {len(sharpes)} trial(s) ever had a return: nothing to judge")
    best = int(np.argmax(np.where(trades, sharpes, -np.inf)))
    moments = return_moments(values[:, best])
    trials = len(sharpes)
    variance = float(sharpes.var(ddof=1)) if trials > 1 else 0.0
    counted = float(trials) if counted_trials is None else counted_trials
    return BestOfTrials(
        best=best,
        trials=trials,
        counted_trials=counted,
        moments=moments,
        variance=variance,
        expected_maximum=expected_maximum_sharpe(counted, variance),
        probability=deflated_sharpe(moments, counted, variance),
    )


def verdict(best: BestOfTrials, overfitting: Overfitting) -> str:
    """One plain sentence: is there more than chance in what the search found?"""
    numbers = (
        f"deflated Sharpe {best.probability:.2f} over {best.counted_trials:.0f} trials "
        f"(believed over {LOWEST_DEFLATED:g}), PBO {overfitting.pbo:.2f} "
        f"(under {HIGHEST_PBO:g})"
    )
    is_deflated = best.probability <= LOWEST_DEFLATED
    is_overfitted = overfitting.pbo >= HIGHEST_PBO
    if is_deflated and is_overfitted:
        return f"overfitted as far as these trials tell: {numbers}"
    if is_deflated:
        return f"the choice holds, but chance would show as much: {numbers}"
    if is_overfitted:
        return f"more than chance, but the choice does not hold: {numbers}"
    return f"more than chance, and the choice holds: {numbers}"


def independent_columns(returns: FloatArray | pd.DataFrame) -> float:
    """How many independent trials the columns are worth, by their mean correlation."""
    values = checked_trials(returns, fewest=1)
    return independent_trials(values.shape[1], mean_correlation(values))


def block_count(periods: int, wanted: int = BLOCKS) -> int:
    """Blocks to cut so many periods into: `wanted`, or fewer where blocks became too short.

    Raises ValueError for an odd number, one out of bounds, and for too few periods.
    """
    if wanted % 2 or not FEWEST_BLOCKS <= wanted <= MOST_BLOCKS:
        raise ValueError(
            f"{wanted} blocks, expected an even number from {FEWEST_BLOCKS} to {MOST_BLOCKS}"
        )
    if periods < FEWEST_BLOCKS * SHORTEST_BLOCK:
        raise ValueError(
            f"{periods} periods, expected {FEWEST_BLOCKS * SHORTEST_BLOCK} or more to cut into "
            f"{FEWEST_BLOCKS} blocks"
        )
    return min(wanted, periods // SHORTEST_BLOCK // 2 * 2)


def backtest_overfitting(returns: FloatArray | pd.DataFrame, blocks: int = BLOCKS) -> Overfitting:
    """Combinatorially symmetric cross-validation over returns (periods, trials), in time order.

    The periods are cut into blocks, as equal as can be; every half of the blocks is in sample
    once, the rest out of sample. Trials that are equally good in sample share the choice, and a
    choice exactly at the median counts half: so trials that are all the same, and pure chance
    with any number of trials, have 0.5. Raises ValueError for NaN, too few periods or trials, and
    for a trial that returns the same number other than 0 throughout a half.
    """
    values = checked_trials(returns)
    periods, trials = values.shape
    count = block_count(periods, blocks)
    parts = np.array_split(values, count)
    counts = np.array([float(len(part)) for part in parts])
    sums = np.array([part.sum(axis=0) for part in parts])
    squares = np.array([(part**2).sum(axis=0) for part in parts])
    halves = _halves(count)
    chosen = [
        _chosen(halves[first : first + HALVES_AT_ONCE], counts, sums, squares)
        for first in range(0, len(halves), HALVES_AT_ONCE)
    ]
    in_sample, out_of_sample, losing, rank = (
        np.concatenate(each) for each in zip(*chosen, strict=True)
    )
    above_middle = 2.0 * rank - (trials + 1)
    is_middle = np.abs(above_middle) < 1e-9
    slope, intercept, r_squared = _line(in_sample, out_of_sample)
    return Overfitting(
        periods=periods,
        trials=trials,
        blocks=count,
        pbo=float(np.where(is_middle, 0.5, above_middle < 0.0).mean()),
        probability_of_loss=float(losing.mean()),
        slope=slope,
        intercept=intercept,
        r_squared=r_squared,
        logits=np.where(is_middle, 0.0, np.log(rank / (trials + 1 - rank))),
        in_sample=in_sample,
        out_of_sample=out_of_sample,
    )


def _halves(blocks: int) -> FloatArray:
    """Every way to choose half of the blocks: (ways, blocks) of 0 and 1."""
    chosen = np.array(list(itertools.combinations(range(blocks), blocks // 2)))
    halves = np.zeros((len(chosen), blocks))
    np.put_along_axis(halves, chosen, 1.0, axis=1)
    return halves


def _chosen(
    halves: FloatArray, counts: FloatArray, sums: FloatArray, squares: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Of the trial that is best in each half: its Sharpe ratio there and in the other half, the
    share of loss there (0 or 1, between for equally good ones), and its rank (1 is the worst)."""
    inside, outside = (
        np.round(sharpes_of_sums(half @ counts, half @ sums, half @ squares), TIE_DECIMALS)
        for half in (halves, 1.0 - halves)
    )
    best = inside.max(axis=1)
    winners: npt.NDArray[np.bool_] = inside >= best[:, None]
    after = outside[np.arange(len(outside)), winners.argmax(axis=1)]
    losing = (after < 0.0).astype(np.float64)
    below = (outside < after[:, None]).sum(axis=1)
    equal = (outside <= after[:, None]).sum(axis=1) - below
    rank = below + (equal + 1.0) / 2.0
    shared = np.flatnonzero(winners.sum(axis=1) > 1)
    if len(shared):
        rest, share = outside[shared], winners[shared] / winners[shared].sum(axis=1, keepdims=True)
        ranks = pd.DataFrame(rest.T).rank().to_numpy().T
        after[shared] = (rest * share).sum(axis=1)
        losing[shared] = ((rest < 0.0) * share).sum(axis=1)
        rank[shared] = (ranks * share).sum(axis=1)
    return best, after, losing, rank


def _line(x: FloatArray, y: FloatArray) -> tuple[float | None, float | None, float | None]:
    """Slope, intercept and r squared of the least squares line; None where x never differs."""
    across, up = x - x.mean(), y - y.mean()
    spread, height = float(across @ across), float(up @ up)
    if spread <= 0.0:
        return None, None, None
    slope = float(across @ up) / spread
    r_squared = slope**2 * spread / height if height > 0.0 else None
    return slope, float(y.mean() - slope * x.mean()), r_squared
