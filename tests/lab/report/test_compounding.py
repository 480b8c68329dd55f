"""The compounding calculator against its definition and a slow twin."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.report.compounding import Rule, compound, deepest_pct, recovery_pct, total_pct

RETURNS = st.lists(st.floats(-100, 100), max_size=60)
BASES = st.floats(1, 1e6)


def naive(base: float, returns: list[float], rule: Rule) -> list[float]:
    """Cash and what is at work as two purses."""
    capitals = []
    capital = base
    for each in returns:
        profit = max(0.0, capital - base)
        work = {
            Rule.ALL: capital,
            Rule.FIXED: min(base, capital),
            Rule.HALF_BASE: min(base, capital) / 2 + profit,
        }[rule]
        cash = capital - work
        capital = cash + work * (1 + each / 100)
        capitals.append(capital)
    return capitals


@given(BASES, RETURNS, st.sampled_from(list(Rule)))
@settings(max_examples=60, deadline=None)
def test_each_rule_is_its_twin(base: float, returns: list[float], rule: Rule) -> None:
    steps = compound(base, returns, rule)
    expected = naive(base, returns, rule)
    assert [step.capital for step in steps] == pytest.approx(expected, rel=1e-9, abs=1e-6)
    before = base
    for step in steps:
        assert 0.0 <= step.at_work <= before + 1e-9
        assert step.capital >= 0.0
        before = step.capital


@given(BASES, RETURNS)
@settings(max_examples=40, deadline=None)
def test_all_of_it_is_the_product_in_any_order(base: float, returns: list[float]) -> None:
    product = base * math.prod(1 + each / 100 for each in returns)
    for order in (returns, returns[::-1]):
        steps = compound(base, order)
        end = steps[-1].capital if steps else base
        assert end == pytest.approx(product, rel=1e-9, abs=1e-6)
        assert total_pct(base, steps) == pytest.approx(100 * (end / base - 1), abs=1e-9)


def test_half_of_the_base_and_all_profit_by_hand() -> None:
    steps = compound(1000.0, [10.0, 20.0, -50.0, -10.0], Rule.HALF_BASE)
    # 500; 500 + 50 of profit; 500 + 160; then below the base: half of what is left.
    assert [step.at_work for step in steps] == pytest.approx([500, 550, 660, 415])
    assert [step.capital for step in steps] == pytest.approx([1050, 1160, 830, 788.5])
    assert deepest_pct(1000.0, steps) == pytest.approx(100 * (1 - 788.5 / 1160))


@given(st.floats(0, 99.9))
@settings(max_examples=30, deadline=None)
def test_the_recovery_leads_back(fallen: float) -> None:
    gain = recovery_pct(fallen)
    assert gain is not None
    steps = compound(100.0, [-fallen, gain])
    assert steps[-1].capital == pytest.approx(100.0)
    assert deepest_pct(100.0, steps) == pytest.approx(fallen, abs=1e-9)
    assert recovery_pct(100.0) is None


@pytest.mark.parametrize(
    ("base", "returns", "words"),
    [(0.0, [1.0], "expected more than 0"), (math.nan, [], "expected more than 0"),
     (1.0, [-101.0], "expected -100 or more"), (1.0, [math.nan], "expected -100 or more"),
     (1e300, [1e300], "more than a number can hold")],
)  # fmt: skip
def test_nonsense_is_refused(base: float, returns: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        compound(base, returns)
