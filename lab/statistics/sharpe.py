"""How far a Sharpe ratio can be believed: its moments, its error, and how many were tried. Pure.

Sharpe ratios here are per period (of daily returns: per day), mean over standard deviation with
the divisor n, as freqtrade's before it annualises; a yearly one is sqrt(365) times that.
Sources: Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (Journal of Risk, 2012)
and "The Deflated Sharpe Ratio" (Journal of Portfolio Management, 2014).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
NORMAL = NormalDist()
EULER = 0.5772156649015329
# A deviation smaller than this part of the values is a rest of floating point.
NO_DEVIATION = 1e-12
# Skew and kurtosis of no distribution lie below kurtosis = skew ** 2 + 1; for their rounding.
MOMENTS_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class ReturnMoments:
    """What the formulas need of a series of returns. sharpe: per period; kurtosis: normal is 3.

    Raises ValueError for fewer than two periods, and for moments that no series has.
    """

    periods: int
    sharpe: float
    skew: float = 0.0
    kurtosis: float = 3.0

    def __post_init__(self) -> None:
        if self.periods < 2:
            raise ValueError(f"{self.periods} period(s), expected two or more")
        if not all(map(math.isfinite, (self.sharpe, self.skew, self.kurtosis))):
            raise ValueError(f"Sharpe, skew and kurtosis have to be numbers, got {self}")
        if self.kurtosis < self.skew**2 + 1.0 - MOMENTS_TOLERANCE:
            raise ValueError(
                f"kurtosis {self.kurtosis:g} with skew {self.skew:g}: no series has that, expected "
                f"{self.skew**2 + 1.0:g} or more (a normal one has 3, not 0)"
            )

    @property
    def sharpe_variance(self) -> float:
        """Variance of the estimated Sharpe ratio times (periods - 1); never below zero."""
        rest = 1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe**2
        return max(0.0, rest)


def checked_returns(returns: Sequence[float] | FloatArray, fewest: int = 2) -> FloatArray:
    """Returns as a vector (periods,). Raises ValueError in one line for too few, NaN, infinite."""
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"returns of shape {values.shape}, expected one number a period")
    if len(values) < fewest:
        raise ValueError(f"{len(values)} return(s), expected {fewest} or more")
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise ValueError(f"{len(wrong)} return(s) are not numbers, the first is number {wrong[0]}")
    return values


def sharpe_ratio(returns: Sequence[float] | FloatArray) -> float:
    """Mean / standard deviation (divisor n) of the returns, per period; 0 if all returns are 0.

    Raises ValueError where every return is the same number other than 0: there is no ratio.
    """
    values = checked_returns(returns)
    return float(column_sharpes(values[:, None])[0])


def column_sharpes(returns: FloatArray) -> FloatArray:
    """sharpe_ratio of each column of (periods, trials), finite numbers."""
    count = np.array([float(len(returns))])
    total, squares = returns.sum(axis=0), (returns**2).sum(axis=0)
    ratios: FloatArray = sharpes_of_sums(count, total[None, :], squares[None, :])[0]
    return ratios


def sharpes_of_sums(counts: FloatArray, sums: FloatArray, squares: FloatArray) -> FloatArray:
    """Sharpe ratios from counts (rows,), sums and sums of squares (rows, trials) of returns.

    A row without any return has 0. Raises ValueError for one that always returns the same.
    """
    mean = sums / counts[:, None]
    mean_square = squares / counts[:, None]
    variance = mean_square - mean**2
    is_flat = variance <= NO_DEVIATION * mean_square
    stuck = np.argwhere(is_flat & (mean_square > 0.0))
    if len(stuck):
        row, trial = stuck[0]
        raise ValueError(
            f"trial {trial} returns {mean[row, trial]:g} in each of {counts[row]:.0f} periods: "
            "without a deviation there is no Sharpe ratio"
        )
    ratios: FloatArray = np.where(is_flat, 0.0, mean / np.sqrt(np.where(is_flat, 1.0, variance)))
    return ratios


def return_moments(returns: Sequence[float] | FloatArray) -> ReturnMoments:
    """Moments of returns (periods,). ValueError as checked_returns, and if they never move."""
    values = checked_returns(returns)
    sharpe = sharpe_ratio(values)
    if not np.any(values):
        raise ValueError("every return is 0: there is nothing to judge")
    deviation = values - values.mean()
    standard = deviation / deviation.std()
    return ReturnMoments(
        periods=len(values),
        sharpe=sharpe,
        skew=float((standard**3).mean()),
        kurtosis=float((standard**4).mean()),
    )


def probabilistic_sharpe(moments: ReturnMoments, benchmark: float = 0.0) -> float:
    """Probability that the true Sharpe ratio is above the benchmark, both per period.

    PSR = Phi((SR - SR*) sqrt(n - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2)), 2012.
    """
    _check_number(benchmark, "benchmark")
    gap = (moments.sharpe - benchmark) * math.sqrt(moments.periods - 1)
    if moments.sharpe_variance <= 0.0:  # a series of two values only
        return 0.5 if math.isclose(gap, 0.0, abs_tol=1e-12) else float(gap > 0.0)
    return NORMAL.cdf(gap / math.sqrt(moments.sharpe_variance))


def minimum_track_record(
    moments: ReturnMoments, benchmark: float = 0.0, confidence: float = 0.95
) -> float:
    """Periods that such returns need for probabilistic_sharpe to reach `confidence` (2012).

    Infinite where the Sharpe ratio is not above the benchmark. confidence: over 0.5, under 1.
    """
    _check_number(benchmark, "benchmark")
    if not 0.5 < confidence < 1.0:
        raise ValueError(f"confidence {confidence:g}, expected over 0.5 and under 1")
    gap = moments.sharpe - benchmark
    if gap <= 0.0:
        return math.inf
    return 1.0 + moments.sharpe_variance * (NORMAL.inv_cdf(confidence) / gap) ** 2


def expected_maximum_sharpe(trials: float, variance: float) -> float:
    """Sharpe ratio to expect of the best of so many trials without any edge, per period.

    SR0 = sqrt(V) ((1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e))), g Euler's constant (2014).
    variance: of the trials' Sharpe ratios per period. One trial expects 0. ValueError for fewer.
    """
    if not (math.isfinite(trials) and trials >= 1.0):
        raise ValueError(f"{trials} trials, expected one or more")
    if not (math.isfinite(variance) and variance >= 0.0):
        raise ValueError(f"variance of the trials' Sharpe ratios {variance}, expected 0 or more")
    if trials <= 1.0:
        return 0.0
    first = NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * max(0.0, (1.0 - EULER) * first + EULER * second)


def deflated_sharpe(moments: ReturnMoments, trials: float, variance: float) -> float:
    """Probability that the best of so many trials is better than the best of chance would be.

    DSR = probabilistic_sharpe against expected_maximum_sharpe (2014). variance: of the trials'
    Sharpe ratios per period.
    """
    return probabilistic_sharpe(moments, expected_maximum_sharpe(trials, variance))


def independent_trials(trials: int, mean_correlation: float) -> float:
    """How many independent trials so many correlated ones are worth: r + (1 - r) N (2014, A.3).

    mean_correlation: of the trials' returns, counted from 0 to 1.
    """
    if trials < 1:
        raise ValueError(f"{trials} trials, expected one or more")
    _check_number(mean_correlation, "mean correlation")
    share = min(1.0, max(0.0, mean_correlation))
    return share + (1.0 - share) * trials


def mean_correlation(returns: FloatArray) -> float:
    """Mean of the correlations between all pairs of columns of (periods, trials).

    Columns that never move have none and are left out; 0 where fewer than two are left.
    """
    deviation = returns.std(axis=0)
    moving = returns[:, deviation > NO_DEVIATION * np.abs(returns).max(axis=0)]
    count = moving.shape[1]
    if count < 2:
        return 0.0
    standard = (moving - moving.mean(axis=0)) / moving.std(axis=0)
    # The sum of all correlations is the square of the rows' sums: no matrix of all pairs.
    together = float((standard.sum(axis=1) ** 2).sum()) / len(returns)
    return float((together - count) / (count * (count - 1)))


def _check_number(value: float, what: str) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{what} {value}, expected a number")
