"""Block bootstrap: slow twins, the length of blocks against theory, and how often it is right."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.statistics.bootstrap import (
    Method,
    _figures,
    block_length,
    bootstrap_intervals,
    circular_indices,
    politis_white,
    stationary_indices,
)
from lab.statistics.sharpe import FloatArray


def remembering(seed: int, periods: int, memory: float) -> FloatArray:
    """An AR(1) series of mean 0: each value is `memory` of the one before, and chance."""
    steps = np.random.default_rng(seed).normal(0.0, 0.01, periods)
    walked = itertools.accumulate(steps, lambda before, step: memory * before + step)
    return np.array(list(walked))


def clustered(seed: int, periods: int) -> FloatArray:
    """Returns without memory of their sign, wild and calm for two months at a time."""
    steps = np.random.default_rng(seed).normal(0.0, 0.01, periods)
    calm = (np.arange(periods) // 60) % 2 == 0
    return np.where(calm, 0.3 * steps, 3.0 * steps)


@given(periods=st.integers(3, 30), share=st.floats(0.0, 1.0), seed=st.integers(0, 1000))
@settings(max_examples=40)
def test_places_equal_those_of_a_slow_walk(periods: int, share: float, seed: int) -> None:
    block = 1.0 + share * (periods - 1)
    places = stationary_indices(np.random.default_rng(seed), periods, block, 4)
    random = np.random.default_rng(seed)
    chances, starts = random.random((4, periods)), random.integers(0, periods, (4, periods))
    for draw in range(4):
        place = 0
        for period in range(periods):
            begins = period == 0 or chances[draw, period] < 1.0 / block
            place = int(starts[draw, period]) if begins else (place + 1) % periods
            assert places[draw, period] == place
    circles = circular_indices(np.random.default_rng(seed), periods, block, 4)
    length = math.ceil(block)
    begun = np.random.default_rng(seed).integers(0, periods, (4, math.ceil(periods / length)))
    for draw in range(4):
        expected = [(start + step) % periods for start in begun[draw] for step in range(length)]
        assert circles[draw].tolist() == expected[:periods]


def test_blocks_are_as_long_as_they_should_be_on_average() -> None:
    places = stationary_indices(np.random.default_rng(1), 1000, 8.0, 50)
    breaks = (np.diff(places, axis=1) % 1000 != 1).sum() + 50
    assert places.size / breaks == pytest.approx(8.0, rel=0.05)
    assert np.bincount(places.ravel(), minlength=1000).std() < 12  # no place is favoured


@given(
    returns=st.lists(st.integers(-1000, 900), min_size=10, max_size=40),
    scale=st.sampled_from([1e-3, 1e-4]),
)
@settings(max_examples=40)
def test_figures_equal_the_slow_ones(returns: list[int], scale: float) -> None:
    values = [scale * number for number in returns]
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((each - mean) ** 2 for each in values) / len(values))
    equity = peak = 1.0
    fall = 0.0
    for each in values:
        equity *= 1.0 + each
        peak = max(peak, equity)
        fall = max(fall, 1.0 - equity / peak)
    sharpe = mean / deviation * math.sqrt(365) if deviation > 1e-9 else 0.0
    found = _figures(np.array([values]), 365.0)[:, 0]
    assert found == pytest.approx([mean, sharpe, fall, equity - 1.0], abs=1e-9)


def obvious_politis_white(values: list[float], constant: float) -> float:
    count = len(values)
    mean = math.fsum(values) / count
    lags = min(math.ceil(math.sqrt(count)) + 5, count - 1)

    def covariance(lag: int) -> float:
        pairs = zip(values, values[lag:], strict=False)
        return math.fsum((a - mean) * (b - mean) for a, b in pairs) / count

    band = 2 * math.sqrt(math.log10(count) / count)
    quiet = lags
    for lag in range(lags):
        following = range(lag + 1, min(lag + 5, lags) + 1)
        if all(abs(covariance(each) / covariance(0)) < band for each in following):
            quiet = lag
            break
    window = min(2 * max(quiet, 1), lags)
    spread, total = 0.0, covariance(0)
    for lag in range(1, window + 1):
        weight = min(1.0, 2.0 * (1.0 - lag / window))
        spread += 2 * weight * lag * covariance(lag)
        total += 2 * weight * covariance(lag)
    longest = math.ceil(min(3 * math.sqrt(count), count / 3))
    if total <= 0:
        return longest
    length: float = (2 * spread**2 / (constant * total**2) * count) ** (1 / 3)
    return min(longest, max(1.0, length))


@given(
    seed=st.integers(0, 10_000),
    memory=st.sampled_from([-0.8, 0.0, 0.4, 0.9]),
    periods=st.integers(10, 120),
)
@settings(max_examples=40, deadline=None)
def test_the_block_length_equals_the_slow_one(seed: int, memory: float, periods: int) -> None:
    values = remembering(seed, periods, memory)
    for method, constant in (("stationary", 2.0), ("circular", 4.0 / 3.0)):
        expected = obvious_politis_white(values.tolist(), constant)
        assert politis_white(values, method) == pytest.approx(expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("memory", [0.3, 0.6])
def test_the_block_length_of_a_long_series_is_that_of_theory(memory: float) -> None:
    # Of an AR(1) the best length for the stationary bootstrap is known in closed form.
    theory = (2 * memory / (1 - memory**2)) ** (2 / 3) * 20_000 ** (1 / 3)
    found = politis_white(remembering(4, 20_000, memory))
    assert found == pytest.approx(theory, rel=0.2)
    assert politis_white(remembering(4, 20_000, 0.0)) < 0.2 * theory


def test_wild_and_calm_times_ask_for_longer_blocks_than_the_signs_do() -> None:
    returns = clustered(2, 1200)
    assert politis_white(returns) < 8
    assert block_length(returns) > 30
    assert bootstrap_intervals(returns, draws=100).block == block_length(returns)


def test_intervals_hold_the_truth_as_often_as_they_say_and_shuffled_ones_do_not() -> None:
    held = {None: 0, 1.0: 0}
    for seed in range(60):
        returns = remembering(seed, 400, 0.5)
        for block in held:
            found = bootstrap_intervals(returns, draws=200, block=block, confidence=0.9)
            held[block] += found.mean.low <= 0.0 <= found.mean.high
    assert 0.8 <= held[None] / 60 <= 0.97
    assert held[1.0] / 60 < 0.78


@pytest.mark.parametrize("method", ["stationary", "circular"])
def test_the_same_seed_gives_the_same_bounds_around_the_figures(method: Method) -> None:
    returns = remembering(9, 300, 0.2) + 0.001
    found = bootstrap_intervals(returns, draws=300, method=method)
    assert found == bootstrap_intervals(returns, draws=300, method=method)
    assert found != bootstrap_intervals(returns, draws=300, method=method, seed=1)
    for each in (found.mean, found.sharpe, found.total_return, found.max_drawdown):
        assert each.low < each.value < each.high
    narrow = bootstrap_intervals(returns, draws=300, method=method, confidence=0.5)
    assert narrow.mean.low > found.mean.low and narrow.mean.high < found.mean.high
    assert found.total_return.value == pytest.approx(float(np.prod(1 + returns)) - 1)
    assert found.sharpe.value == pytest.approx(returns.mean() / returns.std() * math.sqrt(365))


def test_a_record_that_never_moves_and_one_that_loses_all() -> None:
    idle = bootstrap_intervals([0.0] * 20, draws=100)
    assert (idle.sharpe.value, idle.max_drawdown.high, idle.total_return.high) == (0.0, 0.0, 0.0)
    lost = bootstrap_intervals([0.01] * 19 + [-1.0], draws=100)
    assert lost.total_return.value == -1.0
    assert lost.max_drawdown.value == 1.0


@pytest.mark.parametrize(
    ("returns", "arguments", "text"),
    [
        ([0.1] * 9, {}, r"9 return\(s\), expected 10 or more"),
        ([0.1] * 12 + [math.nan], {}, "the first is number 12"),
        ([0.1] * 12 + [-1.1], {}, r"a return of -1\.1, expected -1"),
        ([0.1, 0.2] * 9, {"draws": 10}, "10 draws, expected 100 or more"),
        ([0.1, 0.2] * 9, {"confidence": 1.0}, "confidence 1, expected between 0 and 1"),
        ([0.1, 0.2] * 9, {"block": 19.0}, "blocks of 19 periods, expected from 1 to all 18"),
        ([0.1, 0.2] * 9, {"block": 0.5}, "blocks of 0.5 periods"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    returns: list[float], arguments: dict[str, float], text: str
) -> None:
    with pytest.raises(ValueError, match=text) as caught:
        bootstrap_intervals(returns, **arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
