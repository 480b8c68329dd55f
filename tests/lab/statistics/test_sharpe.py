"""Sharpe ratios and their doubts: the papers' own numbers, slow twins, and what has to hold."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lab.statistics.sharpe import (
    ReturnMoments,
    deflated_sharpe,
    expected_maximum_sharpe,
    independent_trials,
    mean_correlation,
    minimum_track_record,
    probabilistic_sharpe,
    return_moments,
    sharpe_ratio,
)

# The example of "The Deflated Sharpe Ratio": five years of 250 days, 2.5 a year, V = 1/2 a year.
EXAMPLE = ReturnMoments(periods=1250, sharpe=2.5 / math.sqrt(250), skew=-3.0, kurtosis=10.0)
EXAMPLE_NORMAL = ReturnMoments(periods=1250, sharpe=2.5 / math.sqrt(250))
EXAMPLE_VARIANCE = 0.5 / 250

returns_of_days = st.lists(st.integers(-50, 50), min_size=3, max_size=40).map(
    lambda numbers: [number / 1000.0 for number in numbers]
)
moments = st.builds(
    ReturnMoments,
    periods=st.integers(10, 2000),
    sharpe=st.floats(-0.3, 0.3),
    skew=st.floats(-1.0, 1.0),
    kurtosis=st.floats(2.5, 12.0),
)


def obvious_moments(returns: Sequence[float]) -> tuple[float, float, float]:
    count = len(returns)
    mean = math.fsum(returns) / count
    second, third, fourth = (
        math.fsum((each - mean) ** power for each in returns) / count for power in (2, 3, 4)
    )
    return mean / math.sqrt(second), third / second**1.5, fourth / second**2


def test_the_papers_example_has_the_papers_numbers() -> None:
    maximum = expected_maximum_sharpe(100, EXAMPLE_VARIANCE)
    assert maximum == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(EXAMPLE, 100, EXAMPLE_VARIANCE) == pytest.approx(0.9004, abs=5e-5)
    # "after 46 trials 0.9505"; with normal returns 88 trials would have done.
    assert deflated_sharpe(EXAMPLE, 46, EXAMPLE_VARIANCE) == pytest.approx(0.9505, abs=5e-5)
    assert deflated_sharpe(EXAMPLE_NORMAL, 88, EXAMPLE_VARIANCE) > 0.95
    assert deflated_sharpe(EXAMPLE_NORMAL, 89, EXAMPLE_VARIANCE) < 0.95


@pytest.mark.parametrize(
    ("periods_a_year", "skew", "kurtosis", "years"),
    [(250, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_the_papers_track_records_for_a_sharpe_of_two_above_one(
    periods_a_year: int, skew: float, kurtosis: float, years: float
) -> None:
    found = ReturnMoments(100, 2.0 / math.sqrt(periods_a_year), skew, kurtosis)
    periods = minimum_track_record(found, 1.0 / math.sqrt(periods_a_year))
    assert periods / periods_a_year == pytest.approx(years, abs=0.005)


@given(returns=returns_of_days)
@settings(max_examples=60)
def test_moments_equal_the_slow_ones(returns: list[float]) -> None:
    assume(len(set(returns)) > 1)
    found = return_moments(returns)
    sharpe, skew, kurtosis = obvious_moments(returns)
    assert found.periods == len(returns)
    assert found.sharpe == pytest.approx(sharpe, abs=1e-9)
    assert found.skew == pytest.approx(skew, abs=1e-7)
    assert found.kurtosis == pytest.approx(kurtosis, abs=1e-7)
    assert found.sharpe_variance >= 0.0
    assert sharpe_ratio([7.0 * each for each in returns]) == pytest.approx(sharpe, abs=1e-9)


@given(found=moments, benchmark=st.floats(-0.2, 0.2))
@settings(max_examples=60)
def test_a_probability_is_the_formula_and_falls_with_the_benchmark(
    found: ReturnMoments, benchmark: float
) -> None:
    ratio = found.sharpe
    variance = 1 - found.skew * ratio + (found.kurtosis - 1) / 4 * ratio * ratio
    score = (ratio - benchmark) * (found.periods - 1) ** 0.5 / variance**0.5
    probability = probabilistic_sharpe(found, benchmark)
    assert probability == pytest.approx(0.5 * math.erfc(-score / math.sqrt(2)), abs=1e-12)
    assert probabilistic_sharpe(found, benchmark + 0.05) <= probability
    assert probabilistic_sharpe(found, ratio) == pytest.approx(0.5)


@given(found=moments, confidence=st.floats(0.6, 0.99), gap=st.floats(0.01, 0.3))
@settings(max_examples=60)
def test_a_track_record_is_just_long_enough(
    found: ReturnMoments, confidence: float, gap: float
) -> None:
    benchmark = found.sharpe - gap
    periods = minimum_track_record(found, benchmark, confidence)
    assume(periods > 4)

    def probability(count: int) -> float:
        longer = ReturnMoments(count, found.sharpe, found.skew, found.kurtosis)
        return probabilistic_sharpe(longer, benchmark)

    assert probability(math.ceil(periods)) >= confidence - 1e-9
    assert probability(math.floor(periods)) <= confidence + 1e-9
    assert minimum_track_record(found, found.sharpe + gap, confidence) == math.inf


@pytest.mark.parametrize("trials", [10, 50, 200, 1000])
def test_the_expected_maximum_is_near_that_of_normal_numbers(trials: int) -> None:
    # Mean of the largest of N normal numbers: the integral of x N phi(x) Phi(x)^(N - 1).
    normal, step = NormalDist(), 0.01
    grid = [step * number for number in range(-800, 801)]
    exact = math.fsum(x * trials * normal.pdf(x) * normal.cdf(x) ** (trials - 1) for x in grid)
    assert expected_maximum_sharpe(trials, 0.04) == pytest.approx(0.2 * step * exact, rel=0.03)


@given(found=moments, trials=st.integers(1, 5000), variance=st.floats(0.0, 0.1))
@settings(max_examples=60)
def test_more_trials_and_wilder_ones_leave_less(
    found: ReturnMoments, trials: int, variance: float
) -> None:
    left = deflated_sharpe(found, trials, variance)
    assert deflated_sharpe(found, 1, variance) == probabilistic_sharpe(found) >= left
    assert deflated_sharpe(found, trials * 2, variance) <= left
    assert deflated_sharpe(found, trials, variance + 0.01) <= left


def test_by_chance_a_probability_is_anything_as_often() -> None:
    random = np.random.default_rng(3)
    found = [probabilistic_sharpe(return_moments(random.standard_t(5, 250))) for _ in range(400)]
    shares = np.histogram(found, bins=5, range=(0.0, 1.0))[0] / 400
    assert shares == pytest.approx([0.2] * 5, abs=0.07)


@given(count=st.integers(2, 8), seed=st.integers(0, 1000), common=st.floats(0.0, 3.0))
@settings(max_examples=40)
def test_the_mean_correlation_is_that_of_all_pairs(count: int, seed: int, common: float) -> None:
    random = np.random.default_rng(seed)
    returns = random.normal(size=(30, count)) + common * random.normal(size=(30, 1))
    pairs = [
        np.corrcoef(returns[:, first], returns[:, second])[0, 1]
        for first in range(count)
        for second in range(first)
    ]
    assert mean_correlation(returns) == pytest.approx(float(np.mean(pairs)), abs=1e-9)
    idle = np.column_stack([returns, np.zeros(30)])
    assert mean_correlation(idle) == pytest.approx(float(np.mean(pairs)), abs=1e-9)


def test_trials_that_go_together_count_less() -> None:
    assert independent_trials(100, 0.0) == 100.0
    assert independent_trials(100, 1.0) == 1.0
    assert independent_trials(100, 0.5) == 50.5
    assert independent_trials(100, -0.01) == 100.0
    assert mean_correlation(np.zeros((5, 3))) == 0.0


def test_two_values_alone_leave_no_doubt() -> None:
    # Kurtosis = skew^2 + 1 and a Sharpe ratio of 2 / skew: the formula's variance is 0.
    certain = ReturnMoments(20, 1.0, 2.0, 5.0)
    assert certain.sharpe_variance == 0.0
    assert probabilistic_sharpe(certain, 0.9) == 1.0
    assert probabilistic_sharpe(certain, 1.1) == 0.0
    assert probabilistic_sharpe(certain, 1.0) == 0.5


def test_what_never_trades_has_no_sharpe_ratio_to_speak_of() -> None:
    assert sharpe_ratio([0.0, 0.0, 0.0]) == 0.0
    with pytest.raises(ValueError, match="every return is 0"):
        return_moments([0.0] * 5)
    with pytest.raises(ValueError, match=r"returns 0\.01 in each of 4 periods"):
        sharpe_ratio([0.01] * 4)


@pytest.mark.parametrize(
    ("returns", "text"),
    [
        ([0.1], r"1 return\(s\), expected 2 or more"),
        ([0.1, math.nan, math.inf], r"2 return\(s\) are not numbers, the first is number 1"),
        ([[0.1, 0.2]], "expected one number a period"),
    ],
)
def test_wrong_returns_are_one_line(returns: list[float], text: str) -> None:
    with pytest.raises(ValueError, match=text) as caught:
        return_moments(returns)
    assert "\n" not in str(caught.value)


def test_wrong_arguments_are_one_line() -> None:
    with pytest.raises(ValueError, match="a normal one has 3, not 0"):
        ReturnMoments(100, 0.1, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"1 period\(s\)"):
        ReturnMoments(1, 0.1)
    with pytest.raises(ValueError, match="have to be numbers"):
        ReturnMoments(10, math.nan)
    with pytest.raises(ValueError, match="0 trials"):
        expected_maximum_sharpe(0, 0.1)
    with pytest.raises(ValueError, match="variance"):
        expected_maximum_sharpe(10, -0.1)
    with pytest.raises(ValueError, match="confidence 1,"):
        minimum_track_record(EXAMPLE, 0.0, 1.0)
    with pytest.raises(ValueError, match="benchmark nan"):
        probabilistic_sharpe(EXAMPLE, math.nan)
    with pytest.raises(ValueError, match="0 trials"):
        independent_trials(0, 0.5)
