"""The verdict on simulated folds whose truth is known."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.metrics import calculate_sharpe_from_balance
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.statistics.overfitting import best_of_trials
from lab.statistics.stability import CategoryStability, NumberStability
from lab.walkforward.figures import search_figures, window_figures
from lab.walkforward.fold_result import as_json, from_json
from lab.walkforward.judge import Walk, judge
from tests.lab.walkforward.fold_results import part, simulated, some_folds


def walk_of(edges: int, edge: float, seed: int = 1, count: int = 4) -> Walk:
    random = np.random.default_rng(seed)
    results = [simulated(fold, random, edges=edges, edge=edge) for fold in some_folds(count)]
    return judge(results, None)


def test_chance_alone_is_called_out() -> None:
    walks = [walk_of(0, 0.0, seed) for seed in range(12)]
    assert sum((walk.deflated or 0.0) > 0.95 for walk in walks) == 0
    assert sum((walk.pbo or 0.0) < 0.2 for walk in walks) <= 1
    called = [walk for walk in walks if walk.verdict.startswith("Overfitted as far as")]
    assert len(called) >= 10, [walk.verdict for walk in walks]


def test_a_strong_edge_passes_also_where_many_trials_have_a_part_of_it() -> None:
    for seed in range(6):
        walk = walk_of(20, 0.8, seed)
        assert walk.deflated is not None and walk.deflated > 0.95
        assert walk.pbo is not None and walk.pbo < 0.2
        assert walk.verdict.startswith("More than chance"), walk.verdict
        assert walk.out_of_sample.figures.sharpe is not None


def test_the_strict_figure_is_that_of_all_trials_as_they_are() -> None:
    result = simulated(some_folds(1)[0], np.random.default_rng(3), edges=30, edge=0.8)
    found = search_figures(result)
    assert found.strict == pytest.approx(best_of_trials(result.train_matrix).probability)
    assert found.deflated is not None and found.strict is not None
    # What the edge itself puts between the trials is no chance.
    assert found.deflated > 0.95 > found.strict


def test_without_an_edge_both_ways_to_deflate_agree() -> None:
    fold = some_folds(1)[0]
    gaps = []
    for seed in range(20):
        found = search_figures(simulated(fold, np.random.default_rng(seed), trials=200))
        assert found.deflated is not None and found.strict is not None
        assert found.deflated >= found.strict - 1e-9
        gaps.append(found.deflated - found.strict)
    assert max(gaps) < 0.15


def test_windows_that_overlap_do_not_count_twice() -> None:
    rolling = walk_of(20, 0.5, seed=2, count=4)
    excesses = [line.search.excess or 0.0 for line in rolling.folds]
    # Two months each, one month on: the four cover five months, which are two and a half.
    distinct = 151 / ((59 + 59 + 61 + 61) / 4)
    expected = np.mean(excesses) * math.sqrt(distinct)
    assert rolling.deflated == pytest.approx(0.5 * math.erfc(-expected / math.sqrt(2.0)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=40))
def test_window_figures_are_those_of_a_slow_twin(returns: list[float]) -> None:
    figures = window_figures(returns)
    value = peak = 1.0
    deepest = 0.0
    for each in returns:
        value *= 1.0 + each
        peak = max(peak, value)
        deepest = max(deepest, 1.0 - value / peak)
    assert figures.total == pytest.approx(value - 1.0)
    assert figures.drawdown == pytest.approx(deepest, abs=1e-12)
    assert figures.days == len(returns)


def test_sharpe_is_freqtrades() -> None:
    returns = np.random.default_rng(4).normal(0.001, 0.02, 90)
    equity = np.concatenate([[100.0], 100.0 * np.cumprod(1.0 + returns)])
    days = pd.date_range("2023-01-01", periods=len(equity), freq="D", tz="UTC")
    balance = pd.DataFrame({"date": days, "total_quote": equity})
    sharpe = window_figures(returns).sharpe
    assert sharpe == pytest.approx(calculate_sharpe_from_balance(balance), rel=1e-9)


def test_the_curve_is_test_days_only_and_compounds() -> None:
    folds = some_folds(3)
    random = np.random.default_rng(1)
    results = [simulated(fold, random) for fold in folds]
    walk = judge(results, None)
    daily = walk.out_of_sample.daily
    assert daily.index[0] == folds[0].test_start
    assert daily.index[-1] == pd.Timestamp(folds[-1].test_end) - pd.Timedelta("1D")
    returns = [each for result in results for each in result.out_of_sample.returns]
    assert daily["equity"].iloc[-1] == pytest.approx(np.prod(1.0 + np.array(returns)))
    assert walk.out_of_sample.trades == 60
    assert walk.out_of_sample.mean_pct == pytest.approx(0.1)


def test_stability_of_numbers_and_of_words() -> None:
    number, word = walk_of(1, 2.0).stability
    # One trial has it all: each fold finds that one.
    assert isinstance(number, NumberStability) and number.range_share == 0.0
    assert isinstance(word, CategoryStability) and word.mode == "a" and word.mode_share == 1.0


def test_a_fold_without_a_choice_is_told_and_earns_nothing() -> None:
    folds = some_folds(2)
    random = np.random.default_rng(1)
    none, other = (simulated(fold, random) for fold in folds)
    none = replace(
        none,
        chosen=None,
        in_sample=None,
        out_of_sample=part([0.0] * len(none.out_of_sample.returns), 0, None),
    )
    walk = judge([none, other], None)
    assert walk.notes == ("fold 1: no epoch traded, so nothing was traded out of sample",)
    assert walk.folds[0].out_of_sample.sharpe is None
    assert walk.stability == () and len(walk.decay) == 4
    alone = judge([none], None)
    assert alone.verdict.startswith("Nothing was found: none of 60 trials")
    assert alone.deflated is None and alone.decay == ()


def test_few_trades_are_no_verdict() -> None:
    results = [
        replace(result, out_of_sample=replace(result.out_of_sample, trades=5))
        for result in (
            simulated(fold, np.random.default_rng(1), edges=20, edge=0.8) for fold in some_folds(2)
        )
    ]
    assert judge(results, None).verdict.startswith("Too few trades out of sample to say")
    seldom = [
        replace(each, in_sample=replace(each.in_sample, trades=14))
        for each in results
        if each.in_sample
    ]
    assert judge(seldom, None).verdict.startswith("Too few trades in sample to say")


def test_a_search_that_saw_other_trades_is_told() -> None:
    fold = some_folds(1)[0]
    result = replace(simulated(fold, np.random.default_rng(1)), repeats=False)
    (note,) = judge([result], None).notes
    assert note.startswith("fold 1: a plain backtest of the chosen parameters has other trades")


def test_decay_compares_rates_only() -> None:
    walk = walk_of(20, 0.8)
    by_name = {each.name: each for each in walk.decay}
    assert set(by_name) == {"Sharpe", "mean a day %", "mean a trade %", "trades a month"}
    trades = by_name["trades a month"]
    assert trades.in_sample == pytest.approx(np.mean([40 / d for d in (59, 59, 61, 61)]) * 365 / 12)
    assert by_name["mean a trade %"].kept == pytest.approx(1.0)


def test_results_come_back_from_their_text() -> None:
    result = simulated(some_folds(1)[0], np.random.default_rng(1), trials=5)
    rounded = np.round(np.array(result.trial_returns), 12)
    assert from_json(as_json(result)) == replace(
        result, trial_returns=tuple(tuple(row) for row in rounded.tolist())
    )


def test_no_folds_are_refused() -> None:
    with pytest.raises(ValueError, match="no folds"):
        judge([], None)
