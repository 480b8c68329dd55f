"""Decay of figures and stability of parameters over folds."""

import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.statistics.stability import category_stability, figure_decay, number_stability

numbers = st.lists(st.integers(-20, 40).map(float), min_size=2, max_size=12)


def test_decay_as_counted_by_hand() -> None:
    folds: list[tuple[dict[str, float | None], dict[str, float | None]]] = [
        ({"sharpe": 3.0, "profit_factor": 2.0}, {"sharpe": 1.0, "profit_factor": None}),
        ({"sharpe": 2.0, "profit_factor": 4.0}, {"sharpe": -1.0, "profit_factor": 1.0}),
        ({"sharpe": 1.0, "profit_factor": 2.0}, {"sharpe": 1.5, "profit_factor": 2.0}),
    ]
    sharpe, factor = figure_decay(folds)
    assert (sharpe.name, sharpe.folds, sharpe.in_sample, sharpe.out_of_sample) == (
        "sharpe", 3, 2.0, 0.5,
    )  # fmt: skip
    assert (sharpe.difference, sharpe.kept) == (-1.5, 0.25)
    assert sharpe.worse_share == pytest.approx(2 / 3)
    assert (factor.folds, factor.in_sample, factor.out_of_sample) == (2, 3.0, 1.5)
    assert factor.worse_share == 0.5


def test_what_is_kept_of_a_loss_is_no_number() -> None:
    (found,) = figure_decay([({"total": -1.0}, {"total": -2.0})])
    assert found.kept is None and found.difference == -1.0
    (found,) = figure_decay([({"total": None}, {"total": 1.0})])
    assert (found.folds, found.in_sample, found.kept) == (0, None, None)


@given(
    pairs=st.lists(
        st.tuples(st.floats(-9, 9), st.one_of(st.none(), st.floats(-9, 9))),
        min_size=1,
        max_size=9,
    )
)
@settings(max_examples=50)
def test_decay_equals_the_slow_one(pairs: list[tuple[float, float | None]]) -> None:
    (found,) = figure_decay([({"x": before}, {"x": after}) for before, after in pairs])
    both = [(before, after) for before, after in pairs if after is not None]
    assert found.folds == len(both)
    if both:
        inside = sum(before for before, _ in both) / len(both)
        outside = sum(after for _, after in both) / len(both)
        assert found.in_sample == pytest.approx(inside, abs=1e-9)
        assert found.difference == pytest.approx(outside - inside, abs=1e-9)


@given(values=numbers)
@settings(max_examples=50)
def test_a_numbers_stability_equals_the_slow_one(values: list[float]) -> None:
    found = number_stability("length", values, -20.0, 40.0)
    assert (found.lowest, found.highest) == (sorted(values)[0], sorted(values)[-1])
    assert found.range_share == pytest.approx((max(values) - min(values)) / 60.0)
    mean = sum(values) / len(values)
    if abs(mean) > 1e-9:
        variation = statistics.pstdev(values) / abs(mean)
        assert found.variation == pytest.approx(variation)
    else:
        assert found.variation is None
    assert 0.0 <= found.range_share <= 1.0


def test_the_share_by_chance_is_that_of_numbers_at_random() -> None:
    # 400 times five evenly spread choices, by a seeded walk through the unit interval.
    golden, spans, place = (math.sqrt(5) - 1) / 2, [], 0.123
    for draw in range(400):
        chosen = []
        for _ in range(5):
            place = (place * 7.13 + golden * (draw + 1)) % 1.0
            chosen.append(place)
        spans.append(max(chosen) - min(chosen))
    found = number_stability("length", [1, 2, 3, 4, 5], 0, 10)
    assert found.chance_share == pytest.approx(statistics.fmean(spans), abs=0.04)
    assert found.range_share == pytest.approx(0.4)


@given(values=st.lists(st.sampled_from(["a", "b", "c"]), min_size=2, max_size=15))
@settings(max_examples=50)
def test_a_choices_stability_equals_the_slow_one(values: list[str]) -> None:
    options = ["a", "b", "c", "d"]
    found = category_stability("preset", values, options)
    counts = [values.count(option) for option in options]
    assert found.mode == options[counts.index(max(counts))]
    assert found.mode_share == max(counts) / len(values)
    entropy = 0.0
    for count in counts:
        if count:
            entropy -= count / len(values) * math.log2(count / len(values))
    assert found.entropy == pytest.approx(entropy / 2.0, abs=1e-12)


def test_always_the_same_and_all_alike_are_the_bounds() -> None:
    assert category_stability("x", [True] * 5, [True, False]).entropy == 0.0
    assert category_stability("x", [True, False], [True, False]).entropy == pytest.approx(1.0)
    same = number_stability("x", [3.0, 3.0, 3.0], 0.0, 9.0)
    assert (same.variation, same.range_share) == (0.0, 0.0)


def test_wrong_input_is_one_line() -> None:
    with pytest.raises(ValueError, match="no folds"):
        figure_decay([])
    with pytest.raises(ValueError, match="fold 1: y is not on both sides"):
        figure_decay([({"x": 1.0, "y": 1.0}, {"x": 1.0})])
    with pytest.raises(ValueError, match="fold 2: z is not on both sides"):
        figure_decay([({"x": 1.0}, {"x": 1.0}), ({"x": 1.0, "z": 1.0}, {"x": 1.0, "z": 1.0})])
    with pytest.raises(ValueError, match=r"fold 1: x is 1\.0 and nan"):
        figure_decay([({"x": 1.0}, {"x": math.nan})])
    with pytest.raises(ValueError, match=r"x: 1 fold\(s\), expected 2"):
        number_stability("x", [1.0], 0.0, 2.0)
    with pytest.raises(ValueError, match="fold 2 has 5, expected 0 to 2"):
        number_stability("x", [1.0, 5.0], 0.0, 2.0)
    with pytest.raises(ValueError, match="fold 1 has nan"):
        number_stability("x", [math.nan, 1.0], 0.0, 2.0)
    with pytest.raises(ValueError, match="expected a range"):
        number_stability("x", [1.0, 1.0], 1.0, 1.0)
    with pytest.raises(ValueError, match="fold 2 has 'c', which is none"):
        category_stability("x", ["a", "c"], ["a", "b"])
    with pytest.raises(ValueError, match=r"1 option\(s\)"):
        category_stability("x", ["a", "a"], ["a"])
