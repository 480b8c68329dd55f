"""Prices of lines and levels against the naive twin, and by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.grid.spec import (
    GridSpec,
    Kind,
    armed_share,
    is_worth_opening,
    steps,
    why_unprofitable,
)
from tests.aquatrade.grid.naive_grid import naive_lines

KINDS = st.sampled_from(["geometric", "arithmetic"])


@settings(max_examples=60)
@given(
    kind=KINDS,
    centre=st.floats(1e-4, 1e5),
    spacing=st.floats(0.1, 3.0),
    levels=st.integers(1, 25),
    low=st.floats(1.0, 40.0),
    high=st.floats(1.0, 40.0),
)
def test_steps_equal_the_naive_lines(
    kind: Kind, centre: float, spacing: float, levels: int, low: float, high: float
) -> None:
    spec = GridSpec(
        kind=kind, spacing_pct=spacing, levels=levels, lower_bound_pct=low, upper_bound_pct=high
    )
    lines = naive_lines(kind, centre, spacing, levels)
    found = steps(spec, centre)
    for number, buy, sell in found:
        assert buy == pytest.approx(lines[number], rel=1e-9)
        assert sell == pytest.approx(lines[number + 1], rel=1e-9)
    numbers = {number for number, _, _ in found}
    for number in range(-levels, levels):
        inside = (
            lines[number] / centre - 1 + low / 100,
            1 + high / 100 - lines[number + 1] / centre,
        )
        if min(inside) > 1e-6:
            assert number in numbers
        if min(inside) < -1e-6:
            assert number not in numbers
    assert [buy for _, buy, _ in found] == sorted(buy for _, buy, _ in found)


def test_by_hand() -> None:
    plain = GridSpec(kind="arithmetic", spacing_pct=1.0, levels=2, stake_usd=30.0)
    assert steps(plain, 200.0) == [
        (-2, 196.0, 198.0),
        (-1, 198.0, 200.0),
        (0, 200.0, 202.0),
        (1, 202.0, 204.0),
    ]
    assert plain.capital_usd == 60.0
    geometric = GridSpec(kind="geometric", spacing_pct=10.0, levels=2, upper_bound_pct=15.0)
    # Two steps down are 17.4 % below, one and two steps up 10 % and 21 % above.
    assert [(number, round(buy, 4)) for number, buy, _ in steps(geometric, 100.0)] == [
        (-1, 90.9091),
        (0, 100.0),
    ]


@given(kind=KINDS, price=st.floats(1e-3, 1e5), number=st.integers(-20, 20))
def test_the_centre_of_a_line_has_that_line(kind: Kind, price: float, number: int) -> None:
    spec = GridSpec(kind=kind)
    assert spec.line(spec.centre_of(price, number), number) == pytest.approx(price)


def test_a_static_range_takes_the_place_of_centre_and_bounds() -> None:
    spec = GridSpec(kind="arithmetic", range_low=88_000.0, range_high=108_000.0, spacing_pct=1.0)
    assert spec.centre_at(1.0) == 98_000.0
    found = steps(spec, spec.centre_at(1.0))
    assert found[0][1] == pytest.approx(88_200.0)
    assert found[-1][2] == pytest.approx(107_800.0)
    geometric = GridSpec(kind="geometric", range_low=80.0, range_high=125.0)
    assert geometric.centre_at(1.0) == pytest.approx(100.0)


@pytest.mark.parametrize("ends", [(80.0, None), (None, 80.0), (90.0, 80.0), (80.0, 80.0)])
def test_a_range_needs_two_ends(ends: tuple[float | None, float | None]) -> None:
    with pytest.raises(ValueError, match="range"):
        GridSpec(range_low=ends[0], range_high=ends[1])


def test_a_step_that_cannot_pay_is_refused_with_its_arithmetic() -> None:
    assert why_unprofitable(0.35, 0.1) is None
    assert why_unprofitable(0.34, 0.1) == (
        "a step of 0.34 % is under 2 x 0.1 % fee + 0.15 % = 0.35 %: expected a spacing of 0.35 % "
        "or more"
    )
    assert is_worth_opening(0.41, 0.1)
    assert not is_worth_opening(0.4, 0.1)


@given(pairs=st.integers(1, 50), most=st.integers(1, 200))
def test_armed_levels_are_split_evenly(pairs: int, most: int) -> None:
    shares = [armed_share(pairs, position, most) for position in range(pairs)]
    assert sum(shares) == most
    assert max(shares) - min(shares) <= 1
