"""CSCV against a slow twin and by hand; chance is called out, a planted edge is not."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lab.statistics.overfitting import (
    backtest_overfitting,
    best_of_trials,
    block_count,
    independent_columns,
    verdict,
)
from lab.statistics.sharpe import FloatArray

PERIODS, TRIALS = 600, 200


def noise(seed: int, periods: int = PERIODS, trials: int = TRIALS) -> FloatArray:
    """Daily returns of a search that has nothing to find."""
    return np.random.default_rng(seed).normal(0.0, 0.02, (periods, trials))


def planted(seed: int) -> FloatArray:
    """The same with one trial that earns a quarter of its deviation every day."""
    returns = noise(seed, 2 * PERIODS)
    returns[:, 17] += 0.005
    return returns


def obvious_sharpe(returns: list[float]) -> float:
    mean = math.fsum(returns) / len(returns)
    variance = math.fsum((each - mean) ** 2 for each in returns) / len(returns)
    if variance < 1e-18:
        assume(not any(returns))
        return 0.0
    return round(mean / math.sqrt(variance), 10)


def obvious_overfitting(returns: FloatArray, blocks: int) -> tuple[float, float, list[float]]:
    """(pbo, probability of loss, logits), one half and one trial after the other."""
    parts = np.array_split(returns, blocks)
    trials = returns.shape[1]
    below, losses, logits = [], [], []
    for half in itertools.combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[each] for each in half])
        outside = np.concatenate([parts[each] for each in range(blocks) if each not in half])
        before = [obvious_sharpe(inside[:, trial].tolist()) for trial in range(trials)]
        after = [obvious_sharpe(outside[:, trial].tolist()) for trial in range(trials)]
        winners = [trial for trial in range(trials) if before[trial] == max(before)]
        ranks = [
            sum(other < after[winner] for other in after)
            + (sum(other == after[winner] for other in after) + 1) / 2
            for winner in winners
        ]
        relative = sum(ranks) / len(ranks) / (trials + 1)
        logit = math.log(relative / (1 - relative))
        logits.append(logit)
        below.append(0.5 if abs(logit) < 1e-9 else float(logit < 0))
        losses.append(sum(after[winner] < 0 for winner in winners) / len(winners))
    return sum(below) / len(below), sum(losses) / len(losses), logits


@given(
    numbers=st.integers(2, 5).flatmap(
        lambda trials: st.lists(
            st.lists(st.sampled_from([-2, -1, 0, 0, 1, 2]), min_size=trials, max_size=trials),
            min_size=20,
            max_size=33,
        )
    ),
    copies=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_it_equals_the_slow_twin_also_with_ties(numbers: list[list[int]], copies: bool) -> None:
    returns = np.array(numbers, dtype=np.float64) / 100.0
    if copies:  # as a search whose parameter changes nothing
        returns = np.column_stack([returns, returns])
    pbo, loss, logits = obvious_overfitting(returns, block_count(len(returns)))
    found = backtest_overfitting(returns)
    assert found.pbo == pytest.approx(pbo, abs=1e-12)
    assert found.probability_of_loss == pytest.approx(loss, abs=1e-12)
    assert found.logits == pytest.approx(logits, abs=1e-9)
    assert found.combinations == math.comb(found.blocks, found.blocks // 2)


@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 50.0))
@settings(max_examples=30, deadline=None)
def test_order_of_trials_and_their_scale_do_not_matter(seed: int, scale: float) -> None:
    returns = noise(seed, 48, 7)
    found = backtest_overfitting(returns, 8)
    shuffled = np.random.default_rng(seed).permutation(returns, axis=1) * scale
    again = backtest_overfitting(shuffled, 8)
    assert again.pbo == found.pbo
    assert again.logits == pytest.approx(found.logits)
    assert again.slope == pytest.approx(found.slope, abs=1e-6)
    assert backtest_overfitting(returns[::-1], 8).pbo == found.pbo


def test_a_trial_that_is_better_in_every_block_is_not_overfitted() -> None:
    wave = np.tile([0.01, -0.01, 0.01, -0.01, 0.0], 4)
    found = backtest_overfitting(np.column_stack([wave + 0.005, wave, wave - 0.005]), 4)
    assert found.pbo == 0.0
    assert found.probability_of_loss == 0.0
    # Third of three, relative rank 3 / 4, in each of the six ways to halve four blocks.
    assert found.logits == pytest.approx([math.log(3.0)] * 6)
    assert found.slope is None


def test_trials_that_take_turns_are_overfitted_as_counted_by_hand() -> None:
    wave = np.tile([0.01, -0.01, 0.01, -0.01, 0.0], 4)
    turn = np.repeat([0.005, 0.005, -0.005, -0.005], 5)
    found = backtest_overfitting(np.column_stack([wave + turn, wave - turn]), 4)
    # Two ways choose the wrong one; in four both are equal, in sample and out of it.
    assert found.pbo == pytest.approx((2 * 1.0 + 4 * 0.5) / 6)
    assert found.logits == pytest.approx([math.log(0.5), 0, 0, 0, 0, math.log(0.5)])
    assert found.probability_of_loss == pytest.approx(2 / 6)
    assert found.slope is not None and found.slope < 0


def test_trials_that_are_all_the_same_say_neither() -> None:
    one = noise(5, 80, 1)
    found = backtest_overfitting(np.repeat(one, 30, axis=1))
    assert found.pbo == 0.5
    assert found.logits == pytest.approx(np.zeros(found.combinations))


def test_the_search_of_chance_is_called_out() -> None:
    judged = [(backtest_overfitting(noise(seed), 8), noise(seed)) for seed in range(12)]
    assert np.mean([found.pbo for found, _ in judged]) == pytest.approx(0.5, abs=0.1)
    assert min(found.pbo for found, _ in judged) > 0.2
    slopes = [found.slope for found, _ in judged if found.slope is not None]
    assert np.mean(slopes) < 0.0
    assert np.mean([found.probability_of_loss for found, _ in judged]) > 0.35
    for _, returns in judged:
        best = best_of_trials(returns)
        assert best.probability < 0.9
        # Without the count of trials nearly each of them passes for an edge.
        assert best_of_trials(returns, 1.0).probability > 0.95


def test_a_planted_edge_is_not_called_out() -> None:
    for seed in range(3):
        found = backtest_overfitting(planted(seed), 10)
        assert found.pbo < 0.02
        assert found.probability_of_loss < 0.02
        best = best_of_trials(planted(seed))
        assert best.best == 17
        assert best.probability > 0.99


@pytest.mark.parametrize(
    ("probability", "pbo", "text"),
    [
        (0.96, 0.19, "more than chance, and the choice holds"),
        (0.96, 0.20, "more than chance, but the choice does not hold"),
        (0.95, 0.19, "the choice holds, but chance would show as much"),
        (0.95, 0.20, "overfitted as far as these trials tell"),
    ],
)
def test_the_verdict_is_one_sentence_with_its_numbers(
    probability: float, pbo: float, text: str
) -> None:
    returns = noise(1, 40, 3)
    best = replace(best_of_trials(returns), probability=probability)
    sentence = verdict(best, replace(backtest_overfitting(returns), pbo=pbo))
    assert sentence.startswith(f"{text}: deflated Sharpe {probability:.2f} over 3 trials")
    assert f"PBO {pbo:.2f}" in sentence


def test_the_best_trial_and_what_its_deflation_counts() -> None:
    returns = noise(1)
    best = best_of_trials(returns)
    sharpes = returns.mean(axis=0) / returns.std(axis=0)
    assert best.best == int(np.argmax(sharpes))
    assert best.moments.sharpe == pytest.approx(sharpes.max())
    assert best.variance == pytest.approx(float(np.var(sharpes, ddof=1)))
    assert (best.trials, best.counted_trials) == (200, 200.0)
    assert independent_columns(returns) == pytest.approx(200, rel=0.02)
    assert independent_columns(np.repeat(returns[:, :1], 9, axis=1)) == pytest.approx(1.0)
    fewer = best_of_trials(returns, 20.0)
    assert fewer.expected_maximum < best.expected_maximum
    assert fewer.probability > best.probability


def test_a_trial_that_never_trades_counts_but_is_not_the_best() -> None:
    losing = noise(2, 100, 3) - 0.05
    best = best_of_trials(np.column_stack([np.zeros(100), losing]))
    assert best.best > 0
    assert best.trials == 4
    assert best.probability < 0.01
    found = backtest_overfitting(np.column_stack([np.zeros(100), losing]), 4)
    assert found.pbo == 0.0  # not to trade was the best in every half
    with pytest.raises(ValueError, match="nothing to judge"):
        best_of_trials(np.zeros((50, 4)))


@pytest.mark.parametrize(
    ("periods", "blocks"), [(20, 4), (39, 6), (40, 8), (79, 14), (80, 16), (5000, 16)]
)
def test_short_records_are_cut_into_fewer_blocks(periods: int, blocks: int) -> None:
    assert block_count(periods) == blocks


@pytest.mark.parametrize(
    ("returns", "blocks", "text"),
    [
        (np.full((40, 3), math.nan), 16, r"120 return\(s\) are not numbers.*trial 0, period 0"),
        (noise(1, 40, 1), 16, r"1 trial\(s\), expected 2 or more"),
        (noise(1, 19, 3), 16, "19 periods, expected 20 or more"),
        (noise(1, 40, 3), 7, "7 blocks, expected an even number from 4 to 20"),
        (noise(1, 40, 3), 22, "22 blocks"),
        (noise(1, 40, 3)[:, 0], 16, r"shape \(40,\), expected \(periods, trials\)"),
        (np.column_stack([noise(1, 40, 2), np.full(40, 0.001)]), 8, "trial 2 returns 0.001 in ea"),
    ],
)
def test_what_cannot_be_judged_is_one_line(returns: FloatArray, blocks: int, text: str) -> None:
    with pytest.raises(ValueError, match=text) as caught:
        backtest_overfitting(returns, blocks)
    assert "\n" not in str(caught.value)
