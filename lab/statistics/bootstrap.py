"""Intervals around the figures of a series of returns, by drawing blocks of it anew. Pure, seeded.

Days are not independent: losses and wild days come together. So blocks of neighbouring periods are
drawn, from a series joined end to end in a circle, and the figures of each draw give the interval.
Sources: Politis and Romano, "The Stationary Bootstrap" (JASA, 1994), and "A circular block
resampling procedure for stationary data" (1992); block length: Politis and White (Econometric
Reviews, 2004), with the correction of Patton, Politis and White (2009).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lab.statistics.sharpe import NO_DEVIATION, FloatArray, checked_returns

Method = Literal["stationary", "circular"]
IndexArray = npt.NDArray[np.int64]
DRAWS = 2000
FEWEST_DRAWS = 100
SEED = 20241231
CONFIDENCE = 0.95
FEWEST_PERIODS = 10
PERIODS_PER_YEAR = 365.0
NUMBERS_AT_ONCE = 500_000  # bounds memory: draws x periods
# Of Politis and White: so many autocorrelations in a row within so many standard errors are none.
QUIET_LAGS = 5
QUIET_ERRORS = 2.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the bounds that `confidence` of the draws lie within (percentiles)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ReturnIntervals:
    """Figures of a series of returns. mean: per period; sharpe: a year; max_drawdown: of the
    peak, 0 to 1; total_return: 0.1 is 10 %. block: (mean) length of the drawn blocks, periods."""

    periods: int
    block: float
    draws: int
    confidence: float
    mean: Interval
    sharpe: Interval
    max_drawdown: Interval
    total_return: Interval


def bootstrap_intervals(
    returns: Sequence[float] | FloatArray,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
    confidence: float = CONFIDENCE,
    block: float | None = None,
    method: Method = "stationary",
    periods_per_year: float = PERIODS_PER_YEAR,
) -> ReturnIntervals:
    """Intervals of the figures of simple returns (periods,), compounded.

    block: length in periods, None for block_length. Raises ValueError for fewer than ten returns,
    one that is not a number or under -1, or an argument out of bounds.
    """
    values = checked_returns(returns, FEWEST_PERIODS)
    if values.min() < -1.0:
        raise ValueError(f"a return of {values.min():g}, expected -1 (all is lost) or more")
    if draws < FEWEST_DRAWS:
        raise ValueError(f"{draws} draws, expected {FEWEST_DRAWS} or more")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence {confidence:g}, expected between 0 and 1")
    length = block_length(values, method) if block is None else block
    generator = np.random.default_rng(seed)
    rows = max(1, NUMBERS_AT_ONCE // len(values))
    found = np.concatenate(
        [
            _figures(values[places], periods_per_year)
            for places in _drawn(generator, len(values), length, draws, method, rows)
        ],
        axis=1,
    )
    tail = 50.0 * (1.0 - confidence)
    lows, highs = np.percentile(found, [tail, 100.0 - tail], axis=1)
    whole = _figures(values[None, :], periods_per_year)[:, 0]
    mean, sharpe, drawdown, total = (
        Interval(float(value), float(low), float(high))
        for value, low, high in zip(whole, lows, highs, strict=True)
    )
    return ReturnIntervals(
        periods=len(values), block=float(length), draws=draws, confidence=confidence,
        mean=mean, sharpe=sharpe, max_drawdown=drawdown, total_return=total,
    )  # fmt: skip


def _drawn(
    generator: np.random.Generator,
    periods: int,
    block: float,
    draws: int,
    method: Method,
    rows: int,
) -> Iterator[IndexArray]:
    indices = stationary_indices if method == "stationary" else circular_indices
    for first in range(0, draws, rows):
        yield indices(generator, periods, block, min(rows, draws - first))


def _figures(returns: FloatArray, periods_per_year: float) -> FloatArray:
    """Mean, yearly Sharpe, largest drawdown and total return of each row: (4, rows).

    A row that never moves has a Sharpe ratio of 0.
    """
    mean = returns.mean(axis=1)
    deviation = returns.std(axis=1)
    is_flat = deviation <= NO_DEVIATION * np.abs(returns).max(axis=1)
    sharpe = np.where(is_flat, 0.0, mean / np.where(is_flat, 1.0, deviation))
    equity = np.cumprod(1.0 + returns, axis=1)
    peak = np.maximum(np.maximum.accumulate(equity, axis=1), 1.0)
    drawdown = (1.0 - equity / peak).max(axis=1)
    return np.stack([mean, sharpe * math.sqrt(periods_per_year), drawdown, equity[:, -1] - 1.0])


def stationary_indices(
    generator: np.random.Generator, periods: int, block: float, draws: int
) -> IndexArray:
    """Places (draws, periods) of a stationary bootstrap: at each a new block begins by chance,
    1 / block, so that blocks are `block` periods long on average (1 or more)."""
    _check_block(block, periods)
    begins = generator.random((draws, periods)) < 1.0 / block
    begins[:, 0] = True
    starts = generator.integers(0, periods, (draws, periods))
    here = np.arange(periods)
    since = np.maximum.accumulate(np.where(begins, here, 0), axis=1)
    places: IndexArray = (np.take_along_axis(starts, since, axis=1) + here - since) % periods
    return places


def circular_indices(
    generator: np.random.Generator, periods: int, block: float, draws: int
) -> IndexArray:
    """Places (draws, periods) of a circular block bootstrap: blocks of one length, rounded up."""
    _check_block(block, periods)
    length = math.ceil(block)
    starts = generator.integers(0, periods, (draws, -(-periods // length)))
    places: IndexArray = (starts[:, :, None] + np.arange(length)) % periods
    return places.reshape(draws, -1)[:, :periods]


def block_length(returns: Sequence[float] | FloatArray, method: Method = "stationary") -> float:
    """Length of the blocks to draw, periods: politis_white of the returns, or of their distances
    from the mean where that is longer.

    Returns of a market hardly remember their sign, but their size for weeks (volatility comes in
    clusters); Sharpe ratio and drawdown depend on both. ValueError as checked_returns.
    """
    values = checked_returns(returns, FEWEST_PERIODS)
    distances = np.abs(values - values.mean())
    return max(politis_white(values, method), politis_white(distances, method))


def politis_white(values: FloatArray, method: Method = "stationary") -> float:
    """Block length that is best for the mean, 1 to min(3 sqrt n, n / 3) periods (2004, 2009).

    m: the lag after which QUIET_LAGS autocorrelations in a row are below 2 sqrt(log10 n / n); with
    R(k) the autocovariances, w the flat-top window over 2 m lags, G = sum w |k| R(k) and
    g = sum w R(k), it is (2 G^2 / (c g^2))^(1/3) n^(1/3); c: 2 stationary, 4 / 3 circular.
    """
    n = len(values)
    centred = values - values.mean()
    longest = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    lags = min(math.ceil(math.sqrt(n)) + QUIET_LAGS, n - 1)
    covariances = np.array(
        [(centred[lag:] * centred[: n - lag]).sum() / n for lag in range(lags + 1)]
    )
    if covariances[0] <= NO_DEVIATION * float((values**2).mean()):
        return 1.0  # it never moves: there is nothing to keep together
    is_quiet = np.abs(covariances[1:] / covariances[0]) < QUIET_ERRORS * math.sqrt(
        math.log10(n) / n
    )
    quiet_from = next((lag for lag in range(lags) if is_quiet[lag : lag + QUIET_LAGS].all()), lags)
    window = min(2 * max(1, quiet_from), lags)
    ks = np.arange(1, window + 1)
    weights = np.clip(2.0 * (1.0 - ks / window), 0.0, 1.0)
    spread = float(2.0 * (weights * ks) @ covariances[1 : window + 1])
    long_run = float(covariances[0] + 2.0 * weights @ covariances[1 : window + 1])
    if long_run <= 0.0:  # neighbours undo each other: only long blocks keep that
        return float(longest)
    divisor = (2.0 if method == "stationary" else 4.0 / 3.0) * long_run**2
    length = (2.0 * spread**2 / divisor * n) ** (1.0 / 3.0)
    return float(min(max(1.0, length), longest))


def _check_block(block: float, periods: int) -> None:
    if not (math.isfinite(block) and 1.0 <= block <= periods):
        raise ValueError(f"blocks of {block:g} periods, expected from 1 to all {periods}")
