"""Ranges and freshness: against slow twins, without a jump."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.layer.ranges import Curve, Decay, market_age_ms, tick_freshness
from sidecars.common.observations import MS_PER_HOUR, MS_PER_MINUTE


@given(
    st.lists(
        st.tuples(st.integers(-1000, 1000), st.floats(0, 100)),
        min_size=1,
        max_size=8,
        unique_by=lambda knot: knot[0],
    ),
    st.floats(-1100, 1100),
)
def test_a_curve_equals_its_slow_twin(knots: list[tuple[int, float]], x: float) -> None:
    ordered = sorted(knots)

    def slow() -> float:
        if x <= ordered[0][0]:
            return ordered[0][1]
        for (x0, y0), (x1, y1) in pairwise(ordered):
            if x0 <= x <= x1:
                share = (x - x0) / (x1 - x0)
                return y0 * (1 - share) + y1 * share
        return ordered[-1][1]

    assert Curve(*ordered)(x) == pytest.approx(slow(), abs=1e-9)


def test_a_curve_refuses_knots_out_of_order() -> None:
    with pytest.raises(ValueError, match="strictly rising"):
        Curve((1.0, 0.0), (1.0, 5.0))


BANDS = ((0.0, 10.0, 80.0, 60.0), (10.0, 20.0, 40.0, 40.0), (20.0, 30.0, 30.0, 20.0))


@given(st.floats(-5, 35))
def test_bands_equal_their_own_lines_outside_the_ramps(x: float) -> None:
    curve = Curve.of_bands(BANDS, ramp=1.0)
    inside = [band for band in BANDS if band[0] <= x <= band[1]]
    if inside and all(abs(x - border) > 1.0 for border in (10.0, 20.0)):
        start, end, first, last = inside[0]
        assert curve(x) == pytest.approx(first + (last - first) * (x - start) / (end - start))
    assert abs(curve(x + 1e-7) - curve(x - 1e-7)) < 1e-4


@pytest.mark.parametrize(
    ("minutes", "freshness"), [(0, 1.0), (4.99, 1.0), (5, 0.7), (14.9, 0.7), (15, 0.4), (30, 0.2)]
)
def test_what_ticks_in_minutes_ages_by_the_steps(minutes: float, freshness: float) -> None:
    assert tick_freshness(int(minutes * MS_PER_MINUTE)) == freshness


def test_a_daily_value_ages_in_a_line_and_is_gone_in_the_end() -> None:
    decay = Decay(full_hours=30, low_hours=72, gone_hours=168)
    ages = [decay.of(int(hours * MS_PER_HOUR)) for hours in (0, 30, 51, 72, 168, 168.1)]
    assert ages == [1.0, 1.0, pytest.approx(0.6), pytest.approx(0.2), 0.2, None]


@given(st.integers(0, 3000 * 24), st.integers(0, 40 * 24))
def test_the_age_in_market_time_equals_counting_hours(start_hour: int, span_hours: int) -> None:
    counted = sum((hour // 24 + 3) % 7 < 5 for hour in range(start_hour, start_hour + span_hours))
    end = (start_hour + span_hours) * MS_PER_HOUR
    assert market_age_ms(start_hour * MS_PER_HOUR, end) == counted * MS_PER_HOUR
